"""What keeps the judging processes from losing work or outliving their server."""

from __future__ import annotations

from tests.defences.defence import Defence

TESTS = "tests/test_processes.py"
CHANNELS = "tests/test_process_channel.py"
JUDGING = "reward_server/processes/judging.py"
REMOTE = "reward_server/processes/remote.py"

ROWS = (
    Defence(
        "a_process_ends_with_the_server",
        "A judging process and its sandboxes end when their server was killed.",
        JUDGING,
        "        self.ended.set()\n",
        "        pass\n",
        (f"{TESTS}::test_nothing_outlives_a_killed_server",),
    ),
    Defence(
        "signals_are_the_servers",
        "A signal to all processes ends nothing that the server still waits for.",
        JUDGING,
        "for number in (signal.SIGINT, signal.SIGTERM):",
        "for number in ():",
        (f"{TESTS}::test_a_signal_to_all_processes_ends_nothing_that_runs",),
    ),
    Defence(
        "lost_with_its_process",
        "What runs in a process that ended is lost at once, and tried elsewhere.",
        REMOTE,
        "            slot.on_gone()\n",
        "            pass\n",
        (f"{TESTS}::test_a_process_killed_mid_batch_costs_no_answer",),
    ),
    Defence(
        "silence_is_an_end",
        "A process that hangs is killed, so that nothing waits for it for ever.",
        REMOTE,
        "            self.kill()\n            return\n",
        "            return\n",
        (f"{TESTS}::test_a_process_that_says_nothing_is_replaced",),
    ),
    Defence(
        "dropped_there_as_well",
        "Work that nobody waits for ends with its sandbox in its process.",
        JUDGING,
        "            self.task.cancel()\n",
        "            pass\n",
        (f"{TESTS}::test_dropped_work_ends_with_its_sandbox",),
    ),
    Defence(
        "user_ids_are_shared_out",
        "No two processes of a server give the same user ids to their sandboxes.",
        "reward_server/backends/contents.py",
        "self._step, self._blocks = parts, UID_BLOCKS // parts * parts",
        "self._step, self._blocks = 1, UID_BLOCKS",
        (f"{TESTS}::test_no_two_processes_give_out_the_same_user_ids",),
    ),
    Defence(
        "told_within_bounds",
        "A message of more bytes than any may have ends its channel.",
        "reward_server/processes/channel.py",
        "            if size > MAX_BYTES:\n",
        "            if False:\n",
        (f"{CHANNELS}::test_a_message_that_cannot_be_read_ends_the_channel[too long]",),
    ),
)

"""What contains a submission within its sandbox, the limits, and the proof that nothing is left."""

# ruff: noqa: E501 - names of tests

from __future__ import annotations

from tests.defences.defence import CLEAN, WALLS, Defence, attempt, cheat, holds, outlives

RUNNER = "reward_server/runner"
CONTAINMENT, CELL, ZYGOTE = (f"{RUNNER}/{name}.py" for name in ("containment", "cell", "zygote"))
PROCESSES, SUBMISSION, SUPERVISION = (f"{RUNNER}/{name}.py" for name in ("processes", "submission", "supervision"))
SHARING = f"{RUNNER}/sharing.py"
NAMESPACES = "tests/contract/test_namespaces.py"
LIMITS = "tests/contract/test_limits.py::test_what_goes_over_a_limit_ends_there"
AT_ONCE = "tests/contract/test_limits.py::test_the_kernel_refuses_what_measuring_would_find_too_late"
CASES = "tests/contract/test_call.py::test_what_one_case_does_is_not_the_others_fault"
CALL = "tests/contract/test_call.py"
PURPOSE = "tests/contract/test_lost_on_purpose.py"
PRISTINE = "tests/contract/test_pristine.py::test_nothing_of_other_jobs_is_in_a_submissions_memory"
FORK_OF_THE_CONTROL_PROCESS = (
    'zygote = __import__("reward_server.runner.zygote", fromlist=["zygote"])\n'
    "            pid = os.fork()\n"
    "            become = None if pid else zygote.load_more(theirs.fileno(), self.started, kind, package, library)\n"
    "            while become is not None:\n"
    "                become = become()"
)
NEW_USER = f"{CLEAN}::test_a_run_has_a_new_user_id_or_namespaces_of_its_own[embedded]"


def due(what: str) -> str:
    return f"tests/test_supervision.py::test_a_limit_is_due_when_it_is_passed[{what}]"


def holds_for_itself(name: str) -> str:
    return f"tests/contract/test_memory.py::test_what_each_process_has_for_itself_is_charged[embedded-{name}]"


def channel(kind: str, attempt: str) -> str:
    return (
        "tests/contract/test_channels.py::test_what_is_done_to_the_channel_is_a_failure_of_the_submission"
        f"[embedded-{kind}-{attempt}]"
    )


def lost(attempt: str, kind: str) -> str:
    return f"{PURPOSE}::test_it_gets_its_own_verdict[embedded-{attempt}-{kind}]"


def clean(what: str) -> str:
    return f"tests/test_supervision.py::test_a_slot_is_clean_when_nothing_is_left_and_not_otherwise[{what}]"


ROWS = (
    # who it is
    Defence(
        "own_user_id",
        "A submission has a user id, and with it no capability.",
        CONTAINMENT,
        'become(spec["uid"])',
        'int(spec["uid"])',
        (NEW_USER, attempt("os.setuid(0)")),
        "root",
    ),
    Defence(
        "fresh_user_id",
        "No two submissions have the same one.",
        CELL,
        "self.next_uid += 1",
        "self.next_uid += 0",
        (NEW_USER,),
        "root",
    ),
    Defence(
        "no_groups",
        "It is in no group of the server's.",
        CONTAINMENT,
        "os.setgroups([])",
        "pass",
        (f"{NAMESPACES}::test_it_is_in_no_group_of_the_servers",),
        "root",
    ),
    Defence(
        "judge_has_its_own_user_id",
        "Judge and submission are different users, so that the submission cannot read the judge.",
        CELL,
        '"uid": self.judge_uid,\n            "count_processes"',
        '"uid": self.uid,\n            "count_processes"',
        (f"{WALLS}::test_what_is_expected_cannot_be_found[embedded]",),
        "root",
    ),
    Defence(
        "judges_folder_is_closed",
        "The folder that the judge works in is closed to it.",
        CELL,
        'os.mkdir(f"{containment.JUDGE_BOX}/box", 0o700)',
        'os.mkdir(f"{containment.JUDGE_BOX}/box", 0o755)',
        (attempt("os.listdir('/judge/box')"),),
        "root",
    ),
    Defence(
        "judges_folder_cannot_be_filled",
        "It leaves nothing beside the judge's folder either.",
        CELL,
        "os.chmod(containment.JUDGE_BOX, 0o755)",
        "pass",
        (attempt("os.open('/judge/left', os.O_CREAT | os.O_WRONLY)"),),
        "root",
    ),
    Defence(
        "control_process_has_two_capabilities",
        "The control process holds SETUID and SETGID and passes none on.",
        "reward_server/backends/embedded.py",
        '"--cap-drop", "ALL", ',
        "",
        (f"{NAMESPACES}::test_the_control_process_has_two_capabilities_at_most[holds]",),
        "root",
        covered_by="capabilities_are_not_inheritable",
    ),
    Defence(
        "capabilities_are_not_inheritable",
        "A program that the control process would start inherits no capability.",
        f"{RUNNER}/control.py",
        "kernel.keep_no_inheritable(",
        "int(",
        (f"{NAMESPACES}::test_the_control_process_has_two_capabilities_at_most[passes_on]",),
        "root",
    ),
    # namespaces, without root
    Defence(
        "guard_cannot_be_read",
        "Without root, the first process of its namespaces has its user id and cannot be read or traced.",
        CONTAINMENT,
        "kernel.prctl(kernel.PR_SET_DUMPABLE, 0)",
        "pass",
        (attempt("os.open('/proc/1/mem', os.O_RDONLY)"),),
        "nobody",
        covered_by="capabilities_are_dropped",
    ),
    Defence(
        "session_of_its_own",
        "Without root, `kill(0)` does not reach judge and zygote.",
        CONTAINMENT,
        "os.setsid()  # `kill(0)`",
        "pass  # `kill(0)`",
        (cheat("kill_the_group", "asserts"),),
        "nobody",
    ),
    Defence(
        "folders_of_its_own",
        "Without root, each submission has writable folders of its own.",
        CONTAINMENT,
        "for folder in (*WRITABLE, JUDGE_BOX):",
        "for folder in ():",
        (cheat("files_for_pytest", "pytest"),),
        "nobody",
    ),
    Defence(
        "no_user_in_want_of_inotify",
        "Without root, it cannot take all that the kernel counts for the server's user.",
        CONTAINMENT,
        "for name, most in OF_THE_USER.items():",
        "for name, most in ():",
        (holds("inotify_and_pipes"),),
        "nobody",
    ),
    Defence(
        "proc_of_its_own",
        "Without root, it sees no process but its own.",
        CONTAINMENT,
        'kernel.mount("proc", "/proc", flags=',
        "dict(flags=",
        (f"{WALLS}::test_other_processes_are_closed_to_it[embedded]",),
        "nobody",
    ),
    Defence(
        "capabilities_are_dropped",
        "Without root, what new namespaces give it is dropped.",
        CONTAINMENT,
        "kernel.drop_capabilities()",
        "pass",
        (f"{WALLS}::test_a_setuid_program_gives_nothing[embedded]",),
        "nobody",
    ),
    Defence(
        "filter_without_root",
        "Without root, the filter of system calls is on.",
        CONTAINMENT,
        "kernel.install_filter()",
        "pass",
        (f"{WALLS}::test_every_refused_call_fails_in_a_running_submission[embedded]",),
        "nobody",
    ),
    # what it holds
    Defence(
        "descriptors_are_closed",
        "It holds no descriptor but its own.",
        CONTAINMENT,
        "os.closerange(count, 1 << 20)",
        "pass",
        (f"{WALLS}::test_a_submission_holds_only_its_own_descriptors[embedded]",),
    ),
    Defence(
        "parts_are_sealed",
        "What it shares with the judge's side cannot be changed.",
        f"{RUNNER}/frames.py",
        "fcntl.fcntl(copy, F_ADD_SEALS, SEALS)",
        "pass",
        ("tests/test_frames.py::test_a_part_is_a_sealed_copy",),
    ),
    Defence(
        "forks_are_pristine",
        "It descends from no process that has seen another job.",
        PROCESSES,
        'pid = self.ask({"load": [kind, package, library]}, [theirs.fileno()])["pid"]',
        FORK_OF_THE_CONTROL_PROCESS,
        tuple(f"{PRISTINE}[embedded-{role}]" for role in ("program-numpy", "calls-numpy", "served-numpy")),
    ),
    Defence(
        "random_is_seeded",
        "No two submissions draw the same random numbers, nor does one know its judge's.",
        ZYGOTE,
        "containment.seed_random()",
        "pass",
        (f"{CLEAN}::test_two_runs_have_different_random_numbers[embedded]",),
    ),
    # what it may use
    *(
        Defence(
            f"limit_{name.lower()}",
            protects,
            CONTAINMENT,
            text,
            without,
            tests,
        )
        for name, protects, text, without, tests in (
            (
                "NPROC",
                "Its processes are counted.",
                "resource.setrlimit(resource.RLIMIT_NPROC,",
                "(lambda *_: None)(0,",
                (f"{AT_ONCE}[embedded-processes]",),
            ),
            (
                "NOFILE",
                "So are its files.",
                '        (resource.RLIMIT_NOFILE, limits["open_files"]),\n',
                "",
                (f"{LIMITS}[embedded-x = [open('/dev/null') for _ in range(300)]-verdicts28]",),
            ),
            (
                "FSIZE",
                "A file has a size.",
                '        (resource.RLIMIT_FSIZE, limits["disk_bytes"]),\n',
                "",
                (
                    f"{LIMITS}[embedded-import os\\nos.truncate(os.open('f', os.O_CREAT | os.O_RDWR), 1 << 40)-verdicts31]",
                ),
            ),
            (
                "DATA",
                "Memory that is reserved is bounded.",
                "        (resource.RLIMIT_DATA, memory + DATA_BEYOND),\n",
                "",
                (f"{AT_ONCE}[embedded-reserved_memory]",),
            ),
            (
                "CPU",
                "The kernel ends what the control process does not.",
                "        (resource.RLIMIT_CPU, seconds),\n",
                "",
                (attempt("resource.setrlimit(resource.RLIMIT_CPU, (-1, -1))"),),
            ),
            (
                "CORE",
                "It leaves no core dump.",
                "    resource.setrlimit(resource.RLIMIT_CORE, (core, core))",
                "",
                (attempt("resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))"),),
            ),
        )
    ),
    Defence(
        "limit_memlock",
        "It holds no memory fast.",
        CONTAINMENT,
        "(resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE)",
        "(resource.RLIMIT_MSGQUEUE,)",
        ("tests/contract/test_system_calls.py::test_a_call_that_anyone_may_make_is_refused[embedded-mlock]",),
        covered_by="filter_mlock",
    ),
    Defence(
        "less_urgent",
        "A fork bomb does not keep the control process from the processor.",
        CONTAINMENT,
        "    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))",
        "",
        ("tests/contract/test_walls.py::test_it_comes_after_what_contains_it[embedded]",),
    ),
    Defence(
        "cpu_is_measured",
        "Processor time is measured and ends a submission at its limit.",
        SUPERVISION,
        'if cpu_s > self.limits["cpu_s"]:',
        "if False:",
        (due("{'cpu': {7: 1.1}}-cpu"),),
    ),
    Defence(
        "cpu_of_children",
        "Processor time is that of all its processes.",
        SUPERVISION,
        "return sum(self.seconds.values()) +",
        "return max(self.seconds.values(), default=0.0) +",
        (
            due("{'cpu': {7: 0.6, 8: 0.6}}-cpu"),
            "tests/test_supervision.py::test_what_ended_processes_used_still_counts",
        ),
    ),
    Defence(
        "cpu_of_children_that_are_gone",
        "And that of those that came and went between two looks, as far as they were waited for.",
        SUPERVISION,
        "max(0.0, sum(self.reaped_s.values()) - gone_s)",
        "0.0",
        (due("{'cpu': {7: 0.6}, 'reaped': {7: (0.6, 9)}}-cpu"),),
    ),
    Defence(
        "no_time_by_own_waits",
        "Own threads that wait for each other make no time.",
        f"{RUNNER}/delays.py",
        "min(max(waited_s, now - min(gone)) if gone else waited_s, self.room_s)",
        "max(waited_s, now - min(gone)) if gone else waited_s",
        ("tests/test_supervision.py::test_own_threads_that_wait_for_each_other_make_no_time",),
    ),
    Defence(
        "waits_that_have_not_ended",
        "At the limit nobody is ended for a wait that the kernel has not told of yet.",
        SUPERVISION,
        'and wall_s - self.unended_s() > self.limits["wall_s"]',
        "",
        ("tests/test_supervision.py::test_a_wait_that_has_not_ended_is_not_charged",),
    ),
    Defence(
        "threads_wait_too",
        "What any thread waits for a processor is left out, not only what the first one does.",
        PROCESSES,
        'if os.stat(f"/proc/{pid}/task").st_nlink == ALONE:',
        "if True:",
        ("tests/test_supervision.py::test_every_thread_of_a_process_is_seen",),
    ),
    Defence(
        "over_is_over",
        "A test that used too much and came to its end before that was seen fails.",
        f"{RUNNER}/keeper.py",
        "if submission_s is None and cpu_s > self.cpu_limit_s:",
        "if False:",
        ("tests/test_keeper.py::test_a_test_that_used_too_much_fails_whenever_that_is_seen[1.1-cpu]",),
    ),
    Defence(
        "wall_clock",
        "What sleeps ends at the limit of the clock.",
        SUPERVISION,
        'if wall_s > self.limits["wall_s"] and',
        "if False and",
        (due("{'now': 2.1}-wall"),),
    ),
    Defence(
        "waiting_is_not_its_own",
        "What it waits for a processor is not its time.",
        SUPERVISION,
        "wall_s = clock_s - (self.delay_s - self.delay_at_begin) - self.beside_delay_s",
        "wall_s = clock_s",
        (due("{'now': 30.0, 'delay': {7: 29.0}}-None"),),
    ),
    Defence(
        "what_children_waited",
        "Nor what its children wait, one after another.",
        f"{RUNNER}/delays.py",
        "min(max(waited_s, now - min(gone)) if gone else waited_s, self.room_s)",
        "min(waited_s, self.room_s)",
        ("tests/test_supervision.py::test_what_a_child_waited_goes_with_it_and_is_not_charged",),
    ),
    Defence(
        "memory_is_measured",
        "Memory is that of all its processes, and ends it at the limit.",
        SUPERVISION,
        'if self.peak_bytes > self.limits["memory_bytes"]:',
        "if False:",
        (due("{'bytes': {7: 105906176}}-memory"), due("{'bytes': {7: 62914560, 8: 62914560}}-memory")),
    ),
    Defence(
        "a_fork_is_no_part_of_its_parent",
        "Only what is in its parent's address space is left out, not what has the same pages, or had.",
        SHARING,
        "return all(crosses(setting.fileno(), pid) for _ in range(MARKS))",
        "return True",
        (holds_for_itself("a_fork_that_writes"),),
    ),
    Defence(
        "who_hides_counts_in_full",
        "The memory of a process that cannot be looked into counts all the same.",
        SHARING,
        "seen + max(0, unseen - shared_bytes)",
        "seen",
        (holds_for_itself("out_of_reach"),),
    ),
    Defence(
        "memory_of_any_thread",
        "So does that of a process whose first thread has ended.",
        PROCESSES,
        'if fields[0] == b"Z" else fields',
        "if False else fields",
        (holds_for_itself("behind_a_first_thread_that_ended"),),
    ),
    Defence(
        "files_are_counted",
        "So do files and folders without number, which no limit of memory counts.",
        SUPERVISION,
        "if any(held_inodes(path) > MAX_INODES",
        "if any(False",
        (due("{'inodes': 20001}-memory"),),
    ),
    Defence(
        "files_are_counted_everywhere",
        "In every folder that it may write to.",
        SUPERVISION,
        "in containment.WRITABLE)",
        "in containment.WRITABLE[:2])",
        (holds("inodes_filled_in_shm"),),
        "root",
    ),
    Defence(
        "killed_first",
        "Where memory runs out, the kernel ends a submission rather than what runs beside it.",
        CONTAINMENT,
        "oom.be_killed_early(oom.FIRST_OF_ALL)",
        "pass",
        ("tests/contract/test_limits.py::test_the_kernel_takes_a_sandbox_before_what_runs_beside_it[embedded]",),
    ),
    Defence(
        "output_ends",
        "A flood of output ends it.",
        SUBMISSION,
        "if self.stdout.over:",
        "if False:",
        (f"{LIMITS}[embedded-import sys\\nwhile True: sys.stdout.write('x' * 10**6)-verdicts23]",),
    ),
    Defence(
        "output_is_cut",
        "No more of it is kept than the limit.",
        SUPERVISION,
        "self.kept += piece[:room]",
        "self.kept += piece",
        ("tests/test_supervision.py::test_the_pipe_of_a_submission_is_kept_to_its_limit_only",),
    ),
    Defence(
        "undecided_output_is_cut",
        "Nor of output that decides nothing.",
        SUPERVISION,
        "del self.kept[: max(0, len(piece) - room)]",
        "pass",
        ("tests/test_supervision.py::test_of_output_that_decides_nothing_the_end_is_kept",),
    ),
    Defence(
        "undecided_output_is_shown_in_part",
        "Nor by a job of many tests.",
        SUBMISSION,
        "if self.cell.shown_bytes + len(text) > SHOWN_BYTES // 2:",
        "if False:",
        ("tests/contract/test_call.py::test_long_printed_text_is_cut_and_decides_nothing[embedded-1]",),
    ),
    Defence(
        "draining_ends",
        "A thread that prints without end keeps nobody between two calls.",
        SUPERVISION,
        "for _ in range(2):",
        "for _ in range(1 << 30):",
        ("tests/test_supervision.py::test_draining_ends_while_somebody_prints",),
    ),
    Defence(
        "feeding_never_blocks",
        "A program that does not read its input keeps nobody waiting.",
        SUPERVISION,
        "os.set_blocking(self.writer, False)",
        "pass",
        ("tests/test_supervision.py::test_input_is_written_without_waiting_for_its_reader",),
    ),
    Defence(
        "answers_are_bounded",
        "So does an answer of any length.",
        f"{RUNNER}/run_calls.py",
        "if self.answers.over and submission.ending is None:",
        "if False:",
        (f"{CASES}[embedded-return 'a' * (2 << 20)-output_exceeded]",),
    ),
    Defence(
        "not_contained_is_lost",
        "What a process did that could not be contained is nobody's verdict.",
        SUBMISSION,
        "if not self.child.contained:",
        "if False:",
        ("tests/test_supervision.py::test_a_process_that_was_not_contained_is_our_failure",),
    ),
    # what is left
    Defence(
        "kill_by_user_id",
        "No process of a submission outlives it, in whatever session.",
        PROCESSES,
        "os.kill(-1, signal.SIGKILL)",
        "os.kill(-1, 0)",
        (outlives("daemons"),),
        "root",
    ),
    Defence(
        "no_process_is_left",
        "A slot with a process that does not end is not used again.",
        CELL,
        "        if alive:\n",
        "        if False:\n",
        (clean("process"),),
    ),
    Defence(
        "folders_are_swept",
        "No file outlives it.",
        CELL,
        "                self.sweep(uid)\n",
        "                pass\n",
        (outlives("files"), outlives("names")),
        "root",
    ),
    Defence(
        "folders_are_empty",
        "A slot with a file that cannot be removed is not used again.",
        CELL,
        "if state_of(folder) != state:",
        "if False:",
        (clean("blocks"), clean("inodes")),
    ),
    Defence(
        "inodes_are_proof",
        "An empty file is a file.",
        CELL,
        "held.f_files - held.f_ffree",
        "0",
        (outlives("files"),),
        "root",
    ),
    Defence(
        "each_case_is_alone",
        "Nor does a file outlive one run of several with the same program.",
        f"{RUNNER}/run_programs.py",
        "emptied = cell.tidy()",
        "emptied = None",
        ("tests/contract/test_stdio.py::test_each_case_is_a_new_process_in_an_empty_folder[embedded]",),
        "root",
    ),
    Defence(
        "packages_draw_anew",
        "No two runs share the random numbers of a package that was loaded before.",
        CONTAINMENT,
        'sys.modules["numpy.random"].seed(list(os.urandom(32)))',
        "pass",
        (
            "tests/contract/test_packages.py::test_no_two_runs_draw_the_same_random_numbers[embedded-import numpy-numpy.random.random()]",
        ),
    ),
    # its channels
    Defence(
        "nobody_holds_the_channel",
        "What a submission started ends with it, and does not keep its judge waiting.",
        SUBMISSION,
        "if self.cell.by_uid:  # what it started",
        "if False:  # what it started",
        tuple(channel(kind, "a_child_holds_it") for kind in ("asserts", "pytest")),
        "root",
    ),
    Defence(
        "a_hanging_sandbox_ends",
        "A sandbox whose first process hangs ends with its slot.",
        "reward_server/backends/embedded.py",
        "signal.pidfd_send_signal(self.first, signal.SIGKILL)",
        "signal.pidfd_send_signal(self.first, 0)",
        ("tests/test_embedded.py::test_a_sandbox_that_hangs_ends_with_its_slot",),
        "root",
        covered_by="bubblewrap_dies_with_the_server",
    ),
    Defence(
        "no_text_spoils_an_answer",
        "No text of a submission makes the control process's answer unreadable.",
        f"{RUNNER}/frames.py",
        'ENCODER.encode(header).encode(errors="replace")',
        "json.dumps(header).encode()",
        (lost("surrogate_raised", "asserts"), lost("surrogate_returned", "pytest")),
    ),
    Defence(
        "arguments_in_their_own_time",
        "A submission sees the arguments of a call when it is called, and not before.",
        f"{RUNNER}/run_calls.py",
        "frames.read_into(self.body, view[:size], start)",
        "os.preadv(self.body, [view], start)",
        (f"{CALL}::test_arguments_are_seen_in_their_own_time_only[embedded-in_all_descriptors]",),
    ),
    Defence(
        "arguments_are_sealed",
        "And changes nothing of them.",
        f"{RUNNER}/run_calls.py",
        "fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, SEALS)",
        "pass",
        (f"{CALL}::test_nobody_but_the_control_process_writes_arguments[embedded-os.pwrite(5, b'x', 0)]",),
    ),
    Defence(
        "time_between_two_calls",
        "What it uses between two calls is charged to the second.",
        SUBMISSION,
        "self.meter.begin(self.meter.cpu_s, self.meter.delay_s)",
        "self.meter.glance(); self.meter.begin(self.meter.cpu_s, self.meter.delay_s)",
        ("tests/test_supervision.py::test_what_is_used_between_two_tests_is_of_the_next",),
    ),
    Defence(
        "exceptions_have_modules",
        "A class that is named like a builtin exception is not taken for it.",
        f"{RUNNER}/modules.py",
        "types = [[kind.__module__, kind.__name__]",
        'types = [["builtins", kind.__name__]',
        (f"{CALL}::test_a_class_that_is_named_like_a_builtin_is_not_the_builtin[embedded]",),
    ),
    Defence(
        "sweeper_has_names_of_its_own",
        "No name of a file or folder stops the sweeper.",
        f"{RUNNER}/sweeping.py",
        'f".swept-{os.urandom(16).hex()}"',
        '".swept"',
        (lost("names_of_the_sweeper", "stdio"),),
        "root",
    ),
    Defence(
        "pipes_in_flight",
        "A pipe that is still open when all its processes are gone is not waited for.",
        SUBMISSION,
        "gone = self.cell.submission_is_gone()",
        "gone = False",
        (lost("stdout_in_flight", "asserts"), lost("stdout_in_flight", "pytest")),
    ),
    Defence(
        "a_judge_that_goes_on_is_ended",
        "A judge that is still busy after its submission is no way to no verdict.",
        f"{RUNNER}/run_judged.py",
        "self.submission.ending = self.submission.ending or ending",
        "pass",
        (
            f"{PURPOSE}::test_a_judge_that_goes_on_after_its_submission_is_no_way_out[embedded-after_its_end-asserts-while True: pass]",
        ),
    ),
    Defence(
        "nothing_waits_for_a_reader",
        "A submission that answers without reading does not stop the control process.",
        f"{RUNNER}/run_calls.py",
        "self.channel.setblocking(False)",
        "self.channel.setblocking(True)",
        (
            "tests/contract/test_channels.py::test_answers_that_nobody_asked_for_do_not_stop_the_control_process[embedded]",
        ),
    ),
    Defence(
        "page_tables_are_memory",
        "A process that maps much and reads a little of it holds what the kernel needs for that.",
        "reward_server/runner/processes.py",
        "if holder and int(holder[20]) > ROOMY_BYTES:",
        "if False:",
        ("tests/contract/test_memory.py::test_page_tables_are_memory_too[embedded-itself]",),
    ),
    Defence(
        "user_ids_of_each_slot",
        "No two slots of a server have the same user ids.",
        "reward_server/backends/contents.py",
        "(self._block + 1) % UID_BLOCKS",
        "self._block",
        ("tests/test_many_slots.py::test_no_two_slots_are_given_the_same_user_ids",),
    ),
)

"""Where the machine's memory runs out, sandboxes end and the server does not; no program gets a 0 for it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reward_server.runner.oom import kills_in
from tests.faults.fire import Batch, is_whole, only_as_root, under_fire, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.wire import Submission

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]
"""Alone: what the kernel kills here would cost other sandboxes their runs, which cannot tell whom it killed."""

GROUP_MB, HEAVY_MB = 600, 260
"""Room for the server, its sandboxes and one heavy program, not for two."""
LIMITS = {"cpu_s": 5.0, "wall_s": 10.0, "memory_mb": 400}
PROBLEMS: dict[str, dict[str, Any]] = {
    "stdio": {"tests": {"kind": "stdio", "cases": [{"stdin": "2", "stdout": "4"}]}, "limits": LIMITS},
    "call": {
        "entry_point": "f",
        "tests": {"kind": "call", "cases": [{"args": [2], "expected": 4}, {"args": [3], "expected": 9}]},
        "limits": LIMITS,
    },
    "asserts": {
        "entry_point": "f",
        "tests": {"kind": "asserts", "source": "assert f(2) == 4\nassert f(3) == 9"},
        "limits": LIMITS,
    },
}
HOLD = f"""
import os, time
def hold():
    held = bytearray(b"x") * ({HEAVY_MB} << 20)
    time.sleep(0.5)
"""
ALONE = HOLD + "def f(x):\n    hold()\n    return x * x\n"
BY_A_CHILD = HOLD + (
    "def f(x):\n"
    "    if not os.fork():\n        hold()\n        os._exit(0)\n"
    "    return x * x if os.wait()[1] == 0 else -1\n"
)
"""Says something wrong if its child was killed."""
BY_A_WORKER = HOLD + (
    "def f(x):\n"
    "    reading, writing = os.pipe()\n"
    "    if not os.fork():\n        hold()\n        os.write(writing, b'.')\n        time.sleep(60)\n"
    "    os.read(reading, 1)\n"
    "    return x * x\n"
)
"""Waits for ever if its child was killed, as a pool of processes does."""
LIGHT = "def f(x): return x * x\n"
WRONG = "def f(x): return 4\n"
GREEDY = f"def f(x): return len(bytearray(b'x') * ({LIMITS['memory_mb']:.0f} << 20))\n"
MAIN = "if __name__ == '__main__': print(f(int(input())))\n"


def submissions() -> Iterator[tuple[Submission, float]]:
    """What is light and right, light and wrong in one of two tests, and heavy by itself or by a child."""
    for number in range(4):
        for code in (ALONE, BY_A_CHILD, LIGHT, BY_A_WORKER, WRONG, ALONE, GREEDY):
            kind = list(PROBLEMS)[number % 3]
            reward = {WRONG: 1.0 if kind == "stdio" else 0.5, GREEDY: 0.0}.get(code, 1.0)
            yield {"problem": kind, "code": code + (MAIN if kind == "stdio" else "") + f"# {number}"}, reward


@contextlib.contextmanager
def memory_group() -> Iterator[Path]:
    """A control group with little memory, of the version that this machine has. Skips where none can be made."""
    only_as_root()
    for parent, limits in (
        (Path("/sys/fs/cgroup/memory"), {"memory.limit_in_bytes": GROUP_MB << 20}),
        (Path("/sys/fs/cgroup"), {"memory.max": GROUP_MB << 20, "memory.swap.max": 0}),
    ):
        group = parent / f"passrate-test-{os.getpid()}"
        with contextlib.suppress(OSError):
            group.mkdir()
        if all((group / name).exists() for name in limits):
            break
        with contextlib.suppress(OSError):
            group.rmdir()
    else:
        pytest.skip("NOT TESTED: no control group of memory can be made here")
    try:
        for name, value in limits.items():
            (group / name).write_text(str(value))
        yield group
    finally:
        until(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


def kills(group: Path) -> int:
    return kills_in(group / "memory.oom_control") or kills_in(group / "memory.events") or 0


def test_a_machine_without_memory_costs_no_program_its_reward() -> None:
    """Each is judged right or not at all, and those that hold little are judged; the server is none of the killed.

    Red where a child that the kernel killed speaks for its parent: who waits for it has a `wall_timeout`.
    """
    with memory_group() as group:
        before = ("sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh")
        with under_fire("embedded", before=before) as target:
            until(lambda: is_whole(target))
            killed_before = kills(group)
            batch = Batch(target.relay.url, given=list(submissions()), problems=PROBLEMS)
            batch.check()
            assert kills(group) > killed_before, "the memory was enough for all: nothing was tried"
            assert [place for place in batch.missing if "hold" not in batch.sent[place][0]["code"]] == []
            assert httpx.get(f"{target.server.url}/healthz", trust_env=False).status_code == httpx.codes.OK
            until(lambda: is_whole(target))
            assert Batch(target.relay.url, 6).check() == []

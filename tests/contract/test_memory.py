"""What several processes have counts once, and all that they have counts."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from tasks.schema import Limits
from tests.contract.support import stdio

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

LIMITS = Limits(cpu_s=5, wall_s=15, memory_mb=256)
MOST_OF_IT = 150 << 20
HELD = f"import os, subprocess, sys, threading, time\nheld = bytearray(b'x') * {MOST_OF_IT}\n"
HONEST = {
    # A child looks for its program in many folders, and is in its parent's memory for so long.
    "subprocess": """
        os.environ["PATH"] = ":".join([*map("/nowhere/{}".format, range(1000)), "/bin", "/usr/bin"])
        for _ in range(100): subprocess.run(["true"], check=True)
    """,
    "posix_spawn": """
        path = {"PATH": ":".join([*map("/nowhere/{}".format, range(1000)), "/bin", "/usr/bin"])}
        for _ in range(100): os.waitpid(os.posix_spawnp("true", ["true"], path), 0)
    """,
    "subprocess_of_several_threads": """
        def run():
            for _ in range(60): subprocess.run(["true"], check=True)
        started = [threading.Thread(target=run) for _ in range(3)]
        for each in started: each.start()
        for each in started: each.join()
    """,
    "forks_that_read": """
        for _ in range(3):
            if not os.fork():
                for _ in range(50):
                    sum(memoryview(held)[::4096])
                    time.sleep(0.01)
                os._exit(0)
        for _ in range(3): os.wait()
    """,
    "one_fork_after_another": """
        for _ in range(30):
            if not os.fork(): os._exit(sum(memoryview(held)[::65536]) & 1)
            os.wait()
    """,
}
FORKED = "import ctypes, os, threading, time\n"
HOSTILE = {
    "a_fork_that_writes": HELD
    + """
        if not os.fork():
            for at in range(0, len(held), 4096): held[at] = 1
            time.sleep(9)
        time.sleep(9)
    """,
    # As a child in its parent's memory would have the same setting.
    "a_fork_that_copies_what_tells": HELD
    + """
        if not os.fork():
            for at in range(0, len(held), 4096): held[at] = 1
            theirs = os.open(f"/proc/{os.getppid()}/coredump_filter", os.O_RDONLY)
            own = os.open("/proc/self/coredump_filter", os.O_WRONLY)
            while True: os.pwrite(own, b"0x" + os.pread(theirs, 16, 0), 0)
        time.sleep(9)
    """,
    "beside_many_small_ones": FORKED
    + """
        for _ in range(20):
            if not os.fork(): os.execlp("sleep", "sleep", "9")
        time.sleep(0.2)
        for _ in range(5):
            if not os.fork():
                held = b"x" * (80 << 20)
                time.sleep(9)
        time.sleep(9)
    """,
    "behind_a_first_thread_that_ended": FORKED
    + """
        def hold():
            time.sleep(0.3)
            held = b"x" * (100 << 20)
            time.sleep(9)
        for _ in range(4):
            if not os.fork():
                threading.Thread(target=hold).start()
                ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
        time.sleep(9)
    """,
    "out_of_reach": FORKED
    + """
        for _ in range(4):
            if not os.fork():
                ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
                held = b"x" * (100 << 20)
                time.sleep(9)
        time.sleep(9)
    """,
}


@pytest.mark.parametrize("name", HONEST)
def test_what_processes_share_is_charged_once(sandbox: Sandbox, name: str) -> None:
    """Red where all that is resident in each is added up: `memory_exceeded` for each of these, soon or late."""
    code = HELD + textwrap.dedent(HONEST[name]) + "print('done')"
    (result,) = sandbox.judge(stdio(("", "done"), limits=LIMITS), code)
    assert result.verdict == "passed", result
    assert MOST_OF_IT <= result.memory_bytes <= 256 << 20


@pytest.mark.parametrize("name", HOSTILE)
def test_what_each_process_has_for_itself_is_charged(sandbox: Sandbox, name: str) -> None:
    """Red where a process is taken for less than it has.

    The small ones and the first thread passed while each process, whatever it was, had the zygote's share taken off,
    and the memory of a process was that of its first thread.
    """
    imports, _, body = HOSTILE[name].partition("\n        ")
    code = imports + "\n" + textwrap.dedent("        " + body) + "print('done')"
    assert sandbox.verdicts(stdio(("", "done"), limits=LIMITS), code) == ["memory_exceeded"]


TABLES = "import mmap, os\nFORK\nkept = []\nfor _ in range(8):\n"
TABLES += "    kept.append(mmap.mmap(-1, 32 << 30, flags=0x4022, prot=1))\n    kept[-1][:: 2 << 20]\n"


@pytest.mark.parametrize("fork", ["", "if os.fork(): os._exit(os.wait()[0])"], ids=["itself", "child"])
def test_page_tables_are_memory_too(sandbox: Sandbox, fork: str) -> None:
    """Red where only resident memory counts: 400 MB a second of a machine's memory are in no account."""
    problem = stdio(("", "1"), limits=LIMITS.model_copy(update={"memory_mb": 64}))
    assert sandbox.verdicts(problem, TABLES.replace("FORK", fork)) == ["memory_exceeded"]

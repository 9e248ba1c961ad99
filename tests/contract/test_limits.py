"""Each limit ends what goes over it with the verdict that names it, and nothing else."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from tests.contract.support import LIMITS, ROOMY, stdio

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

BURN = "\nwhile True: pass"
FORK_AND_BURN = "import os\nfor _ in range(4):\n    if not os.fork(): break"


@pytest.mark.parametrize(
    ("code", "verdicts"),
    [
        (BURN, {"cpu_timeout"}),
        ("sum(range(10**10))", {"cpu_timeout"}),
        ("x = 3 ** 10**8", {"cpu_timeout", "memory_exceeded"}),
        ("import re\nre.match('(a+)+$', 'a' * 40 + 'b')", {"cpu_timeout"}),
        ("import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass" + BURN, {"cpu_timeout"}),
        ("import threading\nfor _ in range(7): threading.Thread(target=lambda: sum(iter(int, 1))).start()", {"cpu_timeout"}),
        (FORK_AND_BURN + BURN, {"cpu_timeout"}),
        ("import os\nif os.fork(): os.wait()" + BURN, {"cpu_timeout"}),
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'while True: pass'])", {"cpu_timeout"}),
        ("import os\nos.setsid()\n" + FORK_AND_BURN + "\nos.setsid() if os.getpid() != os.getsid(0) else 0" + BURN, {"cpu_timeout"}),
        ("import resource\ntry: resource.setrlimit(resource.RLIMIT_CPU, (-1, -1))\nexcept (OSError, ValueError): pass" + BURN, {"cpu_timeout"}),
        ("import os, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n    if not os.fork():\n        sum(range(10**6)); os._exit(0)\n    time.sleep(0.01)", {"cpu_timeout", "wall_timeout"}),
        ("import time\ntime.sleep(60)", {"wall_timeout"}),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", {"wall_timeout"}),
        ("import threading\nthreading.Lock().acquire(); threading.Event().wait()", {"wall_timeout"}),
        ("import os\nr, w = os.pipe(); os.read(r, 1)", {"wall_timeout"}),
        ("import os, time\nif os.fork(): os.wait()\ntime.sleep(60)", {"wall_timeout"}),
        ("x = bytearray(2 << 30)", {"memory_exceeded"}),
        ("x = []\nwhile True: x.append(bytearray(1 << 20))", {"memory_exceeded"}),
        ("x = 'a'\nwhile True: x += x", {"memory_exceeded"}),
        ("import os, time\nfor _ in range(7):\n    if not os.fork(): break\nx = b'x' * (60 << 20)\ntime.sleep(5)", {"memory_exceeded"}),
        ("import mmap, time\nm = mmap.mmap(-1, 300 << 20)\nfor i in range(0, 300 << 20, 4096): m[i] = 1\ntime.sleep(5)", {"memory_exceeded"}),
        ("import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()", {"runtime_error", "memory_exceeded"}),
        ("import sys\nwhile True: sys.stdout.write('x' * 10**6)", {"output_exceeded"}),
        ("import sys\nwhile True: sys.stderr.write('x' * 10**6)", {"cpu_timeout", "wall_timeout"}),
        ("import os\nwhile True: os.fork()", {"cpu_timeout", "wall_timeout", "runtime_error", "memory_exceeded"}),
        ("import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()", {"runtime_error", "wall_timeout"}),
        ("x = open('f', 'wb')\nfor _ in range(100): x.write(bytes(1 << 20))", {"runtime_error"}),
        ("x = [open('/dev/null') for _ in range(300)]", {"runtime_error"}),
        ("x = [open(f'/tmp/{n}', 'wb').write(bytes(20 << 20)) for n in range(20)]", {"runtime_error", "memory_exceeded"}),
        ("for n in range(10**6): open(f'/tmp/{n}', 'w').close()", {"runtime_error", "memory_exceeded", "cpu_timeout"}),
        ("import os\nos.truncate(os.open('f', os.O_CREAT | os.O_RDWR), 1 << 40)", {"runtime_error"}),
        ("(" * 50_000, {"compile_error"}),
        ("x = " + "+".join(["1"] * 20_000), {"passed", "compile_error", "runtime_error", "wrong_answer"}),
        ("import os\nwhile True: os.write(2, b'x')", {"cpu_timeout"}),
    ],
)  # fmt: skip
def test_what_goes_over_a_limit_ends_there(sandbox: Sandbox, code: str, verdicts: set[str]) -> None:
    """And in time: no payload may hold its slot for longer than a few times the limit."""
    (result,) = sandbox.judge(stdio(("", "done")), code)
    assert result.verdict in verdicts, result


def test_processor_time_of_children_is_charged(sandbox: Sandbox) -> None:
    code = "import os, time\nif not os.fork():\n    t = time.process_time()\n    while time.process_time() - t < 0.3: pass\n    os._exit(0)\nos.wait()\nprint(1)"
    (result,) = sandbox.judge(stdio(("", "1"), limits=ROOMY), code)
    assert result.verdict == "passed"
    assert 0.28 <= result.cpu_s < 3


def test_memory_is_measured(sandbox: Sandbox) -> None:
    (result,) = sandbox.judge(stdio(("", "1"), limits=ROOMY), "x = b'x' * (100 << 20)\nprint(1)")
    assert result.verdict == "passed"
    assert 100 << 20 <= result.memory_bytes < 200 << 20


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("import time\nprint('x' * (2 << 20), flush=True)\nwhile True: pass", {"output_exceeded", "cpu_timeout"}),
        ("import os\nprint('done', flush=True)\nos.close(1)" + BURN, {"cpu_timeout"}),
        ("print('done', flush=True)\nimport time\ntime.sleep(60)", {"wall_timeout"}),
        ("print('done')\nx = bytearray(2 << 30)", {"memory_exceeded"}),
        ("print('done')\n1/0", {"runtime_error"}),
        ("print('wrong')\n1/0", {"runtime_error"}),
    ],
)
def test_a_limit_comes_before_what_was_printed(sandbox: Sandbox, code: str, verdict: set[str]) -> None:
    """Precedence: processor time, clock, memory, output, runtime error, wrong answer, passed."""
    (result,) = sandbox.judge(stdio(("", "done")), code)
    assert result.verdict in verdict


def test_what_a_program_leaves_behind_is_no_reason_to_wait(sandbox: Sandbox) -> None:
    """A daemon that holds stdout open keeps nobody waiting: the program has ended, and its answer stands."""
    code = "import os, signal, time\nif not os.fork():\n    os.setsid()\n    signal.signal(15, signal.SIG_IGN)\n    time.sleep(60)\nprint('done')"
    (result,) = sandbox.judge(stdio(("", "done")), code)
    assert result.verdict == "passed"
    assert result.wall_s < 1.4


@pytest.mark.parametrize(
    "code",
    [
        "import os, time\nn = 0\nwhile n < 200:\n    try: n += 1 if os.fork() else time.sleep(60)\n    except OSError: break\nprint('done' if n < 200 else n)",
        "import mmap\ntry: mmap.mmap(-1, 4 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\nexcept OSError: print('done')",
    ],
    ids=["processes", "reserved_memory"],
)  # fmt: skip
def test_the_kernel_refuses_what_measuring_would_find_too_late(sandbox: Sandbox, code: str) -> None:
    limits = ROOMY.model_copy(update={"processes": 16, "memory_mb": 1024})
    assert sandbox.verdicts(stdio(("", "done"), limits=limits), code) == ["passed"]


def test_a_program_below_its_limits_passes(sandbox: Sandbox) -> None:
    code = "import time\nt = time.process_time()\nwhile time.process_time() - t < 0.3: pass\nprint('done')"
    assert sandbox.verdicts(stdio(("", "done"), limits=LIMITS), code) == ["passed"]


def test_the_kernel_takes_a_sandbox_before_what_runs_beside_it(sandbox: Sandbox) -> None:
    """A machine that runs out of memory would otherwise lose what is largest: a trainer, or the server."""
    assert sandbox.output("print(open('/proc/self/oom_score_adj').read())").split() == ["1000"]


def test_a_crash_calls_no_core_handler_of_the_machine(sandbox: Sandbox) -> None:
    """It runs as root outside of every sandbox; a limit of 0 calls it all the same, and 1 does not (core(5))."""
    said = sandbox.output("import resource\nprint(*resource.getrlimit(resource.RLIMIT_CORE))")
    assert said == "1 1\n" or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0

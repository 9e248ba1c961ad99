"""Whatever a submission does to lose its own run ends in its own verdict.

No verdict would be a way out: its failure would be left out of its group's mean.
"""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.schema import Limits
from tests.contract.support import asserts, call, pytest_files, returns, stdio

if TYPE_CHECKING:
    from tasks.schema import Problem
    from tests.contract.support import Sandbox

LIMITS = Limits(cpu_s=0.5, wall_s=0.5, memory_mb=256)
PYTEST = "from solution import solve\ndef test_a(): assert solve(0) == 1\ndef test_b(): assert solve(1) == 'two'"
ASSERTS = "assert solve(0) == 1, f'it was {solve(0)}'\nassert solve(1) == 'two'"
PROBLEMS: dict[str, Problem] = {
    "stdio": stdio(("0", "1"), ("1", "2"), limits=LIMITS),
    "call": call(returns(1, 0), returns(2, 1), limits=LIMITS),
    "asserts": asserts(ASSERTS, "solve", limits=LIMITS),
    "pytest": pytest_files(PYTEST, limits=LIMITS),
    "shared": asserts(ASSERTS, "solve", isolation="shared", limits=LIMITS),
}
IN_FLIGHT = "import array, os, socket, time\ndef rights(*fds): return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))]\n"
TO_CHANNEL = (
    "for fd in [*range(3, 9)] * 20:\n    try: socket.socket(fileno=os.dup(fd)).sendmsg({0})\n    except OSError: pass\n"
)
ATTEMPTS = {
    # text that no JSON holds
    "surrogate_raised": "raise ValueError(chr(0xD800))",
    "surrogates_raised": "raise type('E', (Exception,), {'__str__': lambda self: 'a' + chr(0xDFFF) * 9000})()",
    "surrogate_returned": "return chr(0xD800)",
    "surrogates_in_a_dict": "return {chr(0xDC80): [chr(0xD83D), chr(0xDE00) + chr(0xD83D)]}",
    "surrogate_in_an_assertion": "assert False, chr(0xDABC)",
    "surrogate_printed": "import sys\nsys.stdout.reconfigure(errors='surrogatepass')\nprint(chr(0xD800), file=sys.stdout)\nsys.stderr.buffer.write(b'\\xed\\xa0\\x80')\nreturn chr(0xDCFF)",
    "surrogate_in_exit": "raise SystemExit(chr(0xD800))",
    "surrogate_in_a_note": "e = ValueError()\ne.add_note(chr(0xD800))\nraise e from KeyError(chr(0xDC00))",
    # descriptors that outlive their process
    "stdout_in_flight": IN_FLIGHT + TO_CHANNEL.format("[b'x'], rights(1)") + "os._exit(0)",
    "stderr_in_flight_then_killed": IN_FLIGHT + TO_CHANNEL.format("[b'xx'], rights(2)") + "os.kill(os.getpid(), 9)",
    "many_in_flight": IN_FLIGHT + TO_CHANNEL.format("[bytes(4)], rights(*[1, 2] * 100)") + "os._exit(3)",
    "own_cycle_in_flight": IN_FLIGHT + "a, b = socket.socketpair()\na.sendmsg([b'x'], rights(a.fileno(), b.fileno(), 1, 2))\nb.sendmsg([b'x'], rights(a.fileno(), b.fileno(), 1, 2))\nos._exit(0)",
    "files_in_flight": IN_FLIGHT + "fds = [os.open(f'/tmp/{n}', os.O_CREAT | os.O_RDWR) for n in range(40)]\n[os.write(fd, bytes(9999)) for fd in fds]\na, b = socket.socketpair()\na.sendmsg([b'x'], rights(a.fileno(), b.fileno(), *fds))\nos._exit(0)",
    "channel_in_flight": IN_FLIGHT + "a, b = socket.socketpair()\na.sendmsg([b'x'], rights(a.fileno(), b.fileno(), 3, 1))\ndel a, b\nreturn 5",
    "in_flight_while_it_sleeps": IN_FLIGHT + TO_CHANNEL.format("[b'x'], rights(1, 2)") + "os.closerange(1, 3)\ntime.sleep(60)",
    # what the sweeper meets
    "names_of_the_sweeper": "import os\nfor root in ('/tmp', '/dev/shm', '.'):\n    for n in range(99):\n        try: os.makedirs(f'{root}/.swept-{n}/x/y')\n        except OSError: pass\nreturn 5",
    "files_by_those_names": "import os\nos.makedirs('/tmp/a/b/c')\nfor n in range(99):\n    (os.symlink('/', f'/tmp/.swept-{n}'), os.mkfifo(f'/tmp/a/.swept-{n}'), os.makedirs(f'/tmp/a/b/.swept-{n}/.swept-{n}'), os.chmod(f'/tmp/a/b/.swept-{n}', 0))\nos.chmod('/tmp/a/b', 0)\nreturn 5",
    "long_names": "import os\nos.chdir('/tmp')\nfor n in range(20):\n    os.mkdir('x' * 255)\n    os.chdir('x' * 255)\n    open('y' * 255, 'w').close()\n    os.chmod('.', 0o500)\n    os.chmod('.', 0o700)\nreturn 5",
    "closed_trees": "import os\nfor root in ('/tmp', '/dev/shm'):\n    p = root\n    for n in range(30):\n        p += f'/{n}'\n        os.mkdir(p)\n    while p != root:\n        os.chmod(p, 0)\n        p = os.path.dirname(p)\nreturn 5",
    "a_flood_of_names": "import os\nfor n in range(3000):\n    try: open(f'/tmp/{n}-' + 'z' * 200, 'w').close()\n    except OSError: break\nreturn 5",
    # its channel
    "channel_closed": "import os\nos.closerange(3, 100)\nreturn 5",
    "channel_shut_down": "import os, socket\nfor fd in range(3, 9):\n    try: socket.socket(fileno=os.dup(fd)).shutdown(2)\n    except OSError: pass\nreturn 5",
    "half_a_length": "import os\nos.write(3, b'\\0\\0')\nos._exit(0)",
    "half_a_message": "import os\nos.write(3, b'\\0\\0\\1\\0[\"=\"')\nos._exit(0)",
    "half_a_message_and_sleep": "import os, time\nos.write(3, b'\\0\\0\\1\\0[\"=\"')\ntime.sleep(60)",
    "a_huge_length": "import os\nos.write(3, b'\\xff\\xff\\xff\\xff' + b'{' * 100)\nos._exit(0)",
    "garbage": "import os\nos.write(3, os.urandom(50000))\nos._exit(0)",
    "empty_messages": "import os\nfor _ in range(3000): os.write(3, bytes(4 * 1000))\nos._exit(0)",
    "deep_message": "import os\nt = b'[' * 200000\nos.write(3, len(t).to_bytes(4, 'big') + t)\nos._exit(0)",
    "not_utf8": "import os\nt = b'=\"\\xff\\xed\\xa0\\x80\"'\nos.write(3, len(t).to_bytes(4, 'big') + t)\nos._exit(0)",
    "a_child_answers": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    while True:\n        try: os.write(3, b'\\0\\0\\0\\2=9')\n        except OSError: break\nos._exit(0)",
    # itself
    "stops_itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "ends_its_first_thread": "import ctypes, threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\nctypes.CDLL(None).syscall(60, 0)",
    "kills_its_group": "import os\nos.kill(0, 9)",
    "kills_all": "import os\nos.kill(-1, 9)\nos._exit(0)",
    "closes_all": "import os\nos.closerange(0, 1000)\nos._exit(0)",
    "vfork_and_exec": "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\nimport os\nos._exit(0)",
    "exec": "import os, sys\nos.execv(sys.executable, ['python', '-c', 'import time; time.sleep(60)'])",
}  # fmt: skip


@pytest.mark.parametrize("kind", PROBLEMS)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_it_gets_its_own_verdict(sandbox: Sandbox, attempt: str, kind: str) -> None:
    body = ATTEMPTS[attempt].replace("\n", "\n    ")
    verdicts = sandbox.verdicts(PROBLEMS[kind], f"def solve(x):\n    {body}\n" + "solve(0)" * (kind == "stdio"))
    assert verdicts
    assert not {"passed", "sandbox_error"} & {*verdicts}


BUSY = {
    "after_its_end": "import os\ndef solve(x): os._exit(0)",
    "after_its_end_by_a_signal": "import os\ndef solve(x): os.kill(os.getpid(), 11)",
    "while_it_sleeps": "import time\ndef solve(x): time.sleep(60)",
    "after_its_channel_was_closed": "import os, time\ndef solve(x):\n    os.closerange(3, 9)\n    time.sleep(60)",
}
SOURCES = {
    "asserts": "def goes_on():\n    try: solve(0)\n    except BaseException:\n        {}\nassert goes_on()",
    "asserts_alone": "import os\ndef goes_on():\n    try: solve(0)\n    finally:\n        {}\nassert goes_on()",
    "pytest": "from solution import solve\ndef test_it():\n    try: solve(0)\n    except BaseException:\n        {}\n    assert solve",
}


@pytest.mark.parametrize("does", ["while True: pass", "import time; time.sleep(60)"])
@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("attempt", BUSY)
def test_a_judge_that_goes_on_after_its_submission_is_no_way_out(
    sandbox: Sandbox, attempt: str, kind: str, does: str
) -> None:
    """What keeps it busy may be what the submission has sent. Red for each that ended by itself: no verdict."""
    source = SOURCES[kind].format(does)
    problem = pytest_files(source, limits=LIMITS) if kind == "pytest" else asserts(source, "solve", limits=LIMITS)
    (verdict,) = sandbox.verdicts(problem, BUSY[attempt])
    assert verdict in ("cpu_timeout", "wall_timeout")


@pytest.mark.parametrize("then", ["os._exit(0)", "time.sleep(60)"])
@pytest.mark.parametrize("kind", ["asserts", "pytest"])
def test_nor_is_a_judge_that_is_busy_with_an_answer(sandbox: Sandbox, kind: str, then: str) -> None:
    limits = Limits(cpu_s=1, wall_s=2, memory_mb=256)
    source = "from solution import solve\ndef test_it(): assert solve(0) == 1"
    problem = (
        pytest_files(source, limits=limits)
        if kind == "pytest"
        else asserts("assert solve(0) == 1", "solve", limits=limits)
    )
    text = 'b\'["=",[],["fr",["i","\' + b\'7\' * 640000 + b\'"],["i","\' + b\'9\' * 640001 + b\'"]]]\''
    code = f"import os, time\ndef solve(x):\n    t = {text}\n    os.write(3, len(t).to_bytes(4, 'big'))\n    while t: t = t[os.write(3, t):]\n    {then}"
    verdicts = sandbox.verdicts(problem, code)
    assert verdicts
    assert not {"passed", "sandbox_error"} & {*verdicts}

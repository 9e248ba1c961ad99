"""After each run the slot is either proven clean, and the next program finds nothing, or spent and replaced."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

import json
import time

import pytest

from reward_server.backends.embedded import EmbeddedBackend
from reward_server.judging import plan
from reward_server.settings import Settings
from tests.contract.support import LIMITS, ROOMY, Sandbox, asserts, pytest_files, stdio

CANARY = """
import json, os
def under(path):
    return [os.path.join(folder, name) for folder, folders, files in os.walk(path) for name in folders + files]
print(json.dumps({
    "cwd": os.getcwd(),
    "files": under(os.getcwd()) + under("/tmp") + under("/dev/shm"),
    "others": [n for n in os.listdir("/proc") if n.isdigit() and os.stat(f"/proc/{n}").st_uid == os.getuid() and int(n) != os.getpid() and int(n) != 1],
    "descriptors": len(os.listdir("/proc/self/fd")) - 1,
    "children": open("/proc/self/task/%d/children" % os.getpid()).read(),
    "unix": len(open("/proc/net/unix").read().splitlines()) - 1 if os.path.exists("/proc/net/unix") else 0,
    "variables": sorted(os.environ),
}))
"""

HOSTILE = {
    "files": "for n in range(1500):\n    for p in ('', '/tmp/', '/dev/shm/'): open(f'{p}f{n}', 'w').close()",
    "names": "import os\nfor n in (b'-rf', b'\\xff\\xfe', b'a' * 255, b' ', b'*', b'\\n', b'..a'):\n    os.mkdir(n); open(os.path.join(n, n), 'w').close()",
    "deep_tree": "import os\nfor _ in range(4000):\n    os.mkdir('d'); os.chdir('d')",
    "closed_tree": "import os\nfor p in ('a', 'a/b', 'a/b/c'): os.mkdir(p)\nopen('a/b/c/f', 'w').close()\nfor p in ('a/b/c', 'a/b', 'a'): os.chmod(p, 0)\nos.chmod('.', 0o755) if 0 else None",
    "links": "import os\nos.symlink('/', 'root'); os.symlink('loop', 'loop'); os.symlink('/tmp', 'tmp'); os.mkfifo('fifo'); os.link('fifo', 'fifo2')\nos.symlink('../..', '/tmp/up')",
    "device_and_socket": "import os, socket, stat\ns = socket.socket(socket.AF_UNIX); s.bind('sock')\ntry: os.mknod('dev', stat.S_IFCHR | 0o666, os.makedev(1, 3))\nexcept OSError: pass\nos.mknod('/tmp/fifo', stat.S_IFIFO | 0o666)",
    "full_disk": "try:\n    for n in range(1000): open(f'/tmp/{n}', 'wb').write(bytes(10 << 20))\nexcept OSError: pass",
    "full_inodes": "try:\n    for n in range(10**5): open(f'/tmp/{n}', 'w').close()\nexcept OSError: pass",
    "daemons": "import os, signal, time\nfor n in range(6):\n    if not os.fork():\n        os.setsid()\n        if os.fork(): os._exit(0)\n        for s in range(1, 65):\n            try: signal.signal(s, signal.SIG_IGN)\n            except (OSError, ValueError): pass\n        time.sleep(60)",
    "stopped_daemon": "import os, signal, time\nif not os.fork():\n    os.setsid(); os.kill(os.getpid(), signal.SIGSTOP)",
    "remakes_files": "import os\nif not os.fork():\n    os.setsid()\n    while True:\n        try: os.makedirs('/tmp/again/and/again', exist_ok=True); open('again', 'w').close()\n        except OSError: pass",
    "fork_bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "fork_bomb_in_sessions": "import os\nwhile True:\n    try:\n        if not os.fork(): os.setsid()\n    except OSError: pass",
    "subreaper": "import ctypes, os, time\nctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\nif not os.fork():\n    if not os.fork(): time.sleep(60)\n    os._exit(0)",
    "kill_everyone": "import os\nfor pid in (-1, 1, *range(2, 500)):\n    for s in (9, 19):\n        if pid != os.getpid():\n            try: os.kill(pid, s)\n            except OSError: pass",
    "all_descriptors_closed": "import os\nos.closerange(0, 1000)",
    "all_descriptors_open": "import os\ntry:\n    while True: os.dup(0)\nexcept OSError: pass",
    "forged_frames": "import os\nfor fd in range(256):\n    try: os.write(fd, bytes(4) + b'{\"dirty\":null}' * 100)\n    except OSError: pass",
    "abstract_socket": "import os, socket, time\ns = socket.socket(socket.AF_UNIX); s.bind('\\0left'); s.listen()\nif not os.fork():\n    os.setsid(); time.sleep(60)",
    "shared_memory": "from multiprocessing import shared_memory\ns = shared_memory.SharedMemory(create=True, size=1 << 20, name='left')",
    "file_locks": "import fcntl, os, sys, time\nf = open(os.__file__)\nfcntl.flock(f, fcntl.LOCK_EX)\nif not os.fork():\n    os.setsid(); time.sleep(60)",
    "priorities": "import os\ntry: os.nice(19)\nexcept OSError: pass\nfor p in (1, 2, 3):\n    try: os.sched_setscheduler(0, p, os.sched_param(1 if p < 3 else 0))\n    except OSError: pass",
    "oom_score": "for name, text in (('oom_score_adj', '-1000'), ('oom_score_adj', '1000'), ('coredump_filter', '0xff'), ('comm', 'bwrap')):\n    try: open(f'/proc/self/{name}', 'w').write(text)\n    except OSError: pass",
    "core_dump": "import os\nos.abort()",
    "environment": "import os\nos.environ['LEFT'] = '1'; os.umask(0o777); open('/tmp/closed', 'w').close()",
    "moved_folders": "import os\nfor p in ('/box', '/tmp'):\n    try: os.rename(p, '/x')\n    except OSError: pass\n    try: os.rmdir(p)\n    except OSError: pass\n    try: os.chmod(p, 0)\n    except OSError: pass",
    "memory": "x = []\nwhile True: x.append(bytearray(1 << 20))",
    "output": "while True: print('x' * 10000)",
    "full_pipes": "import os\nx = [os.pipe() for _ in range(100)]\nfor r, w in x:\n    os.set_blocking(w, False)\n    try:\n        while True: os.write(w, bytes(4096))\n    except OSError: pass",
    "in_flight_descriptors": "import array, socket\na, b = socket.socketpair()\na.setblocking(False)\ntry:\n    while True: a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [a.fileno(), b.fileno()]))])\nexcept OSError: pass",
    "inotify": "import ctypes\nc = ctypes.CDLL(None)\nx = [c.inotify_init() for _ in range(300)]",
    "terminals": "import os\nx = []\ntry:\n    while True: x.append(os.openpty())\nexcept OSError: pass",
    "threads": "import threading, time\ntry:\n    while True: threading.Thread(target=time.sleep, args=(60,)).start()\nexcept RuntimeError: import os; os._exit(0)",
}  # fmt: skip
MAY_SPEND = {"deep_tree", "full_inodes", "remakes_files", "fork_bomb", "fork_bomb_in_sessions", "closed_tree"}
"""Cleaning up after these may be given up; what matters is that the slot then is not used again."""


def look_around(sandbox: Sandbox) -> dict[str, object]:
    held = json.loads(sandbox.output(CANARY))
    assert isinstance(held, dict)
    return held


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_outlives_its_run(sandbox: Sandbox, name: str) -> None:
    """Seen red: with `unclean` always None (files), without `kill_submission` in `tidy` (daemons), without `sweep`."""
    sandbox.run(plan(stdio(("", "x"), ("", "x")), HOSTILE[name]))
    if sandbox.spent:
        assert name in MAY_SPEND, getattr(sandbox.slot, "why_spent", "")
    found = look_around(sandbox)
    assert found["files"] == []
    assert found["others"] == []
    assert found["children"] == ""
    assert found["descriptors"] == 3
    assert "LEFT" not in str(found["variables"])


@pytest.mark.parametrize(
    "name", ["files", "daemons", "kill_everyone", "forged_frames", "all_descriptors_closed", "memory"]
)
def test_nothing_outlives_a_run_with_a_judge(sandbox: Sandbox, name: str) -> None:
    code = "def f():\n    " + "\n    ".join(HOSTILE[name].splitlines())
    sandbox.run(plan(asserts("assert f() == 1\nassert f() == 2"), code))
    assert not sandbox.spent
    assert look_around(sandbox)["files"] == []


def test_a_slot_is_used_many_times(sandbox: Sandbox) -> None:
    look_around(sandbox)
    replaced = sandbox.replaced
    for _ in range(20):
        look_around(sandbox)
    assert sandbox.replaced == replaced


def test_a_run_has_a_new_user_id_or_namespaces_of_its_own(sandbox: Sandbox) -> None:
    seen = [sandbox.output("import os\nprint(os.getuid(), os.getpid())").split() for _ in range(4)]
    uids, pids = {uid for uid, _ in seen}, {pid for _, pid in seen}
    assert "0" not in uids
    assert len(uids) == 4 or pids == {"2"}  # the second process of a pid namespace, which is new


def test_two_runs_have_different_random_numbers(sandbox: Sandbox) -> None:
    """The interpreter is forked, so that without a new seed all submissions would draw the same."""
    code = "import os, random, tempfile, uuid\nprint(random.random(), random.gauss(0, 1), next(tempfile._get_candidate_names()), uuid.uuid4())"
    first, second = sandbox.output(code).split(), sandbox.output(code).split()
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_output_of_one_run_is_never_in_the_next(sandbox: Sandbox) -> None:
    marker = "print('secret-of-the-first', end='')"
    sandbox.run(plan(stdio(("", "")), marker))
    (seen,) = sandbox.run(plan(stdio(("", "")), "pass")).tests
    assert seen.stdout == seen.stderr == b""


def test_an_earlier_submission_is_not_found_in_memory(sandbox: Sandbox) -> None:
    """The code of one travels past the control process and the zygote, of which the next is a fork."""
    sandbox.output("secret = 1  # needle-in-the-hay", limits=ROOMY)
    search = (
        "needle = b'-'.join([b'needle', b'in', b'the', b'hay'])\nfound = []\n"
        "for line in open('/proc/self/maps'):\n"
        "    span, rights = line.split()[:2]\n"
        "    if 'r' not in rights or '[v' in line: continue\n"
        "    start, end = (int(x, 16) for x in span.split('-'))\n"
        "    try:\n"
        "        with open('/proc/self/mem', 'rb', 0) as memory:\n"
        "            memory.seek(start)\n"
        "            held = memory.read(min(end - start, 64 << 20))\n"
        "    except (OSError, OverflowError, ValueError): continue\n"
        "    at = held.find(b'# ' + needle)\n"
        "    if at >= 0: found.append((line, held[at - 60:at + 40]))\n"
        "    del held\n"
        "print(found)"
    )
    assert sandbox.output(search) == "[]\n"
    assert sandbox.output("here = b'# ' + b'-'.join([b'needle', b'in', b'the', b'hay'])\n" + search) != "[]\n"


def test_state_left_on_purpose_does_not_help_the_next(sandbox: Sandbox) -> None:
    """Two submissions that work together: the first leaves the answer wherever it can be left."""
    leave = (
        "import os, sys\nfor folder in ('.', '/tmp', '/dev/shm', '/judge', '/judge/box', '/', '/var/tmp', '/opt', os.path.dirname(os.__file__)):\n"
        "    for name in ('sitecustomize.py', 'usercustomize.py', 'math.py', 'answer'):\n"
        "        try: open(os.path.join(folder, name), 'w').write('print(42)')\n"
        "        except OSError: pass\n"
    )
    take = (
        "import os\nfor folder in ('.', '/tmp', '/dev/shm', '/judge', '/', '/var/tmp', '/opt'):\n"
        "    p = os.path.join(folder, 'answer')\n    if os.path.exists(p): print(open(p).read())\nimport math, site\n"
    )
    sandbox.run(plan(stdio(("", ""), limits=LIMITS), leave))
    assert sandbox.output(take) == ""


def test_an_idle_slot_rests_and_goes_on() -> None:
    """Without a job it ends its standing judge and its zygote with pytest, and starts them anew when they are needed."""
    backend = EmbeddedBackend(Settings())
    backend.configs.rest_s = 0.3
    rested = Sandbox(backend)
    problems = [
        asserts("assert f(1) == 1"),
        pytest_files("from solution import f\ndef test(): assert f(1) == 1", limits=ROOMY),
    ]
    try:
        for pause_s in (0.0, 1.0, 0.0):
            time.sleep(pause_s)
            for problem in problems:
                assert rested.verdicts(problem, "def f(x): return x") == ["passed"]
            assert rested.replaced == 0
    finally:
        rested.close()

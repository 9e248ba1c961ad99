"""What a submission cannot see, reach or ask of the kernel."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reward_server.runner.kernel import REFUSED
from tests.contract.support import ROOMY, asserts, pytest_files, stdio

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

COLUMN = {"x86_64": 0, "aarch64": 1}[platform.machine()]
REPOSITORY = Path(__file__).resolve().parent.parent.parent


def test_every_refused_call_fails_in_a_running_submission(sandbox: Sandbox) -> None:
    """Seen red: without `install_filter` in the zygote (as root) and in `confine` (without)."""
    numbers = {name: row[COLUMN] for name, row in REFUSED.items() if row[COLUMN] is not None}
    code = (
        "import ctypes, errno, json\nlibc = ctypes.CDLL(None, use_errno=True)\nallowed = {}\n"
        f"for name, number in {numbers!r}.items():\n"
        "    ctypes.set_errno(0)\n"
        "    result = libc.syscall(number, -1, 0, 0, 0, 0, 0)\n"
        "    if result != -1 or ctypes.get_errno() != errno.EPERM: allowed[name] = [result, ctypes.get_errno()]\n"
        "print(json.dumps(allowed))"
    )
    assert json.loads(sandbox.output(code)) == {}


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket(socket.AF_INET)",
        "socket.socket(socket.AF_INET6)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "socket.socket(40, socket.SOCK_STREAM)",  # AF_VSOCK
        "socket.socket(38, socket.SOCK_SEQPACKET)",  # AF_ALG
        "socket.create_connection(('127.0.0.1', 1), 1)",
        "os.setuid(0)",
        "os.setgroups([])",
        "os.seteuid(0)",
        "os.chroot('/tmp')",
        "socket.sethostname('x')",
        "resource.setrlimit(resource.RLIMIT_NPROC, (10**6, 10**6))",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (10**6, 10**6))",
        "resource.setrlimit(resource.RLIMIT_CPU, (-1, -1))",
        "resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))",
        "os.nice(-5)",
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
        "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))",
        "os.setpriority(os.PRIO_PROCESS, 0, 19)",
        "os.mknod('/tmp/null', stat.S_IFCHR | 0o666, os.makedev(1, 3))",
        "os.open('/proc/1/mem', os.O_RDONLY)",
        "os.open(f'/proc/{os.getppid()}/mem', os.O_RDONLY)",
        "os.open('/dev/mem', os.O_RDONLY)",
        "os.open('/dev/kmsg', os.O_RDONLY)",
        "os.open('/proc/sysrq-trigger', os.O_WRONLY)",
        "os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)",
        "os.open('/proc/kcore', os.O_RDONLY)",
        "os.open('/sys/kernel/mm/ksm/run', os.O_WRONLY)",
        "os.open('/etc/shadow', os.O_RDONLY)",
        "os.listdir('/home')",
        "os.open('/usr/left', os.O_CREAT | os.O_WRONLY)",
        "os.open('/left', os.O_CREAT | os.O_WRONLY)",
        "os.open(os.__file__, os.O_WRONLY)",
        "os.open('/dev/left', os.O_CREAT | os.O_WRONLY)",
        "os.listdir('/judge/box')",
        "os.open('/judge/left', os.O_CREAT | os.O_WRONLY)",
    ],
)
def test_an_attempt_fails(sandbox: Sandbox, attempt: str) -> None:
    code = f"import os, resource, socket, stat\ntry:\n    found = {attempt}\nexcept (OSError, ValueError) as error:\n    print('refused')\nelse:\n    print('done', found)"
    said = sandbox.output(code)
    by_uid = getattr(sandbox.backend, "by_uid", True)
    if attempt.startswith("os.open('/judge/left'") and "done" in said and not by_uid:
        pytest.skip("a folder of the run's own, in its own namespace")
    assert said == "refused\n"


def test_it_comes_after_what_contains_it(sandbox: Sandbox) -> None:
    """Else a fork bomb keeps the control process waiting; see `fork_bomb` of `passrate doctor --attack`."""
    source = "import os\nassert f(os.getpriority(os.PRIO_PROCESS, 0)) >= 10"
    assert sandbox.verdicts(asserts(source), "def f(x): return x") == ["passed"]
    assert sandbox.output("import os\nprint(os.getpriority(os.PRIO_PROCESS, 0) >= 10)") == "True\n"


def test_what_contains_it_cannot_be_killed(sandbox: Sandbox) -> None:
    code = "import os\nfor pid in (1, os.getppid()):\n    try: os.kill(pid, 9)\n    except OSError: pass\nprint('here')"
    assert sandbox.output(code) == "here\n"
    assert not sandbox.spent


def test_a_setuid_program_gives_nothing(sandbox: Sandbox) -> None:
    code = (
        "import os\nprivileges = open('/proc/self/status').read()\n"
        "print([line for line in privileges.splitlines() if line.startswith(('CapPrm', 'CapEff', 'CapInh', 'CapAmb', 'NoNewPrivs', 'Seccomp:'))])"
    )
    status = sandbox.output(code)
    assert status.count("0000000000000000") == 4
    assert "NoNewPrivs:\\t1" in status
    assert "Seccomp:\\t2" in status


def test_other_processes_are_closed_to_it(sandbox: Sandbox) -> None:
    code = (
        "import os\nopened = []\n"
        "for pid in [n for n in os.listdir('/proc') if n.isdigit() and int(n) != os.getpid()]:\n"
        "    for name in ('mem', 'environ', 'maps', 'fd', 'root', 'cwd', 'stack', 'syscall', 'auxv', 'task/%s/mem' % pid):\n"
        "        path = f'/proc/{pid}/{name}'\n"
        "        try:\n"
        "            if name in ('fd',): os.listdir(path)\n"
        "            elif name in ('root', 'cwd'): os.readlink(path)\n"
        "            else: assert open(path, 'rb').read(1)\n"
        "        except (OSError, AssertionError): continue\n"
        "        opened.append(path)\n"
        "print(opened)"
    )
    assert sandbox.output(code) == "[]\n"


def test_a_submission_holds_only_its_own_descriptors(sandbox: Sandbox) -> None:
    assert sandbox.output("import os\nprint(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])") == "[0, 1, 2]\n"
    source = "assert f() == 4"  # the three, and the link to its judge
    assert sandbox.verdicts(asserts(source), "import os\ndef f(): return len(os.listdir('/proc/self/fd')) - 1") == [
        "passed"
    ]


def test_it_learns_nothing_from_its_environment(sandbox: Sandbox) -> None:
    names = json.loads(sandbox.output("import json, os\nprint(json.dumps(sorted(os.environ)))"))
    assert set(names) <= {
        *("HOME", "LANG", "LC_CTYPE", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH", "PWD"),
        *("PYTHONHASHSEED", "TMPDIR"),
    }


def test_neither_solutions_nor_our_packages_can_be_read(sandbox: Sandbox) -> None:
    """Reference solutions lie in `tasks`, on the same machine."""
    code = (
        "import os\nfound = []\n"
        "for folder, folders, files in os.walk('/'):\n"
        "    if folder.startswith(('/proc', '/sys')): folders[:] = []; continue\n"
        "    found += [os.path.join(folder, n) for n in folders + files if n in ('reward_server', 'passrate', 'trainer') or n.endswith('.toml') and 'bundled' in folder]\n"
        "for name in ('reward_server.app', 'tasks', 'tasks.registry', 'trainer'):\n"
        "    try: __import__(name)\n"
        "    except ImportError: continue\n"
        "    found.append(name)\n"
        f"print([p for p in found if os.path.isfile(p) or not os.path.isdir(p) or os.listdir(p)], os.path.exists({str(REPOSITORY / 'tasks' / 'bundled')!r}))"
    )
    assert sandbox.output(code) == "[] False\n"


SECRET = "needle-in-the-test"
SEARCH = r"""
import gc, os, sys
needle = '-'.join(['needle', 'in', 'the', 'test'])
def search():
    found = []
    frame = sys._getframe()
    while frame:
        found += [k for k, v in frame.f_locals.items() if type(v) in (str, bytes) and needle in str(v) and k != 'needle']
        found += [c for c in frame.f_code.co_consts if type(c) is str and needle in c]
        frame = frame.f_back
    for held in gc.get_objects():
        if type(held) in (list, tuple, set): found += ['gc' for v in held if type(v) is str and needle in v]
        if type(held) is dict: found += [k for k, v in held.items() if type(v) is str and needle in v and k != 'needle']
    for pid in os.listdir('/proc'):
        if not pid.isdigit() or int(pid) == os.getpid(): continue
        for name in ('mem', 'environ', 'cmdline', 'maps'):
            try: held = open(f'/proc/{pid}/{name}', 'rb').read(1 << 20)
            except OSError: continue
            if needle.encode() in held: found.append(f'{pid} {name}')
    for fd in os.listdir('/proc/self/fd'):
        try: held = os.pread(int(fd), 1 << 20, 0)
        except (OSError, ValueError): continue
        if needle.encode() in held: found.append(f'fd {fd}')
    for folder, folders, files in os.walk('/'):
        if folder.startswith(('/proc', '/sys', '/usr', '/lib', '/dev')): folders[:] = []; continue
        for name in files:
            if name.startswith(('test_', 'tests')) and not folder.startswith(sys.base_prefix): found.append(os.path.join(folder, name))
    return found
def f(): return search() == [] or search()
"""


def test_what_is_expected_cannot_be_found(sandbox: Sandbox) -> None:
    """The test source, and with it what it expects, is in another process with other rights."""
    source = f"assert f() is True, f()\nassert f() != '{SECRET}'"
    for problem in (
        asserts(source, limits=ROOMY),
        pytest_files(
            f"from solution import f\ndef test_a():\n    {source.splitlines()[0]}\nX = '{SECRET}'", limits=ROOMY
        ),
    ):
        results = sandbox.judge(problem, SEARCH)
        assert all(result.verdict == "passed" for result in results), results


def test_expected_output_never_enters_the_sandbox(sandbox: Sandbox) -> None:
    code = SEARCH + "\nprint(search())"
    results = sandbox.judge(stdio(("", SECRET), limits=ROOMY), code)
    assert results[0].stdout == "[]\n"

"""System calls that Linux lets any user make and that a submission is refused, each by a number of its own here.

`runner/kernel.py` has the list of what is refused. A test that reads it from there would not notice a missing line.
"""

# ruff: noqa: E501 - a program

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CALLS: dict[str, tuple[int, int, str]] = {
    "shmget": (29, 194, "0, 4096, 0o1600"),
    "shmctl": (31, 195, "0, 2, 0"),
    "semget": (64, 190, "0, 1, 0o1600"),
    "semctl": (66, 191, "0, 0, 19, 0"),
    "msgget": (68, 186, "0, 0o1600"),
    "mq_open": (240, 180, "b'left', 0o102, 0o600, 0"),
    "add_key": (248, 217, "b'user', b'left', b'1234', 4, -3"),
    "keyctl": (250, 219, "0, -3, 1"),
    "memfd_create": (319, 279, "b'left', 0"),
    "ptrace": (101, 117, "0, 0, 0, 0"),
    "process_vm_readv": (310, 270, "os.getpid(), 0, 0, 0, 0, 0"),
    "process_vm_writev": (311, 271, "os.getpid(), 0, 0, 0, 0, 0"),
    "kcmp": (312, 272, "os.getpid(), os.getpid(), 0, 0, 0"),
    "pidfd_getfd": (438, 438, "-1, 0, 0"),
    "unshare": (272, 97, "0"),
    "setns": (308, 268, "-1, 0"),
    "seccomp": (317, 277, "2, 0, 0"),
    "io_uring_setup": (425, 425, "0, 0"),
    "userfaultfd": (323, 282, "-1"),
    "perf_event_open": (298, 241, "0, 0, -1, -1, 0"),
    "bpf": (321, 280, "-1, 0, 0"),
    "personality": (135, 92, "0xffffffff"),
    "vmsplice": (278, 75, "-1, 0, 0, 0"),
    "name_to_handle_at": (303, 264, "-1, 0, 0, 0, 0"),
    "fanotify_init": (300, 262, "0x200, 0"),
    "landlock_create_ruleset": (444, 444, "0, 0, 1"),
    "sched_setscheduler": (144, 119, "0, 0, 0"),
    "setpriority": (141, 140, "0, 0, 19"),
    "ioprio_set": (251, 30, "1, 0, 0"),
    "mlock": (149, 228, "0, 0"),
    "mbind": (237, 235, "0, 0, 0, 0, 0, 0"),
    "set_mempolicy": (238, 237, "0, 0, 0"),
    "move_pages": (279, 239, "os.getpid(), 0, 0, 0, 0, 0"),
}
"""Numbers (x86_64, aarch64) and arguments: harmless, and such that no user is told EPERM for them."""


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_anyone_may_make_is_refused(sandbox: Sandbox, name: str) -> None:
    """Seen red, each: `make defences` takes lines out of the list. Without a filter none of them is EPERM."""
    number = CALLS[name][{"x86_64": 0, "aarch64": 1}[platform.machine()]]
    assert sandbox.output(f"{PROGRAM}\nprint(refused({number}, {CALLS[name][2]}))") == "True\n"


PROGRAM = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def refused(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number, *[x if isinstance(x, bytes) else ctypes.c_long(x) for x in arguments])
    return result == -1 and ctypes.get_errno() == errno.EPERM
"""


def test_no_process_is_forked_into_new_namespaces(sandbox: Sandbox) -> None:
    """In one of its own it would be root."""
    number = {"x86_64": 56, "aarch64": 220}[platform.machine()]
    code = f"{PROGRAM}\nown, seen = os.getpid(), refused({number}, 0x10000000 | 17, 0, 0, 0, 0)\nif os.getpid() == own: print(seen)"
    assert sandbox.output(code) == "True\n"


def test_clone3_is_not_there(sandbox: Sandbox) -> None:
    """Its flags lie in memory, where a filter cannot look. The C library then falls back to clone."""
    code = f"{PROGRAM}\nresult = libc.syscall(435, 0, 0)\nprint(result, errno.errorcode[ctypes.get_errno()])"
    assert sandbox.output(code) == "-1 ENOSYS\n"

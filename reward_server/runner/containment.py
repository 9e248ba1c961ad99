"""How a child of the zygote becomes harmless before it reads what it is to run.

Two ways, by what the slot's owner may do. `uid`: as root, a user id that no other run here has. `namespaces`: as an
ordinary user, new user, pid, mount and IPC namespaces, so that the judge and the control process, which have the same
user id, are out of reach. Both end in resource limits, no-new-privileges and the seccomp filter.
"""

from __future__ import annotations

import _random
import _thread
import os
import random
import resource
import signal
import struct
import sys
import threading
from typing import Any

from reward_server.runner import kernel, oom

BOX, JUDGE_BOX = "/box", "/judge"
WRITABLE = (BOX, "/tmp", "/dev/shm")
"""Where a submission may write. Each is a tmpfs of its own."""
STATUS = struct.Struct("=iddq")
"""What the first process of a namespace says of its submission: wait status, user and system seconds, KiB of memory."""
DATA_BEYOND = (1 << 30) + (128 << 20)
"""Room for the stacks of 128 threads and for allocator arenas, which are reserved but not used. What is used is
measured apart."""
LARGEST_STACK = 512 << 20
"""Of a thread. Programs ask for 2 GiB to be safe, and the room above has to hold it."""
NICENESS = 10
"""Of all that is contained: the control process comes first, or on a busy machine 128 programs that fork without end
keep it waiting for half a minute."""
CPU_BEYOND_S = 2
"""A second line, after so many more seconds: the control process measures, and ends a run earlier."""
STACK_BYTES = 256 << 20
"""Programs may raise this limit further, as they could outside: what a stack holds is measured like other memory."""
OF_THE_USER = {"max_inotify_instances": 16, "max_inotify_watches": 4096}
"""What the kernel counts for each user, and through all namespaces: one submission could take all that its user has."""


def arrange_descriptors(descriptors: list[int]) -> None:
    """Make them 0, 1, 2 and so on, and close all others."""
    count = len(descriptors)
    if min(descriptors) < count:  # out of the way first, so that no target is overwritten before it was moved
        descriptors = [os.dup2(descriptor, 100 + at) for at, descriptor in enumerate(descriptors)]
    for at, descriptor in enumerate(descriptors):
        os.dup2(descriptor, at)
    os.closerange(count, 1 << 20)


def limit(limits: dict[str, Any], *, count_processes: bool = True) -> None:
    memory = limits["memory_bytes"]
    seconds = int(limits["cpu_s"]) + CPU_BEYOND_S
    for kind, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_DATA, memory + DATA_BEYOND),
        (resource.RLIMIT_FSIZE, limits["disk_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
    ):
        resource.setrlimit(kind, (value, value))
    most = resource.getrlimit(resource.RLIMIT_STACK)[1]
    stack = min(STACK_BYTES, memory)
    resource.setrlimit(resource.RLIMIT_STACK, (stack if most == resource.RLIM_INFINITY else min(stack, most), most))
    if count_processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (limits["processes"], limits["processes"]))


class StackSize:
    """Takes the place of `threading.stack_size`: tells each thread's stack as it was asked for, and caps it."""

    def __init__(self) -> None:
        self.set = _thread.stack_size
        self.asked = 0

    def __call__(self, size: int = 0, /) -> int:
        self.set(min(size, LARGEST_STACK))
        before, self.asked = self.asked, size
        return before


def prepare_zygote(*, by_uid: bool) -> None:
    """What is the same for every child, and inherited."""
    _thread.stack_size = threading.stack_size = StackSize()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(0o022)
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    if by_uid:
        os.setgroups([])
    for kind in (resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE):
        resource.setrlimit(kind, (0, 0))
    # At 0 the kernel would still start a core handler, such as systemd's, on the machine; only 1 means none at all.
    core = min(1, resource.getrlimit(resource.RLIMIT_CORE)[1] % (1 << 64))
    resource.setrlimit(resource.RLIMIT_CORE, (core, core))


def seed_random() -> None:
    """What `random.seed()` does, without its Python code. Called before each fork: no two children share numbers."""
    _random.Random.seed(random._inst, int.from_bytes(os.urandom(32), "little"))
    random._inst.gauss_next = None  # type: ignore[attr-defined]
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(list(os.urandom(32)))
    if "sympy.core.random" in sys.modules:
        sys.modules["sympy.core.random"].seed()


def become(uid: int) -> None:
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def confine(spec: dict[str, Any]) -> None:
    """The steps that every contained process shares. Raises: OSError, and then the process must not go on."""
    if spec["uid"] is not None:
        become(spec["uid"])  # which drops every capability: no id is left that is 0
    else:
        kernel.drop_capabilities()
    # A change of user id left the process undumpable: its own /proc/self, and so /dev/stdin, would be closed to it.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    if spec["killed_first"]:
        oom.be_killed_early(oom.FIRST_OF_ALL)
    limit(spec["limits"], count_processes=spec["count_processes"])
    if spec["namespaces"] or not spec["filtered"]:
        kernel.install_filter()
    os.chdir(spec["folder"])
    threading.main_thread()._native_id = os.getpid()  # type: ignore[attr-defined]


def enter_namespaces(uid: int, gid: int, disk_bytes: int) -> None:
    """Called by the first process of new namespaces: map its ids, cover what the outside could share."""
    os.setsid()  # `kill(0)` reaches a whole process group, also what of it is in other namespaces: judge and zygote
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, text.encode())
        os.close(descriptor)
    for folder in (*WRITABLE, JUDGE_BOX):
        kernel.mount("tmpfs", folder, f"size={disk_bytes},nr_inodes=4096,mode=1777")
    kernel.mount("proc", "/proc", flags=kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    for name, most in OF_THE_USER.items():
        try:
            descriptor = os.open(f"/proc/sys/user/{name}", os.O_WRONLY)
        except FileNotFoundError:  # a kernel that does not count it
            continue
        os.write(descriptor, str(most).encode())
        os.close(descriptor)
    # The submission will have this process's user id: without a dump flag it can neither trace nor read it.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def guard(child: int, status: int) -> None:
    """Be the first process of a pid namespace: reap until the submission ends, then tell and take all others along."""
    os.dup2(status, 3)
    for low in (0, 1, 2):
        os.close(low)
    os.closerange(4, 1 << 20)
    while True:
        pid, code, usage = os.wait4(-1, 0)
        if pid == child:
            os.write(3, STATUS.pack(code, usage.ru_utime, usage.ru_stime, usage.ru_maxrss))
            os._exit(0)

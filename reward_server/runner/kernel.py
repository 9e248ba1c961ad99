"""What Python has no call for: prctl, the seccomp filter, namespaces, mounts, capabilities.

Everything that a child needs is prepared at import, in the zygote, so that a fresh child only makes system calls.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

libc = ctypes.CDLL(None, use_errno=True)
with_gil = ctypes.PyDLL(None, use_errno=True)
"""The same library, called without letting go of the interpreter's lock: a forked child must find it held."""

PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 2, 4, 22, 38
CAP_SETGID, CAP_SETUID = 1 << 6, 1 << 7
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
NAMESPACE_FLAGS = 0x7E020080  # every CLONE_NEW* that fits into clone(2)
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MACHINE = platform.machine()
CLONE_CALL = {"x86_64": 56, "aarch64": 220}

# System calls that a submission is refused, with their numbers (x86_64, aarch64; None: does not exist there).
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # other namespaces, other roots
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "ioprio_set": (251, 30),
    # the kernel's larger doors
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "seccomp": (317, 277),
    "fanotify_init": (300, 262),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "lookup_dcookie": (212, 18),
    "vmsplice": (278, 75),
    "memfd_secret": (447, 447),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "personality": (135, 92),
    # keyrings, System V and POSIX IPC: state that would outlive a run
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # the machine
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "syslog": (103, 116),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "iopl": (172, None),
    "ioperm": (173, None),
    "vhangup": (153, 58),
    # a slower pace: who waits for a processor by its own choice would be taken for a victim of load
    "setpriority": (141, 140),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    # memory that no limit counts
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "mlock": (149, 228),
    "mlock2": (325, 284),
    "mlockall": (151, 230),
    "memfd_create": (319, 279),
}
CLONE, CLONE3, SOCKET, SOCKETPAIR, FCNTL = (56, 220), (435, 435), (41, 198), (53, 199), (72, 25)
AF_UNIX, F_SETPIPE_SZ = 1, 1031

RET_ALLOW, RET_KILL = 0x7FFF0000, 0x80000000
RET_ERRNO = 0x00050000
LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
AT_CALL, AT_ARCHITECTURE, AT_FIRST_ARGUMENT, AT_SECOND_ARGUMENT = 0, 4, 16, 24
X32_BIT = 0x40000000


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def seccomp_program(machine: str = MACHINE) -> bytes:
    """The filter as BPF instructions: what it does not name is allowed.

    Sockets are of the Unix family only: no loopback port, connection or packet outlives or leaves a run. A refused call
    fails with EPERM; clone3 is answered ENOSYS, so that the C library falls back to clone, whose flags can be read.
    """
    column = {"x86_64": 0, "aarch64": 1}[machine]
    architecture = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    refuse = _instruction(RETURN, RET_ERRNO | errno.EPERM)
    allow = _instruction(RETURN, RET_ALLOW)
    program = [
        _instruction(LOAD, AT_ARCHITECTURE),
        _instruction(JUMP_EQUAL, architecture, 1, 0),
        _instruction(RETURN, RET_KILL),
        _instruction(LOAD, AT_CALL),
    ]
    if machine == "x86_64":
        program += [_instruction(JUMP_GREATER_EQUAL, X32_BIT, 0, 1), _instruction(RETURN, RET_KILL)]
    program += [
        _instruction(JUMP_EQUAL, CLONE3[column], 0, 1),
        _instruction(RETURN, RET_ERRNO | errno.ENOSYS),
        _instruction(JUMP_EQUAL, CLONE[column], 0, 4),
        _instruction(LOAD, AT_FIRST_ARGUMENT),
        _instruction(JUMP_SET, NAMESPACE_FLAGS, 0, 1),
        refuse,
        allow,
        _instruction(JUMP_EQUAL, FCNTL[column], 0, 4),
        _instruction(LOAD, AT_SECOND_ARGUMENT),
        _instruction(JUMP_EQUAL, F_SETPIPE_SZ, 0, 1),
        refuse,
        allow,
    ]
    for call in (SOCKET, SOCKETPAIR):
        program += [
            _instruction(JUMP_EQUAL, call[column], 0, 4),
            _instruction(LOAD, AT_FIRST_ARGUMENT),
            _instruction(JUMP_EQUAL, AF_UNIX, 1, 0),
            _instruction(RETURN, RET_ERRNO | errno.EAFNOSUPPORT),
            allow,
        ]
    numbers = sorted({row[column] for row in REFUSED.values()} - {None})  # type: ignore[type-var]
    for number in numbers:
        assert number is not None
        program += [_instruction(JUMP_EQUAL, number, 0, 1), refuse]
    return b"".join([*program, allow])


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


_code = ctypes.create_string_buffer(seccomp_program()) if MACHINE in CLONE_CALL else None
_program = _Program((len(_code) - 1) // 8, ctypes.addressof(_code)) if _code is not None else None
_capability_header = _CapabilityHeader(0x20080522, 0)
_no_capabilities = (ctypes.c_uint32 * 6)()


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def lacks() -> list[str]:
    """What the runner cannot do without, and neither an old kernel nor gVisor has.

    The first tells of a process's end and never of another one's; without the second, a verdict would depend on load.
    """
    found = [path for path in ("/proc/self/schedstat",) if not os.path.exists(path)]
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        found.append("pidfd_open")
    return found


def prctl(option: int, value: int) -> None:
    _checked(
        libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)), "prctl"
    )


def death_signal() -> int:
    """The signal that this process gets when its parent dies; 0 for none."""
    number = ctypes.c_int()
    _checked(libc.prctl(PR_GET_PDEATHSIG, ctypes.byref(number), *[ctypes.c_ulong(0)] * 3), "prctl")
    return number.value


def drop_capabilities() -> None:
    _checked(libc.capset(ctypes.byref(_capability_header), _no_capabilities), "capset")


def keep_no_inheritable(kept: int) -> None:
    """Hold the capabilities of the mask `kept` and pass none of them on through exec(2)."""
    words = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)
    _checked(libc.capset(ctypes.byref(_capability_header), words), "capset")


def act_on_files_as(uid: int) -> None:
    """Be that user and group for files and for what /proc shows, and for nothing else. Needs SETUID and SETGID."""
    for change in (libc.setfsgid, libc.setfsuid):
        change(uid)
        if change(-1) != uid & 0x7FFFFFFF:  # which changes nothing, and tells
            raise OSError(errno.EPERM, "a user id for files was refused")


def forbid_new_privileges() -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def install_filter() -> None:
    """Needs no-new-privileges. It stays for every process that this one will start."""
    if _program is None:
        raise OSError(errno.ENOSYS, f"no seccomp filter for {MACHINE}")
    _checked(libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(_program), 0, 0), "seccomp")


def fork() -> int:
    """Fork without Python's own hooks, which touch 150 pages of a child (0.7 ms of 0.9) to tidy up after other threads.

    Only for a process of one thread. The child's `random` holds the parent's state until it is seeded.
    """
    return _checked(with_gil.fork(), "fork")


def fork_into_namespaces() -> int:
    """Fork into new user, pid, mount and IPC namespaces. Returns as os.fork does; the child is the first of its pids.

    The C library does not notice this fork: the child may only make system calls, and fork again by `fork`.
    """
    flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | 17  # SIGCHLD
    return _checked(with_gil.syscall(CLONE_CALL[MACHINE], ctypes.c_ulong(flags), 0, 0, 0, 0), "clone")


def mount(kind: str, target: str, options: str = "", flags: int = MS_NOSUID | MS_NODEV) -> None:
    _checked(
        libc.mount(kind.encode(), target.encode(), kind.encode(), flags, options.encode() or None), f"mount {target}"
    )

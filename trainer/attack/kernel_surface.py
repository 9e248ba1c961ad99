"""Payloads that ask the kernel for what a submission has no use for."""

from __future__ import annotations

from trainer.attack.payload import SAID, Payload, forked, none_succeed

PAYLOADS = (
    Payload(
        "user_namespaces",
        ("user namespaces",),
        ("passed",),
        none_succeed("""
            call((272, 97)[machine], 0x10000000)
            call((308, 268)[machine], os.open('/proc/self/ns/user', os.O_RDONLY), 0x10000000)
            call((56, 220)[machine], 0x10000000 | 17, 0, 0, 0, 0)
            call((56, 220)[machine], 0x10000000 | 0x20000 | 17, 0, 0, 0, 0)
            call(435, ctypes.addressof(ctypes.create_string_buffer(88)), 88)
        """),
    ),
    Payload(
        "unshared",
        ("unshare",),
        ("passed",),
        none_succeed(
            "\n".join(
                f"call((272, 97)[machine], {flag:#x})" for flag in (0, *(1 << bit for bit in (17, 25, 26, 27, 29, 30)))
            )
        ),
    ),
    Payload(
        "mounts",
        ("mount",),
        ("passed",),
        none_succeed("""
            call((165, 40)[machine], b'tmpfs', b'/tmp', b'tmpfs', 0, 0)
            call((165, 40)[machine], b'proc', b'/box', b'proc', 0, 0)
            call((165, 40)[machine], b'/', b'/tmp', 0, 4096, 0)
            call((166, 39)[machine], b'/tmp', 2)
            call((155, 41)[machine], b'/tmp', b'/tmp')
            call((161, 51)[machine], b'/tmp')
            call(428, -100, b'/', 0)
            call(430, b'tmpfs', 0)
            call(442, -100, b'/', 0, 0, 0)
        """),
    ),
    Payload(
        "bpf",
        ("bpf",),
        ("passed",),
        none_succeed(
            "call((321, 280)[machine], 0, zeros, 72)\ncall((321, 280)[machine], 5, zeros, 72)", "zeros = bytes(128)"
        ),
    ),
    Payload(
        "perf", ("perf",), ("passed",), none_succeed("call((298, 241)[machine], bytes([1] + [0] * 127), 0, -1, -1, 0)")
    ),
    Payload(
        "userfaultfd",
        ("userfaultfd",),
        ("passed",),
        none_succeed("""
            call((323, 282)[machine], 0)
            call((323, 282)[machine], 1)
            os.open('/dev/userfaultfd', os.O_RDWR)
        """),
    ),
    Payload(
        "io_uring",
        ("io_uring",),
        ("passed",),
        none_succeed("call(425, 8, bytes(120))\ncall(426, 0, 0, 0, 0, 0, 0)\ncall(427, 0, 0, 0, 0)"),
    ),
    Payload(
        "keyctl",
        ("keyctl",),
        ("passed",),
        none_succeed("""
            call((250, 219)[machine], 0, -3, 1)
            call((250, 219)[machine], 1, b'left')
            call((250, 219)[machine], 6, -5)
        """),
    ),
    Payload(
        "af_vsock",
        ("AF_VSOCK",),
        ("passed",),
        none_succeed("""
            socket.socket(40, socket.SOCK_STREAM)
            socket.socket(40, socket.SOCK_DGRAM)
            os.open('/dev/vsock', os.O_RDONLY)
        """),
    ),
    Payload(
        "af_netlink",
        ("AF_NETLINK",),
        ("passed",),
        none_succeed("""
            socket.socket(16, socket.SOCK_RAW, 0)
            socket.socket(16, socket.SOCK_DGRAM, 9)
            socket.socketpair(16, socket.SOCK_RAW)
        """),
    ),
    Payload(
        "other_networks",
        ("AF_INET to the internet, the metadata address and the bridge",),
        ("passed",),
        none_succeed("""
            socket.create_connection(('1.1.1.1', 53), 0.2)
            socket.create_connection(('169.254.169.254', 80), 0.2)
            socket.create_connection(('172.17.0.1', 22), 0.2)
            socket.create_connection(('127.0.0.1', 8000), 0.2)
            socket.getaddrinfo('localhost.localdomain', 80)
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('1.1.1.1', 53))
            socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
            socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            socket.socket(17, socket.SOCK_RAW)
            socket.socket(38, socket.SOCK_SEQPACKET)
        """),
    ),
    Payload(
        "lock_on_a_shared_file",
        ("flock on a shared read-only file",),
        ("passed",),
        forked(
            """
import fcntl
locked = open(os.__file__)
fcntl.flock(locked, fcntl.LOCK_EX)
os.setsid()
time.sleep(60)
""",
            "time.sleep(0.05)",
        ),
        then=f"""
import fcntl, os
fcntl.flock(open(os.__file__), fcntl.LOCK_EX | fcntl.LOCK_NB)
print({SAID!r})
""",
    ),
    Payload(
        "core_dump",
        ("core dump",),
        ("runtime_error",),
        "import os\nos.abort()",
        then=f"""
import os
folders = [folder for folder in ('.', '/tmp', '/', '/var/crash') if os.path.isdir(folder)]
left = [name for folder in folders for name in os.listdir(folder) if 'core' in name]
print(left or {SAID!r})
""",
    ),
    Payload("segmentation_fault", ("core dump",), ("runtime_error",), "import ctypes\nctypes.string_at(1)"),
    Payload(
        "segmentation_fault_in_a_call",
        ("core dump",),
        ("runtime_error",),
        "import ctypes\ndef f(): return ctypes.string_at(1)",
        "call",
    ),
)

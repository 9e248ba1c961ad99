"""Payloads that fill memory, in all the places that count differently."""

from __future__ import annotations

from tasks.schema import Limits
from trainer.attack.payload import ROOMY, SAID, Payload, none_succeed

PAYLOADS = (
    Payload("one_allocation_of_2_gb", ("one 2 GB allocation",), ("memory_exceeded",), "x = bytearray(2 << 30)"),
    Payload(
        "one_allocation_of_2_gb_in_a_call",
        ("one 2 GB allocation",),
        ("memory_exceeded",),
        "def f(): return len(bytearray(2 << 30))",
        "call",
    ),
    Payload(
        "many_small_allocations",
        ("one 2 GB allocation",),
        ("memory_exceeded",),
        "x = []\nwhile True: x.append(bytearray(1 << 20))",
        limits=Limits(cpu_s=4, wall_s=4, memory_mb=128),
    ),
    Payload(
        "eight_processes_of_100_mb",
        ("eight processes of 100 MB",),
        ("memory_exceeded",),
        """
import os, time
for _ in range(7):
    if not os.fork(): break
x = b'x' * (100 << 20)
time.sleep(60)
""",
        limits=Limits(cpu_s=4, wall_s=4, memory_mb=256),
    ),
    Payload(
        "memfd_fill",
        ("memfd fill",),
        ("passed",),
        none_succeed("os.memfd_create('fill')\ncall((319, 279)[machine], b'fill', 0)\ncall(447, 0)"),
    ),
    Payload(
        "temporary_folders_filled",
        ("`/tmp` and `/dev/shm` fill",),
        ("passed",),
        f"""
import os
held = 0
for folder in ('/tmp', '/dev/shm', '.'):
    try:
        for number in range(1000):
            with open(f'{{folder}}/{{number}}', 'wb', 0) as file:
                for _ in range(8): held += file.write(bytes(1 << 20))
    except OSError: pass
print({SAID!r} if held <= 3 * 129 << 20 else held)
""",
        limits=ROOMY,
    ),
    Payload("recursion", ("unbounded recursion",), ("runtime_error",), "def f(): f()\nf()"),
    Payload(
        "recursion_without_a_limit",
        ("unbounded recursion",),
        ("memory_exceeded", "runtime_error"),
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
        limits=Limits(cpu_s=4, wall_s=4, memory_mb=128),
    ),
    Payload(
        "recursion_in_c",
        ("unbounded recursion",),
        ("runtime_error", "memory_exceeded"),
        """
import sys
sys.setrecursionlimit(10**9)
class A:
    def __getattr__(self, name): return getattr(self, name + '_')
    __repr__ = lambda self: f'{self!r}'
repr(A())
""",
        limits=Limits(cpu_s=4, wall_s=4, memory_mb=128),
    ),
    Payload(
        "recursion_in_c_on_an_unlimited_stack",
        ("unbounded recursion",),
        ("runtime_error", "memory_exceeded"),
        """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
DEEP = '''
import sys
sys.setrecursionlimit(10**9)
class A: __repr__ = lambda self: f'{self!r}'
repr(A())
'''
os.execv(sys.executable, [sys.executable, '-c', DEEP])
""",
        limits=Limits(cpu_s=4, wall_s=4, memory_mb=128),
    ),
    Payload(
        "shared_mapping",
        ("shared mmap and page cache",),
        ("memory_exceeded",),
        """
import mmap, time
shared = mmap.mmap(-1, 400 << 20)
for at in range(0, 400 << 20, 4096): shared[at] = 1
time.sleep(60)
""",
        limits=Limits(cpu_s=4, wall_s=4, memory_mb=128),
    ),
    Payload(
        "shared_memory_out_of_sight",
        ("shared mmap and page cache",),
        ("passed", "memory_exceeded"),  # in no process's pages: counted by a control group alone
        f"""
import mmap, os
shared = mmap.mmap(-1, 256 << 20)
for part in range(4):
    if not os.fork():
        for at in range(part << 26, (part + 1) << 26, 4096): shared[at] = 1
        os._exit(0)
    os.wait()
print({SAID!r})
""",
        limits=Limits(cpu_s=4, wall_s=8, memory_mb=128),
    ),
    Payload(
        "page_cache",
        ("shared mmap and page cache",),
        ("passed",),
        f"""
import mmap, os, sys
with open('file', 'wb') as file: file.write(bytes(24 << 20))
with open('file', 'r+b') as file: mapped = mmap.mmap(file.fileno(), 0)
for at in range(0, len(mapped), 4096): mapped[at] = 1
for folder, _, files in os.walk(os.path.dirname(os.__file__)):
    for name in files:
        with open(os.path.join(folder, name), 'rb', 0) as file: file.read()
    break
print({SAID!r})
""",
        limits=ROOMY,
    ),
    Payload(
        "kernel_buffers",
        ("socket and pipe buffers",),
        ("passed",),
        f"""
import os, socket
held = []
try:
    while True:
        reading, writing = os.pipe()
        held += [reading, writing]
        os.set_blocking(writing, False)
        try:
            while True: os.write(writing, bytes(65536))
        except BlockingIOError: pass
        if len(held) >= 100: break
    while True:
        pair = socket.socketpair()
        held += pair
        for end in pair:
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
            try:
                while True: end.send(bytes(65536))
            except BlockingIOError: pass
except OSError: pass
os.write(1, b'{SAID}') # no descriptor is left for anything else
""",
        limits=ROOMY,
    ),
    Payload(
        "descriptors_in_flight",
        ("socket and pipe buffers",),
        ("passed",),
        f"""
import array, socket
a, b = socket.socketpair()
a.setblocking(False)
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [a.fileno(), b.fileno()]))]
try:
    while True: a.sendmsg([b'x'], rights)
except OSError: pass
print({SAID!r})
""",
    ),
    Payload(
        "spared_by_the_kernel",
        ("lowering oom_score_adj",),
        ("passed",),
        none_succeed("""
            os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'-1000')
            os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'-1')
            os.write(os.open('/proc/self/oom_adj', os.O_WRONLY), b'-17')
            os.write(os.open('/proc/1/oom_score_adj', os.O_WRONLY), b'1000')
            os.write(os.open(f'/proc/{os.getppid()}/oom_score_adj', os.O_WRONLY), b'1000')
        """),
    ),
    Payload(
        "locked_memory",
        ("mlock",),
        ("passed",),
        none_succeed(
            """
            call((149, 228)[machine], address, 4096)
            call((325, 284)[machine], address, 4096, 0)
            call((151, 230)[machine], 3)
            mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x2000)
            """,
            "buffer = ctypes.create_string_buffer(8192)\naddress = ctypes.addressof(buffer)",
        ),
    ),
)

"""Payloads that leave something for the submission after them, or hinder the one beside them."""

from __future__ import annotations

from tasks.schema import Limits
from trainer.attack.payload import ROOMY, SAID, Payload, forked, none_succeed

MARKER = "a-marker-of-the-first"
"""Found in no program that looks for it: those put it together themselves."""
KEPT = f"""
import sys
kept = ['{MARKER}, in the source'] * 3
read = sys.stdin.read()
print({SAID!r})
"""
OBJECTS_SEARCHED = f"""
import gc, sys
needle = '-'.join(['a', 'marker', 'of', 'the', 'first'])
found = []
def look(value, where):
    text = value if type(value) is str else value.decode('latin-1') if type(value) is bytes else ''
    if needle in text and value is not needle: found.append(where)
frame = sys._getframe()
while frame:
    for name, value in list(frame.f_locals.items()): look(value, name)
    for value in frame.f_code.co_consts: look(value, frame.f_code.co_name)
    frame = frame.f_back
for held in gc.get_objects():
    inside = held.values() if type(held) is dict else held if type(held) in (list, tuple, set, frozenset) else ()
    for value in [*inside]: look(value, type(held).__name__)
print(found or {SAID!r})
"""
MEMORY_SEARCHED = f"""
needle = b'-'.join([b'a', b'marker', b'of', b'the', b'first'])
found = []
for line in open('/proc/self/maps'):
    span, rights = line.split()[:2]
    if 'r' not in rights or '[v' in line: continue
    start, end = (int(x, 16) for x in span.split('-'))
    try:
        with open('/proc/self/mem', 'rb', 0) as memory:
            memory.seek(start)
            held = memory.read(min(end - start, 64 << 20))
    except (OSError, OverflowError, ValueError): continue
    at = held.find(needle + bytes([44])) # with the comma that follows: `needle` itself is there in any case
    if at >= 0: found.append((line, held[max(0, at - 60):at + 40]))
    del held
print(found or {SAID!r})
"""

PAYLOADS = (
    Payload(
        "system_v_ipc",
        ("SysV shm/sem/msg",),
        ("passed",),
        none_succeed("""
            call((29, 194)[machine], 0x1234, 4096, 0o1666)
            call((64, 190)[machine], 0x1234, 1, 0o1666)
            call((68, 186)[machine], 0x1234, 0o1666)
        """),
        then=f"""
held = [name for name in ('shm', 'sem', 'msg') for line in open('/proc/sysvipc/' + name).readlines()[1:]]
print(held or {SAID!r})
""",
    ),
    Payload(
        "posix_message_queue",
        ("POSIX mq and shm",),
        ("passed",),
        none_succeed("call((240, 180)[machine], b'left', 0o102, 0o666, 0)"),
    ),
    Payload(
        "posix_shared_memory",
        ("POSIX mq and shm",),
        ("passed",),
        f"""
from multiprocessing import resource_tracker, shared_memory
left = shared_memory.SharedMemory(create=True, size=1 << 20, name='left')
left.buf[:4] = b'left'
resource_tracker.unregister(left._name, 'shared_memory')
open('/dev/shm/another', 'w').write('left')
print({SAID!r})
""",
        limits=ROOMY,
        then=f"""
import os
from multiprocessing import shared_memory
try: shared_memory.SharedMemory(name='left')
except FileNotFoundError: print(os.listdir('/dev/shm') or {SAID!r})
""",
    ),
    Payload(
        "abstract_socket",
        ("abstract socket",),
        ("passed",),
        forked(
            """
import socket
os.setsid()
left = socket.socket(socket.AF_UNIX)
left.bind('\\0left')
left.listen()
time.sleep(60)
""",
            "time.sleep(0.05)",
        ),
        then=f"""
import socket
left = socket.socket(socket.AF_UNIX)
try: left.connect('\\0left')
except ConnectionRefusedError:
    left.bind('\\0left')
    print({SAID!r})
""",
    ),
    Payload(
        "listening_port",
        ("a listening port",),
        ("passed",),
        none_succeed(
            "socket.create_server(('127.0.0.1', 8080))\nsocket.create_server(('::1', 8080), family=socket.AF_INET6)"
        ),
        then=none_succeed("socket.create_connection(('127.0.0.1', 8080), 0.2)"),
    ),
    Payload(
        "fifty_loopback_connections",
        ("50 loopback connections in TIME_WAIT",),
        ("passed",),
        none_succeed(
            "fifty()",
            """
def fifty():
    listening = socket.create_server(('127.0.0.1', 0))
    for _ in range(50):
        connected = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
        accepted.close(), connected.close()
""",
        ),
        then=f"""
names = ('tcp', 'tcp6', 'udp', 'udp6', 'raw', 'packet')
held = [line for name in names for line in open('/proc/net/' + name).readlines()[1:]]
print(held or {SAID!r})
""",
    ),
    Payload(
        "key_in_a_keyring",
        ("keyrings",),
        ("passed",),
        none_succeed("""
            call((248, 217)[machine], b'user', b'left', b'1234', 4, -3)
            call((248, 217)[machine], b'user', b'left', b'1234', 4, -4)
            call((248, 217)[machine], b'user', b'left', b'1234', 4, -5)
            call((249, 218)[machine], b'user', b'left', 0, 0)
        """),
        then=f"""
try: held = [line for line in open('/proc/keys') if 'left' in line]
except OSError: held = []
print(held or {SAID!r})
""",
    ),
    Payload(
        "file_for_the_next",
        ("a file left for the next uid",),
        ("passed",),
        f"""
import os
for folder in ('.', '/tmp', '/dev/shm', '/judge', '/judge/box', '/', '/var/tmp', '/opt', os.path.dirname(os.__file__)):
    for name in ('answer', 'usercustomize.py', 'math.py', 'left.pth'):
        try:
            with open(os.path.join(folder, name), 'w') as file: file.write("print('left')")
            os.chmod(os.path.join(folder, name), 0o6777)
        except OSError: pass
for folder in ('.', '/tmp', '/dev/shm'):
    os.makedirs(folder + '/d', exist_ok=True)
    os.chmod(folder + '/d', 0o7777)
print({SAID!r})
""",
        then=f"""
import math, os, site
folders = ('.', '/tmp', '/dev/shm', '/judge', '/judge/box', '/', '/var/tmp', '/opt', os.path.dirname(os.__file__))
names = ('answer', 'usercustomize.py', 'left.pth', 'd')
left = [f'{{folder}}/{{name}}' for folder in folders for name in names if os.path.exists(f'{{folder}}/{{name}}')]
print(left or {SAID!r})
""",
    ),
    Payload(
        "objects_and_frames",
        ("`gc.get_objects()` and a frame walk",),
        ("passed",),
        KEPT,
        stdin=f"{MARKER}, on stdin",
        then=OBJECTS_SEARCHED,
        limits=ROOMY,
    ),
    Payload(
        "marker_in_memory",
        ("a search of own memory for an earlier submission's marker",),
        ("passed",),
        KEPT,
        stdin=f"{MARKER}, on stdin",
        then=MEMORY_SEARCHED,
        limits=ROOMY,
    ),
    Payload(
        "patched_builtins",
        ("patched builtins or stdlib files",),
        ("passed",),
        f"""
import builtins, json, math, os, sys
say = print
for module in (builtins, json, math, os, sys):
    for name in ('print', 'len', 'open', 'loads', 'sqrt', 'listdir', 'exit', 'isinstance'):
        if hasattr(module, name): setattr(module, name, lambda *_, **__: 'left')
sys.modules['json'] = sys.modules['math'] = sys
sys.path.insert(0, '/tmp')
say({SAID!r})
""",
        then=f"""
import json, math, os, sys
whole = len([1, 2]) == 2 and json.loads('[1]') == [1] and math.sqrt(4) == 2 and isinstance(os.listdir('/'), list)
print({SAID!r} if whole and '/tmp' not in sys.path else 'left')
""",
    ),
    Payload(
        "patched_library_files",
        ("patched builtins or stdlib files",),
        ("passed",),
        none_succeed("""
            open(os.__file__, 'a').write('left = 1')
            open(os.path.join(os.path.dirname(os.__file__), 'left.py'), 'w')
            open(os.path.join(os.path.dirname(os.__file__), 'sitecustomize.py'), 'w')
            os.chmod(os.__file__, 0o666)
            os.utime(os.__file__)
            os.rename('/tmp', os.path.dirname(os.__file__))
        """),
    ),
    Payload(
        "random_numbers",
        ("the same random numbers in two runs",),
        ("wrong_answer",),
        "import random\nprint(random.random())",
        differs=True,
    ),
    Payload(
        "inotify_and_pipes",
        ("inotify and pipe hogging in one slot while another works",),
        ("wall_timeout",),
        """
import ctypes, os, time
libc = ctypes.CDLL(None)
for _ in range(6):
    if not os.fork(): break
while libc.inotify_init() >= 0: pass
held = []
try:
    while True:
        reading, writing = os.pipe()
        held += [reading, writing]
        os.set_blocking(writing, False)
        try:
            while True: os.write(writing, bytes(65536))
        except BlockingIOError: pass
except OSError: pass
time.sleep(60)
""",
        limits=Limits(cpu_s=4, wall_s=2, memory_mb=512),
        beside=f"""
import ctypes, os
libc = ctypes.CDLL(None)
watching = [libc.inotify_init() for _ in range(4)]
assert min(watching) >= 0 and libc.inotify_add_watch(watching[0], b'/tmp', 0xfff) >= 0, 'no inotify'
pipes = [os.pipe() for _ in range(20)]
for reading, writing in pipes:
    os.write(writing, bytes(4096))
    assert len(os.read(reading, 4096)) == 4096
print({SAID!r})
""",
    ),
)

"""Payloads that leave files which are hard to remove, or write where they should not."""

from __future__ import annotations

from tasks.schema import Limits
from trainer.attack.payload import ROOMY, SAID, Payload, forked, none_succeed

FOLDERS = ("/box", "/tmp", "/dev/shm")  # noqa: S108 inside the sandbox

NOTHING_LEFT = f"""
import os
left = [folder for folder in ('.', '/tmp', '/dev/shm') if os.listdir(folder)]
print(left or {SAID!r})
"""


def in_every_folder(body: str) -> str:
    """Return a program that does so in each folder that it may write to, and says that it is done."""
    lines = "\n".join("    " + line for line in body.strip().splitlines())
    return f"import os, socket, stat, sys\nfor folder in {FOLDERS!r}:\n    os.chdir(folder)\n{lines}\nprint({SAID!r})\n"


PAYLOADS = (
    Payload(
        "closed_tree",
        ("chmod 000 trees",),
        ("passed",),
        in_every_folder("""
for path in ('a', 'a/b', 'a/b/c'): os.mkdir(path)
for path in ('a/f', 'a/b/f', 'a/b/c/f'): open(path, 'w').close()
for path in ('a/b/c/f', 'a/b/c', 'a/b', 'a/f', 'a'): os.chmod(path, 0)
"""),
        then=NOTHING_LEFT,
    ),
    Payload(
        "deep_tree",
        ("4,000-deep trees",),
        ("passed",),
        f"""
import os
for _ in range(4000):
    os.mkdir('d')
    os.chdir('d')
print({SAID!r})
""",
        limits=ROOMY,
        then=NOTHING_LEFT,
        may_spend=True,
    ),
    Payload(
        "paths_too_long_to_name",
        ("nesting past PATH_MAX",),
        ("passed",),
        in_every_folder("""
for _ in range(30):
    os.mkdir('d' * 255)
    os.chdir('d' * 255)
open('f' * 255, 'w').close()
os.chmod('.', 0)
"""),
        limits=ROOMY,
        then=NOTHING_LEFT,
    ),
    *(
        Payload(
            f"inodes_filled_in_{name}",
            ("inode fill",),
            ("memory_exceeded", "runtime_error"),
            f"import itertools\nfor n in itertools.count(): open(f'{folder}/{{n}}', 'w').close()",
            limits=Limits(cpu_s=4, wall_s=12, memory_mb=128),
            then=NOTHING_LEFT,
            may_spend=True,
        )
        for name, folder in zip(("box", "tmp", "shm"), FOLDERS, strict=True)
    ),
    Payload(
        "many_files",
        ("1,500 files",),
        ("passed",),
        in_every_folder("for n in range(1000): open(f'{n}', 'w').close()\nfor n in range(500): os.mkdir(f'{n}-')"),
        limits=ROOMY,
        then=NOTHING_LEFT,
    ),
    Payload(
        "links",
        ("symlinks to / and loops",),
        ("passed",),
        in_every_folder("""
os.symlink('/', 'root')
os.symlink('loop', 'loop')
os.symlink('b', 'a')
os.symlink('a', 'b')
os.symlink('../..', 'up')
os.symlink('/proc/1', 'one')
os.mkdir('d')
os.symlink('..', 'd/back')
os.symlink(os.path.dirname(os.__file__), 'library')
"""),
        then=NOTHING_LEFT + "assert os.listdir('/usr/lib')",
    ),
    Payload(
        "hard_links_to_the_image",
        ("hard links to image files",),
        ("passed",),
        none_succeed("""
            os.link(os.path.realpath(sys.executable), 'linked')
            os.link(os.path.realpath(sys.executable), '/tmp/linked')
            os.link(os.__file__, '/dev/shm/linked')
            os.link(os.__file__, os.__file__ + '-')
            os.rename(os.__file__, os.__file__ + '-')
            os.unlink(os.__file__)
        """),
        then=NOTHING_LEFT,
    ),
    Payload(
        "special_files",
        ("fifos, sockets, device nodes",),
        ("passed",),
        in_every_folder("""
os.mkfifo('fifo')
os.link('fifo', 'another')
socket.socket(socket.AF_UNIX).bind('socket')
for kind in (stat.S_IFCHR, stat.S_IFBLK):
    try: os.mknod('device', kind | 0o666, os.makedev(1, 3))
    except OSError: continue
    sys.exit('made a device')
"""),
        then=NOTHING_LEFT,
    ),
    Payload(
        "names",
        ("non-UTF-8, `-rf` and 255-byte names",),
        ("passed",),
        in_every_folder(r"""
for name in (b'-rf', b'\xff\xfe', b'a' * 255, b' ', b'*', b'\n', b'..a', b'$(id)', b'\x1b[2J', b'.swept-1'):
    os.mkdir(name)
    open(os.path.join(name, name), 'w').close()
"""),
        then=NOTHING_LEFT,
    ),
    Payload(
        "folders_that_come_again",
        ("processes that recreate folders during clean-up",),
        ("passed",),
        forked(
            """
os.setsid()
os.fork()
while True:
    try:
        os.makedirs('/tmp/again/and/again', exist_ok=True)
        os.makedirs('again', exist_ok=True)
        open('again/file', 'w').close()
    except OSError: pass
""",
            "time.sleep(0.05)",
        ),
        then=NOTHING_LEFT,
    ),
    Payload(
        "writes_anywhere",
        ("writes anywhere",),
        ("passed",),
        f"""
import os
allowed = {{'/box', '/tmp', '/dev/shm', '/proc/self', '/judge' if os.getpid() == 2 else ''}} # 2: namespaces of its own
written = []
def probe(folder, depth):
    try: names = list(os.scandir(folder))
    except OSError: names = []
    for name in ('left', 'sitecustomize.py'):
        path = os.path.join(folder, name)
        try: os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        except OSError: continue
        written.append(path)
    for entry in names:
        try:
            if depth and entry.is_dir(follow_symlinks=False) and entry.path not in allowed | {{'/proc'}}:
                probe(entry.path, depth - 1)
        except OSError: continue
probe('/', 3)
for path in ('/proc/sysrq-trigger', '/proc/sys/kernel/core_pattern', '/proc/kcore',
             '/proc/1/comm', '/dev/kmsg', '/dev/mem', '/dev/sda', '/dev/vda', '/dev/fuse', '/dev/net/tun', '/dev/kvm',
             '/sys/kernel/mm/ksm/run', '/etc/passwd', '/etc/shadow', os.__file__):
    try: os.close(os.open(path, os.O_WRONLY))
    except OSError: continue
    written.append(path)
print(written or {SAID!r})
""",
        limits=ROOMY,
        then=NOTHING_LEFT,
    ),
    Payload(
        "moved_folders",
        ("writes anywhere",),
        ("passed",),
        none_succeed("""
            os.rename('/box', '/gone')
            os.rename('/tmp', '/box/tmp')
            os.rmdir('/tmp')
            os.rmdir('/box')
            os.chroot('/tmp')
            os.write(os.open('/proc/sys/kernel/ns_last_pid', os.O_WRONLY), b'1')
        """),
    ),
    Payload(
        "sparse_file",
        ("a sparse 1 TiB file",),
        ("passed",),
        none_succeed("""
            os.truncate(os.open('sparse', os.O_CREAT | os.O_RDWR), 1 << 40)
            os.pwrite(os.open('/tmp/sparse', os.O_CREAT | os.O_RDWR), b'x', 1 << 40)
            os.posix_fallocate(os.open('/dev/shm/sparse', os.O_CREAT | os.O_RDWR), 0, 1 << 40)
        """),
        then=NOTHING_LEFT,
    ),
    Payload(
        "results_replaced",
        ("the result file replaced by a link or fifo",),
        ("passed",),
        in_every_folder("""
for number, name in enumerate(('result', 'result.json', 'results.json', 'output', 'output.txt', 'stdout', 'verdict',
                               'report.json', 'payload', 'page', 'solution.py', '.result', 'test_it.py', 'cases')):
    if number % 2: os.mkfifo(name)
    else: os.symlink('/proc/1/mem' if number % 4 else '/dev/zero', name)
"""),
        then=NOTHING_LEFT,
    ),
    Payload(
        "results_replaced_in_a_call",
        ("the result file replaced by a link or fifo",),
        ("passed",),
        """
import os
def f():
    for name in ('result', 'result.json', 'output', 'payload'):
        os.mkfifo(name)
        os.symlink('/dev/zero', '/tmp/' + name)
    return 1
""",
        "call",
        then=NOTHING_LEFT,
    ),
)

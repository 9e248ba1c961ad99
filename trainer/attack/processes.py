"""Payloads that multiply, hide, or go for other processes."""

from __future__ import annotations

from tasks.schema import Limits
from trainer.attack.cpu_and_time import ALL_IGNORED
from trainer.attack.payload import ROOMY, SAID, Payload, forked, none_succeed

FORK_BOMB = """
import os
while True:
    try: os.fork()
    except OSError: pass
"""
PATIENT = Limits(cpu_s=0.5, wall_s=12, memory_mb=512)
"""Of many processes each waits long for its turn, so that the clock must leave them time."""

PAYLOADS = (
    Payload("fork_bomb", ("fork bomb",), ("cpu_timeout",), FORK_BOMB, limits=PATIENT),
    Payload(
        "fork_bomb_in_sessions",
        ("fork bomb",),
        ("cpu_timeout",),
        FORK_BOMB.replace("os.fork()", "os.fork() or os.setsid()"),
        limits=PATIENT,
    ),
    Payload(
        "fork_bomb_beside_its_test",
        ("fork bomb",),
        ("cpu_timeout",),
        "def f():" + FORK_BOMB.replace("\n", "\n    "),
        "asserts",
        limits=PATIENT,
    ),
    Payload(
        "bomb_of_threads",
        ("fork bomb",),
        ("runtime_error",),
        """
import threading, time
while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
""",
    ),
    Payload(
        "daemons",
        ("double-forked daemons that ignore signals",),
        ("passed",),
        f"""
import os, time
for _ in range(6):
    if not os.fork():
        os.setsid()
        if os.fork(): os._exit(0)
        {ALL_IGNORED.strip().replace(chr(10), chr(10) + "        ")}
        time.sleep(60)
time.sleep(0.05)
print({SAID!r})
""",
    ),
    Payload(
        "daemon_holds_stdout",
        ("a daemon that holds stdout",),
        ("passed",),
        forked("os.setsid()\nsignal.signal(15, signal.SIG_IGN)\nos.write(1, b' ')\ntime.sleep(60)"),
    ),
    Payload(
        "kills_everyone",
        ("kill(-1) and kill of every pid",),
        ("passed",),
        f"""
import os
for number in (9, 19):
    for pid in (-1, *range(1, 1000), os.getppid()):
        if pid not in (0, os.getpid()):
            try: os.kill(pid, number)
            except OSError: pass
print({SAID!r})
""",
    ),
    Payload(
        "kills_everyone_beside_its_test",
        ("kill(-1) and kill of every pid",),
        ("passed",),
        """
import os
def f():
    for number in (9, 19):
        for pid in (-1, *range(1, 1000), os.getppid()):
            if pid not in (0, os.getpid()):
                try: os.kill(pid, number)
                except OSError: pass
    return 1
""",
        "asserts",
    ),
    Payload("kills_its_group", ("kill(-1) and kill of every pid",), ("runtime_error",), "import os\nos.kill(0, 9)"),
    Payload(
        "a_dozen_killers",
        ("a dozen processes spamming SIGKILL/SIGSTOP",),
        ("runtime_error", "wall_timeout", "cpu_timeout"),
        """
import os
own = os.getpid()
for _ in range(12):
    if not os.fork(): break
while True:
    for number in (19, 9):
        for pid in (-1, *range(1, 200)):
            if pid != os.getpid():
                try: os.kill(pid, number)
                except OSError: pass
""",
    ),
    Payload(
        "subreaper",
        ("child subreaper",),
        ("passed",),
        f"""
import ctypes, os, time
if ctypes.CDLL(None).prctl(36, 1, 0, 0, 0): print('not even that')
if not os.fork():
    os.setsid()
    for _ in range(4):
        if not os.fork(): time.sleep(60)
    os._exit(0)
time.sleep(0.05)
print({SAID!r})
""",
    ),
    Payload(
        "traces_everyone",
        ("ptrace of every pid",),
        ("passed",),
        f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
traced = []
for pid in [int(name) for name in os.listdir('/proc') if name.isdigit()]:
    for request in (16, 0x4206, 0):
        if libc.ptrace(request, pid, 0, 0) == 0: traced.append(pid)
    if libc.process_vm_readv(pid, 0, 0, 0, 0, 0) == 0: traced.append(pid)
print(traced or {SAID!r})
""",
    ),
    Payload(
        "looks_into_others",
        ("`/proc/N/{mem,environ,maps,fd,root,cwd}`",),
        ("passed",),
        f"""
import os
opened = []
for pid in [name for name in os.listdir('/proc') if name.isdigit() and int(name) != os.getpid()]:
    for name in ('mem', 'environ', 'maps', 'fd', 'root', 'cwd', 'exe', 'auxv', 'stack', 'syscall', f'task/{{pid}}/mem'):
        path = f'/proc/{{pid}}/{{name}}'
        try:
            if name == 'fd': os.listdir(path)
            elif name in ('root', 'cwd', 'exe'): os.readlink(path)
            else:
                with open(path, 'rb') as file:
                    if not file.read(1): continue
        except OSError: continue
        opened.append(path)
print(opened or {SAID!r})
""",
    ),
    Payload(
        "setuid_programs",
        ("a setuid binary",),
        ("passed",),
        f"""
import os, shutil, stat, subprocess, sys
status = open('/proc/self/status').read()
assert 'NoNewPrivs:\\t1' in status and 'CapEff:\\t0000000000000000' in status
shutil.copy('/bin/sh', '/tmp/sh')
os.chmod('/tmp/sh', 0o6755)
shells = ['/tmp/sh']
gained = []
for folder in ('/usr/bin', '/usr/sbin', '/bin'):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try: mode = os.stat(path).st_mode
        except OSError: continue
        if name == 'su' and mode & stat.S_ISUID: shells.append(path)
for shell in shells:
    for flags in (['-p', '-c', 'id -u'], ['-c', 'id -u']):
        ran = subprocess.run([shell, *flags], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if ran.stdout.strip() == '0': gained.append(shell)
print(gained or {SAID!r})
""",
        limits=ROOMY,
    ),
    Payload(
        "another_pace",
        ("nice and realtime",),
        ("passed",),
        none_succeed("""
            os.nice(-5)
            os.nice(5)
            os.setpriority(os.PRIO_PROCESS, 0, -20)
            os.setpriority(os.PRIO_PROCESS, 0, 19)
            os.setpriority(os.PRIO_USER, 0, 19)
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            os.sched_setparam(0, os.sched_param(0))
            call((251, 30)[machine], 1, 0, 0)
        """),
    ),
    Payload(
        "raised_limits",
        ("raising rlimits",),
        ("passed",),
        none_succeed(
            """
            raised('RLIMIT_CPU')
            raised('RLIMIT_DATA')
            raised('RLIMIT_FSIZE')
            raised('RLIMIT_NOFILE')
            raised('RLIMIT_NPROC')
            raised('RLIMIT_CORE')
            raised('RLIMIT_MEMLOCK')
            raised('RLIMIT_MSGQUEUE')
            """,
            """
def raised(name):
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    assert hard != resource.RLIM_INFINITY, name
    resource.setrlimit(kind, (hard, hard + 1))
""",
        ),
        limits=ROOMY,
    ),
)

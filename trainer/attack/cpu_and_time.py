"""Payloads that use up processor time, or the clock."""

from __future__ import annotations

from tasks.schema import Limits
from trainer.attack.payload import SAID, Payload, forked

ALL_IGNORED = """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
"""
BURN = "while True: pass"

PAYLOADS = (
    Payload("busy_loop", ("busy loop (CPU timeout)",), ("cpu_timeout",), BURN),
    Payload("busy_loop_in_a_call", ("busy loop (CPU timeout)",), ("cpu_timeout",), f"def f():\n    {BURN}", "call"),
    Payload(
        "busy_loop_beside_its_test", ("busy loop (CPU timeout)",), ("cpu_timeout",), f"def f():\n    {BURN}", "asserts"
    ),
    Payload("long_sleep", ("long sleep (wall timeout)",), ("wall_timeout",), "import time\ntime.sleep(60)"),
    Payload(
        "eight_busy_threads",
        ("eight busy threads",),
        ("cpu_timeout",),
        """
import threading
for _ in range(8): threading.Thread(target=lambda: sum(iter(int, 1))).start()
""",
    ),
    Payload("all_signals_ignored", ("all signals ignored and spinning",), ("cpu_timeout",), ALL_IGNORED + BURN),
    Payload(
        "children_that_nobody_waits_for",
        ("SIGCHLD ignored while forked children burn CPU (charged)",),
        ("cpu_timeout",),
        """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    try:
        if not os.fork():
            while time.process_time() < 0.03: pass
            os._exit(0)
    except BlockingIOError: pass # on a busy machine they pile up
    time.sleep(0.01)
""",
        limits=Limits(cpu_s=0.4, wall_s=2, memory_mb=128),
    ),
    Payload(
        "children_that_burn_side_by_side",
        ("SIGCHLD ignored while forked children burn CPU (charged)",),
        ("cpu_timeout",),
        f"""
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(4):
    if not os.fork():
        os.setsid()
        {BURN}
time.sleep(60)
""",
    ),
    Payload("one_huge_sum", ("one huge C-level operation",), ("cpu_timeout",), "sum(range(10**11))"),
    Payload(
        "one_huge_power",
        ("one huge C-level operation",),
        ("cpu_timeout",),
        "x = 3 ** (10**8)",
        limits=Limits(cpu_s=0.4, wall_s=1.2),
    ),
    Payload(
        "stops_itself",
        ("SIGSTOP of self",),
        ("wall_timeout",),
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    ),
    Payload(
        "stopped_children",
        ("stopped children in their own session",),
        ("passed",),
        f"""
import os, signal, time
for _ in range(4):
    if not os.fork():
        os.setsid()
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
time.sleep(0.05)
print({SAID!r})
""",
    ),
    Payload(
        "waits_for_stopped_children",
        ("stopped children in their own session",),
        ("wall_timeout",),
        """
import os, signal
pid = os.fork()
if not pid:
    os.setsid()
    os.kill(os.getpid(), signal.SIGSTOP)
os.waitpid(pid, 0)
""",
    ),
    Payload(
        "reads_stdin",
        ("read of stdin (EOF at once)",),
        ("passed",),
        f"import sys\nprint({SAID!r} if sys.stdin.read() + sys.stdin.readline() == '' else 'something')",
    ),
    Payload("asks_for_input", ("read of stdin (EOF at once)",), ("runtime_error",), "def f(): return input()", "call"),
    Payload("child_burns_on", ("parent exits while the child burns on",), ("passed",), forked(BURN)),
    Payload(
        "child_burns_on_in_a_call",
        ("parent exits while the child burns on",),
        ("runtime_error",),
        f"import os\ndef f():\n    if os.fork(): os._exit(0)\n    {BURN}",
        "call",
    ),
    Payload(
        "regex_backtracking",
        ("regex backtracking",),
        ("cpu_timeout",),
        "import re\nre.match('(a+)+$', 'a' * 50 + 'b')",
    ),
    Payload(
        "honest_thread_beside_six_hogs",
        ("six host hogs beside a 0.7 s honest job (passes)",),
        ("passed",),
        f"""
import threading, time
def work():
    while time.thread_time() < 0.4: pass
worker = threading.Thread(target=work)
worker.start()
worker.join()
print({SAID!r})
""",
        limits=Limits(cpu_s=0.9, wall_s=0.9, memory_mb=128),
        hogs=6,
    ),
    Payload(
        "honest_children_beside_six_hogs",
        ("six host hogs beside a 0.7 s honest job (passes)",),
        ("passed",),
        f"""
import os, time
for _ in range(4):
    if not os.fork():
        while time.process_time() < 0.17: pass
        os._exit(0)
    os.wait()
print({SAID!r})
""",
        limits=Limits(cpu_s=1.2, wall_s=1.5, memory_mb=128),
        hogs=6,
    ),
    Payload(
        "honest_beside_six_hogs",
        ("six host hogs beside a 0.7 s honest job (passes)",),
        ("passed",),
        f"""
import time
while time.process_time() < 0.7: pass
print({SAID!r})
""",
        limits=Limits(cpu_s=1.2, wall_s=1.5, memory_mb=128),
        hogs=6,
    ),
)

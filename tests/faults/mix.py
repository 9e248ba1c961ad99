"""What a soak judges: programs of every kind with their right rewards; one in a hundred is hostile.

Promises: no two submissions are alike; the right reward of each is known, and does not depend on chance or load.
"""

# ruff: noqa: E501 - tables of programs

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.wire import Submission

LIMITS = {"cpu_s": 0.3, "wall_s": 1.0, "memory_mb": 128}
TESTS: dict[str, dict[str, Any]] = {
    "call": {"kind": "call", "cases": [{"args": [2], "expected": 4}]},
    "stdio": {"kind": "stdio", "cases": [{"stdin": "2", "stdout": "4"}] * 2},
    "asserts": {"kind": "asserts", "source": "assert f(2) == 4\nassert f(3) == 9"},
    "pytest": {"kind": "pytest", "files": {"test_f.py": "from solution import f\ndef test(): assert f(2) == 4"}},
}
PROBLEMS: dict[str, dict[str, Any]] = {
    kind: {"tests": tests, "limits": LIMITS, "entry_point": "f" if kind in ("call", "asserts") else None}
    for kind, tests in TESTS.items()
}
SQUARE = "def f(x): return x * x"
ORDINARY: list[tuple[str, str, float]] = [
    *[("call", SQUARE, 1.0), ("stdio", "print(int(input()) ** 2)", 1.0), ("asserts", SQUARE, 1.0)] * 10,
    ("pytest", SQUARE, 1.0),
    ("call", "def f(x): return x", 0.0),
    ("asserts", "def f(x): return 4", 0.5),
    ("call", "def f(", 0.0),
    ("stdio", "1 / 0", 0.0),
    ("stdio", "import os; os.abort()", 0.0),
    ("stdio", "while True: pass", 0.0),
    ("asserts", "def f(x):\n    while x == 3: pass\n    return 4", 0.5),
    ("stdio", "x = bytearray(1 << 30)", 0.0),
    ("stdio", "for n in range(200): open(f'/tmp/{n}', 'w').write('x' * 1000)\nprint(4)", 1.0),
    ("stdio", "import os\nif os.fork(): print(4)\nelse:\n    os.setsid()\n    import time; time.sleep(60)", 1.0),
]
"""Problem, code and its right reward: mostly honest programs, some that crash, spin, fill and leave things behind."""

HOSTILE: list[tuple[str, str, float]] = [
    ("stdio", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", 0.0),
    ("stdio", "import os\nwhile True:\n    try:\n        if not os.fork(): os.setsid()\n    except OSError: pass", 0.0),
    ("call", "def f(x):\n    held = []\n    while True: held.append(bytearray(1 << 20))", 0.0),
    ("stdio", "while True: print('x' * 10000)", 0.0),
    (
        "stdio",
        (
            "import os, signal, time\nfor n in range(6):\n    if not os.fork():\n        os.setsid()\n"
            "        if os.fork(): os._exit(0)\n        for s in range(1, 65):\n"
            "            try: signal.signal(s, signal.SIG_IGN)\n            except (OSError, ValueError): pass\n"
            "        time.sleep(60)\nprint(4)"
        ),
        1.0,
    ),
    (
        "stdio",
        (
            "import os\nfor pid in (-1, 1, *range(2, 300)):\n    for s in (19, 9):\n        if pid != os.getpid():\n"
            "            try: os.kill(pid, s)\n            except OSError: pass\nprint(4)"
        ),
        1.0,
    ),
    ("stdio", "import os\ntry:\n    while True: os.dup(0)\nexcept OSError: print(4)", 1.0),
    ("asserts", "import os\ndef f(x):\n    os.closerange(0, 1000)\n    return x * x", 0.0),
    ("asserts", "import os\ndef f(x): os._exit(0)", 0.0),
    (
        "stdio",
        "import os, signal\nif not os.fork():\n    os.setsid(); os.kill(os.getpid(), signal.SIGSTOP)\nprint(4)",
        1.0,
    ),
    ("stdio", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", 0.0),
    (
        "call",
        (
            "def f(x):\n    import os\n    for fd in range(256):\n"
            "        try: os.write(fd, bytes(4) + b'{\"dirty\":null}' * 100)\n        except OSError: pass\n    return 4"
        ),
        0.0,
    ),
    (
        "stdio",
        "try:\n    for n in range(1000): open(f'/tmp/{n}', 'wb').write(bytes(10 << 20))\nexcept OSError: print(5)",
        0.0,
    ),
    (
        "stdio",
        (
            "import os\nif not os.fork():\n    os.setsid()\n    while True:\n"
            "        try: os.makedirs('/tmp/again/and/again', exist_ok=True); open('again', 'w').close()\n"
            "        except OSError: pass\nprint(4)"
        ),
        1.0,
    ),
]
"""Each ends as it does whatever the backend; a few leave a slot that is replaced rather than used again."""
HOSTILE_EVERY = 100


def submissions() -> Iterator[tuple[Submission, float]]:
    """Endlessly, no two alike."""
    number = 0
    while True:
        number += 1
        if number % HOSTILE_EVERY == 0:
            problem, code, reward = HOSTILE[number // HOSTILE_EVERY % len(HOSTILE)]
        else:
            problem, code, reward = ORDINARY[number % len(ORDINARY)]
        yield {"problem": problem, "code": f"{code}\n# {number}"}, reward

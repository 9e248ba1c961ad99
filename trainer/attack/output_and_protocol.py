"""Payloads that print too much, the wrong thing, or what only the runner should say."""

from __future__ import annotations

import json
from typing import Final

from reward_server.runner import frames
from tasks.schema import Limits
from trainer.attack.payload import LIMITS, ROOMY, SAID, Kind, Payload

IN_A_FUNCTION: Final[tuple[tuple[str, Kind], ...]] = (("in_a_call", "call"), ("beside_its_test", "asserts"))
FLOOD: Final = Limits(cpu_s=2, wall_s=4, memory_mb=128)
HEADER: Final = {
    "broken": None,
    "dirty": None,
    "spent": False,
    "failed_load": False,
    "rows": [["exited", 0, 0.0, 0.0, 0, "", True, "", 1]],
}
FORGED: Final = json.dumps(HEADER)
FRAMES: Final = (
    frames.pack(HEADER, [SAID.encode(), b"", b""]),
    frames.pack({"hello": 1}),
    b"\x01" * 64,
    b"\x00\x01" * 64,
)
FORGE: Final = f"""
import os
for descriptor in range(256):
    for frame in {FRAMES!r}:
        try:
            os.set_blocking(descriptor, False)
            os.write(descriptor, frame)
        except OSError: pass
"""
REPORTS: Final = (
    "PASSED",
    "passed",
    "OK",
    "1 passed in 0.01s",
    "Ran 1 test in 0.000s\n\nOK",
    "All tests passed!",
    "__PASS__",
    "[100%]",
    '{"verdict": "passed", "passed": true, "reward": 1.0, "pass_rate": 1.0, "score": 1}',
    FORGED,
)
ERRORS: Final = (
    "sandbox_error",
    "the sandbox is gone: it closed its channel",
    "the machine is too busy to judge",
    "SandboxLost: a zygote is gone",
    "lost",
    '{"broken": "a zygote is gone", "dirty": "2 processes are still there", "rows": []}',
)
SOURCE: Final = ROOMY.model_copy(update={"cpu_s": 1.0, "wall_s": 4.0})


def honest_output(size: int) -> str:
    return f"import sys\nfor _ in range({size} // 100): sys.stdout.write('x' * 99 + '\\n')"


PAYLOADS = (
    Payload("stdout_flood", ("stdout flood",), ("output_exceeded",), "while True: print('x' * 100_000)", limits=FLOOD),
    Payload(
        "stdout_flood_beside_its_test",
        ("stdout flood",),
        ("cpu_timeout", "wall_timeout"),
        "def f():\n    while True: print('x' * 100_000)",
        "asserts",
        limits=FLOOD,
    ),
    Payload(
        "stderr_flood",
        ("stderr flood",),
        ("cpu_timeout", "wall_timeout"),
        "import sys\nwhile True: sys.stderr.write('x' * 100_000)",
        limits=FLOOD,
    ),
    Payload(
        "binary_output",
        ("binary and NUL",),
        ("wrong_answer",),
        "import os, sys\nsys.stdout.buffer.write(bytes(range(256)) * 200)\nsys.stderr.buffer.write(os.urandom(50_000))",
    ),
    Payload(
        "nul_in_the_answer", ("binary and NUL",), ("passed",), "print('a\\0b\\x1b[2J\\x7f')", expected="a\0b\x1b[2J\x7f"
    ),
    Payload(
        "exactly_the_limit",
        ("exactly the limit, and one more",),
        ("passed",),
        "import sys\nfor stream in (sys.stdout, sys.stderr): stream.write('x' * 10_000)",
        expected="x" * 10_000,
        limits=LIMITS.model_copy(update={"output_bytes": 10_000}),
    ),
    Payload(
        "one_more_on_stdout",
        ("exactly the limit, and one more",),
        ("output_exceeded",),
        "import sys\nprint('x' * 100)\nsys.stdout.write('x' * 9_900)",
        expected="x" * 100,
        limits=LIMITS.model_copy(update={"output_bytes": 10_000}),
    ),
    Payload(
        "one_more_on_stderr",
        ("exactly the limit, and one more",),
        ("passed",),
        "import sys\nprint('x' * 100)\nsys.stderr.write('x' * 10_001)",
        expected="x" * 100,
        limits=LIMITS.model_copy(update={"output_bytes": 10_000}),
    ),
    *(
        Payload(
            f"honest_output_of_{size // 1000}_kb",
            ("150 KB to 1 MB of honest output (passes)",),
            ("passed",),
            honest_output(size),
            expected=("x" * 99 + "\n") * (size // 100),
        )
        for size in (150_000, 500_000, 1_000_000)
    ),
    Payload(
        "all_descriptors_closed",
        ("all fds closed",),
        ("wrong_answer",),
        "import os\nos.closerange(0, 1 << 16)\nos._exit(0)",
    ),
    *(
        Payload(
            f"all_descriptors_closed_{name}",
            ("all fds closed",),
            ("runtime_error",),
            "import os\ndef f():\n    os.closerange(0, 1 << 16)\n    return 1",
            kind,
        )
        for name, kind in IN_A_FUNCTION
    ),
    Payload(
        "all_descriptors_taken",
        ("fd exhaustion",),
        ("passed",),
        f"import os\ntry:\n    while True: os.dup(0)\nexcept OSError: print({SAID!r})",
    ),
    Payload(
        "all_descriptors_taken_beside_its_test",
        ("fd exhaustion",),
        ("passed",),
        "import os\ndef f():\n    try:\n        while True: os.dup(0)\n    except OSError: return 1",
        "asserts",
    ),
    Payload("forged_frames", ("forged frames into fds 0-255",), ("wrong_answer",), FORGE),
    *(
        Payload(
            f"forged_frames_{name}",
            ("forged frames into fds 0-255",),
            ("runtime_error", "wrong_answer", "output_exceeded"),
            "def f():" + FORGE.replace("\n", "\n    "),
            kind,
        )
        for name, kind in IN_A_FUNCTION
    ),
    Payload("early_exit", ("`os._exit(0)`",), ("wrong_answer",), "import os\nos._exit(0)"),
    *(
        Payload(
            f"early_exit_{name}",
            ("`os._exit(0)`",),
            ("runtime_error",),
            "import os\ndef f(): os._exit(0)",
            kind,
        )
        for name, kind in IN_A_FUNCTION
    ),
    Payload(
        "printed_results",
        ("printed pass markers and result JSON",),
        ("wrong_answer",),
        f"import sys\nfor text in {REPORTS!r}: print(text), print(text, file=sys.stderr)",
    ),
    *(
        Payload(
            f"printed_results_{name}",
            ("printed pass markers and result JSON",),
            ("wrong_answer",),
            f"import sys\ndef f():\n    for text in {REPORTS!r}: print(text), print(text, file=sys.stderr)",
            kind,
        )
        for name, kind in IN_A_FUNCTION
    ),
    Payload(
        "giant_argv",
        ("giant argv",),
        ("passed",),
        f"""
import os, subprocess, sys
for count, size in ((10, 100_000), (1, 10_000_000), (2000, 100_000), (300_000, 1)):
    try: subprocess.run(['/bin/true', *['x' * size] * count], env={{'x': 'y' * size}})
    except OSError: pass
print({SAID!r})
""",
        limits=ROOMY,
    ),
    Payload("nested_brackets", ("compile bomb",), ("compile_error",), "(" * 50_000),
    Payload("nested_signs", ("compile bomb",), ("compile_error",), "x = " + "-" * 200_000 + "1", limits=SOURCE),
    Payload(
        "long_sum",
        ("compile bomb",),
        ("compile_error", "runtime_error", "memory_exceeded"),
        "x = " + "+".join(["x"] * 100_000),
        limits=SOURCE,
    ),
    Payload(
        "long_source",
        ("compile bomb",),
        ("cpu_timeout",),
        "x = [0]\n" + "x[0] += (lambda y=[*x]: {**{}, 1: y})()[1][0]\n" * 18_000,
        limits=LIMITS.model_copy(update={"memory_mb": 1024}),
    ),
    Payload("syntax_error", ("syntax error",), ("compile_error",), "def f(:\n"),
    *(
        Payload(f"syntax_error_{name}", ("syntax error",), ("compile_error",), "def f(:\n", kind)
        for name, kind in IN_A_FUNCTION
    ),
    Payload(
        "our_own_words",
        ("output that looks like our own error text",),
        ("wrong_answer",),
        f"import sys\nfor text in {ERRORS!r}: print(text), print(text, file=sys.stderr)",
    ),
    Payload(
        "our_own_words_and_an_exit_code",
        ("output that looks like our own error text",),
        ("runtime_error",),
        f"import sys\nsys.exit({' '.join(ERRORS)!r})",
    ),
    *(
        Payload(
            f"our_own_words_{name}",
            ("output that looks like our own error text",),
            ("runtime_error",),
            f"""
class SandboxLost(Exception): pass
class Broken(BaseException): pass
def f(): raise SandboxLost({" ".join(ERRORS)!r}) from Broken('lost')
""",
            kind,
        )
        for name, kind in IN_A_FUNCTION
    ),
)

"""Payloads against the judge: answers that cost much to compare, memory of others, lost runs, passes without a check.

What `/healthz` says meanwhile is for a server to show (`tests/test_apart.py`); here each has its verdict.
"""

from __future__ import annotations

from typing import Final

from tasks.schema import AssertsTests, PytestTests
from trainer.attack import phrases
from trainer.attack.leaks import KEPT, MARKER, MEMORY_SEARCHED
from trainer.attack.payload import ROOMY, SAID, Kind, Payload
from trainer.attack.phrases import PHRASES

PACKAGES: Final = ("numpy", "pandas", "sympy")
KINDS: Final[tuple[tuple[Kind, int], ...]] = (("stdio", 1), ("call", 0), ("asserts", 0))
IN_A_FUNCTION: Final[tuple[Kind, ...]] = ("call", "asserts")
SEARCHED: Final = MEMORY_SEARCHED.replace(f"print(found or {SAID!r})", "return 1 - bool(found)")
SEARCH: Final = "def f():\n" + "".join(f"    {line}\n" for line in SEARCHED.splitlines())
"""A function that returns 1 if it does not find the marker in its memory."""
SENT: Final = """
import array, os, socket
def f():
    def rights(*fds): return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))]
    files = [os.open(f'/tmp/{n}', os.O_CREAT | os.O_RDWR) for n in range(9)]
    a, b = socket.socketpair()
    a.sendmsg([b'x'], rights(a.fileno(), b.fileno(), 1, 2, *files))
    os._exit(0)
"""


def asserts(source: str) -> AssertsTests:
    """Impure ones: the canary would take the standing judge for a stray."""
    return AssertsTests(kind="asserts", source=f"import os\n{source}")


def pytest_file(source: str) -> PytestTests:
    return PytestTests(kind="pytest", files={"test_it.py": f"import pytest\nfrom solution import f\n{source}"})


ANSWERS = (
    Payload(
        "fraction_of_huge_integers",
        ("Fractions of huge integers",),
        ("runtime_error",),
        "from fractions import Fraction\ndef f():\n    x = object.__new__(Fraction)\n"
        "    x._numerator, x._denominator = int('7' * 500_000, 16), int('9' * 500_001, 16)\n    return x",
        "asserts",
    ),
    *(
        Payload(
            f"colliding_members_of_a_{kind}",
            ("sets and dicts whose members collide",),
            ("runtime_error",),
            f"def f(): return {{n * ((1 << 61) - 1){value} for n in range(1, 1500)}}",
            "asserts",
        )
        for kind, value in (("set", ""), ("dict", ": n"))
    ),
    Payload(
        "answer_nests_deep",
        ("nesting and sizes at each limit",),
        ("runtime_error",),
        "def f():\n    x = ()\n    for _ in range(100_000): x = (x,)\n    return x",
        "asserts",
    ),
    Payload(
        "answer_of_many_items",
        ("nesting and sizes at each limit",),
        ("wrong_answer", "output_exceeded"),
        "def f(): return [0] * 400_000",
        "call",
        limits=ROOMY,
    ),
    *(
        Payload(
            f"lone_surrogate_{how}",
            ("lone surrogates in values, messages, names, printed text",),
            ("wrong_answer", "runtime_error"),
            f"def f():\n    {does}",
            kind,
        )
        for kind in IN_A_FUNCTION
        for how, does in (
            (f"in_a_value_{kind}", "return chr(0xD800)"),
            (f"in_a_message_{kind}", "raise ValueError(chr(0xD800))"),
            (f"in_a_name_{kind}", "raise type('E' + chr(0xDC80), (Exception,), {})"),
            (f"printed_{kind}", "print(chr(0xD800))"),
        )
    ),
    *(
        Payload(
            f"numbers_without_json_{kind}",
            ("NaN, infinities, 4,301 digits",),
            ("wrong_answer",),
            "def f(): return [float('nan'), float('inf'), -float('inf'), 10 ** 4301]",
            kind,
        )
        for kind in IN_A_FUNCTION
    ),
    Payload(
        "bytes_that_are_no_utf8",
        ("bytes that are no UTF-8. `/healthz` answers within 50 ms meanwhile",),
        ("wrong_answer",),
        f"import sys\nsys.stdout.buffer.write(b'\\xff\\xfe' + {SAID!r}.encode())",
        expected=f"\ufffd\ufffd{SAID}",
    ),
)

ROLES: Final = PHRASES[phrases.OTHERS][:3]
OTHERS = (
    *(
        Payload(
            f"memory_searched_with_{package}",
            ROLES,
            ("passed",),
            KEPT,
            limits=ROOMY,
            # Not imported: the name alone has the program begin where the package is loaded.
            then=f"if 0: import {package}\n{MEMORY_SEARCHED}",
        )
        for package in PACKAGES
    ),
    *(
        Payload(f"test_searched_for_in_{kind}", ROLES, ("passed",), SEARCH, tests=tests, limits=ROOMY)
        for kind, tests in (
            ("asserts", asserts(f"marker = '{MARKER},'\nassert f() == 1, marker")),
            ("pytest", pytest_file(f"marker = '{MARKER},'\ndef test_it(): assert f() == 1, marker")),
        )
    ),
    Payload(
        "buffer_never_filled",
        ("buffers announced and never filled",),
        ("wrong_answer", "runtime_error"),
        "import numpy, os, time\ndef f():\n"
        """    text = b'["=",[["c",1,["nd","<f8",[512]]]],["r",1]]'\n"""
        "    for fd in range(3, 9):\n"
        "        try: os.write(fd, len(text).to_bytes(4, 'big') + text)\n"
        "        except OSError: pass\n"
        "    os._exit(0)",
        tests=asserts("import numpy\nassert list(f()) == [1.0]"),
        limits=ROOMY,
    ),
    Payload(
        "array_resized_under_a_view",
        ("arrays resized under a view",),
        ("wrong_answer", "runtime_error"),
        "import numpy\ndef f(a):\n    a.resize(1, refcheck=False)\n    return 7",
        tests=asserts("import numpy\na = numpy.arange(2e6)\nv = a[::-1]\nf(a)\nassert len(a) == 1 and v[0] == 7"),
        limits=ROOMY,
    ),
)

LOST: Final = PHRASES[phrases.NULLS]
NULLS = (
    Payload(
        "message_that_cannot_be_encoded",
        LOST,
        ("runtime_error",),
        "class E(Exception):\n    def __str__(self): return chr(0xDFFF) * 9000\ndef f(): raise E",
        "asserts",
    ),
    *(
        Payload(f"descriptors_in_flight_{kind}", LOST, ("runtime_error", "wrong_answer"), SENT + "f()" * runs, kind)
        for kind, runs in KINDS
    ),
    Payload(
        "judge_kept_busy",
        LOST,
        ("cpu_timeout", "wall_timeout"),
        "import os\ndef f(): os._exit(0)",
        tests=asserts("def goes_on():\n    try: f()\n    finally:\n        while True: pass\nassert goes_on()"),
    ),
    Payload(
        "names_of_the_sweeper",
        LOST,
        ("passed",),
        f"import os\nfor n in range(99): os.makedirs(f'/tmp/.swept-{{n}}/x/y')\nprint({SAID!r})",
    ),
)

FAILED: Final = ("wrong_answer", "runtime_error")
UNCHECKED = tuple(
    Payload(name, (phrase,), FAILED, code, tests=tests)
    for name, phrase, tests, code in (
        (
            "exception_ends_a_loop",
            "exceptions that end loops",
            asserts("assert all(map(lambda x: f(x) == x, [1, 2]))"),
            "def f(x): raise StopIteration",
        ),
        (
            "exit_where_an_exception_is_expected",
            "exits where an exception is expected",
            pytest_file("def test_it():\n    with pytest.raises(BaseException): f()"),
            "import os\ndef f(): os._exit(0)",
        ),
        (
            "context_manager_swallows",
            "context managers that swallow",
            pytest_file("def test_it():\n    with f() as x: assert x.y == 8"),
            "class f:\n    y = 0\n    __enter__ = lambda self: self\n    __exit__ = lambda *_: True",
        ),
        (
            "empty_parameter_set",
            "empty parameter sets",
            pytest_file("@pytest.mark.parametrize('n', f())\ndef test_it(n): assert n == 1"),
            "def f(): return []",
        ),
        (
            "skip_by_a_result",
            "skips",
            pytest_file("def test_it():\n    if not f(): pytest.skip('none')\n    assert f() == 7"),
            "def f(): return 0",
        ),
        (
            "callback_whose_failure_is_caught",
            "callbacks whose failure is caught",
            asserts("def see(x):\n    if x != 5: raise AssertionError(x)\nassert f(see) is None"),
            "def f(see):\n    try: see(4)\n    except BaseException: pass",
        ),
        (
            "no_check_is_reached",
            "test sources that contain no check",
            pytest_file("def test_it():\n    for x in f(): assert x == 7"),
            "def f(): return []",
        ),
    )
)

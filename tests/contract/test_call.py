"""Calls of an entry point: arguments go in, a plain value or an exception comes out, and the server compares."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tasks.schema import FloatTolerance, Limits
from tests.contract.support import ROOMY, call, returns

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

MANY = list(range(100_000))


@pytest.mark.parametrize(
    ("code", "case"),
    [
        ("def solve(a, b): return a + b", returns(3, 1, 2)),
        ("def solve(a, *, b=1): return [a, b]", returns([1, 5], 1, b=5)),
        ("def solve(*a, **k): return [list(a), k]", returns([[1], {"x": 2}], 1, x=2)),
        ("solve = lambda s: s[::-1]", returns("ba", "ab")),
        ("async def solve(x): return x", returns([1], [1])),
        ("import asyncio\nasync def solve(x):\n    await asyncio.sleep(0)\n    return x", returns(1, 1)),
        ("def solve(): return 1, (2, 3)", returns([1, [2, 3]])),
        ("def solve(): return {1: 'a', None: 2, True: 3}", returns({"1": 3, "null": 2})),  # 1 == True: one key
        ("def solve(): return {'a': {'b': [None, 1.5]}}", returns({"a": {"b": [None, 1.5]}})),
        ("def solve(): return None", returns(None)),
        ("def solve(x): return x * x", returns(10**600, 10**300)),
        ("def solve(): return float('nan')", returns(math.nan)),
        ("def solve(): return [float('inf'), -0.0]", returns([math.inf, 0.0])),
        ("def solve(x): return x", returns("\ud800 \x00 ü", "\ud800 \x00 ü")),
        ("def solve(x): return x", returns(MANY, MANY)),
        ("def solve(x): x.reverse(); return x", returns(MANY[::-1], MANY)),
        ("from collections import *\ndef solve(): return Counter('aab')", returns({"a": 2, "b": 1})),
        ("from collections import *\ndef solve(): return OrderedDict(a=1)", returns({"a": 1})),
        ("class I(int): pass\ndef solve(): return [I(3)]", returns([3])),
        ("from enum import IntEnum\nclass E(IntEnum):\n    A = 4\ndef solve(): return E.A", returns(4)),
        ("from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\ndef solve(): return P(2)", returns([2])),
        ("def solve(x):\n    print('debug', x)\n    return x", returns(1, 1)),
        ("import functools\n@functools.lru_cache\ndef solve(n): return n if n < 2 else solve(n-1) + solve(n-2)", returns(55, 10)),
        ("import sys\nsys.setrecursionlimit(20000)\ndef solve(n): return 0 if n == 0 else 1 + solve(n - 1)", returns(9000, 9000)),
        ("if __name__ == '__main__': 1/0\ndef solve(): return __name__", returns("solution")),
    ],
)  # fmt: skip
def test_a_right_function_passes(sandbox: Sandbox, code: str, case: dict[str, Any]) -> None:
    assert sandbox.verdicts(call(case, limits=ROOMY), code) == ["passed"]


@pytest.mark.parametrize(
    ("code", "expected", "reason"),
    [
        ("def solve(): return object()", None, "cannot be passed"),
        ("def solve(): return lambda: 1", 1, "cannot be passed"),
        ("def solve(): yield 1", [1], "cannot be passed"),
        ("def solve():\n    x = []\n    x.append(x)\n    return x", [], "cyclic"),
        ("def solve():\n    x = []\n    for _ in range(10**5): x = [x]\n    return x", [], "too deep"),
        ("def solve(): return {1, 2}", [1, 2], "was expected"),
        ("def solve(): return {10**5000: 1}", {"a": 1}, "was expected"),
        ("def solve(): return 10**5000", 1, "was expected"),
        ("def solve(): return [2] * 10**5", 1, "was expected"),
        ("def solve(): return '1'", 1, "returned '1' where 1 was expected"),
        ("def solve(): return b'1'", "1", "was expected"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_a_wrong_answer_with_its_reason(
    sandbox: Sandbox, code: str, expected: Any, reason: str
) -> None:
    """However odd the value, it is no failure of ours. Red without the guard in `json_key`: a key of 5000 digits raised."""
    (result,) = sandbox.judge(call(returns(expected), limits=ROOMY), code)
    assert result.verdict == "wrong_answer"
    assert reason in result.message


def test_raises_is_met_by_the_type_or_a_subclass(sandbox: Sandbox) -> None:
    problem = call(
        *({"args": [name], "raises": raises} for name, raises in (
            ("ValueError", "ValueError"), ("KeyError", "LookupError"), ("Mine", "Mine"), ("Mine", "ValueError"),
            ("ValueError", "KeyError"), ("none", "ValueError"), ("SystemExit", "SystemExit"),
        ))
    )  # fmt: skip
    code = (
        "class Mine(ValueError): pass\n"
        "def solve(name):\n"
        "    for kind in (ValueError, KeyError, Mine, SystemExit):\n"
        "        if kind.__name__ == name: raise kind('text')"
    )
    verdicts = ["passed"] * 4 + ["runtime_error", "wrong_answer", "passed"]
    assert sandbox.verdicts(problem, code) == verdicts


def test_a_stop_does_not_take_the_exception_that_was_asked_for_for_a_failure(sandbox: Sandbox) -> None:
    """Red without the guard in `plan`: the cases behind the exception were our failure, and the reward was lost."""
    problem = call({"args": [0], "raises": "ZeroDivisionError"}, returns(1, 1), {"args": [1], "raises": "KeyError"})
    assert sandbox.verdicts(problem, "def solve(x): return 1 // x", stop=True) == ["passed", "passed", "wrong_answer"]


def test_numbers_compare_within_a_tolerance_only_where_the_problem_says_so(sandbox: Sandbox) -> None:
    code = "def solve(): return [0.1 + 0.2, {'x': (1,)}]"
    case = returns([0.3, {"x": [1.0]}])
    assert sandbox.verdicts(call(case), code) == ["wrong_answer"]
    assert sandbox.verdicts(call(case, compare=FloatTolerance(float=1e-9)), code) == ["passed"]


@pytest.mark.parametrize("value", ["[3, 1, [2]]", "(3, [2], 1)", "[[2], 1.0, 3]"])
def test_unordered_compares_items_in_any_order(sandbox: Sandbox, value: str) -> None:
    assert sandbox.verdicts(call(returns([1, [2], 3]), compare="unordered"), f"def solve(): return {value}") == [
        "passed"
    ]


@pytest.mark.parametrize("value", ["[1, 2, 2]", "[1, 2]", "[1, 1, 2, 2]", "{1, 2}", "5"])
def test_unordered_counts_repeated_items(sandbox: Sandbox, value: str) -> None:
    assert sandbox.verdicts(call(returns([1, 1, 2]), compare="unordered"), f"def solve(): return {value}") == [
        "wrong_answer"
    ]


def test_a_method_is_called_on_a_new_instance_for_each_case(sandbox: Sandbox) -> None:
    code = "class Solution:\n    def __init__(self): self.n = 0\n    def step(self):\n        self.n += 1\n        return self.n"
    problem = call(returns(1), returns(1), entry_point="Solution.step")
    assert sandbox.verdicts(problem, code) == ["passed", "passed"]
    assert sandbox.verdicts(problem, "class Solution: pass") == ["runtime_error"] * 2


@pytest.mark.parametrize(
    ("code", "verdict", "reason"),
    [
        ("def other(): pass", "runtime_error", "defines no 'solve'"),
        ("solve = 5", "runtime_error", "not callable"),
        ("def solve(: pass", "compile_error", "SyntaxError"),
        ("1/0\ndef solve(): pass", "runtime_error", "ZeroDivisionError"),
        ("import sys; sys.exit(0)", "runtime_error", "SystemExit"),
        ("import os; os._exit(0)", "runtime_error", "before its tests"),
        ("while True: pass", "cpu_timeout", ""),
        ("import time; time.sleep(60)", "wall_timeout", ""),
        ("import missing_package", "runtime_error", "missing_package"),
        ("def solve(a): pass", "runtime_error", "TypeError"),
        ("x = bytearray(1 << 40)", "memory_exceeded", "MemoryError"),
    ],
)
def test_what_does_not_get_as_far_as_its_tests_fails_them_all(
    sandbox: Sandbox, code: str, verdict: str, reason: str
) -> None:
    results = sandbox.judge(call(returns(None), returns(None)), code)
    assert [result.verdict for result in results] == [verdict] * 2
    assert reason in results[0].message


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        ("1/0", "runtime_error"),
        ("import os; os._exit(0)", "runtime_error"),
        ("import os; os.kill(os.getpid(), 11)", "runtime_error"),
        ("exit()", "runtime_error"),
        ("return 'a' * (2 << 20)", "output_exceeded"),
        ("return bytearray(1 << 40)", "memory_exceeded"),
        ("import os\n        for fd in range(256):\n            try: os.close(fd)\n            except OSError: pass", "runtime_error"),
    ],
)  # fmt: skip
def test_what_one_case_does_is_not_the_others_fault(sandbox: Sandbox, deed: str, verdict: str) -> None:
    code = f"def solve(n):\n    if n == 2:\n        {deed}\n    return n"
    problem = call(*(returns(n, n) for n in range(5)))
    assert sandbox.verdicts(problem, code) == ["passed", "passed", verdict, "passed", "passed"]
    assert sandbox.verdicts(problem, code, stop=True) == ["passed", "passed", verdict, "skipped", "skipped"]


def test_what_is_printed_belongs_to_its_case(sandbox: Sandbox) -> None:
    code = "import sys\ndef solve(n):\n    print('out', n)\n    print('err', n, file=sys.stderr)\n    return n"
    results = sandbox.judge(call(returns(1, 1), returns(2, 2)), code)
    assert [(result.stdout, result.stderr) for result in results] == [("out 1\n", "err 1\n"), ("out 2\n", "err 2\n")]


@pytest.mark.parametrize("descriptor", [1, 2])
def test_long_printed_text_is_cut_and_decides_nothing(sandbox: Sandbox, descriptor: int) -> None:
    code = f"import os\ndef solve(n):\n    for _ in range(48): os.write({descriptor}, b'x' * 65_535 + b'\\n')\n    return n"
    problem = call(*(returns(n, n) for n in range(70)))  # more than a job shows
    results = sandbox.judge(problem, code)
    assert {result.verdict for result in results} == {"passed"}
    shown = [len(result.stdout + result.stderr) for result in results]
    assert (shown[0], shown[-1]) == (64 << 10, 0)


def test_the_limit_of_a_value_follows_from_the_expected_one(sandbox: Sandbox) -> None:
    limits = Limits(output_bytes=10_000)
    problem = call(returns("x" * 30_000, 30_000), returns("x", 1_000_000), limits=limits)
    assert sandbox.verdicts(problem, "def solve(n): return 'x' * n") == ["passed", "output_exceeded"]


def test_printed_text_never_counts_as_the_answer(sandbox: Sandbox) -> None:
    assert sandbox.verdicts(call(returns(3)), "def solve(): print(3)") == ["wrong_answer"]


def test_setup_and_files_are_there(sandbox: Sandbox) -> None:
    problem = call(
        returns(["text", 4]),
        setup="class Node:\n    def __init__(self, value): self.value = value\n",
        files={"a.txt": "text"},
    )
    code = "def solve(): return [open('a.txt').read(), Node(4).value]"
    assert sandbox.verdicts(problem, code) == ["passed"]


NAMES = "E = Exception\nfor n in '{}'.split(): E = type(n, (E,), {})\ndef solve(*a): raise E"


@pytest.mark.parametrize(
    ("code", "raises"),
    [
        (NAMES.format("Mine ValueError KeyError", "{}"), "KeyError"),
        (NAMES.format("ValueError", "{'__module__': 'builtins'}"), "LookupError"),
        (NAMES.format("A B C D E F Mine ValueError", "{}"), "Mine"),
        (NAMES.format("KeyError IndexError ValueError TypeError OSError", "{'__module__': 'builtins'}"), "KeyError"),
    ],
)
def test_a_class_of_many_names_is_none_of_them(sandbox: Sandbox, code: str, raises: str) -> None:
    assert sandbox.verdicts(call({"args": [], "raises": raises}), code)[0] == "runtime_error"


@pytest.mark.parametrize(
    ("code", "raises"),
    [
        ("import json\ndef solve(): json.loads('x')", "JSONDecodeError"),
        ("import json\ndef solve(): json.loads('x')", "ValueError"),
        ("from decimal import Decimal\ndef solve(): Decimal('x')", "InvalidOperation"),
        ("from decimal import Decimal\ndef solve(): Decimal(1) / 0", "ZeroDivisionError"),
        ("class NotFound(KeyError, AttributeError): pass\ndef solve(): raise NotFound", "LookupError"),
        ("class NotFound(KeyError, AttributeError): pass\ndef solve(): raise NotFound", "AttributeError"),
        ("class Base(Exception): pass\nclass Low(Base): pass\ndef solve(): raise Low", "Base"),
        ("def solve(): open('/none')", "IOError"),
    ],
)
def test_a_real_exception_is_each_of_its_types(sandbox: Sandbox, code: str, raises: str) -> None:
    assert sandbox.verdicts(call({"args": [], "raises": raises}), code) == ["passed"]


AHEAD = {
    "in_all_descriptors": (
        "import os\n"
        "def read(fd):\n"
        "    try: return os.pread(fd, 1 << 20, 0)\n"
        "    except OSError: return b''\n"
        "def seen(): return {n for n in range(9) if any(b'case-%d' % n in read(fd) for fd in range(3, 64))}\n"
    ),
    "in_a_mapping": (
        "import mmap, os\n"
        "held = []\n"
        "def seen():\n"
        "    if not held: held.extend(mmap.mmap(5, 0, prot=mmap.PROT_READ) for _ in range(2))\n"
        "    return {n for n in range(9) if any(each.find(b'case-%d' % n) >= 0 for each in held)}\n"
    ),
    "on_the_channel": (
        "import socket\n"
        "channel = socket.socket(fileno=3)\n"
        "def seen():\n"
        "    try: found = channel.recv(1 << 20, socket.MSG_PEEK | socket.MSG_DONTWAIT)\n"
        "    except OSError: found = b''\n"
        "    return {n for n in range(9) if b'case-%d' % n in found}\n"
    ),
    "by_a_thread": (
        "import os, threading, time\n"
        "def watch():\n"
        "    while True:\n"
        "        text = os.pread(5, 1 << 20, 0)\n"
        "        found.update(n for n in range(9) if b'case-%d' % n in text)\n"
        "        time.sleep(0.001)\n"
        "found = set()\n"
        "threading.Thread(target=watch, daemon=True).start()\n"
        "def seen(): return found\n"
    ),
}


@pytest.mark.parametrize("way", AHEAD)
def test_arguments_are_seen_in_their_own_time_only(sandbox: Sandbox, way: str) -> None:
    """Or a case that takes too long is computed in the time of others. Red with all arguments in one file."""
    cases = [returns(False, f"case-{number}", "x" * 50 * number) for number in range(1, 6)]
    code = f"{AHEAD[way]}def solve(name, _):\n    own = int(name[5:])\n    return any(n > own for n in seen())"
    assert sandbox.verdicts(call(*cases, limits=ROOMY), code) == ["passed"] * 5


@pytest.mark.parametrize(
    "attempt", ["os.pwrite(5, b'x', 0)", "os.ftruncate(5, 0)", "os.ftruncate(5, 1 << 20)", "mmap.mmap(5, 0)[0]"]
)
def test_nobody_but_the_control_process_writes_arguments(sandbox: Sandbox, attempt: str) -> None:
    code = f"import mmap, os\ndef solve(x):\n    try: return {attempt}\n    except OSError: return x"
    assert sandbox.verdicts(call(returns(1, 1), returns(22, 22), limits=ROOMY), code) == ["passed"] * 2


def test_large_arguments_and_small_ones_take_turns(sandbox: Sandbox) -> None:
    sizes = (1, 3_000_000, 0, 70_000, 5_000_000, 2)
    cases = [returns([size, "x" * min(size, 3)], "x" * size) for size in sizes]
    problem = call(*cases, limits=ROOMY)
    assert sandbox.verdicts(problem, "def solve(x): return [len(x), x[-3:]]") == ["passed"] * 6
    again = "import os\ndef solve(x): return [len(x), x[-3:]] if len(x) != 70000 else os._exit(0)"
    verdicts = ["passed"] * 3 + ["runtime_error"] + ["passed"] * 2
    assert sandbox.verdicts(problem, again) == verdicts


def test_a_class_that_is_named_like_a_builtin_is_not_the_builtin(sandbox: Sandbox) -> None:
    code = (
        "builtin = ValueError\n"
        "class ValueError(Exception): pass\n"
        "class Mine(builtin): pass\n"
        "def solve(x):\n    raise [ValueError, builtin, Mine][x]"
    )
    problem = call(*({"args": [number], "raises": "ValueError"} for number in range(3)))
    assert sandbox.verdicts(problem, code) == ["runtime_error", "passed", "passed"]


LONG_REPORT = """
import os
report = b'F{"types":[' + b"[]," * 250_000 + b'[]],"text":"said"}'
os.write(3, len(report).to_bytes(4, "big"))
while report: report = report[os.write(3, report):]
"""


def test_a_long_report_of_a_failed_load_is_not_read(sandbox: Sandbox) -> None:
    """The server would read it on its event loop. Red without the bound: a message of the report."""
    (result,) = sandbox.judge(call(returns(1)), LONG_REPORT)
    assert (result.verdict, result.message) == ("runtime_error", "")


def test_what_a_second_start_prints_is_not_repeated_for_each_case_left(sandbox: Sandbox) -> None:
    code = "import os\nif os.path.exists('/tmp/x'):\n    print('y' * 1000)\n    raise ValueError\nopen('/tmp/x', 'w')\n"
    results = sandbox.judge(call(*[returns(1)] * 50), f"{code}def solve(): os._exit(0)")
    assert {each.verdict for each in results} == {"runtime_error"}
    assert sum(len(each.stdout) for each in results) <= 1001

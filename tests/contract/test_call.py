"""Calls of an entry point: arguments go in, a plain value or an exception comes out, and the server compares."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tasks.schema import FloatTolerance
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
        ("def solve(): return object()", None, "cannot cross"),
        ("def solve(): return lambda: 1", 1, "cannot cross"),
        ("def solve(): yield 1", [1], "cannot cross"),
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
        ("while True: pass", "cpu_timeout"),
        ("import time; time.sleep(60)", "wall_timeout"),
        ("open(1, 'wb').write(bytes(2 << 20))", "output_exceeded"),
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

"""Functions and LeetCode methods, called with plain values: whatever they do on the way, the value is right."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tasks.schema import FloatTolerance
from tests.contract.support import ROOMY, call, returns
from tests.honest.cases import failures, rows, run_call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.support import Sandbox


class Called(NamedTuple):
    name: str
    code: str
    case: dict[str, Any]
    entry_point: str = "solve"


CALLED = (
    Called("two_sum_method", "from typing import List\nclass Solution:\n    def twoSum(self, nums: List[int], target: int) -> List[int]:\n        seen = {}\n        for i, n in enumerate(nums):\n            if target - n in seen: return [seen[target - n], i]\n            seen[n] = i", returns([0, 1], [2, 7, 11], 9), "Solution.twoSum"),
    Called("method_with_helpers_and_state", "class Solution:\n    best = 0\n    def depth(self, t):\n        self.best = 0\n        self._go(t, 1)\n        return self.best\n    def _go(self, t, d):\n        self.best = max(self.best, d)\n        for c in t: self._go(c, d + 1)", returns(3, [[[]], []]), "Solution.depth"),
    Called("method_cached", "from functools import lru_cache, cache\nclass Solution:\n    @lru_cache(None)\n    def ways(self, n): return 1 if n < 2 else self.ways(n - 1) + self.ways(n - 2)", returns(573147844013817084101, 100), "Solution.ways"),
    Called("inner_cached_function", "from functools import cache\nclass Solution:\n    def lcs(self, a, b):\n        @cache\n        def go(i, j):\n            if i == len(a) or j == len(b): return 0\n            return 1 + go(i + 1, j + 1) if a[i] == b[j] else max(go(i + 1, j), go(i, j + 1))\n        return go(0, 0)", returns(3, "abcde", "ace"), "Solution.lcs"),
    Called("static_and_class_methods", "class Solution:\n    BASE = 10\n    @staticmethod\n    def digits(n): return [int(d) for d in str(n)]\n    @classmethod\n    def total(cls, n): return sum(cls.digits(n)) % cls.BASE", returns(5, 186), "Solution.total"),
    Called("method_by_assignment", "class Solution:\n    pass\ndef run(self, x): return x + 1\nSolution.run = run", returns(3, 2), "Solution.run"),
    Called("inherited_method", "class Base:\n    def run(self, x): return self.step(x) * 2\nclass Solution(Base):\n    def step(self, x): return x + 1", returns(8, 3), "Solution.run"),
    Called("partial_as_the_function", "from functools import partial\nsolve = partial(int, base=2)", returns(5, "101")),
    Called("callable_object_as_the_function", "class Solver:\n    def __init__(self): self.k = 3\n    def __call__(self, x): return self.k * x\nsolve = Solver()", returns(12, 4)),
    Called("decorated_function", "import functools, time\ndef timed(f):\n    @functools.wraps(f)\n    def inner(*a, **k):\n        t = time.time()\n        try: return f(*a, **k)\n        finally: print(time.time() - t)\n    return inner\n@timed\ndef solve(x): return x", returns("x", "x")),
    Called("built_in_as_the_function", "solve = sorted", returns([3, 2, 1], [1, 3, 2], reverse=True)),
    Called("coroutine_with_tasks", "import asyncio\nasync def one(x):\n    await asyncio.sleep(0.01)\n    return x * x\nasync def solve(xs): return await asyncio.gather(*map(one, xs))", returns([1, 4], [1, 2])),
    Called("runs_its_own_event_loop", "import asyncio\nasync def go(x): return x + 1\ndef solve(x): return asyncio.run(go(x))", returns(2, 1)),
    Called("keyword_only_and_defaults", "def solve(a, /, b=2, *rest, c, **more): return [a, b, list(rest), c, more]", returns([1, 5, [6], 7, {"d": 8}], 1, 5, 6, c=7, d=8)),
    Called("tuple_for_a_list", "def solve(xs): return tuple((x, (x,)) for x in xs)", returns([[1, [1]], [2, [2]]], [1, 2])),
    Called("named_tuple_for_a_list", "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef solve(x): return P(x, [P(1, 2)])", returns([0, [[1, 2]]], 0)),
    Called("counter_and_default_dict", "from collections import Counter, defaultdict\ndef solve(s):\n    d = defaultdict(list)\n    for c, n in Counter(s).items(): d[n].append(c)\n    return d", returns({"2": ["a"], "1": ["b"]}, "aab")),
    Called("integer_keys", "def solve(n): return {i: i * i for i in range(n)}", returns({"0": 0, "1": 1}, 2)),
    Called("whole_float_for_an_int", "def solve(x): return x / 2", returns(3, 6)),
    Called("boolean_from_a_comparison", "def solve(a, b): return a and not b", returns(True, True, False)),
    Called("int_and_str_subclasses", "import enum\nclass S(str, enum.Enum):\n    A = 'a'\nclass N(enum.IntEnum):\n    ONE = 1\ndef solve(): return [S.A, N.ONE, {'k': S.A}]", returns(["a", 1, {"k": "a"}])),
    Called("global_counter", "calls = 0\ndef solve():\n    global calls\n    calls += 1\n    return calls", returns(1)),
    Called("prints_half_a_megabyte", "def solve(n):\n    for i in range(n): print('debug', i, 'x' * 40)\n    return n", returns(10_000, 10_000)),
    Called("deep_recursion", "import sys\nsys.setrecursionlimit(10**6)\ndef solve(n): return 0 if n == 0 else 1 + solve(n - 1)", returns(40_000, 40_000)),
    Called("thread_with_a_big_stack", "import sys, threading\ndef solve(n):\n    sys.setrecursionlimit(10**6)\n    threading.stack_size(1 << 26)\n    out = []\n    def f(n): return 0 if n == 0 else 1 + f(n - 1)\n    t = threading.Thread(target=lambda: out.append(f(n)))\n    t.start(); t.join()\n    return out[0]", returns(30_000, 30_000)),
    Called("pool_of_processes", "from multiprocessing import Pool\ndef square(x): return x * x\ndef solve(xs):\n    with Pool(2) as p: return p.map(square, xs)", returns([1, 4, 9], [1, 2, 3])),
    Called("executor_never_shut_down", "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\ndef solve(xs): return [f.result() for f in [pool.submit(pow, x, 2) for x in xs]]", returns([1, 4], [1, 2])),
    Called("subprocess_for_the_answer", "import subprocess, sys\ndef solve(a): return int(subprocess.check_output([sys.executable, '-c', f'print({a} * 2)']))", returns(8, 4)),
    Called("main_guard_with_input", "def solve(x): return x\nif __name__ == '__main__':\n    print(solve(int(input())))", returns(5, 5)),
    Called("example_calls_at_the_end", "def solve(x): return x + 1\nprint(solve(1))\nassert solve(2) == 3", returns(10, 9)),
    Called("exit_guarded", "import sys\ndef solve(x): return x\ntry: sys.exit(0)\nexcept SystemExit: pass", returns(1, 1)),
    Called("seeded_shuffle", "import random\ndef solve(xs):\n    random.seed(0)\n    random.shuffle(xs)\n    return sorted(xs)", returns([1, 2, 3], [3, 1, 2])),
    Called("temporary_file", "import tempfile, os\ndef solve(text):\n    with tempfile.NamedTemporaryFile('w', delete=False) as f: f.write(text)\n    try: return open(f.name).read()\n    finally: os.unlink(f.name)", returns("abc", "abc")),
    Called("million_items", "def solve(xs): return [x + 1 for x in xs]", returns(list(range(1, 400_001)), list(range(400_000)))),
    Called("list_reversed_in_place", "def solve(xs):\n    xs.reverse()\n    return xs", returns([3, 2, 1], [1, 2, 3])),
    Called("shared_rows", "def solve(n):\n    row = [0] * n\n    return [row] * n", returns([[0, 0], [0, 0]], 2)),
    Called("future_and_cookie", "# -*- coding: utf-8 -*-\nfrom __future__ import annotations\ndef solve(x: Undefined) -> Missing: return f'{x}ß'", returns("aß", "a")),
    Called("crlf_and_tabs", "def solve(x):\r\n\tif x:\r\n\t\treturn 'yes'\r\n\treturn 'no'\r\n", returns("yes", 1)),
    Called("numbers_of_every_size", "def solve(xs): return [x * 10**30 for x in xs] + [-0.0, 1e308 * 10, 2**-1074]", returns([10**30, -(10**30), 0.0, float("inf"), 5e-324], [1, -1])),
    Called("names_that_hide_builtins", "list_ = list\ndef list(x): return list_(x)\nsum = 0\nid = type = input = None\ndef solve(x): return list(x)", returns(["a", "b"], "ab")),
)  # fmt: skip


@pytest.mark.parametrize("called", rows(CALLED))
def test_the_function_is_right_by_itself(called: Called, tmp_path: Path) -> None:
    case = called.case
    value = run_call(called.code, called.entry_point, case["args"], case["kwargs"], tmp_path)
    assert value == case["expected"]


@pytest.mark.parametrize("called", rows(CALLED))
def test_a_function_passes(sandbox: Sandbox, called: Called) -> None:
    problem = call(called.case, entry_point=called.entry_point, limits=ROOMY)
    assert not failures(sandbox.judge(problem, called.code))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def solve(): return sum([0.1] * 10)", 1.0),
        ("def solve(): return 1", 1.0),
        ("def solve(): return (1/3, [2/3, {'k': 1e-12}])", [0.333333333, [0.666666667, {"k": 0}]]),
        ("def solve(): return 1e15 + 0.3", 1e15),
        ("def solve(): return [float('inf'), -0.0, True]", [float("inf"), 0, True]),
        ("from fractions import Fraction\ndef solve(): return float(Fraction(22, 7))", 3.142857142857143),
    ],
)
def test_a_number_may_be_off_by_the_tolerance(sandbox: Sandbox, code: str, expected: Any) -> None:
    problem = call(returns(expected), compare=FloatTolerance(float=1e-6), limits=ROOMY)
    assert not failures(sandbox.judge(problem, code))


@pytest.mark.parametrize("value", ["{3, 1, 2}", "frozenset([1, 2, 3])", "{1: 0, 2: 0, 3: 0}.keys()", "(3, 2, 1)"])
def test_any_order_will_do_where_the_problem_says_so(sandbox: Sandbox, value: str) -> None:
    problem = call(returns([1, 2, 3]), compare="unordered", limits=ROOMY)
    assert not failures(sandbox.judge(problem, f"def solve(): return list({value})"))

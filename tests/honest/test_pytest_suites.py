"""Test files as people write them: fixtures, parameters, unittest, doctest, the module looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, rows, suite

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r'''
[case raises_with_match_and_attributes]
class InvalidAge(ValueError):
    def __init__(self, age):
        super().__init__(f"age {age} is invalid")
        self.age = age
def check_age(age):
    if age < 0: raise InvalidAge(age)
    return age
[tests]
import pytest
from solution import InvalidAge, check_age
def test_error():
    with pytest.raises(InvalidAge, match=r"age -\d is") as caught: check_age(-1)
    assert caught.value.age == -1
    assert caught.type is InvalidAge
    assert "invalid" in str(caught.value)
def test_base():
    with pytest.raises(ValueError): check_age(-2)
    with pytest.raises((KeyError, InvalidAge)): check_age(-3)
def test_fine(): assert check_age(3) == 3
[case fixtures_of_every_scope]
class Account:
    def __init__(self, owner, balance=0): self.owner, self.balance = owner, balance
    def deposit(self, n):
        if n <= 0: raise ValueError("not positive")
        self.balance += n
[tests]
import pytest
from solution import Account
@pytest.fixture(scope="module")
def shared(): return Account("all")
@pytest.fixture(params=[0, 10])
def account(request):
    a = Account("me", request.param)
    yield a
    assert a.balance >= 0
@pytest.fixture(autouse=True)
def always(): yield
def test_deposit(account):
    before = account.balance
    account.deposit(5)
    assert account.balance == before + 5
def test_shared_a(shared): shared.deposit(1)
def test_shared_b(shared): assert shared.balance == 1
@pytest.mark.parametrize("n", [0, -1], ids=str)
def test_bad(account, n):
    with pytest.raises(ValueError, match="not positive"): account.deposit(n)
[case parametrized_with_ids_and_indirect]
def roman(n):
    out = ""
    for v, s in ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        while n >= v: out, n = out + s, n - v
    return out
[tests]
import pytest
import solution
@pytest.mark.parametrize(("n", "text"), [(1, "I"), (4, "IV"), pytest.param(9, "IX", id="nine")])
def test_roman(n, text): assert solution.roman(n) == text
@pytest.fixture
def number(request): return request.param + 1
@pytest.mark.parametrize("number", [13], indirect=True)
def test_indirect(number): assert solution.roman(number) == "XIV"
@pytest.mark.parametrize("a", [1, 2])
@pytest.mark.parametrize("b", [0, 3])
class TestMany:
    def test_it(self, a, b): assert len(solution.roman(a + b)) <= 2
[case unittest_suite]
class Queue:
    def __init__(self): self._items = []
    def push(self, x): self._items.append(x)
    def pop(self):
        if not self._items: raise IndexError("empty queue")
        return self._items.pop(0)
    def __len__(self): return len(self._items)
def mean(xs): return sum(xs) / len(xs)
[tests]
import unittest
from solution import Queue, mean
class TestQueue(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.numbers = [1, 2, 3]
    def setUp(self):
        self.q = Queue()
        self.addCleanup(lambda: None)
    def tearDown(self): del self.q
    def test_order(self):
        for n in self.numbers: self.q.push(n)
        self.assertEqual([self.q.pop() for _ in self.numbers], self.numbers)
        self.assertFalse(self.q)
    def test_empty(self):
        with self.assertRaises(IndexError) as caught: self.q.pop()
        self.assertEqual(str(caught.exception), "empty queue")
        self.assertRaisesRegex(IndexError, "empty", self.q.pop)
    def test_mean(self):
        for xs, m in (([1], 1), ([1, 2], 1.5)):
            with self.subTest(xs=xs): self.assertAlmostEqual(mean(xs), m)
    def test_kinds(self):
        self.assertIsInstance(self.q, Queue)
        self.assertIsNot(self.q, Queue())
        self.assertEqual(len(self.q), 0)
        self.assertCountEqual([1, 2], [2, 1])
if __name__ == "__main__": unittest.main()
[case asynchronous_unittest]
import asyncio
async def fetch(x):
    await asyncio.sleep(0)
    return x * 2
[tests]
import unittest
from solution import fetch
class TestIt(unittest.IsolatedAsyncioTestCase):
    async def test_fetch(self): self.assertEqual(await fetch(2), 4)
[case docstring_of_a_function]
def double(x):
    """Double.

    >>> double(2)
    4
    >>> double("ab")
    'abab'
    """
    return x * 2
[tests]
from solution import double
def test_double(): assert double(2) == 4
def test_doc(): assert double.__doc__.startswith("Double.")
[case module_looked_into]
"""A module."""
__version__ = "1.2"
__all__ = ["area"]
PI = 3.14
_hidden = [1]
def area(r): return PI * r * r
class Shape: pass
[tests]
import importlib
import solution
def test_names():
    assert hasattr(solution, "area") and not hasattr(solution, "volume")
    assert callable(solution.area) and getattr(solution, "nothing", None) is None
    assert solution._hidden == [1]
    assert solution.__name__ == "solution"
def test_import(): assert importlib.import_module("solution").area(1) == 3.14
[case module_listed]
"""A module."""
__version__ = "1.2"
PI = 3.14
def area(r): return PI * r * r
class Shape: pass
[tests]
import inspect
import solution
def test_dunders():
    assert solution.__version__ == "1.2"
    assert solution.__doc__ == "A module."
def test_listing():
    assert {"area", "PI", "Shape"} <= set(dir(solution))
    assert "Shape" in dict(inspect.getmembers(solution, inspect.isclass))
[case module_constants_follow_the_module]
count = 0
items = []
def up(n=1):
    global count
    count += n
    items.append(count)
[tests]
import solution
def test_count():
    solution.up()
    solution.up(4)
    assert solution.count == 5
    assert solution.items == [1, 5]
def test_reset():
    solution.count = 0
    solution.up()
    assert solution.count == 1
[case list_of_the_module_by_name]
items = []
def put(x): items.append(x)
[tests]
import solution
from solution import items, put
def test_alias():
    put(1)
    assert items == [1]
    assert items is solution.items
[case approximate_numbers]
import math
def roots(a, b, c):
    d = math.sqrt(b * b - 4 * a * c)
    return ((-b - d) / (2 * a), (-b + d) / (2 * a))
def stats(xs): return {"mean": sum(xs) / len(xs), "n": len(xs)}
[tests]
import pytest
from solution import roots, stats
def test_roots(): assert roots(1, -3, 2) == pytest.approx((1, 2))
def test_stats(): assert stats([0.1, 0.2]) == pytest.approx({"mean": 0.15, "n": 2})
def test_one(): assert roots(1, 0, -2)[1] == pytest.approx(1.41421, abs=1e-4)
[case threads_of_the_test]
import threading
class Counter:
    def __init__(self): self.n, self.lock = 0, threading.Lock()
    def up(self):
        with self.lock: self.n += 1
def parallel(f, xs):
    out = [None] * len(xs)
    def work(i): out[i] = f(xs[i])
    ts = [threading.Thread(target=work, args=(i,)) for i in range(len(xs))]
    for t in ts: t.start()
    for t in ts: t.join()
    return out
[tests]
import threading
from concurrent.futures import ThreadPoolExecutor
from solution import Counter, parallel
def test_threads():
    c = Counter()
    ts = [threading.Thread(target=c.up) for _ in range(8)]
    for t in ts: t.start()
    for t in ts: t.join()
    assert c.n == 8
def test_pool():
    c = Counter()
    with ThreadPoolExecutor(4) as pool: list(pool.map(lambda _: c.up(), range(20)))
    assert c.n == 20
def test_callback_from_threads(): assert parallel(lambda x: x * 2, [1, 2, 3]) == [2, 4, 6]
[case checks_that_must_not_be_reached]
def half(x):
    if x % 2: raise ValueError("odd")
    return x // 2
async def later(x): return half(x)
[tests]
import asyncio, contextlib, unittest
import pytest
from solution import half, later
def test_assert_false():
    try:
        half(1)
        assert False, "no error"
    except ValueError: pass
def test_fail():
    try: half(1)
    except ValueError: return
    pytest.fail("no error")
def test_no_error():
    try: half(2)
    except ValueError: pytest.fail("an error")
def test_raise():
    if half(2) != 1: raise AssertionError("half of 2")
def test_or(): half(2) == 1 or pytest.fail("half of 2")
def test_loop():
    for x in range(4):
        if half(2 * x) != x: raise AssertionError(x)
def test_match():
    match half(2):
        case 1: pass
        case other: raise AssertionError(other)
def test_stack():
    with contextlib.ExitStack() as stack:
        stack.enter_context(pytest.raises(ValueError))
        half(1)
@pytest.mark.parametrize("x, expected", [(2, contextlib.nullcontext()), (1, pytest.raises(ValueError))])
def test_manager(x, expected):
    with expected: half(x)
def test_helper():
    def verify(x):
        if half(2 * x) != x: pytest.fail(str(x))
    verify(3)
class TestHalf(unittest.TestCase):
    def test_else(self):
        try: half(1)
        except ValueError: pass
        else: self.fail("no error")
    def test_list(self): [self.assertEqual(half(2 * x), x) for x in range(3)]
    def test_lambda(self): list(map(lambda x: self.assertEqual(half(2 * x), x), range(3)))
    def test_return(self):
        async def ask(): return self.assertEqual(await later(2), 1)
        asyncio.run(ask())
[case context_manager_that_swallows]
from contextlib import contextmanager
@contextmanager
def ignoring(*kinds):
    try: yield
    except kinds: pass
[tests]
import pytest
from solution import ignoring
def test_swallowed():
    with ignoring(ValueError, KeyError): raise ValueError("x")
def test_of_the_language():
    with ignoring(IndexError): [][0]
def test_other():
    with pytest.raises(OSError):
        with ignoring(ValueError): raise OSError
''')


@pytest.mark.parametrize("case", rows(CASES))
def test_a_suite_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(suite(case), case.code)
    assert results
    assert not failures(results)

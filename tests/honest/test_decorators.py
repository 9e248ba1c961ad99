"""Decorators, caches, and what a function says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r'''
[case decorator_on_a_function_of_the_test]
import functools

def counted(f):
    @functools.wraps(f)
    def inner(*args, **kw):
        inner.calls += 1
        return f(*args, **kw)
    inner.calls = 0
    return inner
def repeat(n):
    def wrap(f):
        return lambda *a: [f(*a) for _ in range(n)]
    return wrap
[tests]
@counted
def add(a, b=1):
    """Add."""
    return a + b
assert add(1) == 2 and add(1, b=5) == 6
assert add.calls == 2
@repeat(3)
def hi(name): return "hi " + name
assert hi("x") == ["hi x"] * 3
[case decorator_keeps_the_name]
import functools

def logged(f):
    @functools.wraps(f)
    def inner(*args, **kw): return f(*args, **kw)
    return inner
[tests]
@logged
def area(w, h):
    """The area."""
    return w * h
assert area(2, 3) == 6
assert area.__name__ == "area"
assert area.__doc__ == "The area."
[case memoize_calls_once]
def memoize(f):
    cache = {}
    def inner(*args):
        if args not in cache: cache[args] = f(*args)
        return cache[args]
    inner.cache = cache
    return inner
[tests]
calls = []
@memoize
def slow(n):
    calls.append(n)
    return n * n
assert [slow(3), slow(3), slow(4)] == [9, 9, 16]
assert calls == [3, 4]
assert slow.cache == {(3,): 9, (4,): 16}
@memoize
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
assert fib(40) == 102334155
[case retry_until_the_test_is_content]
def retry(f, times, *args):
    for attempt in range(times):
        try: return f(*args)
        except Exception:
            if attempt == times - 1: raise
[tests]
tries = []
def flaky(least):
    tries.append(least)
    if len(tries) < least: raise AssertionError(tries)
    return "done"
assert retry(flaky, 3, 2) == "done"
assert tries == [2, 2]
class Flaky:
    tries = 0
    def work(self):
        self.tries += 1
        if self.tries < 3: raise AssertionError(self.tries)
        return self.tries
assert retry(Flaky().work, 3) == 3
[case retry_of_given_exceptions]
def retry(times, exceptions=(Exception,)):
    def wrap(f):
        def inner(*args):
            for attempt in range(times):
                try:
                    return f(*args)
                except exceptions:
                    if attempt == times - 1: raise
        return inner
    return wrap
[tests]
tries = []
@retry(3, exceptions=(ValueError,))
def flaky():
    tries.append(1)
    if len(tries) < 3: raise ValueError("not yet")
    return "done"
assert flaky() == "done"
assert len(tries) == 3
@retry(3, exceptions=(ValueError,))
def wrong():
    tries.append(1)
    raise KeyError("other")
try:
    wrong()
    assert False
except KeyError:
    assert len(tries) == 4
[case cached_functions]
from functools import cache, lru_cache, cached_property, singledispatch
@lru_cache(maxsize=None)
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
@cache
def path(n): return 1 if n == 0 else path(n - 1) * 2
class Lazy:
    runs = 0
    @cached_property
    def value(self):
        Lazy.runs += 1
        return 42
@singledispatch
def show(x): return "other"
@show.register
def _(x: int): return "int"
[tests]
assert fib(80) == 23416728348467685
assert fib.cache_info().misses == 81
fib.cache_clear()
assert fib.cache_info().currsize == 0
assert path(100) == 2 ** 100
z = Lazy()
assert z.value == z.value == 42 and Lazy.runs == 1
assert show(1) == "int" and show("x") == "other"
[case what_a_function_says_of_itself]
def area(width: float, height: float = 1.0, *, unit: str = "m") -> str:
    """Return the area."""
    return f"{width * height}{unit}"
[tests]
import inspect
assert area.__name__ == "area" and area.__doc__ == "Return the area."
assert area.__annotations__["return"] is str
assert area.__defaults__ == (1.0,)
signature = inspect.signature(area)
assert list(signature.parameters) == ["width", "height", "unit"]
assert signature.parameters["height"].default == 1.0
assert signature.parameters["unit"].kind is inspect.Parameter.KEYWORD_ONLY
[case what_kind_of_function_it_is]
def gen(): yield 1
async def co(): return 1
def plain(): return 1
class K:
    @staticmethod
    def s(): return 1
    def m(self): return 2
[tests]
import inspect, types
assert inspect.isgeneratorfunction(gen) and not inspect.isgeneratorfunction(plain)
assert inspect.iscoroutinefunction(co)
assert isinstance(gen(), types.GeneratorType)
assert isinstance(plain, types.FunctionType) and inspect.isfunction(plain)
assert inspect.isclass(K)
[case argument_forms]
def f(a, /, b, *rest, c=3, **more): return (a, b, rest, c, more)
def only(*, key): return key
def grow(x, seen=[]):
    seen.append(x)
    return list(seen)
[tests]
assert f(1, 2) == (1, 2, (), 3, {})
assert f(1, 2, 3, c=4, d=5) == (1, 2, (3,), 4, {"d": 5})
assert f(*[1, 2], **{"a": 9}) == (1, 2, (), 3, {"a": 9})
assert only(key="k") == "k"
assert grow(1) == [1] and grow(2) == [1, 2]
try:
    only("k")
    assert False
except TypeError as e:
    assert "positional" in str(e)
''')


@pytest.mark.parametrize("case", rows(CASES))
def test_a_decorator_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

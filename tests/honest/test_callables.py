"""Functions in both directions: callbacks, closures, partials, types as arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case callback_calls_the_function_again]
def walk(tree, visit):
    return [visit(item) for item in tree]
def power(f, n): return (lambda x: x) if n == 0 else lambda x: f(power(f, n - 1)(x))
[tests]
def visit(item): return walk(item, visit) if isinstance(item, list) else item * 2
assert walk([1, [2, [3]]], visit) == [2, [4, [6]]]
assert power(lambda x: x + 2, 5)(0) == 10
[case deep_recursion_between_both]
def even(n, odd): return True if n == 0 else odd(n - 1)
[tests]
def odd(n): return False if n == 0 else even(n - 1, odd)
assert even(60, odd)
assert not even(61, odd)
[case fixed_point_combinator]
def fix(f): return (lambda x: x(x))(lambda x: f(lambda n: x(x)(n)))
[tests]
assert fix(lambda me: lambda n: 1 if n == 0 else n * me(n - 1))(10) == 3628800
[case closure_keeps_its_state]
def counter():
    n = 0
    def up(by=1):
        nonlocal n
        n += by
        return n
    return up
def pair():
    items = []
    return items.append, lambda: list(items)
[tests]
a, b = counter(), counter()
assert a() == 1 and a(5) == 6 and b() == 1
put, seen = pair()
put("x")
assert seen() == ["x"]
[case types_as_arguments]
def of_type(items, kind): return [x for x in items if isinstance(x, kind)]
def convert(items, kind): return [kind(x) for x in items]
def typed(**kinds): return {k: v.__name__ for k, v in kinds.items()}
[tests]
assert of_type([1, "a", 2.0], str) == ["a"]
assert of_type([1, "a", 2.0], (int, float)) == [1, 2.0]
assert convert(["1", "2"], int) == [1, 2]
assert typed(a=int, b=list) == {"a": "int", "b": "list"}
[case types_as_results]
def kind_of(x): return type(x)
def schema(): return {"id": int, "tags": list}
[tests]
assert kind_of(1) is int
assert kind_of("a") == str
assert kind_of([]) is not dict
assert schema() == {"id": int, "tags": list}
assert kind_of(1)("7") == 7
[case builtins_as_callbacks]
import operator
def fold(f, xs):
    out = xs[0]
    for x in xs[1:]: out = f(out, x)
    return out
def table(): return {"+": operator.add, "max": max}
[tests]
import operator
assert fold(operator.mul, [1, 2, 3, 4]) == 24
assert fold(max, [1, 5, 2]) == 5
assert fold(str.__add__, ["a", "b"]) == "ab"
assert table()["+"](1, 2) == 3 and table()["max"](1, 2) == 2
[case methods_as_callbacks]
class Log:
    def __init__(self): self.lines = []
    def write(self, line): self.lines.append(line)
def each(f, xs):
    for x in xs: f(x)
[tests]
log = Log()
each(log.write, ["a", "b"])
assert log.lines == ["a", "b"]
mine = []
each(mine.append, [1, 2])
assert mine == [1, 2]
each(lambda x: mine.extend([x] * 2), [3])
assert mine == [1, 2, 3, 3]
[case callback_comes_home_the_same]
class Bus:
    def __init__(self): self.handlers = {}
    def on(self, name, handler):
        self.handlers.setdefault(name, []).append(handler)
        return handler
    def emit(self, name, *args): return [h(*args) for h in self.handlers.get(name, [])]
    def off(self, name, handler): self.handlers[name].remove(handler)
[tests]
def double(x): return x * 2
bus = Bus()
assert bus.on("a", double) is double
bus.on("a", lambda x: x + 1)
assert bus.emit("a", 5) == [10, 6]
bus.off("a", double)
assert bus.emit("a", 5) == [6]
assert bus.emit("none") == []
[case partials_and_compositions]
from functools import partial, reduce
def compose(*fs): return reduce(lambda f, g: lambda x: f(g(x)), fs, lambda x: x)
def scale(k, x): return k * x
triple = partial(scale, 3)
def make(k): return partial(scale, k)
def curry(f): return lambda a: lambda b: f(a, b)
[tests]
assert triple(4) == 12
assert make(5)(2) == 10
assert compose(make(2), triple, lambda x: x + 1)(1) == 12
assert curry(pow)(2)(5) == 32
assert triple.args == (3,) and triple.func(2, 2) == 4
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_callable_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

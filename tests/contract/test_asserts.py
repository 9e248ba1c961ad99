"""Test code in a process of its own: each assert counts on its own, whatever the submission does in another one."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.support import ROOMY, asserts, pytest_files

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

P, W, R = "passed", "wrong_answer", "runtime_error"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        # what crosses
        ("assert f(2) == 4\nassert f(x=3) == 9", "def f(x): return x * x"),
        ("assert f() is None\nassert f(1) is True", "def f(x=None): return x and True"),
        ("assert f([1, (2, {3}), {'a': b'c'}]) == [1, (2, {3}), {'a': b'c'}]", "def f(x): return x"),
        ("assert type(f()) is tuple and f()[0] == frozenset({1})", "def f(): return (frozenset({1}), 2)"),
        ("assert f(10**400) == 10**800", "def f(x): return x * x"),
        ("assert f() != f() and str(f()) == 'nan'", "def f(): return float('nan')"),
        ("assert len(f(list(range(10**5)))) == 10**5", "def f(x): return x[::-1]"),
        ("from decimal import Decimal\nassert f(Decimal('1.5')) == Decimal('3.0')", "def f(x): return x + x"),
        ("import datetime as d\nassert f(d.date(2024, 2, 28)) == d.date(2024, 2, 29)", "import datetime\ndef f(x): return x + datetime.timedelta(days=1)"),
        ("assert abs(f() - 1/3) < 1e-9\nassert math.isclose(f(), 1/3)", "def f(): return 1/3"),
        ("assert LIMIT == 5\nassert NAMES['a'] == [1]", "LIMIT = 5\nNAMES = {'a': [1]}"),
        ("assert list(f(3)) == [0, 1, 2]", "def f(n): return range(n)"),
        # changes of arguments
        ("x = [3, 1, 2]\nassert f(x) is None\nassert x == [1, 2, 3]", "def f(x): x.sort()"),
        ("x = {'a': [1]}\ninner = x['a']\nf(x)\nassert x == {'a': [1, 2], 'b': 0}\nassert inner == [1, 2]", "def f(x):\n    x['a'].append(2)\n    x['b'] = 0"),
        ("x = [[1, 2], [3, 4]]\nrow = x[0]\nf(x)\nassert x == [[1, 3], [2, 4]] and row == [1, 2]", "def f(m):\n    m[:] = [[m[0][0], m[1][0]], [m[0][1], m[1][1]]]"),
        ("x = {1}\nf(x)\nassert x == {1, 2}", "def f(x): x.add(2)"),
        ("x = [1]\ntry:\n    f(x)\nexcept ValueError: pass\nassert x == [1, 2]", "def f(x):\n    x.append(2)\n    raise ValueError"),
        # iterators, generators, callbacks
        ("g = f()\nassert next(g) == 1\nassert list(g) == [2, 3]", "def f():\n    yield 1\n    yield from (2, 3)"),
        ("g = f()\nnext(g)\nassert g.send(4) == 8", "def f():\n    x = yield\n    yield x * 2"),
        ("assert f(lambda x: x + 1, 3) == 8", "def f(g, x): return g(x) * 2"),
        ("seen = []\nf(seen.append)\nassert seen == [1, 2]", "def f(g):\n    g(1)\n    g(2)"),
        ("assert f(n for n in range(4)) == 6", "def f(numbers): return sum(numbers)"),
        ("assert compose(lambda x: x + 1, lambda x: x * 2)(3) == 7", "def compose(f, g): return lambda x: f(g(x))"),
        ("assert sorted([3, 1, 2], key=f) == [3, 2, 1]", "def f(x): return -x"),
        ("assert list(map(f, [1, 2])) == [2, 3]", "f = lambda x: x + 1"),
        ("def g(n): return 1 if n == 0 else n * f(g, n - 1)\nassert f(g, 5) == 120", "def f(g, n): return g(n)"),
        # classes
        ("s = Stack()\ns.push(1)\ns.push(2)\nassert s.pop() == 2\nassert len(s) == 1\nassert s.items == [1]", "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n    def pop(self): return self.items.pop()\n    def __len__(self): return len(self.items)"),
        ("a = V(1, 2)\nassert a + V(3, 4) == V(4, 6)\nassert a != V(0, 0)\nassert a.x == 1\nassert repr(a) == 'V(x=1, y=2)'", "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass V:\n    x: int\n    y: int\n    def __add__(self, o): return V(self.x + o.x, self.y + o.y)"),
        ("v = V(3)\nassert v.x == 3\nassert v * 2 == V(6)\nassert 2 * v == V(6)\nassert v == 3", "class V:\n    def __init__(self, x): self.x = x\n    def __mul__(self, n): return V(self.x * n)\n    __rmul__ = __mul__\n    def __eq__(self, o): return self.x == (o.x if isinstance(o, V) else o)"),
        ("assert [p.name for p in sorted([P('b'), P('a')])] == ['a', 'b']", "class P:\n    def __init__(self, name): self.name = name\n    def __lt__(self, o): return self.name < o.name"),
        ("d = Bag()\nd['a'] = 1\nassert d['a'] == 1 and 'a' in d and 'b' not in d\ndel d['a']\nassert not d", "class Bag(dict): pass"),
        ("d = Bag()\nd['a'] = 1\nassert d.size == 1 and 'a' in d and d['a'] == 1\nassert list(d) == ['a']", "class Bag:\n    def __init__(self): self.d = {}\n    def __setitem__(self, k, v): self.d[k] = v\n    def __getitem__(self, k): return self.d[k]\n    def __contains__(self, k): return k in self.d\n    def __iter__(self): return iter(self.d)\n    @property\n    def size(self): return len(self.d)"),
        ("assert isinstance(Cat(), Animal) and issubclass(Cat, Animal)\nassert Cat().speak() == 'meow'\nassert not isinstance(Animal(), Cat)", "class Animal: pass\nclass Cat(Animal):\n    def speak(self): return 'meow'"),
        ("assert C.make(3).x == 3\nassert C.twice(2) == 4\nassert C.KIND == 'c'", "class C:\n    KIND = 'c'\n    @classmethod\n    def make(cls, x):\n        c = cls()\n        c.x = x\n        return c\n    @staticmethod\n    def twice(x): return 2 * x"),
        ("c = C()\nc.x = 5\nassert c.double() == 10", "class C:\n    def double(self): return 2 * self.x"),
        ("n = Node(1, Node(2))\nassert total(n) == 3\nassert n.next.value == 2", "class Node:\n    def __init__(self, value, next=None): self.value, self.next = value, next\ndef total(n): return n.value + (total(n.next) if n.next else 0)"),
        ("class Tree:\n    def __init__(self, v, left=None): self.v, self.left = v, left\nassert f(Tree(1, Tree(2))) == 3", "def f(t): return t.v + t.left.v"),
        ("assert identity(x) is x if (x := Thing()) else False", "class Thing: pass\ndef identity(x): return x"),
        ("with opened() as x:\n    assert x == 4", "from contextlib import contextmanager\n@contextmanager\ndef opened(): yield 4"),
        # exceptions
        ("try:\n    f()\n    assert False, 'no exception'\nexcept ValueError as e:\n    assert str(e) == 'bad'", "def f(): raise ValueError('bad')"),
        ("try:\n    f()\n    assert False\nexcept Mine as e:\n    assert e.args == (1,) and isinstance(e, KeyError)", "class Mine(KeyError): pass\ndef f(): raise Mine(1)"),
        ("import json\ntry:\n    f()\n    assert False\nexcept json.JSONDecodeError:\n    pass", "import json\ndef f(): json.loads('{')"),
        ("ok = False\ntry:\n    f()\nexcept (KeyError, ZeroDivisionError):\n    ok = True\nassert ok", "def f(): 1/0"),
    ],
)  # fmt: skip
def test_a_right_submission_passes(sandbox: Sandbox, source: str, code: str) -> None:
    results = sandbox.judge(asserts(source, limits=ROOMY), code)
    assert results
    assert all(result.verdict == "passed" for result in results), results


def test_each_assert_counts_on_its_own(sandbox: Sandbox) -> None:
    results = sandbox.judge(
        asserts("assert f(1) == 1\nassert f(2) == 0, 'why'\nassert f(3) == 3\n"), "def f(x): return x"
    )
    assert [result.verdict for result in results] == [P, W, P]
    assert [result.name for result in results] == ["line 1", "line 2", "line 3"]
    assert results[1].message == "why: got 2 where 0 was expected"


def test_check_is_called_with_the_entry_point(sandbox: Sandbox) -> None:
    source = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 0\n    assert candidate(3) == 4\n"
    assert sandbox.verdicts(asserts(source, "f"), "def f(x): return x + 1") == [P, W, P]
    assert sandbox.verdicts(asserts(source, "C.f"), "class C:\n    def f(self, x): return x + 1") == [P, W, P]


def test_an_assert_in_a_loop_passes_when_all_its_rounds_do(sandbox: Sandbox) -> None:
    source = "for x in range(3):\n    assert f(x) == x\nassert f(9) == 9"
    assert sandbox.verdicts(asserts(source), "def f(x): return x") == [P, P]
    assert sandbox.verdicts(asserts(source), "def f(x): return x if x != 1 else 0") == [W, P]
    assert sandbox.verdicts(asserts(source), "def f(x): return x if x != 9 else 0") == [P, W]


def test_an_assert_that_must_not_be_reached_passes_only_then(sandbox: Sandbox) -> None:
    source = "try:\n    f()\n    assert False\nexcept ValueError:\n    pass\nassert True\nassert g() == 1"
    assert sandbox.verdicts(asserts(source), "def f(): raise ValueError\ndef g(): return 1") == [P, P]
    assert sandbox.verdicts(asserts(source), "def f(): pass\ndef g(): return 1")[0] == W
    assert sandbox.verdicts(asserts(source), "def f(): raise KeyError\ndef g(): return 1")[0] == R


def test_an_assert_that_was_not_reached_is_no_pass(sandbox: Sandbox) -> None:
    source = "assert f(1) == 1\nf(0)\nassert f(2) == 2\nassert f(3) == 3"
    assert sandbox.verdicts(asserts(source), "def f(x): return x // x * x") == [P, R, R]


@pytest.mark.parametrize(
    "ending", ["f('raise')", "f('exit')", "f('die')", "raise ValueError", "undefined_in_test()", "[][1]", "f('loop')"]
)
def test_test_code_that_ends_early_never_scores_full(sandbox: Sandbox, ending: str) -> None:
    """In one process an exception in the test code fails the run; so it does here, even behind the last assert."""
    code = (
        "import os, sys\n"
        "def f(how):\n"
        "    if how == 'raise': raise KeyError\n"
        "    if how == 'exit': sys.exit(0)\n"
        "    if how == 'die': os._exit(0)\n"
        "    while how == 'loop': pass\n"
        "    return 1\n"
        "undefined_in_test = None\n"
    )
    assert set(sandbox.verdicts(asserts(f"assert f(1) == 1\n{ending}\nassert f(2) == 1"), code)[1:]) != {P}
    assert set(sandbox.verdicts(asserts(f"assert f(1) == 1\n{ending}\n"), code)) != {P}


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        ("import os; os._exit(0)", R),
        ("import os; os.kill(os.getpid(), 9)", R),
        ("import sys; sys.exit(0)", R),
        ("x = [b'y' * (1 << 20) for _ in range(400)]", "memory_exceeded"),
        ("import os; os.closerange(0, 256)", R),
        ("return 'x' * (80 << 20)", "memory_exceeded"),
    ],
)
def test_what_ends_the_submission_fails_one_assert(sandbox: Sandbox, deed: str, verdict: str) -> None:
    """The submission is started anew, so that later asserts still count; with `stop` they are left out."""
    code = f"def f(x):\n    if x == 1:\n        {deed}\n    return x"
    problem = asserts("assert f(0) == 0\nassert f(1) == 1\nassert f(2) == 2\nassert f(3) == 0")
    assert sandbox.verdicts(problem, code) == [P, verdict, P, W]
    assert sandbox.verdicts(problem, code, stop=True) == [P, verdict, "skipped", "skipped"]


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        ("import os; os._exit(0)", R),
        ("raise KeyError", R),
        ("raise MemoryError", "memory_exceeded"),
        ("x = bytearray(1 << 40)", "memory_exceeded"),
        ("while True: pass", "cpu_timeout"),
        ("import time; time.sleep(60)", "wall_timeout"),
    ],
)
def test_what_ends_the_test_code_between_two_asserts_fails_those_not_reached(
    sandbox: Sandbox, deed: str, verdict: str
) -> None:
    """Seen red for want of memory (`runtime_error`) while the message began with other words than the error's name."""
    code = f"def f(x):\n    if x == 1:\n        {deed}\n    return x"
    problem = asserts("assert f(0) == 0\ny = f(1)\nassert f(2) == 2\nassert f(3) == 3")
    assert sandbox.verdicts(problem, code) == [P, verdict, verdict]


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def g(): pass", R),
        ("def f(: pass", "compile_error"),
        ("1/0", R),
        ("import os; os._exit(0)", R),
        ("import sys; sys.exit(0)", R),
        ("while True: pass", "cpu_timeout"),
        ("import time; time.sleep(60)", "wall_timeout"),
        ("x = bytearray(1 << 40)", "memory_exceeded"),
        ("import os; os.close(3); f = len", R),
    ],
)
def test_what_does_not_load_fails_all(sandbox: Sandbox, code: str, verdict: str) -> None:
    problem = asserts("def check(candidate):\n    assert candidate(1) == 1\n    assert candidate(2) == 2", "f")
    assert sandbox.verdicts(problem, code) == [verdict] * 2


def test_what_the_submission_prints_is_kept_and_decides_nothing(sandbox: Sandbox) -> None:
    results = sandbox.judge(asserts("assert f() == 1\nassert f() == 2"), "def f():\n    print('hello')\n    return 1")
    assert [result.verdict for result in results] == [P, W]
    assert results[0].stdout == "hello\nhello\n"


def test_test_code_without_asserts_is_one_test(sandbox: Sandbox) -> None:
    source = "if f() != 7:\n    raise SystemExit"
    assert sandbox.verdicts(asserts(source), "def f(): return 7") == [P]
    assert sandbox.verdicts(asserts(source), "def f(): return 8") == [R]
    assert sandbox.verdicts(asserts(source), "def f(): 1/0") == [R]


def test_setup_is_the_submissions(sandbox: Sandbox) -> None:
    problem = asserts("assert f() == 7", setup="import math\ndef given(): return 7\n", files={"a.txt": "x"})
    assert sandbox.verdicts(problem, "def f():\n    open('a.txt')\n    return given()") == [P]


def test_endless_test_code_is_bounded(sandbox: Sandbox) -> None:
    """A test that calls on and on, or one that loops by itself, ends at the limit too: the slot goes on."""
    assert sandbox.verdicts(asserts("assert f(1)\nassert [1 for _ in iter(f, 0)]"), "def f(x=1): return x") == [
        P,
        "cpu_timeout",
    ]


VECTOR = (
    "class V:\n    def __init__(self, x): self.x = x\n    def __add__(self, o): return V(self.x + o.x)\n"
    "    def __mul__(self, n): return V(self.x * n)\n    def __eq__(self, o): return self.x == o.x\n"
    "    @classmethod\n    def zero(cls): return cls(0)\n"
)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("assert V(1).x == 1\nassert (V(1) + V(2)) * 2 == V(6)", VECTOR),
        ("with Quiet():\n    raise ValueError\nassert Quiet().x == 1", "class Quiet:\n    x = 1\n    def __enter__(self): return self\n    def __exit__(self, kind, *_): return kind is ValueError"),
        ("import asyncio\nassert asyncio.run(f()) == 1", "async def f(): return 1"),
        ("def see(g):\n    try: g()\n    except Mine: return 1\ndef g(): raise Mine('x')\nassert f(g) == 1", "class Mine(Exception): pass\ndef f(g):\n    try: g()\n    except Mine: return 1"),
    ],
    ids=["operator_on_a_result", "exit_with_an_exception", "coroutine", "own_exception_of_a_callback"],
)  # fmt: skip
def test_patterns_that_need_more_than_a_call_pass(sandbox: Sandbox, source: str, code: str) -> None:
    assert set(sandbox.verdicts(asserts(source, limits=ROOMY), code)) == {P}


def test_what_another_constructor_made_is_trusted_where_the_reference_shows_it(sandbox: Sandbox) -> None:
    """By its text a test might as well expect a plain value there."""
    source = "assert V(1).x == 1\nassert V.zero() * 2 == V(0)"
    assert set(sandbox.verdicts(asserts(source, limits=ROOMY, reference=VECTOR), VECTOR)) == {P}
    assert set(sandbox.verdicts(asserts(source, limits=ROOMY), VECTOR)) == {P, R}


PATTERNS = {
    "named_tuple": ("assert f().x == 1 and f() == (1, 2) and f()._asdict() == {'x': 1, 'y': 2}\nassert isinstance(f(), P) and P(3).y == 4\nassert P(3, 4).norm() == 5 and P(3, 4).sum == 7", "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    y: int = 4\n    def norm(self): return (self.x**2 + self.y**2)**.5\n    @property\n    def sum(self): return self.x + self.y\ndef f(): return P(1, 2)"),
    "named_tuple_of_the_test": ("from collections import namedtuple\nQ = namedtuple('Q', 'a b')\nassert f(Q(1, 2)) == 3", "def f(q): return q.a + q[1]"),
    "enum": ("assert f() is Color.RED and f() == Color.RED\nassert Color.RED.value == 1 and Color(2).name == 'BLUE'\nassert [c.name for c in Color] == ['RED', 'BLUE'] and len(Color) == 2\nassert Color['RED'] is Color.RED and Color.BLUE in Color", "from enum import Enum\nclass Color(Enum):\n    RED = 1\n    BLUE = 2\ndef f(): return Color.RED"),
    "signature": ("import inspect\nassert list(inspect.signature(f).parameters) == ['a', 'b']\nassert inspect.signature(f).parameters['b'].default == 2\nassert f.__annotations__ == {'a': int, 'return': str}\nassert f.__name__ == 'f' and f.__doc__ == 'doc'", "def f(a: int, b=2) -> str:\n    'doc'"),
    "types": ("assert f(int, '3') == 3 and g(3) is int\nassert f(ValueError, 1).args == (1,)", "def f(t, x): return t(x)\ndef g(x): return type(x)"),
    "captured": ("import io, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    f()\nassert out.getvalue() == 'hi\\n'", "def f(): print('hi')"),
    "async": ("import asyncio\nasync def main():\n    async with C() as c:\n        assert c.x == 1\n    return [x async for x in agen(3)]\nassert asyncio.run(main()) == [0, 1, 2]\nasync def cb(x): return x + 1\nassert asyncio.run(ap(cb, 1)) == 2\nasync def g(): return await asyncio.gather(one(1), one(2))\nassert asyncio.run(g()) == [1, 2]", "import asyncio\nclass C:\n    x = 1\n    async def __aenter__(self): return self\n    async def __aexit__(self, *a): return False\nasync def agen(n):\n    for i in range(n):\n        await asyncio.sleep(0)\n        yield i\nasync def ap(cb, x): return await cb(x)\nasync def one(x):\n    await asyncio.sleep(0.01)\n    return x"),
    "exceptions_in_a_list": ("held = f()\nassert held[0].code == 7\nassert [str(e) for e in f()] == ['bad', 'bad'] and held[1] in held\ntry:\n    g()\n    assert False\nexcept ExceptionGroup as e:\n    assert e.exceptions[0].code == 7 and f()[1].code == 7", "class Mine(Exception):\n    def __init__(self, code):\n        super().__init__('bad')\n        self.code = code\ndef f(): return [Mine(7), Mine(7)]\ndef g(): raise ExceptionGroup('x', f())"),
    "attributes_of_an_exception": ("try:\n    f()\n    assert False\nexcept Mine as e:\n    assert e.code == 7 and str(e) == 'bad'\nassert Mine(1).code == 1", "class Mine(Exception):\n    def __init__(self, code):\n        super().__init__('bad')\n        self.code = code\ndef f(): raise Mine(7)"),
    "subclass_by_the_test": ("class Dog(Animal):\n    def __init__(self, name, age):\n        super().__init__(name)\n        self.age = age\n    def speak(self): return super().speak() + 'woof' + self.name\nd = Dog('rex', 3)\nassert d.speak() == describe(d) == '?woofrex'\nassert d.age == 3 and isinstance(d, Animal)\nassert d.twice() == '?woofrex' * 2", "class Animal:\n    def __init__(self, name): self.name = name\n    def speak(self): return '?'\n    def twice(self): return self.speak() * 2\ndef describe(a): return a.speak()"),
}  # fmt: skip


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_of_whole_programs_pass(sandbox: Sandbox, name: str) -> None:
    source, code = PATTERNS[name]
    assert set(sandbox.verdicts(asserts(source, limits=ROOMY), code)) == {P}


LIAR = (
    "class V:\n    def __init__(self, *_): pass\n    __eq__ = __lt__ = __le__ = __gt__ = lambda *_: True\n"
    "    __sub__ = __rsub__ = __add__ = lambda *_: V()\n    __abs__ = __int__ = __len__ = __index__ = lambda _: 0\n"
    "    __float__ = lambda _: 0.0\n    __bool__ = lambda _: False\n    __hash__ = None\n"
)


@pytest.mark.parametrize(
    "claim",
    [
        "abs(f(4) - 2) < 1e-9",
        "f(4) == 2",
        "f(4) - 2 == 0",
        "not (f(4) - 2)",
        "int(f(4) - 2) == 0",
        "float(2 - f(4)) == 0.0",
        "len(f(4) - 2) == 0",
        "0 <= f(4) - 2 < 1e-9",
        "abs(V.of(4) - 2) < 1e-9",
        "V.of(4) == 2",
        "range(f(4) - 2) == range(0)",
    ],
)
def test_an_object_of_a_class_under_test_does_not_stand_for_a_number(sandbox: Sandbox, claim: str) -> None:
    """Its class may say what it equals when the test has made it. What a function returns, or what came of it and a plain
    value, may not. Seen red without `mixed`."""
    code = LIAR + "    @classmethod\n    def of(cls, *_): return V()\ndef f(x): return V()"
    source = f"assert V(1) == V(1)\nassert {claim}"
    assert sandbox.verdicts(asserts(source, limits=ROOMY), code)[1:] != [P]


@pytest.mark.parametrize("deed", ["return True", "raise ValueError", "raise SystemExit(0)", "import os; os._exit(0)"])
def test_a_failed_assert_is_not_swallowed_by_the_submissions_own_with_block(sandbox: Sandbox, deed: str) -> None:
    code = f"class C:\n    def __enter__(self): return 4\n    def __exit__(self, *_):\n        {deed}\n"
    source = "try:\n    with C() as x:\n        assert x == 3\nexcept ValueError:\n    pass"
    assert P not in sandbox.verdicts(asserts(source), code)
    test = "from solution import C\ndef test():\n" + "".join(f"    {line}\n" for line in source.splitlines())
    assert P not in sandbox.verdicts(pytest_files(test, limits=ROOMY), code)


def test_what_the_judge_cannot_import_is_not_the_submissions_failure(sandbox: Sandbox) -> None:
    """Seen red: with one `except Exception` for both, the right answer got a `runtime_error`."""
    problem = asserts("assert solve(1) == 2\nassert winreg.OpenKey", "solve")
    assert sandbox.verdicts(problem, "def solve(n): return n + 1") == ["sandbox_error"] * 2
    assert sandbox.verdicts(asserts("assert solve(1) == 2", "solve"), "def solve(n): return n + 1") == ["passed"]


def test_what_cannot_cross_is_the_problems_fault(sandbox: Sandbox) -> None:
    """And the message says how to mend it."""
    problem = asserts("import ast\nassert solve(ast.parse('1')) == 2\nassert solve(1) == 1")
    results = sandbox.judge(problem, "def solve(n): return getattr(n, 'body', n)")
    assert {result.verdict for result in results} == {"sandbox_error"}
    assert '"isolation": "shared"' in results[0].message
    assert sandbox.verdicts(problem, "def solve(n): return n") == ["wrong_answer", "passed"]


def test_an_exception_of_the_tests_own_is_the_problems_fault(sandbox: Sandbox) -> None:
    """It was the submission's 0, whatever that was."""
    for test in ("x = 1 / 0", "import surely_missing", "from math import surely_missing"):
        problem = asserts(f"{test}\nassert solve(1) == 1")
        assert sandbox.verdicts(problem, "def solve(n): return n") == ["sandbox_error"]


def test_what_an_answer_brings_about_is_no_fault_of_the_test(sandbox: Sandbox) -> None:
    """A submission must not turn its 0 into an absent reward."""
    for source in ("x = 1 / solve(1)\nassert x == 1", "d = {1: 1}\nsolve(d)\nx = d[1]\nassert x == 1"):
        code = "def solve(n): return n.clear() if isinstance(n, dict) else 0"
        assert sandbox.verdicts(asserts(source), code) == ["runtime_error"]


def test_a_setup_that_fails_beside_the_tests_is_the_problems_fault(sandbox: Sandbox) -> None:
    problem = asserts("assert solve(1) == 1", setup="HERE = __file__")  # which only the submission has
    assert sandbox.verdicts(problem, "def solve(n): return n") == ["sandbox_error"]


def test_a_failed_comparison_is_one_of_the_checks(sandbox: Sandbox) -> None:
    """`checks` is 0 only where a test came to no comparison."""
    source = "assert f(1) == 2\nassert f(2) == 9\nassert f(None) == 1\nfor x in f(3) or ():\n    assert x"
    code = "def f(x): return x + 1 if x != 3 else []"
    seen = sandbox.judge(asserts(source, limits=ROOMY), code)
    assert [(result.verdict, result.checks) for result in seen] == [(P, 1), (W, 1), (R, 0), ("skipped", 0)]
    files = "from solution import f\ndef test():\n    assert f(1) == 2\n    assert f(2) == 3\n    assert f(3) == 9\n"
    (result,) = sandbox.judge(pytest_files(files + "    assert f(4) == 5"), "def f(x): return x + 1")
    assert (result.verdict, result.checks) == (W, 3)
    (result,) = sandbox.judge(pytest_files(files), "def f(x): return x + 1 if x < 2 else 1 / 0")
    assert (result.verdict, result.checks) == (R, 1)

"""The rewriting of test code: which asserts count, and which names come from the submission."""

from __future__ import annotations

import ast
import json
from textwrap import indent

import pytest

from reward_server.judging.asserts import builtins_tested, rewrite
from reward_server.judging.payloads import asserts_payload, pytest_payload


def test_each_assert_gets_a_site_of_its_own() -> None:
    found = rewrite("assert f(1) == 1\nx = f(2)\nassert x == 2, 'why'\n")
    assert [(site.kind, site.line) for site in found.sites] == [("check", 1), ("check", 3)]
    assert found.source.splitlines() == [
        "with __site__(0):",
        "    assert f(1) == 1",
        "x = f(2)",
        "with __site__(1):",
        "    assert x == 2, 'why'",
    ]


@pytest.mark.parametrize(
    ("source", "function"),
    [
        ("assert f()", "__site__"),
        ("for x in f():\n    assert x", "__site__"),
        ("if f():\n    assert f()", "__site__"),
        ("def check(candidate):\n    assert candidate()", "__site__"),
        ("async def check(candidate):\n    assert candidate()", "__site__"),
        ("class T:\n    def t(self):\n        assert f()", "__site__"),
        ("try:\n    assert f()\nexcept ValueError: pass", "__raising_site__"),
        ("with f():\n    assert f()", "__raising_site__"),
        ("try:\n    f()\nexcept ValueError:\n    assert f()", "__raising_site__"),
        ("try:\n    def g():\n        assert f()\n    g()\nfinally: pass", "__site__"),
        ("assert False", "__never__"),
        ("assert 0, 'x'", "__never__"),
        ("assert None", "__never__"),
        ("try:\n    f()\n    assert False\nexcept ValueError: pass", "__never__"),
    ],
)
def test_the_site_fits_its_place(source: str, function: str) -> None:
    found = rewrite(source)
    assert len(found.sites) == 1
    assert f"with {function}(0):" in found.source
    assert found.sites[0].kind == ("never" if function == "__never__" else "check")


def test_a_true_constant_counts_for_nothing() -> None:
    found = rewrite("assert True\nassert 1\nassert 'text'\nassert f()")
    assert len(found.sites) == 1
    assert found.source.count("assert") == 4


def test_source_without_asserts_is_one_test() -> None:
    found = rewrite("f(1)\nf(2)")
    assert len(found.sites) == 1
    assert found.source.splitlines() == ["with __raising_site__(0):", "    f(1)", "    f(2)"]
    assert len(rewrite("").sites) == 1


@pytest.mark.parametrize(
    ("source", "names", "modules"),
    [
        ("assert f(1) == LIMIT", {"f", "LIMIT"}, set()),
        ("assert np.all(f()) and Counter(f()) and isclose(f(), pi)", {"f"}, {"np", "Counter", "isclose", "pi"}),
        ("assert sqrt(f()) == gcd(f(), 2)", {"f"}, {"sqrt", "gcd"}),
        ("assert pi() == f()", {"f", "pi"}, set()),
        ("assert f() == e", {"f"}, {"e"}),
        ("def check(candidate):\n    assert candidate(1)", set(), set()),
        ("import math\nassert math.sqrt(f()) == 2", {"f"}, set()),
        ("assert math.sqrt(f()) == 2", {"f"}, {"math"}),
        ("assert math(f()) == 2", {"f", "math"}, set()),
        ("x = f()\nfor y in x:\n    assert y", {"f"}, set()),
        ("def g(a, *b, c=1, **d): return a, b, c, d, extra\nassert g(1)", {"extra"}, set()),
        ("try:\n    f()\nexcept Mine as error:\n    assert error.args", {"f", "Mine"}, set()),
        ("with f() as (a, b):\n    assert a + b", {"f"}, set()),
        ("assert [x for x in f()] and (y := f()) and y", {"f"}, set()),
        ("from a.b import c as d\nimport e.f\nassert d(e, g)", {"g"}, set()),
        ("class T(Base):\n    x = 1\nassert T().x", {"Base"}, set()),
        ("assert (lambda z: z + f())(1)", {"f"}, set()),
        ("assert abs(len(f())) and sorted([]) == [] and isinstance(f(), int)", {"f"}, set()),
        ("global_name: int = 3\nassert global_name == f", {"f"}, set()),
        ("assert __site__ and __raising_site__ and __never__ and f", {"f"}, set()),
    ],
)
def test_names_that_it_does_not_define_come_from_the_submission(
    source: str, names: set[str], modules: set[str]
) -> None:
    """Builtins never do: a submission would define its own `abs`. Red without `- BUILTINS`."""
    found = asserts_payload(source, "f")
    payload = json.loads(found.text)
    assert set(payload["names"]) == names
    assert set(payload["library"]) == modules


@pytest.mark.parametrize(
    ("source", "library"),
    [
        # the library's, beside a name that it does not have
        ("assert sqrt(area(4)) == 2", {"sqrt"}),
        ("assert age(date(2020, 1, 1)) == 3 and wait(timedelta(days=1))", {"date", "timedelta"}),
        ("got = letters()\nassert got == ascii_lowercase", {"ascii_lowercase"}),
        ("got = f(1)\nassert isclose(got, 2)", {"isclose"}),
        ("assert reduce(gcd, f(12)) == 4 and product(f(1)) and mean(f(2))", {"reduce", "gcd", "product", "mean"}),
        ("assert allclose(f(1), 2)\nassert_array_equal(f(1), 3)", {"allclose", "assert_array_equal"}),
        ("for a in (1, 2):\n    assert f(a) == factorial(a)", {"factorial"}),
        ("assert f(deque([1])) == Counter('a')", {"deque", "Counter"}),
        # under test itself
        ("assert gcd(4, 6) == 2\nassert coprime(3, 4)", set()),
        ("assert factorial(3) == 6\nassert binomial(4, 2) == factorial(4) / 4", set()),
        ("assert Counter('aab').total() == 3\nassert f()", set()),
        ("assert all(gcd(a, a) == a for a in range(3)) and abs(gcd(4, 6)) == 2\nassert f(sqrt(4))", {"sqrt"}),
        ("assertEqual(gcd(4, 6), 2)\nassert coprime(3, 4)", set()),
        ("with raises(ValueError): sqrt(-1)\nassert root(4) == sqrt(4)", set()),
        # the only names
        ("assert gcd(4, 6) == 2", set()),
        ("assert mean([1]) == 1\nassert isclose(mean([1, 2]), 1.5)", {"isclose"}),
        ("assert allclose([1], [1])", set()),
        ("assert add(1, 2) == 3\ns = f()\nadd(s, 1)\nassert size(s) == 1", set()),
        ("add(s(), 1)\nassert size(s) == 1", set()),
        # names that a submission may well have
        ("merge(a(), b())\nassert a() == [1]", set()),
        ("@repeat(3)\ndef g(): return 1\nassert g() == [f(1)] * 3", set()),
        ("found = digits('a1')\nassert found == f('1')", set()),
        ("q = count(1)\nassert f(q) and sample(f(2)) and time(f(3))", set()),
    ],
)  # fmt: skip
def test_a_name_of_the_library_is_under_test_where_a_check_calls_it_alone(source: str, library: set[str]) -> None:
    """Without an entry point: `assert gcd(4, 6) == 2` beside `assert coprime(3, 4)` tests both."""
    assert set(json.loads(asserts_payload(source, None).text)["library"]) == library
    star = (("test_it.py", f"from solution import *\ndef test():\n{indent(source, '    ')}"),)
    assert set(json.loads(pytest_payload(star, "solution").text)["library"]) == library


def test_tests_that_nobody_calls_are_for_pytest() -> None:
    """Seen red: the functions were defined, and nothing was run."""
    found = asserts_payload("def test_a(): assert f(1)\ndef test_b(): assert f(2)", None)
    assert (found.kind, found.names) == ("pytest", ("test_source.py::test_a", "test_source.py::test_b"))
    assert asserts_payload("def test_a(): assert f(1)\ntest_a()", None).kind == "asserts"


def test_a_main_guard_is_run() -> None:
    assert "if True:" in rewrite("if __name__ == '__main__':\n    assert f()").source


@pytest.mark.parametrize(
    ("source", "entry_point", "expected"),
    [
        ("assert sum(1, 2) == 3", None, {"sum"}),
        ("assert abs(sum(1, 2)) == 3", None, {"sum"}),
        ("assert sum(1, 2) == 3\nassert max(1, 2) == 3", None, set()),
        ("assert sum(f(1)) == 3", None, set()),
        ("assert sum(f(1)) == 3", "f", set()),
        ("assert sum(1, 2) == 3", "sum", {"sum"}),
        ("def check(candidate): assert abs(candidate(1))", "f", set()),
    ],
)
def test_a_builtin_is_the_submissions_only_where_it_is_what_is_tested(
    source: str, entry_point: str | None, expected: set[str]
) -> None:
    """Else a submission would define its own `abs`."""
    assert builtins_tested(source, entry_point) == expected


def test_check_is_found_at_the_top_only() -> None:
    assert rewrite("def check(candidate): assert candidate()").calls_check
    assert not rewrite("class T:\n    def check(self): assert f()").calls_check
    assert not rewrite("assert check()").calls_check


@pytest.mark.parametrize(
    "source",
    [
        "import os\nassert f(os)",
        "from sys import modules\nassert f()",
        "assert eval('f()')",
        "open('x')\nassert f()",
        "setattr(f, 'x', 1)\nassert f()",
        "import math\nmath.pi = 3\nassert f()",
        "assert f.__globals__",
        "assert (1).__class__ and f()",
        "assert sys.path and f()",
        "globals()['x'] = 1\nassert f()",
        "import random as r\nr.seed = 5\nassert f()",
        "__builtins__\nassert f()",
        "import typing\ntyping.sys.setrecursionlimit(60)\nassert f()",
        "def g(): typing.sys.setrecursionlimit(60)\nimport typing\nassert f(g)",
        "from typing import sys\nassert f()",
        "import typing as t\nx = t\nassert f(x)",
        "import copy\ncopy._deepcopy_dispatch[list] = 1\nassert f()",
        "import numbers\nnumbers.Integral.register(str)\nassert f()",
        "import collections.abc\ncollections.abc.Sized.register(int)\nassert f()",
        "import dataclasses\ndataclasses.sys.modules['math'] = 1\nassert f()",
        "import operator, typing\nassert operator.attrgetter('sys.modules')(f)",
        "from operator import methodcaller\nassert methodcaller('register', str)(f)",
        "assert getattr(f, 'x')",
        "import string\nassert string.Formatter().get_field('0.x', (f,), {})",
        "match f:\n    case object(x=y): assert y",
        "g = (x for x in ())\nassert g.gi_frame.f_builtins and f()",
        "from math import *\nassert f()",
        "import functools\nfunctools.singledispatch(f).register(int)\nassert f()",
        "from typing import get_type_hints\nassert get_type_hints(f)",
        "assert __name__ and f()",
        "assert typing.sys.modules and f()",
        "import this\nassert f()",
        "from collections import Counter\nCounter.total = f\nassert f()",
        "import collections.abc\ncollections.abc.__builtins__['abs'] = f\nassert f()",
        # stores, whatever they are called
        "from collections import Counter as self\nself.most_common = f\nassert f()",
        "def g(self): self.x = 1\nassert f(g)",
        "def g(self): del self.x\nassert f(g)",
        "from collections import deque\nfor deque.x in [1]: assert f()",
        "from collections import deque\nwith f() as deque.x: assert f()",
        "from collections import deque\ndeque.x += 1\nassert f()",
        "[0 for f.x in [1]]\nassert f()",
        "from functools import wraps\nwraps(f, assigned=('most_common',))(list)\nassert f()",
        "import functools\n@functools.total_ordering\ndef g(): pass\nassert f()",
        "import operator\noperator.setitem(f, 0, 1)\nassert f()",
        "from operator import call\nassert call(f)",
        # classes, and what makes them
        "class S(str):\n    def __eq__(self, other): return True\n    def __hash__(self): return 1\nassert f()",
        "class R:\n    def __reduce_ex__(self, n): return setattr, (list, 'x', 1)\nassert f()",
        "class T: pass\nassert f(T())",
        "T = type('T', (), {})\nassert f()",
        "g = type(int)\ng('T', (), {})\nassert f()",
        "assert type(type(1))('T', (), {}) == f()",
        "assert type('T', (), {}) == f()",
        "assert list(map(type, [f])) and f()",
        "assert type[int] and f()",
        "from typing import Type\nassert f(Type)",
        "from enum import global_enum\nassert f(global_enum)",
        "import enum, re\nenum.global_enum(re.RegexFlag)\nassert f()",
        "from abc import ABC\nassert f(ABC)",
        "from dataclasses import dataclass\nassert f(dataclass)",
        "import typing\ntyping.overload(f)\nassert typing.get_overloads(f)",
        "from typing import NamedTuple\nassert f(NamedTuple)",
        "assert property(f)",
        # attributes that no text shows
        "assert '{0.__globals__}'.format(f)",
        "assert str.format('{0.x}', f)",
        "assert '{f.x}'.format_map({'f': f})",
        "assert f._link",
        "try: f.x\nexcept AttributeError as error: assert error.obj",
        "import re\nre.purge()\nassert f()",
        "import functools as g\nimport random as g\nassert g.seed(1) or f()",
        "from .math import sqrt\nassert f(sqrt)",
        "import math as __x\nassert f()",
        "def __build_class__(*_): pass\nassert f()",
        "collections = f\nassert collections.abc.Sized and collections.Counter\nimport typing as collections",
        # code that runs during another's test
        "def g():\n    try: yield 1\n    finally: f()\nassert f(g)",
        "def g():\n    with f(): x = yield from f()\nassert f(g)",
        "async def g(): return 1\nassert f(g)",
        "assert await f(1)",
        "assert [x async for x in f(1)]",
        "async for x in f(1):\n    assert x",
    ],
)
def test_code_that_could_leave_something_behind_is_not_pure(source: str) -> None:
    """A judge process that has run it is not used again."""
    assert not asserts_payload(source, "f").pure


@pytest.mark.parametrize(
    "source",
    [
        "assert f(1) == 1",
        "import math\nfrom collections import Counter\nassert math.isclose(f(), Counter('a')['a'])",
        "assert math.sqrt(4) == f()",
        "def check(candidate):\n    assert candidate([1]) == [1]",
        "assert type(f()) is list and str is type(f(1)) and type(f) not in (int, str)",
        "def g(n):\n    while n: yield n\nassert f(g(3)) and f'{f(1):>3}'",
        "import collections.abc\nassert isinstance(f(), collections.abc.Iterator)",
        "from typing import List, Optional\ndef g(x: Optional[List[int]]) -> List[int]: return x or []\nassert f(g)",
        "try: f(1)\nexcept ValueError as error: assert error.args == ('no',)",
        "x = {}\nx[1] = f(1)\ndel x[1]\nassert not x",
    ],
)
def test_code_that_changes_only_its_own_is_pure(source: str) -> None:
    assert asserts_payload(source, "f").pure


def test_what_is_rewritten_is_python() -> None:
    source = (
        "async def g():\n    async with f() as x:\n        assert x\n    assert await f()\n"
        "while f():\n    assert f()\n    break\nelse:\n    assert f()\nmatch f():\n    case 1: assert f()\n"
    )
    found = rewrite(source)
    ast.parse(found.source)
    assert len(found.sites) == 5


def test_a_future_import_stays_first() -> None:
    """Seen red: around code without an assert it became a syntax error, which failed every submission."""
    rewritten = rewrite("'doc'\nfrom __future__ import annotations\nf(1)")
    compile(rewritten.source, "tests.py", "exec", dont_inherit=True)
    assert "with __raising_site__(0):\n    f(1)" in rewritten.source


@pytest.mark.parametrize("source", ["# nothing", "'doc'", "from __future__ import annotations"])
def test_code_that_tests_nothing_passes_nobody(source: str) -> None:
    assert "__raising_site__" not in rewrite(source).source

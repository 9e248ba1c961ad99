"""The rewriting of test code: which asserts count, and which names come from the submission."""

from __future__ import annotations

import ast

import pytest

from reward_server.judging.asserts import rewrite


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
        ("def check(candidate):\n    assert candidate(1)", set(), set()),
        ("import math\nassert math.sqrt(f()) == 2", {"f"}, set()),
        ("assert math.sqrt(f()) == 2", {"f"}, {"math"}),
        ("assert math(f()) == 2", {"f", "math"}, set()),
        ("x = f()\nfor y in x:\n    assert y", {"f"}, set()),
        ("def g(a, *b, c=1, **d): return a, b, c, d, e\nassert g(1)", {"e"}, set()),
        ("try:\n    f()\nexcept Mine as error:\n    assert error.args", {"f", "Mine"}, set()),
        ("with f() as (a, b):\n    assert a + b", {"f"}, set()),
        ("assert [x for x in f()] and (y := f()) and y", {"f"}, set()),
        ("from a.b import c as d\nimport e.f\nassert d(e, g)", {"g"}, set()),
        ("class T(Base):\n    x = 1\nassert T().x", {"Base"}, set()),
        ("assert (lambda z: z + f())(1)", {"f"}, set()),
        ("assert abs(len(f())) and sorted([]) == [] and isinstance(f(), int) and __name__", {"f"}, set()),
        ("global_name: int = 3\nassert global_name == f", {"f"}, set()),
        ("assert __site__ and __raising_site__ and __never__ and f", {"f"}, set()),
    ],
)
def test_names_that_it_does_not_define_come_from_the_submission(
    source: str, names: set[str], modules: set[str]
) -> None:
    """Builtins never do: a submission would define its own `abs`. Red without `- BUILTINS`."""
    found = rewrite(source)
    assert set(found.names) == names
    assert set(found.modules) == modules


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
    ],
)
def test_code_that_could_leave_something_behind_is_not_pure(source: str) -> None:
    """A judge process that has run it is not used again."""
    assert not rewrite(source).pure


@pytest.mark.parametrize(
    "source",
    [
        "assert f(1) == 1",
        "import math\nfrom collections import Counter\nassert math.isclose(f(), Counter('a')['a'])",
        "assert math.sqrt(4) == f()",
        "class T:\n    def __init__(self): self.x = 1\nassert f(T())",
        "def check(candidate):\n    assert candidate([1]) == [1]",
    ],
)
def test_code_that_changes_only_its_own_is_pure(source: str) -> None:
    assert rewrite(source).pure


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

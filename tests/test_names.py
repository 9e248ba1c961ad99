"""What test code says of the names that it takes from the submission."""

# ruff: noqa: E501 - a table

from __future__ import annotations

import json

import pytest

from reward_server.judging.names import class_names
from reward_server.judging.payloads import pytest_payload


@pytest.mark.parametrize(
    ("source", "classes"),
    [
        ("s = Stack()\ns.push(1)\nassert s == 3", {"Stack"}),
        ("assert Point(1).x == 1", {"Point"}),
        ("assert Point.zero() == 1", {"Point"}),
        ("assert Money(5) + 3 == Money(8)", {"Money"}),
        ("assert isinstance(x, Thing)", {"Thing"}),
        ("assert isinstance(x, (Thing, Other))", {"Thing", "Other"}),
        ("class Mine(Base): pass", {"Base"}),
        ("def stack():\n    return Stack()\ndef test(stack):\n    stack.push(1)", {"Stack"}),
        ("class T:\n    def setUp(self): self.bag = Bag()\n    def test(self): self.bag.fill()", {"Bag"}),
        ("import solution\nx = solution.Stack()\nx.push(1)", {"Stack"}),
        ("a, b = A(), B()\na.one\nb.two", {"A", "B"}),
        ("with Lock() as held:\n    held.owner", {"Lock"}),
        ("if (q := Queue()): q.depth", {"Queue"}),
        ("tree = Tree()\ntree.add(1)\nassert 1 in tree", {"Tree"}),
        ("def eur(n):\n    return Money(n, 'EUR')\nassert eur(5) * 2 == Money(10, 'EUR')", {"Money"}),
        # taken for functions
        ("assert Answer() == 42", set()),
        ("x = Extract([1])\nx.add(2)\nassert x == {1, 2}", set()),
        ("assert Extract([[1]]) == [1]", set()),
        ("x = Extract([[1]])\nx.sort()\nassert x == [1]\nassert x.count(1) == 1", set()),
        ("assert abs(Area(2) - 4) < 1e-9", set()),
        ("assert add(1, 2) == 3", set()),
        ("s = make()\ns.push(1)\nassert make().x", set()),
        ("assert add.cache_info()", set()),
        # compared with itself, and with a plain value
        ("assert C(5, 2) == C(5, 3)\nassert C(5, 2) == 10", set()),
        ("assert P(2) < P(3) and 1 <= P(2) < 9", set()),
        ("assert F(1) == F(1)\nassert F([1]) != [1]", set()),
        ("assert N(3) == N(3)\nassert -1 == N(0)", set()),
        ("x = C(5, 2)\nassert x == C(5, 3)\nassert x == 2 * 5", set()),
        ("assert L(1) == L(1) and L(2) in (1, 2)", set()),
        ("assert Money(5) == Money(5)\nassert Money(5).currency == 'EUR' and Money(5) == 5", {"Money"}),
        ("assert Pair(1) == Pair(1)\nassert isinstance(Pair(1), Pair) and Pair(1) != (1,)", {"Pair"}),
        ("with Lock(1) as held: assert held.owner and Lock(1) == Lock(1) and Lock(1) != 0", {"Lock"}),
        ("class Mine(Base): pass\nassert Base(1) == Base(1) and Base(1) == 1", {"Base"}),
    ],
)
def test_classes_are_known_by_their_use(source: str, classes: set[str]) -> None:
    """A class in a function's place must decide no operator with a plain value: it could equal everything."""
    assert class_names(source) == classes


def test_classes_are_known_across_files() -> None:
    assert class_names("def stack():\n    return Stack()", "def test(stack): stack.push(1)") == {"Stack"}


@pytest.mark.parametrize(
    ("source", "names", "modules"),
    [
        ("from solution import *\ndef test(): assert f(LIMIT)", {"f", "LIMIT"}, set()),
        ("from solution import *\ndef test(): assert abs(f()) and len(f()) and sorted(f())", {"f"}, set()),
        ("import math\nfrom solution import *\ndef test(): assert math.sqrt(f())", {"f"}, set()),
        ("from solution import *\ndef test(): assert math.sqrt(f())", {"f"}, {"math"}),
        ("from solution import *\ndef helper(): pass\nclass Case: pass\nX = 1\ndef test(): assert f(helper, Case, X)", {"f"}, set()),
        ("from solution import *\ndef test_a():\n    x = f()\ndef test_b(): return x()", {"f", "x"}, set()),
    ],
)  # fmt: skip
def test_a_star_import_replaces_nothing_of_the_tests(source: str, names: set[str], modules: set[str]) -> None:
    payload = json.loads(pytest_payload((("test_it.py", source),), "solution").text)
    assert (set(payload["star_names"]), set(payload["library"])) == (names, modules)

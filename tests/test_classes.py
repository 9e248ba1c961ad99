"""Which names of the submission test code takes for classes."""

# ruff: noqa: E501 - a table

from __future__ import annotations

import pytest

from reward_server.judging.classes import class_names


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
    assert class_names(source).proved == classes


def test_classes_are_known_across_files() -> None:
    assert class_names("def stack():\n    return Stack()", "def test(stack): stack.push(1)").proved == {"Stack"}


@pytest.mark.parametrize(
    ("source", "classes"),
    [
        ("assert (Clock(5) + 3).minutes == 8", {"Clock"}),
        ("class T:\n    def test(self): self.assertEqual(Clock(5) + 3, Clock(8))", {"Clock"}),
        (
            "class T:\n    def setUp(self): self.a = Money(1)\n    def test(self): self.assertEqual(self.a + 2, Money(3))",
            {"Money"},
        ),
        ("a = [Money(1), Money(2)]\nassert a[0] + 1 == Money(2)", {"Money"}),
        ("for m in [Money(1), Money(2)]: assert m + 1 == Money(m + 1)", {"Money"}),
        ("@pytest.mark.parametrize('a, b', [(Money(1), Money(2))])\ndef test(a, b): assert a + 1 == b", {"Money"}),
        ("q = Queue(3)\nq << 1 << 2\nassert len(q) == 2", {"Queue"}),
        ("bag = Bag([1])\nbag.add(2)\nassert 2 in bag", {"Bag"}),
        ("with Lock(1): pass", {"Lock"}),
        ("match f(1):\n    case Point(x): assert x", {"Point"}),
        ("assert type(f(1)) is Circle", {"Circle"}),
        ("assert vars(Point(1)) == {'x': 1}", {"Point"}),
        ("import dataclasses\nassert dataclasses.asdict(Point(1)) == {'x': 1}", {"Point"}),
        ("assert hasattr(Point(1), 'x')", {"Point"}),
        ("class T:\n    def test(self): self.assertRaises(Bad, f)", {"Bad"}),
        ("class T:\n    def test(self): self.assertIsInstance(f(1), Shape)", {"Shape"}),
        ("m = Mock(spec=Shop)", {"Shop"}),
        # taken for functions
        ("class T:\n    def test(self): self.assertRaises(ValueError, Extract, 1)", {"ValueError"}),
        ("class T:\n    def test(self): self.assertEqual(Extract(1), [1])", set()),
        (
            "class T:\n    def test(self):\n        self.assertEqual(C(1), C(2))\n        self.assertEqual(C(1), 3)",
            set(),
        ),
        ("xs = Extract([1])\nxs.append(2)\nassert xs == [1, 2]", set()),
        ("xs = [Extract(1)]\nxs.append(2)\nassert 3 in xs", set()),
        ("assert isinstance(Extract([1]), list)", set()),
        ("assert hasattr(Extract([1]), 'append')", set()),
        ("text = 'a'.replace(Extract(1), 'b')", set()),
    ],
)
def test_classes_are_known_through_operators_methods_and_variables(source: str, classes: set[str]) -> None:
    assert class_names(source).proved == classes


@pytest.mark.parametrize(
    ("source", "classes"),
    [
        ("assert Money(1) < 2", {"Money"}),
        ("class T:\n    def test(self): self.assertLess(Money(1), 2)", {"Money"}),
        ("assert 2 ** Money(3) == 8", {"Money"}),
        ("assert Find_Max(1) < 2 and F(1) < 2 and find(1) < 2 and MAX(1) < 2", set()),
        ("assert Money(1) < 2 and Money(1) == 1", set()),
        ("m = Money(1)\nassert m < 2\nassert m == 1", set()),
        ("assert Money(1) < 2 and 1 in Money(1)", set()),
        ("class T:\n    def test(self): self.assertAlmostEqual(Area(1), 2.0)", set()),
        ("assert Area(1) is None", set()),
    ],
)
def test_what_is_equal_to_plain_values_is_likely_a_function(source: str, classes: set[str]) -> None:
    """What may be a class answers orderings and sums, which an object that equals everything gains nothing by."""
    assert class_names(source).likely == classes

"""Classes that extend a builtin type: they are that type, and more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case lru_cache_as_an_ordered_dict]
from collections import OrderedDict

class LRUCache(OrderedDict):
    def __init__(self, capacity):
        super().__init__()
        self.capacity = capacity
    def get(self, key):
        if key not in self:
            return -1
        self.move_to_end(key)
        return self[key]
    def put(self, key, value):
        self[key] = value
        self.move_to_end(key)
        if len(self) > self.capacity:
            self.popitem(last=False)
[tests]
cache = LRUCache(2)
cache.put(1, 1)
cache.put(2, 2)
assert cache.get(1) == 1
cache.put(3, 3)
assert cache.get(2) == -1
assert cache.get(3) == 3
[case stack_as_a_list]
class Stack(list):
    def push(self, item): self.append(item)
    def peek(self): return self[-1]
[tests]
s = Stack()
s.push(1)
s.push(2)
assert s.peek() == 2
assert len(s) == 2
assert s.pop() == 2
assert s == [1]
[case default_dict_as_a_class]
class Graph(dict):
    def __missing__(self, key):
        self[key] = []
        return self[key]
    def edges(self): return sum(map(len, self.values()))
[tests]
g = Graph()
assert g["a"] == []
assert "a" in g
assert g.edges() == 0
[case named_tuple_fields]
from typing import NamedTuple

class Point(NamedTuple):
    x: int
    y: int = 0
    def norm(self): return abs(self.x) + abs(self.y)
[tests]
p = Point(3, -4)
assert p.x == 3 and p.y == -4
assert p.norm() == 7
assert p == (3, -4)
assert Point(1)._replace(y=5) == Point(1, 5)
assert Point._fields == ("x", "y")
a, b = p
assert (a, b) == (3, -4)
[case named_tuple_of_a_function]
from collections import namedtuple
Stats = namedtuple("Stats", "mean count")
def summarize(xs): return Stats(sum(xs) / len(xs), len(xs))
[tests]
assert summarize([1, 2, 3]).mean == 2
assert summarize([1, 2, 3]).count == 3
assert summarize([4]) == (4, 1)
[case int_subclass_with_methods]
class Cents(int):
    def dollars(self): return self / 100
    def __add__(self, other): return Cents(int(self) + int(other))
[tests]
total = Cents(150) + Cents(50)
assert total == 200
assert total.dollars() == 2.0
assert isinstance(total, Cents)
[case str_subclass_with_methods]
class Word(str):
    def is_palindrome(self): return self == self[::-1]
[tests]
assert Word("level").is_palindrome()
assert Word("level").upper() == "LEVEL"
assert not Word("abc").is_palindrome()
[case enum_members]
from enum import Enum, auto

class Color(Enum):
    RED = 1
    GREEN = auto()
    def next(self): return Color(self.value % 2 + 1)
def pick(name): return Color[name]
[tests]
assert Color.RED.value == 1 and Color.GREEN.name == "GREEN"
assert Color(2) is Color.GREEN
assert Color["RED"] is Color.RED
assert Color.RED.next() == Color.GREEN
assert pick("RED") is Color.RED
assert pick("RED") != Color.GREEN
assert [c.name for c in Color] == ["RED", "GREEN"]
assert isinstance(pick("RED"), Color)
assert len(Color) == 2
assert Color.RED in Color
assert {Color.RED: 1}[pick("RED")] == 1
[case int_enum_members]
from enum import IntEnum

class Level(IntEnum):
    LOW = 1
    HIGH = 3
def top(levels): return max(levels)
[tests]
assert Level.HIGH == 3
assert Level.LOW < Level.HIGH
assert top([Level.LOW, Level.HIGH]) is Level.HIGH
assert top([Level.LOW]).name == "LOW"
assert Level(1) is Level.LOW
[case flag_members]
from enum import Flag

class Access(Flag):
    READ = 1
    WRITE = 2
def both(): return Access.READ | Access.WRITE
[tests]
assert Access.READ in both()
assert both() & Access.WRITE == Access.WRITE
assert (both() & ~Access.READ) is Access.WRITE
assert both().value == 3
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_kind_of_builtin_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

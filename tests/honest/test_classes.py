"""Classes of the submission: made, compared, looked into and inherited from by the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case class_with_a_type_variable]
from typing import Generic, TypeVar
T = TypeVar("T")
class Queue(Generic[T]):
    def __init__(self, items=()): self.items: list[T] = list(items)
    def put(self, item: T) -> None: self.items.append(item)
    def get(self) -> T: return self.items.pop(0)
    def empty(self) -> bool: return not self.items
    def __eq__(self, other): return self.items == list(other)
[tests]
q = Queue[int]()
q.put(1)
assert q == [1] and q.get() == 1
assert q.empty() and isinstance(q, Queue)
assert Queue[str]("ab").get() == "a"
[case abstract_base_class]
from abc import ABC, abstractmethod

class Shape(ABC):
    @abstractmethod
    def area(self): ...
    def describe(self): return f"{type(self).__name__} of {self.area()}"
class Square(Shape):
    def __init__(self, side): self.side = side
    def area(self): return self.side ** 2
[tests]
try:
    Shape()
    assert False
except TypeError:
    pass
assert Square(3).describe() == "Square of 9"
assert issubclass(Square, Shape)
assert isinstance(Square(1), Shape)
[case subclass_made_by_the_test]
class Shape:
    def area(self): raise NotImplementedError
    def describe(self): return f"area {self.area()}"
def total(shapes): return sum(s.area() for s in shapes)
[tests]
class Square(Shape):
    def __init__(self, side): self.side = side
    def area(self): return self.side ** 2
assert Square(3).describe() == "area 9"
assert total([Square(1), Square(2)]) == 5
assert isinstance(Square(1), Shape)
[case runtime_protocol]
from typing import Protocol, runtime_checkable

@runtime_checkable
class Drawable(Protocol):
    def draw(self) -> str: ...
class Circle:
    def draw(self): return "o"
class Stone: pass
[tests]
assert isinstance(Circle(), Drawable)
assert not isinstance(Stone(), Drawable)
assert Circle().draw() == "o"
[case generic_class]
from typing import Generic, TypeVar
T = TypeVar("T")

class Box(Generic[T]):
    def __init__(self, item: T) -> None: self.item = item
    def map(self, f): return Box(f(self.item))
[tests]
assert Box(2).map(lambda x: x + 1).item == 3
assert Box[int](5).item == 5
assert Box("a").map(str.upper).map(len).item == 1
[case multiple_inheritance]
class A:
    def who(self): return ["A"]
class B(A):
    def who(self): return ["B", *super().who()]
class C(A):
    def who(self): return ["C", *super().who()]
class D(B, C):
    def who(self): return ["D", *super().who()]
[tests]
assert D().who() == ["D", "B", "C", "A"]
assert isinstance(D(), C) and issubclass(D, A)
assert D.__bases__ == (B, C)
assert type(D()) is D and D().__class__.__name__ == "D"
[case order_of_resolution]
class A: pass
class B(A): pass
class C(A): pass
class D(B, C): pass
[tests]
assert [k.__name__ for k in D.__mro__] == ["D", "B", "C", "A", "object"]
assert D.mro()[1] is B
[case singleton]
class Config:
    _instance = None
    def __new__(cls):
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            cls._instance.values = {}
        return cls._instance
[tests]
assert Config() is Config()
Config().values = {"a": 1}
assert Config().values["a"] == 1
[case nested_class_and_inner_names]
class Tree:
    class Node:
        def __init__(self, value): self.value = value
    def __init__(self): self.root = Tree.Node(1)
[tests]
t = Tree()
assert t.root.value == 1
assert isinstance(t.root, Tree.Node)
assert Tree.Node(5).value == 5
[case alternative_constructors]
class Money:
    def __init__(self, cents): self.cents = cents
    @classmethod
    def parse(cls, text): return cls(round(float(text) * 100))
    def __eq__(self, other): return isinstance(other, Money) and self.cents == other.cents
    def __hash__(self): return hash(self.cents)
    def __repr__(self): return f"Money({self.cents})"
[tests]
assert Money.parse("1.50") == Money(150)
assert Money.parse("2").cents == 200
assert repr(Money.parse("1")) == "Money(100)"
assert len({Money(1), Money.parse("0.01")}) == 1
[case method_chain]
class Query:
    def __init__(self): self.parts = []
    def where(self, x):
        self.parts.append(x)
        return self
    def build(self): return " and ".join(self.parts)
[tests]
q = Query()
assert q.where("a").where("b").build() == "a and b"
assert q.where("c") is q
assert q.parts == ["a", "b", "c"]
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_class_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

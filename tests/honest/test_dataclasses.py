"""Dataclasses, slots, properties and attributes by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case slots_and_their_errors]
class Slim:
    __slots__ = ("x",)
    def __init__(self, x): self.x = x
[tests]
s = Slim(1)
s.x += 4
assert s.x == 5
try:
    s.y = 1
    assert False
except AttributeError:
    pass
assert not hasattr(s, "__dict__")
[case property_with_a_check]
class Celsius:
    def __init__(self, degrees): self.degrees = degrees
    @property
    def degrees(self): return self._degrees
    @degrees.setter
    def degrees(self, value):
        if value < -273.15:
            raise ValueError("below absolute zero")
        self._degrees = value
    @property
    def fahrenheit(self): return self.degrees * 9 / 5 + 32
[tests]
c = Celsius(100)
assert c.fahrenheit == 212
c.degrees = 0
assert c.fahrenheit == 32
try:
    c.degrees = -300
    assert False
except ValueError as e:
    assert "absolute zero" in str(e)
try:
    c.fahrenheit = 1
    assert False
except AttributeError:
    pass
[case dataclass_tools]
import dataclasses
from dataclasses import dataclass, field

@dataclass(order=True)
class Item:
    price: float
    name: str = field(compare=False)
    tags: list = field(default_factory=list)
[tests]
import dataclasses
a, b = Item(1.5, "a"), Item(2.5, "b", ["x"])
assert dataclasses.asdict(b) == {"price": 2.5, "name": "b", "tags": ["x"]}
assert dataclasses.astuple(a) == (1.5, "a", [])
assert dataclasses.replace(a, price=9.0) == Item(9.0, "z")
assert dataclasses.is_dataclass(Item)
assert [f.name for f in dataclasses.fields(Item)] == ["price", "name", "tags"]
[case dataclass_order_and_defaults]
from dataclasses import dataclass, field, InitVar

@dataclass(order=True)
class Item:
    price: float
    name: str = field(compare=False)
    tags: list = field(default_factory=list, repr=False)
    discount: InitVar[float] = 0
    def __post_init__(self, discount): self.price -= discount
[tests]
a, b = Item(1.5, "a"), Item(2.5, "b", ["x"], discount=0.5)
assert a < b and max(a, b).name == "b"
assert a == Item(1.5, "other") and b.price == 2.0
assert repr(b) == "Item(price=2.0, name='b')"
assert Item(1, "c").tags is not Item(1, "c").tags and a.tags == []
[case frozen_dataclass]
from dataclasses import dataclass

@dataclass(frozen=True)
class Key:
    a: int
    b: str = ""
[tests]
import dataclasses
assert len({Key(1), Key(1), Key(2)}) == 2
assert {Key(1, "x"): 5}[Key(1, "x")] == 5
try:
    Key(1).a = 2
    assert False
except dataclasses.FrozenInstanceError:
    pass
assert hash(Key(1)) == hash(Key(1))
assert str(Key(1)) == "Key(a=1, b='')"
[case attributes_by_name]
class Bag:
    def __init__(self, **kw): self.__dict__.update(kw)
    def __getattr__(self, name): return f"no {name}"
class Plain:
    kind = "plain"
    def __init__(self): self.a, self.b = 1, [2]
[tests]
assert Bag(x=1).x == 1
assert Bag().y == "no y"
p = Plain()
assert vars(p) == {"a": 1, "b": [2]}
assert getattr(p, "c", 5) == 5
assert hasattr(p, "a") and not hasattr(p, "zz")
setattr(p, "c", 3)
assert p.c == 3
del p.a
assert not hasattr(p, "a")
assert Plain.kind == p.kind == "plain"
assert {"a", "b"} - set(dir(Plain())) == set()
[case class_attribute_changed_by_the_test]
class Counter2:
    made = 0
    def __init__(self): type(self).made += 1
[tests]
Counter2()
Counter2()
assert Counter2.made == 2
Counter2.made = 10
Counter2()
assert Counter2.made == 11
[case copies_of_an_instance]
class Matrix:
    def __init__(self, rows): self.rows = rows
    def __eq__(self, other): return self.rows == other.rows
[tests]
import copy
m = Matrix([[1], [2]])
assert copy.deepcopy(m) == m and copy.deepcopy(m) is not m
shallow = copy.copy(m)
assert shallow.rows == [[1], [2]]
[case string_forms]
class Temp:
    def __init__(self, x): self.x = x
    def __str__(self): return f"{self.x}C"
    def __repr__(self): return f"Temp({self.x})"
    def __format__(self, spec): return format(self.x, spec) + "C"
    def __bool__(self): return self.x != 0
    def __float__(self): return float(self.x)
    def __index__(self): return int(self.x)
[tests]
t = Temp(21)
assert str(t) == "21C" and repr([t]) == "[Temp(21)]"
assert f"{t:.1f}" == "21.0C" and "{!r}".format(t) == "Temp(21)"
assert bool(t) and not Temp(0)
assert float(t) == 21.0 and hex(t) == "0x15" and list(range(30))[t] == 21
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_field_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

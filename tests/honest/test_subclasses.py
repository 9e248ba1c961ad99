"""Classes that derive from builtin types and from abstract classes of the library."""

# ruff: noqa: E501 - programs, as their authors wrote them

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, rows, suite

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case list_with_a_method_returned]
class L(list):
    def total(self): return sum(self)
def f(): return L([1, 2])
[tests]
import json
from solution import f
def test():
    x = f()
    assert x.total() == 3 and x == [1, 2] and isinstance(x, list) and len(x) == 2 and x[0] == 1
    assert json.dumps(x) == '[1, 2]' and sorted(x) == [1, 2] and x + [3] == [1, 2, 3] and 2 in list(x)
    x.append(5)
    assert x.total() == 8 and x == [1, 2, 5]
[case dict_with_missing_keys]
class D(dict):
    def total(self): return sum(self.values())
    def __missing__(self, k): return 7
[tests]
from solution import D
def test():
    d = D(a=1)
    assert d['a'] == 1 and d['zz'] == 7 and isinstance(d, dict) and d.total() == 1
    d['b'] = 2
    assert d == {'a': 1, 'b': 2} and len(d) == 2 and sorted(d) == ['a', 'b'] and d.get('q') is None
    assert {**d} == {'a': 1, 'b': 2}
[case int_with_a_text_of_its_own]
class C(int):
    def __str__(self): return '$' + int.__str__(self)
    def __add__(self, o): return C(int(self) + int(o))
[tests]
from solution import C
def test():
    assert str(C(2)) == '$2' and C(2) == 2 and isinstance(C(2), int) and C(2) + 3 == 5
    assert [1, 2, 3][C(1)] == 2 and {2: 'x'}[C(2)] == 'x' and f'{C(2)}' == '$2' and C(2) * 2 == 4
    assert sum([C(1), C(2)]) == 3 and hash(C(2)) == 2 and range(C(2)) == range(2)
[case str_that_ignores_case]
class S(str):
    def shout(self): return S(self.upper() + '!')
    def __eq__(self, o): return str.lower(self) == str.lower(o)
    __hash__ = str.__hash__
def f(): return S('ab')
[tests]
from solution import S, f
def test():
    assert S('ab').shout() == 'AB!' and isinstance(S('a'), str) and f().shout().startswith('AB')
    assert S('ab') == S('AB') and S('ab') == 'AB' and len(S('abc')) == 3 and 'x' + S('y') == 'xy' and ''.join([S('a'), 'b']) == 'ab'
[case float_with_a_property]
class F(float):
    def __repr__(self): return f'<{float(self)}>'
    @property
    def half(self): return self / 2
[tests]
from solution import F
def test(): assert repr(F(2)) == '<2.0>' and F(2).half == 1.0 and F(2) == 2.0 and round(F(2.6)) == 3
[case tuple_with_a_method]
class T(tuple):
    def first(self): return self[0]
[tests]
from solution import T
def test(): assert T([1, 2]).first() == 1 and T([1, 2]) == (1, 2) and isinstance(T([1]), tuple)
[case tuple_with_names_made_by_hand]
class P(tuple):
    _fields = ('x', 'y')
    def __new__(cls, x, y=2): return tuple.__new__(cls, (x, y))
    @property
    def x(self): return self[0]
    @property
    def y(self): return self[1]
[tests]
from solution import P
def test():
    assert P(1).x == 1 and P(1) == (1, 2) and P(3, 4).y == 4
    a, b = P(1)
    assert b == 2
[case named_tuples_with_operators]
from typing import NamedTuple
from collections import namedtuple
class V(NamedTuple):
    x: int
    y: int = 0
    def __add__(self, o): return V(self.x + o.x, self.y + o.y)
    def __str__(self): return f'<{self.x},{self.y}>'
    def norm(self): return self.x + self.y
    @property
    def flip(self): return V(self.y, self.x)
class W(namedtuple('W', 'a b')):
    def __new__(cls, a, b=5): return super().__new__(cls, a, b)
[tests]
from solution import V, W
def test():
    assert V(1, 2) + V(3, 4) == V(4, 6) and str(V(1)) == '<1,0>' and V(1, 2).norm() == 3 and V(1, 2).flip == (2, 1)
    assert W(1).b == 5 and W(1) == (1, 5) and V(1)._replace(y=3) == (1, 3) and V(1)._asdict() == {'x': 1, 'y': 0} and V._fields == ('x', 'y')
[case enums_of_every_kind]
from enum import Enum, IntEnum, Flag, IntFlag, auto
class Color(str, Enum):
    RED = 'red'
    BLUE = 'blue'
    def up(self): return self.value.upper()
class Level(IntEnum):
    LOW = 1
    HIGH = 2
class Perm(Flag):
    R = auto()
    W = auto()
class IP(IntFlag):
    A = 1
    B = 2
def f(x): return Color.RED
def g(): return Level.HIGH
[tests]
import enum
from solution import Color, Level, Perm, IP, f, g
def test():
    assert Color.RED == 'red' and Color('red') is Color.RED and Color['BLUE'].value == 'blue' and f(1) is Color.RED and Color.RED.up() == 'RED'
    assert isinstance(Color.RED, str) and Color.RED.name == 'RED' and [c.value for c in Color] == ['red', 'blue'] and len(Color) == 2
    assert Level.LOW < Level.HIGH and Level.LOW + 1 == 2 and g() == 2 and g() is Level.HIGH and int(Level.HIGH) == 2
    assert (Perm.R | Perm.W) & Perm.R == Perm.R and Perm.R in (Perm.R | Perm.W) and (Perm.R | Perm.W).value == 3
    assert IP.A | IP.B == 3 and {'red': 1}[Color.RED] == 1 and {Color.RED: 1}[Color.RED] == 1
    assert Color.RED in Color and repr(Color.RED) == "<Color.RED: 'red'>" and sorted(Level) == [Level.LOW, Level.HIGH]
[case wrappers_returned]
from collections import UserDict, UserList, UserString
class D(UserDict): pass
class L(UserList): pass
def f(): return D(a=1)
def g(): return L([1])
def h(): return UserString('ab')
[tests]
from solution import f, g, h
def test(): assert f() == {'a': 1} and g() == [1] and h() == 'ab' and f()['a'] == 1 and len(g()) == 1
[case wrapper_class_under_test]
from collections import UserDict, UserList
class D(UserDict):
    def __setitem__(self, k, v): super().__setitem__(k, v * 2)
    def total(self): return sum(self.values())
[tests]
from collections.abc import Mapping
from solution import D
def test():
    d = D(a=1)
    d['b'] = 2
    assert d == {'a': 2, 'b': 4} and d.total() == 6 and isinstance(d, Mapping) and 'a' in d and dict(d) == {'a': 2, 'b': 4}
[case mapping_and_sequence]
from collections.abc import Mapping, Sequence, MutableSet
class C(Mapping):
    def __getitem__(self, k): return {'a': 1}[k]
    def __iter__(self): return iter('a')
    def __len__(self): return 1
class Q(Sequence):
    def __getitem__(self, k): return [5, 6][k]
    def __len__(self): return 2
[tests]
from solution import C, Q
from collections.abc import Mapping, Sequence
def test():
    assert C() == {'a': 1} and {'a': 1} == C() and 'a' in C() and C().get('z', 3) == 3 and list(C().items()) == [('a', 1)] and C() != {'a': 2}
    assert isinstance(C(), Mapping) and isinstance(Q(), Sequence) and list(Q()) == [5, 6] and 6 in Q() and Q().index(6) == 1 and list(reversed(Q())) == [6, 5]
[case a_kind_of_number]
import numbers
class A(numbers.Number): pass
[tests]
import numbers
from solution import A
def test(): assert isinstance(A(), numbers.Number) and issubclass(A, numbers.Number)
[case stack_that_is_a_list]
class Stack(list):
    def push(self, x):
        self.append(x)
        return self
    def peek(self): return self[-1]
class Bag(list): pass
[tests]
from solution import Stack, Bag
def test():
    s = Stack()
    assert s == [] and not s
    s.push(1).push(2)
    assert s.peek() == 2 and s == [1, 2] and len(s) == 2 and s.pop() == 2 and list(s) == [1] and isinstance(s, list)
    s.extend([3, 4]); s.sort(reverse=True)
    assert s == [4, 3, 1] and s[1:] == [3, 1] and [x for x in s] == [4, 3, 1] and repr(s) == '[4, 3, 1]'
    b = Bag([1]); b.append(2)
    assert b == [1, 2] and isinstance(b, Bag)
[case stack_of_the_test_that_is_a_list]
class Stack(list):
    def push(self, x):
        self.append(x)
        return self
    def top(self): return self[-1]
def size(s): return len(s)
def same(s): return s
[tests]
from solution import Stack, size, same
class Mine(Stack):
    def push(self, x): return super().push(x * 2)
    def second(self): return self[1]
def test():
    m = Mine()
    m.push(1)
    m.push(2)
    assert m.top() == 4 and m == [2, 4] and size(m) == 2 and isinstance(m, list) and m.second() == 4 and same(m) is m
[case containers_of_the_library]
from collections import Counter, OrderedDict, deque, defaultdict
class C(Counter):
    def top(self): return self.most_common(1)[0][0]
class O(OrderedDict):
    def first(self): return next(iter(self))
class Q(deque):
    def peek(self): return self[0]
class D(defaultdict):
    def keysum(self): return sum(self)
class S(set):
    def biggest(self): return max(self)
class FS(frozenset):
    def biggest(self): return max(self)
[tests]
from collections import Counter, OrderedDict, deque
from solution import C, O, Q, D, S, FS
def test():
    c = C('aab'); c.update('bbb')
    assert c.top() == 'b' and c['a'] == 2 and c['zz'] == 0 and isinstance(c, Counter) and c == {'a': 2, 'b': 4}
    o = O(); o['x'] = 1; o['a'] = 2
    assert o.first() == 'x' and list(o) == ['x', 'a'] and list(o.items()) == [('x', 1), ('a', 2)]
    q = Q([1, 2], maxlen=2); q.append(3)
    assert q.peek() == 2 and list(q) == [2, 3] and isinstance(q, deque) and q.maxlen == 2
    d = D(list); d[1].append(2)
    assert d == {1: [2]} and d.keysum() == 1
    s = S([1, 2]); s.add(5)
    assert s.biggest() == 5 and s == {1, 2, 5} and s | {7} == {1, 2, 5, 7} and 5 in s and isinstance(s, set)
    assert FS([1, 2]).biggest() == 2 and FS([1]) == frozenset([1]) and {FS([1]): 1}[frozenset([1])] == 1
[case numbers_dates_and_bytes]
from decimal import Decimal
from fractions import Fraction
import datetime
class M(Decimal):
    def cents(self): return int(self * 100)
class F(Fraction):
    def up(self): return self.numerator
class D(datetime.date):
    def weekend(self): return self.weekday() > 4
class B(bytes):
    def hexes(self): return self.hex()
class Z(complex):
    def norm(self): return abs(self)
class P(str):
    def __truediv__(self, o): return P(f'{self}/{o}')
[tests]
from solution import M, F, D, B, Z, P
def test(): assert B(b'a').hexes() == '61' and B(b'a') == b'a' and Z(3, 4).norm() == 5 and Z(1) == 1 and P('a') / 'b' == 'a/b' and isinstance(P('a') / 'b', P)
def test_m(): assert M('1.5').cents() == 150 and M('1.5') == M('1.5')
def test_f(): assert F(1, 2).up() == 1
def test_d(): assert D(2024, 1, 6).weekend() and D(2024, 1, 6).year == 2024
[case enums_with_methods]
from enum import Enum, StrEnum, auto, unique
class Color(StrEnum):
    RED = auto()
    BLUE = auto()
class Planet(Enum):
    EARTH = (5.97, 6.37)
    MARS = (0.64, 3.39)
    def __init__(self, mass, radius): self.mass, self.radius = mass, radius
    @property
    def density(self): return round(self.mass / self.radius, 2)
    @classmethod
    def heaviest(cls): return max(cls, key=lambda p: p.mass)
class Al(Enum):
    A = 1
    B = 1
class Lv(Enum):
    LO = 1
    HI = 2
    def __lt__(self, o): return self.value < o.value
    @classmethod
    def _missing_(cls, v): return cls.LO
[tests]
import pytest, enum
from solution import Color, Planet, Al, Lv
def test():
    assert Color.RED == 'red' and f'{Color.BLUE}' == 'blue' and str(Color.RED) == 'red' and Color.RED.upper() == 'RED'
    assert Planet.EARTH.mass == 5.97 and Planet.heaviest() is Planet.EARTH and Planet.MARS.density == 0.19 and [p.name for p in Planet] == ['EARTH', 'MARS']
    assert Al.A is Al.B and list(Al.__members__) == ['A', 'B'] and len(Al) == 1 and Lv.LO < Lv.HI and Lv(99) is Lv.LO
    with pytest.raises(ValueError): Planet('x')
    with pytest.raises(KeyError): Planet['X']
    assert isinstance(Planet.EARTH, Planet) and Planet.EARTH != Planet.MARS and {Planet.EARTH: 1}[Planet.EARTH] == 1 and sorted([Lv.HI, Lv.LO])[0] is Lv.LO
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_subclass_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(suite(case), case.code)
    assert results
    assert not failures(results)

"""Instances with operators: the results of operators have operators too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case vector_arithmetic]
class V:
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, o): return V(self.x + o.x, self.y + o.y)
    def __sub__(self, o): return V(self.x - o.x, self.y - o.y)
    def __mul__(self, n): return V(self.x * n, self.y * n)
    __rmul__ = __mul__
    def __matmul__(self, o): return self.x * o.x + self.y * o.y
    def __neg__(self): return self * -1
    def __abs__(self): return (self.x ** 2 + self.y ** 2) ** 0.5
    def __eq__(self, o): return isinstance(o, V) and (self.x, self.y) == (o.x, o.y)
    def __hash__(self): return hash((self.x, self.y))
    def __iter__(self): return iter((self.x, self.y))
[tests]
a, b = V(1, 2), V(3, 4)
assert a + b == V(4, 6)
assert (a + b) * 2 == V(8, 12)
assert 2 * (b - a) == V(4, 4)
assert -a + a == V(0, 0)
assert a @ b == 11
assert abs(V(3, 4)) == 5
assert tuple(a) == (1, 2)
assert sum([a, b], V(0, 0)) == V(4, 6)
x, y = a + b
assert (x, y) == (4, 6)
[case sum_begins_with_zero]
class Money:
    def __init__(self, n): self.n = n
    def __add__(self, o): return Money(self.n + (o.n if isinstance(o, Money) else o))
    __radd__ = __add__
    def __eq__(self, o): return self.n == o.n
[tests]
assert sum([Money(1), Money(2), Money(3)]) == Money(6)
assert Money(1).n == 1
[case total_ordering]
from functools import total_ordering

@total_ordering
class Version:
    def __init__(self, text): self.parts = [int(p) for p in text.split(".")]
    def __eq__(self, o): return self.parts == o.parts
    def __lt__(self, o): return self.parts < o.parts
    def __repr__(self): return ".".join(map(str, self.parts))
[tests]
assert Version("1.10") > Version("1.9")
assert Version("1.0") >= Version("1.0") and not Version("2.0") <= Version("1.0")
vs = [Version("2.0"), Version("1.10"), Version("1.2")]
assert [repr(v) for v in sorted(vs)] == ["1.2", "1.10", "2.0"]
assert max(vs) == Version("2.0") and min(vs) == Version("1.2")
vs.sort(reverse=True)
assert repr(vs[0]) == "2.0"
assert sorted(vs, key=lambda v: v.parts)[0] == Version("1.2")
[case compared_with_a_plain_value]
class Meters:
    def __init__(self, n): self.n = n
    def __eq__(self, o): return self.n == (o.n if isinstance(o, Meters) else o)
    def __lt__(self, o): return self.n < (o.n if isinstance(o, Meters) else o)
    def __add__(self, o): return Meters(self.n + (o.n if isinstance(o, Meters) else o))
    def double(self): return Meters(self.n * 2)
[tests]
m = Meters(5)
assert m == 5 and m.n == 5
assert m < 6
assert m + 1 == Meters(6)
[case result_compared_with_a_plain_value]
class Meters:
    def __init__(self, n): self.n = n
    def __eq__(self, o): return self.n == (o.n if isinstance(o, Meters) else o)
    def __add__(self, o): return Meters(self.n + o.n)
    def double(self): return Meters(self.n * 2)
[tests]
m = Meters(5)
assert m.n == 5
assert m.double() == 10
assert Meters(2) + Meters(3) == 5
[case complex_of_ones_own]
class C:
    def __init__(self, re, im=0): self.re, self.im = re, im
    def __add__(self, o):
        o = o if isinstance(o, C) else C(o)
        return C(self.re + o.re, self.im + o.im)
    __radd__ = __add__
    def __mul__(self, o):
        o = o if isinstance(o, C) else C(o)
        return C(self.re * o.re - self.im * o.im, self.re * o.im + self.im * o.re)
    __rmul__ = __mul__
    def __pow__(self, n):
        out = C(1)
        for _ in range(n): out = out * self
        return out
    def __eq__(self, o):
        o = o if isinstance(o, C) else C(o)
        return (self.re, self.im) == (o.re, o.im)
[tests]
i = C(0, 1)
assert i.im == 1
assert i * i == C(-1)
assert i ** 2 == -1
assert 1 + i == C(1, 1)
assert 2 * (1 + i) + 1 == C(3, 2)
[case fraction_in_lowest_terms]
from math import gcd

class Frac:
    def __init__(self, n, d=1):
        if d == 0: raise ZeroDivisionError("denominator")
        g = gcd(n, d)
        self.n, self.d = n // g, d // g
    def __add__(self, o): return Frac(self.n * o.d + o.n * self.d, self.d * o.d)
    def __truediv__(self, o): return Frac(self.n * o.d, self.d * o.n)
    def __eq__(self, o): return (self.n, self.d) == (o.n, o.d)
    def __lt__(self, o): return self.n * o.d < o.n * self.d
    def __str__(self): return f"{self.n}/{self.d}"
    def __float__(self): return self.n / self.d
[tests]
assert Frac(1, 2) + Frac(1, 3) == Frac(5, 6)
assert str(Frac(2, 4)) == "1/2"
assert Frac(1, 2) / Frac(1, 4) == Frac(2)
assert float(Frac(1, 2) + Frac(1, 4)) == 0.75
assert Frac(1, 3) < Frac(1, 2)
try:
    Frac(1, 2) / Frac(0)
    assert False
except ZeroDivisionError:
    pass
[case made_object_handed_back]
class Node:
    def __init__(self, v): self.v = v
    def __eq__(self, o): return self.v == (o.v if isinstance(o, Node) else o)
class Chain:
    def __init__(self): self.nodes = []
    def add(self, node):
        self.nodes.append(node)
        return node
[tests]
c, n = Chain(), Node(5)
assert n.v == 5
assert c.add(n) is n
assert c.nodes[0] == n and c.nodes == [n]
assert c.nodes[0] == Node(5)
[case made_object_handed_back_and_compared]
class Node:
    def __init__(self, v): self.v = v
    def __eq__(self, o): return self.v == (o.v if isinstance(o, Node) else o)
class Chain:
    def add(self, node): return node
[tests]
n = Node(5)
assert n.v == 5
Chain().add(n)
assert n == 5
[case in_place_operators]
class Acc:
    def __init__(self): self.items = []
    def __iadd__(self, x):
        self.items.append(x)
        return self
    def __ilshift__(self, x):
        self.items.extend(x)
        return self
[tests]
a = same = Acc()
a += 1
a <<= [2, 3]
assert a.items == [1, 2, 3]
assert a is same
[case bits_and_sets_of_ones_own]
class Bits:
    def __init__(self, n): self.n = n
    def __and__(self, o): return Bits(self.n & o.n)
    def __or__(self, o): return Bits(self.n | o.n)
    def __xor__(self, o): return Bits(self.n ^ o.n)
    def __invert__(self): return Bits(~self.n & 0xFF)
    def __lshift__(self, k): return Bits(self.n << k)
    def __eq__(self, o): return self.n == o.n
    def __int__(self): return self.n
[tests]
a, b = Bits(6), Bits(3)
assert a & b == Bits(2) and a | b == Bits(7) and (a ^ b) == Bits(5)
assert int(~a) == 249
assert (a | b) & ~b == Bits(4)
[case operator_with_a_plain_right_side]
class Bits:
    def __init__(self, n): self.n = n
    def __lshift__(self, k): return Bits(self.n << k)
    def __eq__(self, o): return self.n == o.n
[tests]
a = Bits(6)
assert a << 1 == Bits(12)
assert (a << 1) << 2 == Bits(48)
b = a << 3
assert b.n == 48
[case callable_instances]
class Poly:
    def __init__(self, *c): self.c = c
    def __call__(self, x): return sum(k * x ** i for i, k in enumerate(self.c))
    def __round__(self, n=None): return Poly(*(round(k, n) for k in self.c))
[tests]
p = Poly(1, 0, 2)
assert p(3) == 19
assert callable(p)
assert list(map(p, [0, 1])) == [1, 3]
assert round(Poly(1.26), 1)(0) == 1.3
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_an_operator_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

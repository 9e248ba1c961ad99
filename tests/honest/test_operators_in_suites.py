"""Operators between objects and plain values, through variables, fixtures, parameters and methods of unittest."""

# ruff: noqa: E501 - programs, as their authors wrote them

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, rows, suite

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case clock_of_unittest]
class Clock:
    def __init__(self, h, m): self.t = (h * 60 + m) % 1440
    def __str__(self): return f'{self.t // 60:02d}:{self.t % 60:02d}'
    def __repr__(self): return f'Clock({self.t // 60}, {self.t % 60})'
    def __eq__(self, o): return self.t == o.t
    def __add__(self, m): return Clock(0, self.t + m)
    def __sub__(self, m): return Clock(0, self.t - m)
[tests]
import unittest
from solution import Clock
class ClockTest(unittest.TestCase):
    def test_a(self): self.assertEqual(str(Clock(8, 0)), "08:00")
    def test_b(self): self.assertEqual(str(Clock(10, 0) + 3), "10:03")
    def test_c(self): self.assertEqual(str(Clock(10, 3) - 3), "10:00")
    def test_d(self): self.assertEqual(Clock(15, 37), Clock(15, 37))
    def test_e(self): self.assertNotEqual(Clock(15, 36), Clock(15, 37))
    def test_f(self): self.assertEqual(repr(Clock(1, 2)), "Clock(1, 2)")
[case rational_numbers]
class R:
    def __init__(self, n, d=1):
        from math import gcd
        g = gcd(n, d); s = -1 if d < 0 else 1
        self.n, self.d = s * n // g, s * d // g
    def __eq__(self, o): return (self.n, self.d) == (o.n, o.d)
    def __add__(self, o): return R(self.n * o.d + o.n * self.d, self.d * o.d)
    def __abs__(self): return R(abs(self.n), self.d)
    def __pow__(self, k): return R(self.n ** k, self.d ** k) if k >= 0 else R(self.d ** -k, self.n ** -k)
    def __rpow__(self, b): return b ** (self.n / self.d)
[tests]
import unittest
from solution import R
class T(unittest.TestCase):
    def test_a(self): self.assertEqual(R(1, 2) + R(2, 3), R(7, 6))
    def test_b(self): self.assertEqual(R(-1, 2) ** 3, R(-1, 8))
    def test_c(self): self.assertAlmostEqual(8 ** R(4, 3), 16.0, places=8)
    def test_d(self): self.assertEqual(abs(R(-1, 2)), R(1, 2))
[case complex_numbers]
class ComplexNumber:
    def __init__(self, r, i=0): self.real, self.imaginary = r, i
    def _c(self, o): return o if isinstance(o, ComplexNumber) else ComplexNumber(o)
    def __eq__(self, o): o = self._c(o); return (self.real, self.imaginary) == (o.real, o.imaginary)
    def __add__(self, o): o = self._c(o); return ComplexNumber(self.real + o.real, self.imaginary + o.imaginary)
    __radd__ = __add__
    def __sub__(self, o): o = self._c(o); return ComplexNumber(self.real - o.real, self.imaginary - o.imaginary)
    def __rsub__(self, o): return self._c(o) - self
    def __mul__(self, o): o = self._c(o); return ComplexNumber(self.real*o.real - self.imaginary*o.imaginary, self.imaginary*o.real + self.real*o.imaginary)
    __rmul__ = __mul__
    def __abs__(self): return (self.real ** 2 + self.imaginary ** 2) ** .5
[tests]
import unittest
from solution import ComplexNumber
class T(unittest.TestCase):
    def test_a(self): self.assertEqual(ComplexNumber(1, 2) + 5, ComplexNumber(6, 2))
    def test_b(self): self.assertEqual(5 - ComplexNumber(1, 2), ComplexNumber(4, -2))
    def test_c(self): self.assertEqual(ComplexNumber(0, 1) * ComplexNumber(0, 1), ComplexNumber(-1, 0))
    def test_d(self): self.assertEqual(abs(ComplexNumber(3, 4)), 5)
    def test_e(self): self.assertEqual(ComplexNumber(1, 2).real, 1)
[case bag_in_a_fixture]
class Bag:
    def __init__(self, xs=()): self.xs = list(xs)
    def __contains__(self, x): return x in self.xs
    def add(self, x): self.xs.append(x)
    def __len__(self): return len(self.xs)
    def __getitem__(self, i): return self.xs[i]
[tests]
import unittest, pytest
from solution import Bag
@pytest.fixture
def bag(): return Bag([1, 2])
def test_a(bag):
    bag.add(3)
    assert 3 in bag and 4 not in bag and len(bag) == 3 and bag[0] == 1
class T(unittest.TestCase):
    def setUp(self): self.b = Bag([5])
    def test(self):
        self.b.add(6)
        self.assertIn(6, self.b)
        self.assertNotIn(7, self.b)
[case parameters_and_loops]
class M:
    def __init__(self, n): self.n = n
    def __eq__(self, o): return self.n == o.n
    def __add__(self, o): return M(self.n + (o.n if isinstance(o, M) else o))
[tests]
import pytest
from solution import M
@pytest.mark.parametrize("a, k, want", [(M(1), 2, M(3)), (M(2), 3, M(5))])
def test(a, k, want): assert a + k == want
def test_loop():
    for m in [M(1), M(2)]: assert m + 1 == M(m.n + 1)
[case queue_that_shifts]
class Q:
    def __init__(self): self.items = []
    def __lshift__(self, x): self.items.append(x); return self
    def __rshift__(self, x): self.items.remove(x); return self
    def __len__(self): return len(self.items)
    def __iadd__(self, x): self.items.append(x); return self
[tests]
from solution import Q
def test():
    q = Q()
    q << 1 << 2
    q += 3
    q >> 1
    assert len(q) == 2
[case ordered_and_by_key]
from functools import total_ordering, cmp_to_key
@total_ordering
class V:
    def __init__(self, n): self.n = n
    def __eq__(self, o): return self.n == o.n
    def __lt__(self, o): return self.n < o.n
def cmp(a, b): return (a > b) - (a < b)
[tests]
from functools import cmp_to_key
from solution import V, cmp
def test():
    assert V(1) <= V(2) and V(3) >= V(2) and max([V(1), V(5)]).n == 5
    assert sorted([3, 1, 2], key=cmp_to_key(cmp)) == [1, 2, 3]
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_an_operator_in_a_suite_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(suite(case), case.code)
    assert results
    assert not failures(results)

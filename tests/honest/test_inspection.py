"""What the library reads of classes, functions and instances: dataclasses, inspect, pickle, match."""

# ruff: noqa: E501 - programs, as their authors wrote them

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, rows, suite

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case tools_of_dataclasses]
from dataclasses import dataclass, field
from typing import List
@dataclass(order=True)
class P:
    x: int
    y: int = 2
    tags: List[str] = field(default_factory=list)
@dataclass(frozen=True)
class Q:
    p: P
[tests]
import dataclasses
from solution import P, Q
import pytest
def test():
    assert dataclasses.asdict(P(1)) == {'x': 1, 'y': 2, 'tags': []} and dataclasses.astuple(P(1)) == (1, 2, [])
    assert [f.name for f in dataclasses.fields(P)] == ['x', 'y', 'tags'] and dataclasses.fields(P)[1].default == 2
    assert dataclasses.is_dataclass(P) and dataclasses.is_dataclass(P(1)) and dataclasses.replace(P(1), y=5) == P(1, 5)
    assert P.__match_args__ == ('x', 'y', 'tags') and dataclasses.asdict(Q(P(1))) == {'p': {'x': 1, 'y': 2, 'tags': []}}
    assert P.__annotations__['x'] is int and P.__dataclass_params__.order and Q.__dataclass_params__.frozen
    with pytest.raises(dataclasses.FrozenInstanceError): Q(P(1)).p = 3
    assert dataclasses.fields(P(1))[0].type is int and P(1) < P(2)
[case patterns_by_position]
from dataclasses import dataclass
@dataclass
class P:
    x: int
    y: int
class K:
    __match_args__ = ('a',)
    def __init__(self, a): self.a = a
[tests]
from solution import P, K
def test():
    match P(1, 2):
        case P(x, y=2): assert x == 1
        case _: assert 0
    match K(3):
        case K(4): assert 0
        case K(a): assert a == 3
[case pickled_and_copied]
import pickle
class P:
    def __init__(self, x): self.x = x
    def __eq__(self, o): return self.x == o.x
class Q:
    def __getstate__(self): return {'n': 1}
    def __setstate__(self, s): self.n = s['n'] + 1
class E(Exception):
    def __init__(self, a): super().__init__(a); self.a = a
[tests]
import pickle, copy
from solution import P, Q, E
def test():
    assert pickle.loads(pickle.dumps(P(1))).x == 1 and pickle.loads(pickle.dumps(P([1]))) == P([1])
    assert pickle.loads(pickle.dumps(Q())).n == 2 and pickle.loads(pickle.dumps([P(1), P(2)]))[1].x == 2
    a = P([1]); b = copy.copy(a); c = copy.deepcopy(a)
    assert b.x is a.x or b.x == [1]
    c.x.append(2)
    assert a.x == [1] and c.x == [1, 2]
[case kinds_of_functions]
import asyncio, functools
class A:
    def f(self): return 1
    @property
    def x(self): return 1
    @property
    def y(self): return self._y
    @y.setter
    def y(self, v): self._y = v
    @staticmethod
    def s(): return 2
    @classmethod
    def c(cls): return 3
def f(a, b=1, *c, d, **e): pass
async def co(): return 1
def ge(): yield 1
async def ag(): yield 1
part = functools.partial(f, 1)
[tests]
import inspect, asyncio, types
from solution import A, f, co, ge, ag, part
def test():
    assert inspect.ismethod(A().f) and inspect.isfunction(A.f) and inspect.isclass(A) and inspect.isfunction(f) and not inspect.isfunction(A)
    assert asyncio.iscoroutinefunction(co) and inspect.iscoroutinefunction(co) and not inspect.iscoroutinefunction(f)
    assert inspect.isgeneratorfunction(ge) and inspect.isasyncgenfunction(ag) and not inspect.isgeneratorfunction(f)
    assert isinstance(A.x, property) and A.x.fget(A()) == 1 and A.x.fset is None and A.y.fset is not None
    assert isinstance(f, types.FunctionType) and callable(f) and f.__name__ == 'f' and f.__code__.co_argcount == 2 and f.__code__.co_varnames[:2] == ('a', 'b')
    assert str(inspect.signature(f)) == '(a, b=1, *c, d, **e)' and inspect.iscoroutine(co()) is True
    assert asyncio.run(co()) == 1 and A().f.__self__ is not None and A.s() == 2 and A.c() == 3 and A().f.__name__ == 'f'
    a = A(); a.y = 5
    assert a.y == 5 and inspect.getdoc(f) is None and [n for n, _ in inspect.getmembers(A, inspect.isfunction)]
[case order_of_classes]
class A:
    kind = 'a'
    __slots__ = ('p', 'q')
class B(A): __slots__ = ()
class C(A): pass
class D(B, C):
    "doc of D"
[tests]
from solution import A, B, C, D
def test():
    assert [k.__name__ for k in D.__mro__] == ['D', 'B', 'C', 'A', 'object'] and [k.__name__ for k in D.mro()] == ['D', 'B', 'C', 'A', 'object']
def test_bases(): assert D.__bases__ == (B, C) and A.__bases__ == (object,) and D.__name__ == 'D' and D.__qualname__ == 'D' and D.__module__ == 'solution' and D.__doc__ == 'doc of D'
def test_slots(): assert A.__slots__ == ('p', 'q')
def test_slots2():
    a = A(); a.p = 1
    assert a.p == 1 and not hasattr(a, '__dict__')
def test_cls(): assert D().__class__ is D and type(D()) is D and D().__class__.__name__ == 'D' and D.kind == 'a' and D().kind == 'a'
def test_in(): assert isinstance(D(), (int, C)) and issubclass(D, (B, int)) and not isinstance(A(), B)
[case abstract_classes]
from abc import ABC, abstractmethod
class Shape(ABC):
    @abstractmethod
    def area(self): ...
    def twice(self): return self.area() * 2
class Sq(Shape):
    def area(self): return 4
[tests]
import pytest, inspect
from solution import Shape, Sq
class Mine(Shape):
    def area(self): return 5
def test():
    with pytest.raises(TypeError): Shape()
    assert Sq().twice() == 8 and issubclass(Sq, Shape) and isinstance(Sq(), Shape) and Mine().twice() == 10
def test_abstract(): assert inspect.isabstract(Shape) and Shape.__abstractmethods__ == {'area'} and not inspect.isabstract(Sq)
def test_incomplete():
    class Bad(Shape): pass
    with pytest.raises(TypeError): Bad()
[case metaclasses]
class Meta(type):
    def __call__(cls, *a):
        if not hasattr(cls, '_one'): cls._one = super().__call__(*a)
        return cls._one
    def __len__(cls): return 7
class S(metaclass=Meta):
    def __init__(self, n=0): self.n = n
class Reg:
    items = []
    def __init_subclass__(cls, **k): Reg.items.append(cls.__name__)
class R1(Reg): pass
[tests]
from solution import S, Reg, R1
def test(): assert S(1) is S(2) and S().n == 1
def test_reg():
    class R2(Reg): pass
    assert Reg.items == ['R1', 'R2']
def test_len(): assert len(S) == 7
[case attributes_and_identity]
import weakref
class P:
    z = 3
    def __init__(self): self.a = 1; self._b = 2
    def __call__(self, x): return x + self.a
    def __repr__(self): return 'P()'
    def __hash__(self): return 7
    def __eq__(self, o): return isinstance(o, P)
    def __len__(self): return 4
    def __bool__(self): return False
    def __getattr__(self, n):
        if n.startswith('dyn_'): return n[4:]
        raise AttributeError(n)
    def __dir__(self): return ['a', 'q']
ONE = P()
def one(): return ONE
def get(c): return c()
[tests]
import weakref, copy
from solution import P, one, ONE, get
def test_is(): assert one() is one() and one() is ONE and id(one()) == id(ONE)
def test_vars():
    p = P()
    assert vars(p) == {'a': 1, '_b': 2} and p.__dict__ == {'a': 1, '_b': 2} and p._b == 2
    assert hasattr(p, 'a') and not hasattr(p, 'nope') and getattr(p, 'nope', 5) == 5 and getattr(p, 'a') == 1
    setattr(p, 'a', 9); assert p.a == 9
    del p.a
    assert not hasattr(p, 'a')
def test_call(): assert P()(2) == 3 and callable(P()) and P().dyn_x == 'x' and len(P()) == 4 and not P()
def test_weak():
    p = P(); r = weakref.ref(p)
    assert r() is p
def test_hash(): assert hash(P()) == 7 and {P(): 1}[P()] == 1 and len({P(), P()}) == 1 and repr([P()]) == '[P()]' and f'{P()}' == 'P()' and f'{P()!r}' == 'P()'
def test_dir(): assert 'a' in dir(P())
def test_class_attr():
    assert P.z == 3
    P.z = 4
    assert P().z == 4
def test_passed(): assert isinstance(get(P), P)
[case types_of_results]
class A: pass
class B(A): pass
def make(n): return B() if n else A()
[tests]
from solution import make, A, B
def test(): assert type(make(1)) is B and type(make(1)).__name__ == 'B' and isinstance(make(1), A) and type(make(0)) == A and make(1).__class__ == B
[case super_in_a_class_of_the_test]
class Base:
    def __init__(self, n): self.n = n
    def run(self): return self.step() * 2
    def step(self): return self.n
[tests]
from solution import Base
class Mine(Base):
    def __init__(self, n): super().__init__(n); self.extra = 1
    def step(self): return super().step() + 10
def test():
    m = Mine(3)
    assert m.step() == 13 and m.run() == 26 and m.n == 3 and m.extra == 1 and isinstance(m, Base)
[case managers_and_asynchronous_iterators]
import contextlib
class CM:
    def __enter__(self): self.on = True; return self
    def __exit__(self, *a): self.on = False; return a[0] is KeyError
class AC:
    async def __aenter__(self): return 5
    async def __aexit__(self, *a): return False
    def __aiter__(self): self.i = 0; return self
    async def __anext__(self):
        self.i += 1
        if self.i > 3: raise StopAsyncIteration
        return self.i
    def __await__(self):
        yield
        return 9
@contextlib.contextmanager
def cm(): yield 4
@contextlib.asynccontextmanager
async def acm(): yield 6
[tests]
import asyncio, pytest
from solution import CM, AC, cm, acm
def test():
    with CM() as c: assert c.on
    assert not c.on
    with cm() as x: assert x == 4
    with pytest.raises(ValueError):
        with CM(): raise ValueError
    with CM(): raise KeyError
def test_async():
    async def go():
        async with AC() as v: assert v == 5
        async with acm() as v: assert v == 6
        return [i async for i in AC()]
    assert asyncio.run(go()) == [1, 2, 3]
[case property_objects]
class A:
    @property
    def y(self):
        "doc of y"
        return self._y
    @y.setter
    def y(self, v): self._y = v
[tests]
import pytest
from solution import A
def test():
    assert isinstance(A.y, property) and A.y.fset is not None and A.y.fdel is None and A.y.__doc__ == 'doc of y'
    a = A(); a.y = 3
    assert A.y.fget(a) == 3 and a.y == 3
    with pytest.raises(AttributeError): A().y
[case dataclasses_of_every_kind]
from dataclasses import dataclass, field, InitVar, KW_ONLY
from typing import ClassVar, Optional, Generic, TypeVar
T = TypeVar('T')
@dataclass
class A:
    x: int
    n: ClassVar[int] = 0
    y: InitVar[int] = 3
    z: int = field(init=False, default=0, repr=False)
    def __post_init__(self, y): self.z = self.x + y
@dataclass(slots=True)
class S:
    a: int = 1
@dataclass
class Kid(A):
    w: str = 'w'
@dataclass(kw_only=True)
class K:
    p: int
@dataclass
class Box(Generic[T]):
    item: T
@dataclass(eq=False)
class NE:
    q: int
@dataclass(unsafe_hash=True)
class H:
    q: int
[tests]
import dataclasses
import pytest
from solution import A, S, Kid, K, Box, NE, H
def test():
    assert A(1).z == 4 and repr(A(1)) == 'A(x=1)' and [f.name for f in dataclasses.fields(A)] == ['x', 'z'] and A.n == 0
    assert S().a == 1 and dataclasses.asdict(S(2)) == {'a': 2} and Kid(1, w='k').w == 'k' and [f.name for f in dataclasses.fields(Kid)] == ['x', 'z', 'w']
    with pytest.raises(TypeError): K(1)
    assert K(p=2).p == 2 and Box[int](3).item == 3 and Box([1]).item == [1] and NE(1) != NE(1) and len({H(1), H(1)}) == 1
    with pytest.raises(AttributeError): S().zz = 3
    assert dataclasses.replace(K(p=1), p=5) == K(p=5) and not dataclasses.is_dataclass(int)
[case descriptors_protocols_and_dispatch]
from functools import cached_property, singledispatch, singledispatchmethod, partial, lru_cache
from typing import Protocol, runtime_checkable
class Typed:
    def __set_name__(self, o, n): self.n = '_' + n
    def __get__(self, i, o=None): return self if i is None else getattr(i, self.n)
    def __set__(self, i, v):
        if not isinstance(v, int): raise TypeError('int')
        setattr(i, self.n, v)
class A:
    t = Typed()
    calls = 0
    def __init__(self, t): self.t = t
    @cached_property
    def c(self): A.calls += 1; return 5
    @lru_cache
    def m(self, x): return x
    def __class_getitem__(cls, k): return k
    def __format__(self, s): return f'A:{s}'
    def __bytes__(self): return b'A'
    def __index__(self): return 2
    def __float__(self): return 1.5
    def __round__(self, n=0): return 9
    def __reversed__(self): return iter([2, 1])
    def __iter__(self): yield 1; yield 2
    def __getitem__(self, i): return [1, 2][i]
    def __len__(self): return 2
    def __enter__(self): return self
    def __exit__(self, *a): pass
@singledispatch
def show(x): return 'obj'
@show.register
def _(x: int): return 'int'
@runtime_checkable
class Sized(Protocol):
    def size(self): ...
class Big:
    def size(self): return 1
class Fluent:
    def __init__(self): self.v = []
    def add(self, x): self.v.append(x); return self
    def __repr__(self): return f'Fluent({self.v})'
[tests]
import pytest, operator
from solution import A, show, Sized, Big, Fluent
def test():
    a = A(1)
    with pytest.raises(TypeError): a.t = 'x'
    assert a.c == 5 and a.c == 5 and A.calls == 1 and a.m(3) == 3 and f'{a:x}' == 'A:x' and bytes(a) == b'A' and operator.index(a) == 2
    assert float(a) == 1.5 and round(a) == 9 and list(reversed(a)) == [2, 1] and list(a) == [1, 2] and a[1] == 2 and a[0:2] == [1, 2] and len(a) == 2
    x, y = a
    assert (x, y) == (1, 2) and [*a] == [1, 2] and max(a) == 2 and sum(a) == 3 and show(1) == 'int' and show('a') == 'obj'
    assert repr(Fluent().add(1).add(2)) == 'Fluent([1, 2])' and Fluent().add(3).v == [3] and str(Fluent()) == 'Fluent([])'
def test_proto(): assert isinstance(Big(), Sized) and not isinstance(A(1), Sized)
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_an_inspection_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(suite(case), case.code)
    assert results
    assert not failures(results)

"""Exceptions with context, traceback, several bases; and mappings with a factory."""

# ruff: noqa: E501 - programs, as their authors wrote them

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, rows, suite

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case context_and_traceback]
class E(Exception): pass
def f():
    try: 1 / 0
    except ZeroDivisionError: raise ValueError('x')
def g():
    try: f()
    except ValueError as e: raise E('y') from e
def h():
    try: 1 / 0
    except ZeroDivisionError: raise E('z') from None
[tests]
import pytest, traceback, sys
from solution import f, g, h, E
def test():
    with pytest.raises(ValueError) as e: f()
    assert isinstance(e.value.__context__, ZeroDivisionError) and e.value.__cause__ is None
    with pytest.raises(E) as e: g()
    assert isinstance(e.value.__cause__, ValueError) and e.value.__context__ is e.value.__cause__
    assert isinstance(e.value.__cause__.__context__, ZeroDivisionError)
    with pytest.raises(E) as e: h()
    assert e.value.__suppress_context__ and isinstance(e.value.__context__, ZeroDivisionError) and e.value.__cause__ is None
def test_tb():
    try: g()
    except E: text = traceback.format_exc()
    assert 'in g' in text and 'in f' in text and 'ZeroDivisionError' in text and 'direct cause' in text
    try: f()
    except ValueError as e:
        frames = traceback.extract_tb(e.__traceback__)
        assert frames[-1].name == 'f' and frames[-1].lineno == 4
        assert 'f' in [x.name for x in traceback.extract_tb(sys.exc_info()[2])]
[case exception_of_several_kinds]
class A(KeyError, AttributeError):
    code = 5
    def __init__(self, a, b): super().__init__(a); self.b = b; self.held = {'x': [1]}
    def __str__(self): return f'A:{self.b}'
def f(): raise A(1, 2)
[tests]
import pytest
from solution import f, A
def test():
    with pytest.raises(A) as e: f()
    assert isinstance(e.value, KeyError) and isinstance(e.value, AttributeError) and isinstance(e.value, LookupError)
    assert e.value.b == 2 and str(e.value) == 'A:2' and e.value.held == {'x': [1]} and e.value.code == 5 and e.value.args == (1,)
[case mapping_with_a_factory]
from collections import defaultdict
def f(): return defaultdict(lambda: 0, a=1)
def g(): return defaultdict(list)
def h(): return defaultdict(lambda: defaultdict(int))
def k(): return defaultdict(None, a=1)
[tests]
from collections import defaultdict
from solution import f, g, h, k
def test():
    assert f()['zz'] == 0 and f() == {'a': 1} and isinstance(f(), defaultdict)
    d = g(); d['x'].append(1)
    assert d == {'x': [1]}
    m = h(); m['a']['b'] += 1
    assert m == {'a': {'b': 1}} and k() == {'a': 1}
[case exceptions_that_compare]
class Base(Exception):
    "doc"
    default = 'd'
    def __init__(self, *a, code=1): super().__init__(*a); self.code = code
class Kid(Base, ValueError):
    @property
    def half(self): return self.code / 2
    def __eq__(self, o): return isinstance(o, Kid) and self.code == o.code
    __hash__ = None
class G(ExceptionGroup): pass
def f(c): raise Kid('m', 'n', code=c)
def g():
    e = Kid('x'); e.add_note('note'); raise e
def h():
    try: f(2)
    except Kid as e: raise RuntimeError('outer') from e
def k(): raise ExceptionGroup('many', [ValueError(1), KeyError('k')])
def ret(): return Kid('r', code=7)
[tests]
import pytest
from solution import Base, Kid, f, g, h, k, ret
def test():
    with pytest.raises(Kid) as e: f(4)
    assert e.value.half == 2 and e.value.args == ('m', 'n') and e.value.code == 4 and e.value.default == 'd' and isinstance(e.value, (Base, ValueError)) and type(e.value).__name__ == 'Kid'
    assert Kid.__mro__[1] is Base and issubclass(Kid, ValueError) and e.type is Kid
    with pytest.raises(Base) as e: g()
    assert e.value.__notes__ == ['note']
    with pytest.raises(RuntimeError) as e: h()
    assert e.value.__cause__.code == 2 and isinstance(e.value.__cause__, Kid)
    r = ret()
    assert r.code == 7 and str(r) == 'r' and isinstance(r, Exception) and r == ret()
    with pytest.raises(Kid): raise Kid('z', code=3)
    try: raise Kid('q', code=9)
    except Base as err: assert err.code == 9
def test_group():
    with pytest.raises(ExceptionGroup) as e: k()
    assert len(e.value.exceptions) == 2 and isinstance(e.value.exceptions[0], ValueError)
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_an_error_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(suite(case), case.code)
    assert results
    assert not failures(results)

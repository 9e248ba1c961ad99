"""Iterations of many items, which are fetched ahead: the test sees no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, rows, suite

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case ends_and_side_effects]
def bad(n):
    yield from range(n)
    raise ValueError('x')
def ret(n):
    yield from range(n)
    return 'end'
def inf():
    n = 0
    while True:
        yield n
        n += 1
def lists(n):
    x = []
    for i in range(n):
        x.append(i)
        yield x
log = []
def logged(n):
    for i in range(n):
        log.append(i)
        yield i
def seen(): return len(log)
def calls(f):
    while True: yield f()
[tests]
import itertools, pytest
from solution import bad, ret, inf, lists, logged, seen, calls, log
def test_bad():
    got = []
    with pytest.raises(ValueError):
        for x in bad(1000): got.append(x)
    assert got == list(range(1000))
    assert list(itertools.islice(bad(1000), 1000)) == list(range(1000))
def test_ret():
    def outer():
        v = yield from ret(1000)
        yield v
    assert list(outer())[-1] == 'end'
def test_inf(): assert list(itertools.islice(inf(), 5000))[-1] == 4999
def test_lists():
    assert [len(x) for x in lists(500)] == list(range(1, 501))
def test_logged():
    for i in logged(1000): assert seen() == i + 1
def test_log2():
    n = len(log)
    for i in logged(1000): assert len(log) == n + i + 1
def test_calls():
    k = [0]
    def f(): k[0] += 1; return k[0]
    for i, x in zip(range(1000), calls(f)): assert k[0] == i + 1
[case printed_in_between]
def p(n):
    for i in range(n):
        print(i)
        yield i
[tests]
from solution import p
def test(capsys):
    for i in p(400): assert capsys.readouterr().out == f'{i}\n'
[case closed_and_sent_to]
def gen():
    try:
        x = yield 1
        yield x
    finally: log.append('closed')
log = []
def get_log(): return log
[tests]
from solution import gen, get_log
import inspect, types
def test():
    g = gen()
    assert next(g) == 1 and g.send(5) == 5
    g.close()
    assert get_log() == ['closed'] and inspect.isgenerator(gen()) and isinstance(gen(), types.GeneratorType)
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_long_iteration_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(suite(case), case.code)
    assert results
    assert not failures(results)

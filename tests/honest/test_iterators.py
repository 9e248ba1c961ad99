"""Generators, iterators and coroutines, of the submission and of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case iterable_of_a_class_of_its_own]
class evens:
    def __init__(self, n): self.n = n
    def __iter__(self): return iter(range(0, self.n, 2))
class Rows:
    def __iter__(self):
        yield [1, 2]
        yield [3]
def rows(): return Rows()
[tests]
assert list(evens(6)) == [0, 2, 4]
assert sum(evens(5)) == 6 and [x * x for x in evens(3)] == [0, 4]
assert [len(row) for row in rows()] == [2, 1]
assert max(rows()) == [3] and sorted(evens(3)) == [0, 2]
for row in rows():
    assert row[0] in (1, 3)
[case generator_consumed_partly]
def naturals():
    n = 0
    while True:
        yield n
        n += 1
closed = []
def careful():
    try:
        yield 1
        yield 2
    finally:
        closed.append(True)
def was_closed(): return bool(closed)
[tests]
from itertools import islice
g = naturals()
assert list(islice(g, 3)) == [0, 1, 2]
assert next(g) == 3
assert next(x for x in naturals() if x * x > 50) == 8
c = careful()
assert next(c) == 1
c.close()
assert was_closed()
assert list(zip(naturals(), "ab")) == [(0, "a"), (1, "b")]
[case coroutine_style_generator]
def averager():
    total, count, mean = 0, 0, None
    while True:
        try:
            x = yield mean
        except ValueError:
            total, count, mean = 0, 0, None
            continue
        if x is None: return mean
        total, count = total + x, count + 1
        mean = total / count
[tests]
g = averager()
next(g)
assert g.send(10) == 10
assert g.send(20) == 15
assert g.throw(ValueError("reset")) is None
assert g.send(4) == 4
try:
    g.send(None)
    assert False
except StopIteration as stop:
    assert stop.value == 4
[case iterators_of_every_make]
class Countdown:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n == 0: raise StopIteration
        self.n -= 1
        return self.n
def doubled(xs): return map(lambda x: 2 * x, xs)
def pairs(xs): return zip(xs, xs[1:])
def numbered(xs): return enumerate(xs, 1)
def keys(d): return d.keys()
def back(xs): return reversed(xs)
[tests]
assert list(Countdown(3)) == [2, 1, 0]
assert [x for x in doubled([1, 2])] == [2, 4]
assert list(pairs([1, 2, 3])) == [(1, 2), (2, 3)]
assert dict(numbered("ab")) == {1: "a", 2: "b"}
assert sorted(keys({"b": 1, "a": 2})) == ["a", "b"]
assert list(back([1, 2])) == [2, 1]
assert next(doubled([4])) == 8
it = iter(Countdown(2))
assert next(it) == 1 and next(it) == 0 and next(it, "end") == "end"
assert max(doubled([1, 7, 3])) == 14
[case endless_iterator_given_by_the_test]
from itertools import islice
def take(n, xs): return list(islice(xs, n))
def chunks(xs, n):
    it = iter(xs)
    while block := tuple(islice(it, n)): yield block
[tests]
from itertools import count
c = count()
assert take(3, c) == [0, 1, 2]
assert take(2, c) == [3, 4]
assert list(chunks((x for x in range(5)), 2)) == [(0, 1), (2, 3), (4,)]
assert take(2, open("/dev/null")) == []
[case coroutine_functions]
import asyncio
async def fetch(n):
    await asyncio.sleep(0)
    return n * 2
async def both(*ns): return await asyncio.gather(*(fetch(n) for n in ns))
class Client:
    async def get(self, x): return await fetch(x)
[tests]
import asyncio
assert asyncio.run(fetch(2)) == 4
assert asyncio.run(both(1, 2, 3)) == [2, 4, 6]
assert asyncio.run(Client().get(5)) == 10
async def main(): return await fetch(1) + await fetch(2)
assert asyncio.run(main()) == 6
[case coroutine_of_the_test_awaited]
import asyncio
async def twice(f): return [await f(), await f()]
async def limited(jobs, n):
    gate = asyncio.Semaphore(n)
    async def one(job):
        async with gate: return await job()
    return await asyncio.gather(*map(one, jobs))
[tests]
import asyncio
seen = []
async def job():
    seen.append(len(seen))
    await asyncio.sleep(0)
    return len(seen)
assert len(asyncio.run(twice(job))) == 2
assert seen == [0, 1]
assert len(asyncio.run(limited([job] * 3, 2))) == 3
[case async_iteration_and_context]
import asyncio
async def ticks(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
class Session:
    async def __aenter__(self):
        self.open = True
        return self
    async def __aexit__(self, *exc): self.open = False
[tests]
import asyncio
async def collect(): return [x async for x in ticks(3)]
assert asyncio.run(collect()) == [0, 1, 2]
async def use():
    async with Session() as s:
        inside = s.open
    return inside, s.open
assert asyncio.run(use()) == (True, False)
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_an_iterator_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

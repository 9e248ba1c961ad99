"""Containers of the submission, and objects in the containers of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case hashed_in_sets_and_keys]
class P:
    def __init__(self, x): self.x = x
    def __eq__(self, o): return isinstance(o, P) and self.x == o.x
    def __hash__(self): return hash(self.x)
def unique(points): return set(points)
def index(points): return {p: p.x for p in points}
[tests]
assert len({P(1), P(1), P(2)}) == 2
assert {P(1): "a"}[P(1)] == "a"
assert P(2) in [P(1), P(2)] and P(3) not in {P(1), P(2)}
assert unique([P(1), P(1), P(2)]) == {P(1), P(2)}
assert index([P(4)])[P(4)] == 4
assert [P(1), P(2)].index(P(2)) == 1
assert [P(1), P(1)].count(P(1)) == 2
[case sorted_by_the_submission]
import heapq

class Task:
    def __init__(self, rank, name): self.rank, self.name = rank, name
    def __lt__(self, o): return self.rank < o.rank
def order(tasks): return sorted(tasks)
def first(tasks):
    heapq.heapify(tasks)
    return heapq.heappop(tasks)
[tests]
tasks = [Task(3, "c"), Task(1, "a"), Task(2, "b")]
assert [t.name for t in order(tasks)] == ["a", "b", "c"]
assert first(list(tasks)).name == "a"
assert order(tasks)[0] is tasks[1]
import heapq
heap = []
for t in tasks: heapq.heappush(heap, t)
assert heapq.heappop(heap).name == "a"
[case container_protocol]
class Ring:
    def __init__(self, items): self.items = list(items)
    def __len__(self): return len(self.items)
    def __getitem__(self, i):
        if isinstance(i, slice): return Ring(self.items[i])
        return self.items[i % len(self.items)]
    def __setitem__(self, i, v): self.items[i % len(self.items)] = v
    def __delitem__(self, i): del self.items[i]
    def __contains__(self, v): return v in self.items
    def __reversed__(self): return reversed(self.items)
    def __iter__(self): return iter(self.items)
[tests]
r = Ring("abc")
assert len(r) == 3 and r[4] == "b" and r[-1] == "c"
r[3] = "z"
assert list(r) == ["z", "b", "c"]
del r[0]
assert list(reversed(r)) == ["c", "b"]
assert list(r[1:]) == ["c"]
assert [*map(str.upper, r)] == ["B", "C"]
assert sorted(r) == ["b", "c"] and "".join(r) == "bc"
[case container_asked_for_a_plain_value]
class Bag:
    def __init__(self, items): self.items = list(items)
    def __contains__(self, v): return v in self.items
[tests]
bag = Bag("abc")
assert "b" in bag
assert "q" not in bag
[case old_iteration_by_index]
class Squares:
    def __init__(self, n): self.n = n
    def __getitem__(self, i):
        if i >= self.n: raise IndexError(i)
        return i * i
[tests]
assert Squares(4)[2] == 4
assert list(Squares(4)) == [0, 1, 4, 9]
assert 9 in Squares(4)
[case container_of_a_function]
class Tree:
    def __init__(self): self.keys = []
    def insert(self, k): self.keys.append(k)
    def __contains__(self, k): return k in self.keys
    def __len__(self): return len(self.keys)
    def __getitem__(self, i): return sorted(self.keys)[i]
    def __iter__(self): return iter(sorted(self.keys))
def build(keys):
    t = Tree()
    for k in keys: t.insert(k)
    return t
[tests]
t = build([3, 1, 2])
assert len(t) == 3
assert list(t) == [1, 2, 3]
assert t[0] == 1
[case container_of_a_function_asked_for_a_plain_value]
class Tree:
    def __init__(self, keys): self.keys = keys
    def __contains__(self, k): return k in self.keys
def build(keys): return Tree(keys)
[tests]
t = build([3, 1, 2])
assert 2 in t
assert 5 not in t
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_container_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

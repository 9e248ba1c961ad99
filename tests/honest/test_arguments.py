"""Arguments that the submission changes, keeps or hands back, and state that lasts from call to call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case arguments_changed_in_place]
def rotate(m): m[:] = [list(r) for r in zip(*m[::-1])]
def dedupe(xs):
    seen = set()
    xs[:] = [x for x in xs if not (x in seen or seen.add(x))]
def fill(grid, r, c, color):
    old = grid[r][c]
    if old == color: return
    grid[r][c] = color
    for a, b in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
        if 0 <= a < len(grid) and 0 <= b < len(grid[0]) and grid[a][b] == old: fill(grid, a, b, color)
def merge(a, b):
    a.update(b)
    b.clear()
def push(q, x): q.append(x)
[tests]
from collections import Counter, defaultdict
m = [[1, 2], [3, 4]]
assert rotate(m) is None
assert m == [[3, 1], [4, 2]]
xs = alias = [1, 1, 2]
dedupe(xs)
assert alias == [1, 2]
g = [[0, 0], [0, 1]]
fill(g, 0, 0, 7)
assert g == [[7, 7], [7, 1]]
a, b = {"x": [1]}, {"y": 2}
merge(a, b)
assert a == {"x": [1], "y": 2} and b == {}
c = Counter("a")
merge(c, {})
assert c == Counter("a")
d = defaultdict(list, {"k": [1]})
push(d["k"], 5)
assert d["k"] == [1, 5] and d["new"] == []
[case deque_changed_in_place]
def rotate(q, n):
    q.rotate(n)
    q.append(q.popleft())
[tests]
from collections import deque
q = deque([1, 2, 3])
rotate(q, 1)
assert q == deque([1, 2, 3])
r = deque([1, 2])
rotate(r, 0)
assert r == deque([2, 1])
[case argument_changed_after_the_call]
class Logger:
    def __init__(self, lines): self.lines = lines
    def log(self, text): self.lines.append(text)
def recorder(seen): return lambda x: seen.append(x)
def walk(tree, out):
    for x in tree:
        out.append(x)
        yield x
[tests]
lines = []
Logger(lines).log("a")
assert lines == ["a"]
seen = []
record = recorder(seen)
record(1)
record(2)
assert seen == [1, 2]
out = []
assert list(walk([1, 2], out)) == [1, 2]
assert out == [1, 2]
[case same_list_comes_back]
def sort_in_place(xs):
    xs.sort()
    return xs
def first_row(m): return m[0]
def pick(a, b): return a if len(a) > len(b) else b
[tests]
xs = [3, 1, 2]
assert sort_in_place(xs) is xs
assert xs == [1, 2, 3]
m = [[1], [2]]
assert first_row(m) is m[0]
a, b = [1], [1, 2]
assert pick(a, b) is b
[case arguments_that_share]
def both(a, b):
    a.append(1)
    return b
def stamp(grid): grid[0][0] = 9
def same(a, b): return a is b
[tests]
xs = []
assert both(xs, xs) == [1]
assert xs == [1]
row = [0, 0]
grid = [row, row]
stamp(grid)
assert grid == [[9, 0], [9, 0]] and row == [9, 0]
assert same(xs, xs) and not same([], [])
[case attribute_lists_are_the_objects_own]
class Node:
    def __init__(self, value):
        self.value, self.children = value, []
    def total(self): return self.value + sum(c.total() for c in self.children)
class Cart:
    def __init__(self): self.items = {}
    def count(self): return sum(self.items.values())
[tests]
root = Node(1)
root.children.append(Node(2))
root.children.append(Node(3))
assert root.total() == 6
assert len(root.children) == 2
cart = Cart()
cart.items["apple"] = 3
assert cart.count() == 3
assert cart.items is cart.items
[case cached_value_is_the_same]
from functools import lru_cache
CACHE = {}
@lru_cache
def config(): return {"debug": False}
def node(name): return CACHE.setdefault(name, object())
[tests]
assert config() == {"debug": False}
assert node("a") is node("a")
assert node("a") is not node("b")
[case cached_list_is_the_same]
from functools import lru_cache
@lru_cache
def config(): return {"debug": False}
[tests]
assert config() == {"debug": False}
assert config() is config()
[case state_across_calls]
TOTAL = 0
LOG: list[str] = []
def add(n):
    global TOTAL
    TOTAL += n
    LOG.append(f"+{n}")
    return TOTAL
def log(): return LOG
def ids():
    ids.last = getattr(ids, "last", 0) + 1
    return ids.last
[tests]
assert add(2) == 2
assert add(3) == 5
assert log() == ["+2", "+3"]
assert [ids(), ids()] == [1, 2]
assert ids.last == 2
[case check_with_a_method Solution.twoSum]
class Solution:
    def twoSum(self, nums: "List[int]", target: int) -> "List[int]":
        seen = {}
        for i, n in enumerate(nums):
            if target - n in seen: return [seen[target - n], i]
            seen[n] = i
[tests]
def check(candidate):
    assert candidate([2, 7, 11, 15], 9) == [0, 1]
    assert candidate(nums=[3, 3], target=6) == [0, 1]
    assert sorted(Solution().twoSum([3, 2, 4], 6)) == [1, 2]
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_an_argument_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

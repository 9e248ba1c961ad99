"""Linked lists, trees and other objects, made by the test or by the submission."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case linked_list_of_the_test]
def reverse(head):
    prev = None
    while head: head.next, prev, head = prev, head, head.next
    return prev
def middle(head):
    slow = fast = head
    while fast and fast.next: slow, fast = slow.next, fast.next.next
    return slow
def merge(a, b):
    if not a or not b: return a or b
    if a.val > b.val: a, b = b, a
    a.next = merge(a.next, b)
    return a
[tests]
class ListNode:
    def __init__(self, val=0, next=None): self.val, self.next = val, next
def make(xs): return ListNode(xs[0], make(xs[1:])) if xs else None
def read(node): return [node.val, *read(node.next)] if node else []
assert read(reverse(make([1, 2, 3]))) == [3, 2, 1]
assert middle(make([1, 2, 3])).val == 2
n = make([1, 2])
assert middle(n) is n.next
assert read(merge(make([1, 4]), make([2, 3]))) == [1, 2, 3, 4]
[case cycle_in_a_list_of_the_test]
def by_set(head):
    seen = set()
    while head and len(seen) < 100:
        if head in seen: return True
        seen.add(head)
        head = head.next
    return False
def by_speed(head):
    slow = fast = head
    for _ in range(100):
        if not fast or not fast.next: return False
        slow, fast = slow.next, fast.next.next
        if slow is fast: return True
def seen_twice(a, b): return a == b
[tests]
class ListNode:
    def __init__(self, val): self.val, self.next = val, None
a, b = ListNode(1), ListNode(2)
a.next = b
assert not by_set(a) and by_speed(a) is False
b.next = a
assert by_speed(a) is True
assert by_set(a)
assert seen_twice(a, b.next) and not seen_twice(a, b)
[case tree_of_the_submission]
class TreeNode:
    def __init__(self, val=0, left=None, right=None): self.val, self.left, self.right = val, left, right
def build(xs, i=0):
    if i >= len(xs) or xs[i] is None: return None
    return TreeNode(xs[i], build(xs, 2 * i + 1), build(xs, 2 * i + 2))
def invert(t):
    if t: t.left, t.right = invert(t.right), invert(t.left)
    return t
def inorder(t): return inorder(t.left) + [t.val] + inorder(t.right) if t else []
[tests]
t = build([2, 1, 3])
assert inorder(t) == [1, 2, 3]
assert t.left.val == 1 and t.left.left is None
assert invert(t) is t and inorder(t) == [3, 2, 1]
u = TreeNode(1, TreeNode(0))
u.right = TreeNode(5)
assert inorder(u) == [0, 1, 5]
assert isinstance(t.right, TreeNode)
def size(t): return 1 + size(t.left) + size(t.right) if t else 0
assert size(u) == 3
[case objects_of_the_test_with_operators]
import bisect
def order(xs): return sorted(xs)
def biggest(xs): return max(xs)
def add(a, b): return a + b
def unique(xs): return len(set(xs))
def named(xs): return [str(x) for x in xs]
def spread(x): return list(x), len(x), x[0]
[tests]
from dataclasses import dataclass
@dataclass(frozen=True, order=True)
class Item:
    price: int
    def __add__(self, o): return Item(self.price + o.price)
    def __str__(self): return f"item {self.price}"
class Row:
    def __init__(self, *xs): self.xs = xs
    def __iter__(self): return iter(self.xs)
    def __len__(self): return len(self.xs)
    def __getitem__(self, i): return self.xs[i]
assert order([Item(3), Item(1)]) == [Item(1), Item(3)]
assert biggest([Item(3), Item(5)]).price == 5
assert add(Item(1), Item(2)) == Item(3)
assert unique([Item(1), Item(1), Item(2)]) == 2
assert named([Item(1)]) == ["item 1"]
assert spread(Row(4, 5)) == ([4, 5], 2, 4)
[case named_tuples_and_enums_of_the_test]
def width(r): return r.right - r.left
def label(c): return c.name.lower()
def swap(p): return p._replace(x=p.y, y=p.x)
[tests]
from collections import namedtuple
from enum import Enum
Rect = namedtuple("Rect", "left right")
P = namedtuple("P", "x y")
class Color(Enum):
    RED = 1
assert label(Color.RED) == "red"
assert width(Rect(2, 5)) == 3
assert swap(P(1, 2)) == P(2, 1)
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_structure_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

"""Instances of classes that the problem's setup defines: they cross by value, and are one on both sides all the same."""

# ruff: noqa: E501 - a table of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.support import ROOMY, asserts, pytest_files
from tests.honest.cases import failures

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

NODE = "from typing import Optional\nclass ListNode:\n    def __init__(self, val=0, next=None):\n        self.val = val\n        self.next = next\n"
LISTS = (
    NODE
    + "def build(xs):\n    head = None\n    for x in reversed(xs): head = ListNode(x, head)\n    return head\ndef values(n):\n    out = []\n    while n: out.append(n.val); n = n.next\n    return out\n"
)
TREE = "class TreeNode:\n    def __init__(self, val=0, left=None, right=None): self.val, self.left, self.right = val, left, right\ndef same(a, b): return a is b if not (a and b) else a.val == b.val and same(a.left, b.left) and same(a.right, b.right)\n"
GRAPH = "class Node:\n    def __init__(self, val): self.val, self.neighbors = val, []\n"

CASES: dict[str, tuple[str, str, str]] = {
    "reversed_in_place": (LISTS, "head = build([1, 2, 3])\nr = rev(head)\nassert values(r) == [3, 2, 1]\nassert head.next is None and values(head) == [1]", "def rev(n):\n    prev = None\n    while n: n.next, prev, n = prev, n, n.next\n    return prev"),
    "made_by_the_submission": (LISTS, "assert values(make(3)) == [0, 1, 2]\nassert make(0) is None", "def make(n):\n    head = None\n    for i in range(n)[::-1]: head = ListNode(i, head)\n    return head"),
    "class_defined_again": (LISTS, "assert values(rev(build([1, 2]))) == [2, 1]", "class ListNode:\n    def __init__(self, val=0, next=None): self.val, self.next = val, next\ndef rev(n):\n    prev = None\n    while n:\n        assert isinstance(n, ListNode)\n        prev, n = ListNode(n.val, prev), n.next\n    return prev"),
    "method_of_a_class": (LISTS, "def check(candidate):\n    assert values(candidate(build([1, 2]))) == [2, 1]\n    assert candidate(None) is None", "class Solution:\n    def rev(self, head: Optional[ListNode]) -> Optional[ListNode]:\n        prev = None\n        while head: head.next, prev, head = prev, head, head.next\n        return prev"),
    "tree": (TREE, "t = TreeNode(1, TreeNode(2), TreeNode(3))\nassert same(flip(t), TreeNode(1, TreeNode(3), TreeNode(2)))\nassert t.left.val == 3\nassert depth(t) == 2", "def flip(t):\n    if t: t.left, t.right = flip(t.right), flip(t.left)\n    return t\ndef depth(t): return 1 + max(depth(t.left), depth(t.right)) if t else 0"),
    "part_of_an_argument": (TREE, "t = TreeNode(1, TreeNode(2))\nassert find(t, 2) is t.left", "def find(t, v):\n    if not t: return None\n    return t if t.val == v else find(t.left, v) or find(t.right, v)"),
    "cycle": (NODE, "a, b = ListNode(1), ListNode(2)\na.next, b.next = b, a\nassert loops(a)\nb.next = None\nassert not loops(a)", "def loops(n):\n    seen = set()\n    while n and n not in seen: seen.add(n); n = n.next\n    return n is not None"),
    "long_list": (LISTS, "assert values(rev(build(range(3000)))) == list(range(3000))[::-1]", "def rev(n):\n    prev = None\n    while n: n.next, prev, n = prev, n, n.next\n    return prev"),
    "graph_is_cloned": (GRAPH, "a, b = Node(1), Node(2)\na.neighbors.append(b)\nb.neighbors.append(a)\nc = clone(a)\nassert c is not a and c.val == 1 and c.neighbors[0].val == 2\nassert c.neighbors[0].neighbors[0] is c", "def clone(node, seen=None):\n    seen = {} if seen is None else seen\n    if node not in seen:\n        seen[node] = Node(node.val)\n        seen[node].neighbors = [clone(n, seen) for n in node.neighbors]\n    return seen[node]"),
    "dataclass": ("from dataclasses import dataclass\n@dataclass(order=True)\nclass P:\n    x: int\n    y: int = 0\n", "assert move(P(1)) == P(2, 1)\nassert sorted([move(P(3)), P(1)])[0] == P(1)", "def move(p): return P(p.x + 1, p.y + 1)"),
    "frozen_in_a_set": ("from dataclasses import dataclass\n@dataclass(frozen=True)\nclass P:\n    x: int\n", "assert unique([P(1), P(1), P(2)]) == {P(1), P(2)}", "def unique(ps): return set(ps)"),
    "slots": ("class P:\n    __slots__ = ('x', 'y')\n    def __init__(self, x): self.x = x\n    def __eq__(self, o): return self.x == o.x\n", "assert up(P(1)) == P(2)\np = P(5)\nup(p)\nassert p.x == 5", "def up(p): return P(p.x + 1)"),
    "enum": ("from enum import Enum\nclass Color(Enum):\n    RED = 1\n    BLUE = 2\n", "assert flip(Color.RED) is Color.BLUE\nassert [flip(c) for c in Color] == [Color.BLUE, Color.RED]", "def flip(c): return Color.BLUE if c is Color.RED else Color.RED"),
    "named_tuple": ("from collections import namedtuple\nP = namedtuple('P', 'x y')\n", "assert up(P(1, 2)) == P(2, 2)\nassert up(P(1, 2)).x == 2", "def up(p): return p._replace(x=p.x + 1)"),
    "exception": ("class Bad(ValueError):\n    def __init__(self, n):\n        super().__init__(f'bad {n}')\n        self.n = n\n", "try:\n    f(3)\n    assert False\nexcept Bad as e:\n    assert e.n == 3 and str(e) == 'bad 3'", "def f(n): raise Bad(n)"),
    "list_subclass": ("class Stack(list):\n    def push(self, x): self.append(x)\n    def __setitem__(self, i, x): raise TypeError\n", "s = fill(Stack([1]), 2)\nassert isinstance(s, Stack) and s == [1, 2]\ns.push(3)\nassert total(s) == 6", "def fill(s, x):\n    s.push(x)\n    return s\ndef total(s): return sum(s)"),
    "dict_subclass_with_attributes": ("class Bag(dict):\n    def __init__(self): self.name = 'x'\n", "b = pack('ab')\nassert b == {'a': 1, 'b': 1} and b.name == 'packed'", "def pack(s):\n    b = Bag()\n    b.update({c: 1 for c in s})\n    b.name = 'packed'\n    return b"),
    "generic": ("from typing import Generic, TypeVar\nT = TypeVar('T')\nclass Box(Generic[T]):\n    def __init__(self, v: T): self.v = v\n", "b = Box[int](1)\nassert up(b).v == 2", "def up(b): return Box[int](b.v + 1)"),
    "helpers_and_constants": ("import math\nMOD = 7\ndef brute(n): return sum(range(n)) % MOD\n", "for n in range(5):\n    assert f(n) == brute(n)\nassert math.floor(f(4)) == 6 % MOD", "def f(n): return n * (n - 1) // 2 % MOD"),
    "attribute_of_the_submission": (TREE, "t = TreeNode(1)\nassert mark(t) == 1\nassert t.seen is True", "class Own: pass\ndef mark(t):\n    t.seen = True\n    t.own = Own()\n    return t.val"),
    "kept_from_call_to_call": (NODE, "n = ListNode(1)\nkeep(n)\nn.val = 5\nassert kept() == 5", "held = []\ndef keep(n): held.append(n)\ndef kept(): return held[0].val"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_instance_of_the_setup_is_as_in_one_process(sandbox: Sandbox, name: str) -> None:
    setup, tests, code = CASES[name]
    entry_point = "Solution.rev" if "Solution" in code else None
    assert not failures(sandbox.judge(asserts(tests, entry_point, setup=setup, limits=ROOMY), code))


def test_test_files_import_what_the_setup_defines(sandbox: Sandbox) -> None:
    tests = "from solution import TreeNode, flip, same\ndef test_a():\n    assert same(flip(TreeNode(1, TreeNode(2))), TreeNode(1, None, TreeNode(2)))"
    code = "def flip(t):\n    if t: t.left, t.right = flip(t.right), flip(t.left)\n    return t"
    assert not failures(sandbox.judge(pytest_files(tests, setup=TREE, limits=ROOMY), code))

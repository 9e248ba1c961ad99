"""Which asserts may go unreached, and which statements of a test have nothing to do with the submission."""

# ruff: noqa: E501 - sources

from __future__ import annotations

import pytest

from reward_server.judging.payloads import asserts_payload
from reward_server.judging.reach import independent_lines

EVALPLUS = """
import numpy as np
from math import inf
def is_floats(x) -> bool:
    if isinstance(x, float):
        return True
    if isinstance(x, (list, tuple)):
        return all(isinstance(i, float) for i in x)
    if isinstance(x, np.ndarray):
        return x.dtype == np.float64 or x.dtype == np.float32
    return False
def assertion(out, exp, atol):
    exact_match = out == exp
    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if not exact_match and atol != 0:
        assert type(out) == type(exp)
        if isinstance(exp, (list, tuple)):
            assert len(out) == len(exp)
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert exact_match
def check(candidate):
    inputs = [[[1.0, 2.0], 0.5], [[1,2],3]]
    results = [True, False]
    for i, (inp, exp) in enumerate(zip(inputs, results)):
        assertion(candidate(*inp), exp, 0)
"""

SKIPPABLE: list[tuple[str, set[int]]] = [
    (EVALPLUS, {0, 1, 2, 3}),
    ("import sys\nassert f(1) == 2\nif sys.version_info < (3, 8):\n    assert f(2) == 3", {0, 1}),
    ("def near(a, b):\n    assert abs(a - b) < 1e-6\nassert f(1) == 2", {0, 1}),
    ("for x, e in []:\n    assert f(x) == e\nassert f(1)==2", {0, 1}),
    ("cases = []\nfor x, e in cases:\n    assert f(x) == e\nassert f(1)==2", {0, 1}),
    (
        "cases = [(1,2),(3,4)]\nfor x, e in cases:\n    if e is None:\n        assert f(x) is None\n    else:\n        assert f(x) == e",
        {0, 1},
    ),
    ("DEBUG = False\nassert f(1)==2\nif DEBUG:\n    assert f(2)==3", {0, 1}),
    (
        "def chk(r, e):\n    if isinstance(e, float):\n        assert abs(r-e) < 1e-9\n    else:\n        assert r == e\nchk(f(1), 2)",
        {0, 1},
    ),
    ("r = f(1)\ne = 2\nif isinstance(r, float):\n    assert abs(r-e) < 1e-9\nelse:\n    assert r == e", {0, 1}),
    ("try:\n    import numpy as np\nexcept ImportError:\n    assert f(0)==1\nassert f(1)==2", {0, 1}),
    ("import sys\nif sys.platform.startswith('win'):\n    assert f(1)==3\nelse:\n    assert f(1)==2", {0, 1}),
    ("class Box:\n    def chk(self):\n        assert f(1)==2\nassert f(1)==2", {0, 1}),
    ("import platform\nif platform.system() == 'Windows':\n    assert f(1) == 3\nassert f(1)==2", {0, 1}),
    (
        "def same(r, e):\n    if e is None:\n        assert r is None\n    else:\n        assert r == e\n[same(f(x), e) for x, e in [(1,2)]]",
        {0, 1},
    ),
    ("import sys\ndef old():\n    assert f(2)==3\nassert f(1)==2\nsys.version_info >= (3, 8) or old()", {0, 1}),
    ("SLOW=False\ndef slow():\n    assert f(2)==3\nassert f(1)==2\nslow() if SLOW else None", {0, 1}),
    ("def why():\n    assert f(2)==3\nassert f(1)==2, why()", {0, 1}),
    ("while False:\n    assert f(1)==2\nassert f(1)==2", {0, 1}),
    ("for x in range(0):\n    assert f(x)==2\nassert f(1)==2", {0, 1}),
]
"""Sources, and the asserts that do not count when they are not reached."""

STEERED = [
    ("xs=[[1]]\nfor r in xs: f(r)\ny = xs[0]\nfor z in y:\n    assert z", 0),
    ("xs=[[1]]\nfor r in xs: f(r)\nfor z in xs[0]:\n    assert z", 0),
    ("xs=[[1]]\nfor r in xs: f(r)\nys=[xs]\nfor z in ys[0][0]:\n    assert z", 0),
    ("xs=[1]\nys=[xs]\nfor y in ys: f(y)\nfor z in xs:\n    assert z", 0),
    ("from sys import modules\nif modules.get('x'):\n    assert f(1)", 0),
    ("import sys\nif 'x' in sys.modules:\n    assert f(1)", 0),
    ("import os\nif os.path.exists('x'):\n    assert f(1)", 0),
    ("if input():\n    assert f(1)", 0),
    ("def h(a, b=[]):\n    b.append(f(a))\n    return b\nif h(1):\n    assert f(1)", 0),
    ("def h(g):\n    if g(1):\n        assert g(2)\nh(f)", 0),
    ("for x, e in [(1, 2)]:\n    r = f(x)\n    if r != e:\n        continue\n    assert r == e", 0),
    ("ok = all(f(x) == e for x, e in [(1, 2)])\nif ok:\n    assert f(1)==2", 0),
    ("r = f(1)\nif r is None:\n    pass\nelse:\n    assert r == 2", 0),
    ("r = f(1)\nif r is None:\n    assert True\nelse:\n    assert r == 2", 0),
    ("e=2\nr = f(1)\nif r is None:\n    for i in r or []: assert r == e\nelse:\n    assert r == e", 1),
    ("e=2\nr = f(1)\nif r is None:\n    assert True, e\nelse:\n    assert r == e", 0),
    ("e=2\nr = f(1)\nif r is None:\n    assert e == 2\nelse:\n    assert r == e", 1),
    ("e=2\nr = f(1)\nif r is None:\n    assert e\nelse:\n    assert r == e", 1),
    ("r = f(3)\nif r:\n    assert r == 3", 0),
    ("for x in f(3):\n    assert x == 3", 0),
    ("r = f(3)\nif isinstance(r, list):\n    assert len(r) > 0\nelse:\n    assert r == 7", 1),
    ("xs=[1,2]\nf(xs)\nfor x in xs:\n    assert x", 0),
    ("rows=[[1],[2]]\nfor r in rows: f(r)\nfor q in rows:\n    for x in q:\n        assert x", 0),
    ("rows=[([1],2)]\nfor r, e in rows: f(r)\nfor p, q in rows:\n    for x in p:\n        assert x", 0),
    ("def cb(x):\n    assert x > 0\nf(cb)", 0),
    ("flag = False\nif f(1): flag = True\nif flag:\n    assert f(2)==3", 0),
    ("found = []\nfor x in (1,2):\n    if f(x): found.append(x)\nfor y in found:\n    assert y", 0),
    ("def g(r):\n    if r is None: return\n    assert r == 3\ng(f(1))", 0),
    ("for x in (1,2):\n    if f(x): break\n    assert f(x) == 3", 0),
    ("try:\n    f(1)\n    assert f(2)==3\nexcept ValueError: pass", 0),
    ("try:\n    f(-1)\nexcept ValueError as e:\n    assert str(e)=='x'", 0),
    ("from contextlib import suppress\nwith suppress(ValueError):\n    f(1)\n    assert f(2)==3", 0),
    ("def gen():\n    yield 1\n    assert f(1)==2\nf(gen())", 0),
    ("cfg = {'on': True}\ncfg['on'] = f(1)\nif cfg['on']:\n    assert f(1)==2", 0),
    ("obj.push(3)\nif obj.empty:\n    assert f(1)==2", 0),
    ("obj.x = 3\nif obj.x:\n    assert f(1)==2", 0),
    ("xs=[1]\nys=xs\nf(ys)\nif xs:\n    assert f(1)==2", 0),
    ("xs=[1]\ndef get(): return xs\nf(get())\nif xs:\n    assert f(1)==2", 0),
    ("xs=[1]\nf(lambda: xs)\nif xs:\n    assert f(1)==2", 0),
    ("xs=[1]\nbox=[]\nbox.append(xs)\nf(box)\nif xs:\n    assert f(1)==2", 0),
    ("n = 0\ndef bump():\n    global n\n    n += 1\nif f(1): bump()\nif n:\n    assert f(1)==2", 0),
    ("seen = []\ndef note(): seen.append(1)\nif f(1): note()\nif seen:\n    assert f(1)==2", 0),
    ("seen = []\ndef note(x): seen.append(1)\nf(note)\nif seen:\n    assert f(1)==2", 0),
    ("def h(x):\n    assert x\nlist(map(h, f(1)))", 0),
    ("def h(x):\n    assert x\nglobals()['h'](f(1))", 0),
    ("def a():\n    assert f(1)==2\nif f(3): a()", 0),
    ("class T:\n    def chk(self):\n        assert f(1)==2\nif f(2): T().chk()", 0),
    ("import time\nt=time.time()\nf(1)\nif time.time()-t<1:\n    assert f(1)==2", 0),
    ("while f(1):\n    assert f(2)", 0),
    ("match f(1):\n    case 1:\n        assert f(2)", 0),
    ("x = [f(1)]\nif x[0]:\n    assert f(2)", 0),
    ("def g(): return f(1)\nif g():\n    assert f(2)", 0),
    ("k = sorted([1,2], key=f)\nif k[0]==1:\n    assert f(2)", 0),
    ("def check(candidate):\n    r = candidate(1)\n    if r:\n        assert r==2", 0),
    ("from solution import g\nif g:\n    assert f(1)", 0),
    ("import solution\nif solution.VERSION == 2:\n    assert f(1)", 0),
    ("def skip(): return f(0) is None\nif not skip():\n    assert f(1)==2", 0),
    ("n = len(f(1))\nfor i in range(n):\n    assert f(i)==2", 0),
    ("xs = [1,2]\nxs.extend(f(1))\nfor x in xs[2:]:\n    assert x", 0),
    ("it = iter([1,2])\nf(it)\nfor x in it:\n    assert x", 0),
    ("d = {}\nfor k, v in f(1).items(): d[k]=v\nfor k in d:\n    assert d[k]==1", 0),
    ("from functools import partial\nacc=[]\ng = partial(f, acc)\ng()\nfor a in acc:\n    assert a", 0),
    ("if (r := f(1)):\n    assert r == 2", 0),
    ("xs=[1]\nsum(f(xs) for _ in (1,))\nif xs:\n    assert f(1)", 0),
    ("xs=[1]\nmap(f, [xs])\nif xs:\n    assert f(1)", 0),
    ("g = lambda v: f(v)\nxs=[1]\nlist(map(g, [xs]))\nif xs:\n    assert f(1)", 0),
    ("import re\nxs=[1]\nre.sub('a', lambda v: f(xs), 'a')\nif xs:\n    assert f(1)", 0),
    ("import numpy\nxs=[1]\nnumpy.select([xs], lambda v: f(v))\nif xs:\n    assert f(1)", 0),
    ("a, e = f(1), 2\nif a:\n    assert e == f(2)", 0),
    ("xs=[[1]]\nlist(map(f, xs))\nfor x in xs:\n    for y in x:\n        assert y", 0),
]
"""Sources, and an assert to which the code comes only if the submission wants it to."""

CALLS = [
    "f(1) and h(f(1))",
    "f(1) or h(f(1))",
    "f(1) and True and h(f(1))",
    "h(f(1)) if f(1) else True",
    "True if f(1) else h(f(1))",
    "0 < len(f(1)) < h(f(1))",
    "[h(x) for x in f(1)]",
    "{h(x) for x in f(1)}",
    "{x: h(x) for x in f(1)}",
    "[h(x) for x in (1, 2) if f(x)]",
    "[x for x in (1, 2) if f(x) if h(x)]",
    "[h(x) for y in (1, 2) for x in f(y)]",
    "all(h(x) for x in f(1))",
    "any(h(x) for x in (1, 2))",
    "f(lambda x: h(x))",
    "sorted(f(1), key=lambda x: h(x))",
    "(r := f(1)) and h(r)",
    "def g(x=f(1) and h(f(1))): pass",
    "g = lambda x=(f(1) and h(f(1))): x",
]
"""Calls of `h` that may not happen, by what the submission answers."""


@pytest.mark.parametrize("call", CALLS)
def test_an_assert_counts_in_a_helper_that_a_submission_can_keep_from_being_called(call: str) -> None:
    """A short answer would leave nothing to compare."""
    assert (
        0
        not in asserts_payload(f"def h(x):\n    assert x == 1\n    return 1\n{call}\nassert f(0) == 0", None).skippable
    )


@pytest.mark.parametrize(("source", "expected"), SKIPPABLE)
def test_what_no_submission_could_reach_does_not_count(source: str, expected: set[int]) -> None:
    """Not that those which always run are in there: they are reached."""
    found = asserts_payload(source, "f" if "def check(" in source else None)
    assert expected == set(found.skippable)


@pytest.mark.parametrize(("source", "index"), STEERED)
def test_what_a_submission_can_steer_around_counts(source: str, index: int) -> None:
    """A cheat would answer so that no assert is reached."""
    found = asserts_payload(source, "f" if "def check(" in source else None)
    assert index not in found.skippable


def test_of_a_very_large_source_nothing_is_said() -> None:
    source = f"x = {[0] * 50_000}\ndef never(): assert f(0)\nassert f(1)"
    assert not asserts_payload(source, None).skippable


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("x = 1 / 0\nassert f(1)", [1]),
        ("import missing\nfrom math import nope\nimport solution", [1, 2]),
        ("def test_a():\n    x = {}['k']\n    y = f(x)", [1, 2]),
        ("if f(1):\n    1 / 0", []),
        ("try:\n    f(1)\nexcept ValueError:\n    import missing", [1, 3]),
        ("d = {}\nf(d)\nd['k']", [1]),
        ("def cb(n):\n    return 1 / n\nf(cb)", [1]),
        ("raise ValueError\nassert 1 == 2", []),
        ("import math\nmath.sqrt = f\nx = math.sqrt(4)", []),
        ("def test_a(monkeypatch):\n    1 / 0", []),
        ("def test_a(broken):\n    1 / broken", [1]),
        ("x = 1; y = f(1)", []),
    ],
)
def test_a_statement_is_the_tests_own_only_if_nothing_of_the_submission_is_in_it(source: str, lines: list[int]) -> None:
    """An exception in any other may be the submission's doing, and is its 0."""
    assert independent_lines(source, (), ("solution",), objects=False) == lines

"""Test files for pytest, run in a process of their own against a stand-in for the submission's module."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import Any

import pytest

from tasks.schema import Limits
from tests.contract.support import Sandbox, pytest_files

P, W, R, L = "passed", "wrong_answer", "runtime_error", "sandbox_error"
CODE = """
import math
from dataclasses import dataclass
LIMIT = 5
def double(x): return 2 * x
def fail(x): raise ValueError(f"bad {x}")
class Stack:
    def __init__(self): self.items = []
    def push(self, x): self.items.append(x)
    def pop(self):
        if not self.items: raise Empty("nothing there")
        return self.items.pop()
    def __len__(self): return len(self.items)
class Empty(LookupError): pass
@dataclass
class Point:
    x: int
    y: int = 0
"""


@pytest.mark.parametrize(
    ("source", "verdicts"),
    [
        ("from solution import double\ndef test_a(): assert double(2) == 4\ndef test_b(): assert double(2) == 5\n", [P, W]),
        ("import solution\ndef test_a(): assert solution.double(2) == 4 and solution.LIMIT == 5", [P]),
        ("import solution as s\ndef test_a(): assert s.double('a') == 'aa'", [P]),
        ("from solution import *\ndef test_a(): assert double(LIMIT) == 10 and Point(1).x == 1", [P]),
        ("from solution import *\ndef test_a(): assert math.isclose(double(0.1), 0.2)", [P]),
        ("import pytest\nfrom solution import double\n@pytest.mark.parametrize('a,b', [(1, 2), (2, 5), (3, 6)])\ndef test_a(a, b): assert double(a) == b", [P, W, P]),
        ("import pytest\nfrom solution import fail\ndef test_a():\n    with pytest.raises(ValueError, match='bad 3') as e: fail(3)\n    assert e.value.args == ('bad 3',)", [P]),
        ("import pytest\nfrom solution import double\ndef test_a():\n    with pytest.raises(ValueError): double(3)", [W]),
        ("import pytest\nfrom solution import Stack, Empty\n@pytest.fixture\ndef stack():\n    s = Stack()\n    s.push(1)\n    yield s\ndef test_a(stack): assert stack.pop() == 1 and len(stack) == 0\ndef test_b(stack):\n    stack.pop()\n    with pytest.raises(Empty): stack.pop()\n    with pytest.raises(LookupError, match='nothing'): stack.pop()", [P, P]),
        ("import unittest\nfrom solution import double, Point\nclass T(unittest.TestCase):\n    def setUp(self): self.x = 3\n    def test_a(self): self.assertEqual(double(self.x), 6)\n    def test_b(self): self.assertEqual(double(self.x), 7)\n    def test_c(self): self.assertEqual(Point(1, 2), Point(1, 2))\n    def test_d(self):\n        with self.assertRaises(TypeError): double(None)\n    def test_e(self):\n        for i in range(3):\n            with self.subTest(i=i): self.assertEqual(double(i), i)", [P, W, P, P, W]),
        ("import pytest, unittest\nfrom solution import double\n@pytest.mark.skip(reason='no')\ndef test_a(): assert 0\n@pytest.mark.skipif(True, reason='no')\ndef test_b(): assert 0\ndef test_c(): assert double(1) == 2\nclass T(unittest.TestCase):\n    @unittest.skip('no')\n    def test_d(self): assert 0", [P]),
        ("import pytest\nfrom solution import double\n@pytest.mark.xfail(reason='known')\ndef test_a(): assert double(1) == 3\n@pytest.mark.xfail(strict=True, reason='known')\ndef test_b(): assert double(1) == 2", [P, W]),
        ("from solution import double\ndef test_a(tmp_path, capsys, monkeypatch):\n    (tmp_path / 'f').write_text('x')\n    print('seen')\n    assert capsys.readouterr().out == 'seen\\n'\n    monkeypatch.setenv('A', 'b')\n    assert double(1) == 2", [P]),
        ("import pytest\nfrom solution import double\ndef test_a(): assert double(0.1) == pytest.approx(0.2)\ndef test_b(): assert [double(1)] == pytest.approx([2.1])", [P, W]),
        ("from solution import double\ndef helper(): return 4\nclass TestIt:\n    def test_a(self): assert double(2) == helper()", [P]),
        ("from solution import double\ndef test_a(subtests):\n    for n in range(2):\n        with subtests.test(n=n): assert double(n) == n", [W]),
        ("import pytest\nfrom solution import double\n@pytest.fixture\ndef broken(): 1/0\ndef test_a(broken): pass\ndef test_b(): assert double(1) == 2", [L, L]),
        ("import pytest\nfrom solution import double\n@pytest.fixture\ndef leaves():\n    yield\n    assert double(1) == 3\ndef test_a(leaves): assert double(1) == 2", [W]),
        ("from solution import double, missing\ndef test_a(): assert double(1) == 2\ndef test_b(): pass", [R, R]),
        ("import no_such_package\ndef test_a(): assert no_such_package.x", [L]),
        ("import pytest\nfrom solution import double\ndef test_a(): pytest.fail('no')\ndef test_b(): pytest.skip('in the middle')", [W]),
    ],
)  # fmt: skip
def test_pytest_files_are_judged_as_pytest_does(sandbox: Sandbox, source: str, verdicts: list[str]) -> None:
    results = sandbox.judge(pytest_files(source), CODE)
    assert [result.verdict for result in results] == verdicts, results


HALF = "def f(x):\n    if x < 0: raise ValueError('negative')\n    return x // 2\n"
NEVER_RAISES = "def f(x): return x // 2"
WRONG = "def f(x):\n    if x < 0: raise ValueError('negative')\n    return 0\n"
CASE = "import pytest, unittest\nfrom contextlib import ExitStack, nullcontext\nfrom solution import f\nclass T(unittest.TestCase):\n    def test(self): "


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("def test():\n    try: f(-1)\n    except ValueError: pass\n    else: pytest.fail('no error')", NEVER_RAISES),
        ("def test():\n    try:\n        f(-1)\n    except ValueError:\n        return\n    raise AssertionError", NEVER_RAISES),
        ("def test():\n    try:\n        f(-1)\n        assert False\n    except ValueError as error:\n        print(error)", NEVER_RAISES),
        ("def test():\n    try: f(4)\n    except ValueError: pytest.fail('an error')", "def f(x): raise ValueError"),
        ("def test():\n    if f(4) != 2: pytest.fail('é')", WRONG),
        ("def test():\n    if f(4) != 2:\n        raise AssertionError('two')", WRONG),
        ("def test():\n    if f(4) == 2: return\n    pytest.fail('two')", WRONG),
        ("def verify(got, wanted):\n    if got != wanted: raise ValueError(got)\ndef test():\n    verify(f(4), 2)", WRONG),
        ("def test():\n    match f(4):\n        case 2: pass\n        case _: pytest.fail()", WRONG),
        ("def test(): f(4) == 2 or pytest.fail()", WRONG),
        (CASE + "[self.assertEqual(f(2 * x), x) for x in range(3)]", WRONG),
        (CASE + "return self.assertEqual(f(4), 2)", WRONG),
        (CASE + "(lambda a, b: self.assertEqual(a, b))(f(4), 2)", WRONG),
        (CASE + "self.assertRaises(ValueError, f, -1)", NEVER_RAISES),
        (CASE + "\n        held = self.assertRaises(ValueError)\n        with held: f(-1)\n        print(held.exception.args)", NEVER_RAISES),
        ("def test():\n    with ExitStack() as stack:\n        stack.enter_context(pytest.raises(ValueError))\n        f(-1)", NEVER_RAISES),
        ("@pytest.mark.parametrize(('x', 'exp'), [(-1, pytest.raises(ValueError)), (-2, pytest.raises(ValueError, match='neg'))])\ndef test(x, exp):\n    with exp: f(x)", NEVER_RAISES),
        ("@pytest.mark.parametrize(('x', 'exp'), [(4, nullcontext()), (-1, pytest.raises(ValueError))])\ndef test(x, exp):\n    with exp: f(x)", "def f(x): return 1 / 0"),
    ],
)  # fmt: skip
def test_checks_of_any_form_are_seen(sandbox: Sandbox, source: str, wrong: str) -> None:
    """Red with checks counted at `assert`, calls that are statements, and context managers only."""
    problem = pytest_files(source if source.startswith(CASE) else CASE.partition("class")[0] + source)
    assert set(sandbox.verdicts(problem, HALF)) == {P}
    assert P not in sandbox.verdicts(problem, wrong)


@pytest.mark.parametrize(
    "source",
    [
        "def test():\n    for x in f(3): assert x",
        "def test():\n    for x in (1, 2):\n        try: got = f(x)\n        except Exception: continue\n        assert got == x",
        "def test():\n    if f(1): assert f(1) == 1",
        "def test():\n    with nullcontext():\n        for x in f(3): pytest.fail()",
    ],
)
def test_a_test_that_reaches_no_check_does_not_pass(sandbox: Sandbox, source: str) -> None:
    code = "def f(x):\n    if x < 3: raise ValueError\n    return []"
    head = CASE.partition("class")[0]
    assert sandbox.verdicts(pytest_files(head + source), code) != [P]
    assert sandbox.verdicts(pytest_files(head + source), "def f(x): return []") != [P]


def test_files_lie_side_by_side(sandbox: Sandbox) -> None:
    files = {
        "conftest.py": "import pytest\n@pytest.fixture\ndef three(): return 3\n",
        "cases.py": "CASES = [(1, 2), (2, 4)]\n",
        "given.txt": "7",
        "test_a.py": "from cases import CASES\nfrom solution import double\ndef test_a(three):\n    assert double(three) == 6\n    assert all(double(a) == b for a, b in CASES)",
        "test_b.py": "from pathlib import Path\nfrom solution import double\ndef test_b(): assert double(Path('given.txt').read_text()) == '77'",
    }
    results = sandbox.judge(pytest_files(files), CODE)
    assert [(result.name, result.verdict) for result in results] == [
        ("test_a.py::test_a", P),
        ("test_b.py::test_b", P),
    ]


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        ("import os; os._exit(0)", R),
        ("import sys; sys.exit(0)", R),
        ("x = [b'y' * (1 << 20) for _ in range(400)]", "memory_exceeded"),
        ("raise KeyboardInterrupt", R),
    ],
)
def test_what_ends_the_submission_fails_one_test(sandbox: Sandbox, deed: str, verdict: str) -> None:
    code = f"def f(x):\n    if x == 1:\n        {deed}\n    return x"
    source = "from solution import f\n" + "".join(f"def test_{n}(): assert f({n}) == {n}\n" for n in range(3))
    assert sandbox.verdicts(pytest_files(source), code) == [P, verdict, P]
    assert sandbox.verdicts(pytest_files(source), code, stop=True) == [P, verdict, "skipped"]


@pytest.mark.parametrize(
    ("code", "verdict"),
    [("def f(: pass", "compile_error"), ("1/0", R), ("import os; os._exit(0)", R), ("while True: pass", "cpu_timeout")],
)
def test_what_does_not_load_fails_all(sandbox: Sandbox, code: str, verdict: str) -> None:
    source = "from solution import f\ndef test_a(): assert f(1)\ndef test_b(): pass"
    assert sandbox.verdicts(pytest_files(source), code) == [verdict] * 2


def test_the_judges_start_is_not_the_submissions_time(sandbox: Sandbox) -> None:
    """The first job with pytest files starts a zygote that loads pytest: seconds on a busy machine.

    Seen red (`wall_timeout`) with the clock of the submission running until its judge waits for it.
    """
    fresh = Sandbox(sandbox.backend)
    problem = pytest_files("from solution import f\ndef test(): assert f(1) == 1", limits=Limits(cpu_s=5, wall_s=0.1))
    try:
        assert fresh.verdicts(problem, "def f(x): return x") == [P]
    finally:
        fresh.close()


@pytest.mark.parametrize("isolation", ["separate", "shared"])
@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def f(x):\n    while True: pass", "cpu_timeout"),
        ("import time\ndef f(x): time.sleep(9)", "wall_timeout"),
        (
            "import time\ndef f(x):\n    held = bytearray(1) * (200 << 20)\n    time.sleep(0.5)\n    return 4",
            "memory_exceeded",
        ),
        ("def f(x):\n    held = []\n    while True: held.append(b'x' * (1 << 20))", "memory_exceeded"),
        ("def f(x): raise MemoryError", "memory_exceeded"),
        ("def f(x):\n    while True: print('x' * 10**5)", "cpu_timeout|wall_timeout"),
        ("import os\ndef f(x): os._exit(0)", "runtime_error"),
        ("def f(x): return 4", "passed"),
    ],
)
def test_a_limit_that_is_passed_while_tests_are_collected_is_named(
    sandbox: Sandbox, code: str, verdict: str, isolation: Any
) -> None:
    source = "from solution import f\nFOUR = f(2)\ndef test_a(): assert FOUR == 4\ndef test_b(): assert FOUR == 4"
    verdicts = sandbox.verdicts(pytest_files(source, isolation=isolation), code)
    assert len(set(verdicts)) == 1
    assert verdicts[0] in verdict.split("|")


def test_a_function_whose_parameters_the_submission_decides_counts_once(sandbox: Sandbox) -> None:
    """Or else it could make one of them many."""
    source = (
        "import pytest, solution\n@pytest.mark.parametrize('n', range(solution.LIMIT))\n"
        "def test_a(n): assert solution.double(n) == 2 * n\ndef test_b(): assert solution.double(1) == 3\n"
    )
    assert sandbox.verdicts(pytest_files(source), CODE) == [P, W]

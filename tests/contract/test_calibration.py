"""References judged in real sandboxes: what problems need is learned, and holds for their submissions."""

# ruff: noqa: E501 - a row each

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reward_server.judging import counted, judge, plan
from tests.contract.support import Sandbox, asserts, pytest_files

if TYPE_CHECKING:
    from tasks.assurance import Assurance

COUNTS = "def count(words): return {word: words.count(word) for word in words}"
BAG = """
class Bag:
    def __init__(self): self.items = []
    def add(self, item): self.items.append(item); return self
    def __contains__(self, item): return item in self.items
    def __len__(self): return len(self.items)
"""
STAMP = "import platform\ndef stamp(): return platform.node()"
LOOKS_AT_TEXT = "import inspect\nassert 'node' in inspect.getsource(stamp)"


@pytest.mark.parametrize(
    ("source", "reference", "assurance"),
    [
        ("assert count(['a', 'b', 'a']) == {'a': 2, 'b': 1}\nassert count([]) == {}", COUNTS, "values"),
        ("assert sorted(twice(abs, [-1, 2])) == [1, 2]", "def twice(f, xs): return map(f, map(f, xs))", "values"),
        ("try:\n    pick({})\nexcept KeyError:\n    assert True\nassert pick({1: 2}) == 2", "def pick(d): return d[1]", "values"),
        ("walk = squares()\nassert next(walk) == 0\nassert next(walk) == 1", "def squares():\n    n = 0\n    while True:\n        yield n * n\n        n += 1", "values"),
        (LOOKS_AT_TEXT, STAMP, "shared"),
        ("import os\nfrom unittest import mock\nwith mock.patch.dict(os.environ, {'A': '7'}):\n    assert read() == '7'", "import os\ndef read(): return os.environ.get('A')", "values"),
        ("import builtins\nfrom unittest import mock\nwith mock.patch('builtins.input', lambda *_: '4'):\n    assert ask() == 4", "def ask(): return int(input())", "values"),
    ],
)  # fmt: skip
def test_a_reference_shows_what_its_problem_needs(
    sandbox: Sandbox, source: str, reference: str, assurance: Assurance
) -> None:
    found = sandbox.calibrate(asserts(source, reference=reference))
    assert (found.assurance, found.fault) == (assurance, "")
    assert found.cpu_s > 0 or assurance == "shared"  # there it is too short to be seen


@pytest.mark.parametrize(
    ("source", "reference"),
    [
        ("bag = Bag()\nbag.add(3)\nassert 3 in bag\nassert len(bag) == 1", BAG),
        ("bags = bags_of(3)\nassert 3 in bags[0]\nassert 4 not in bags[0]", BAG + "def bags_of(n): return [Bag().add(n)]"),
        ("one, other = Tag('a'), Tag('a')\nassert one == other\nassert one != Tag('b')", "class Tag:\n    def __init__(self, name): self.name = name\n    def __eq__(self, other): return self.name == other.name"),
        ("clock = Clock(5) + 3\nassert clock.hour == 8\nassert (clock + 20).hour == 4", "class Clock:\n    def __init__(self, hour): self.hour = hour % 24\n    def __add__(self, hours): return Clock(self.hour + hours)"),
        ("with Opened() as shelf:\n    assert shelf.size == 1\nassert shelf.size == 0", "class Opened:\n    size = 0\n    def __enter__(self): self.size = 1; return self\n    def __exit__(self, *_): self.size = 0"),
    ],
)  # fmt: skip
def test_problems_about_objects_need_them_and_call_sites_are_learned(
    sandbox: Sandbox, source: str, reference: str
) -> None:
    problem = asserts(source, reference=reference)
    found = sandbox.calibrate(problem)
    assert (found.assurance, found.fault) == ("objects", "")
    assert found.sites not in ("null", "[]")
    seen = sandbox.run(plan(problem, reference, found))
    assert {result.verdict for result in counted(judge(problem, seen), found)} == {"passed"}


ANY = "class Any:\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\n"


@pytest.mark.parametrize("answer", ["Any()", "[Any()]", "{'x': Any()}"])
def test_an_object_is_wrong_where_the_reference_gave_a_plain_value(sandbox: Sandbox, answer: str) -> None:
    problem = asserts(
        "bag = Bag()\nassert 3 not in bag\nassert bag.add(3).peek() == 3",
        reference=BAG + "    def peek(self): return self.items[-1]\n",
    )
    found = sandbox.calibrate(problem)
    thief = f"{ANY}\nclass Bag:\n    def __contains__(self, item): return False\n    def add(self, item): return self\n    def peek(self): return {answer}\n"
    verdicts = [each.verdict for each in counted(judge(problem, sandbox.run(plan(problem, thief, found))), found)]
    assert verdicts[0] == "passed"
    assert verdicts[1] in ("wrong_answer", "runtime_error")


@pytest.mark.parametrize(
    ("source", "unreached"),
    [
        ("assert f(1) == 2\nif f(1) > 2:\n    assert f(1) == 3", (1,)),
        ("def helper():\n    assert f(0) == 1\nassert f(1) == 2", (0,)),
        ("for value in [x for x in (1, 2) if f(x) > 9]:\n    assert f(value) == 0\nassert f(1) == 2\nassert f(2) == 3", (0,)),
        ("try:\n    assert f(1) == 2\nexcept AssertionError:\n    assert f(1) == 5", (1,)),
        ("assert f(1) == 2\nif f(1) == 3:\n    assert False", ()),
    ],
)  # fmt: skip
def test_asserts_that_the_reference_does_not_reach_do_not_count(
    sandbox: Sandbox, source: str, unreached: tuple[int, ...]
) -> None:
    problem = asserts(source, reference="def f(x): return x + 1")
    found = sandbox.calibrate(problem)
    assert (found.assurance, found.unreached, found.fault) == ("values", unreached, "")
    results = counted(judge(problem, sandbox.run(plan(problem, "def f(x): return x + 1", found))), found)
    assert {result.verdict for result in results} == {"passed"}
    wrong = counted(judge(problem, sandbox.run(plan(problem, "def f(x): return x", found))), found)
    assert len(results) == len(wrong)
    assert "wrong_answer" in {result.verdict for result in wrong}


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("def f(x): return x", "wrong_answer"),
        ("def f(x): raise ValueError('no')", "ValueError: no"),
        ("def g(x): return x", "'f'"),
        ("def f(x)", "compile_error"),
        ("import time\ndef f(x):\n    while True: pass", "cpu_timeout"),
        ("import os\ndef f(x): os._exit(0)", "runtime_error"),
    ],
)
def test_a_reference_that_does_not_pass_is_at_fault(sandbox: Sandbox, reference: str, words: str) -> None:
    """The loop costs three times its limit, not that for each of the tests."""
    source = "\n".join(f"assert f({number}) == {number + 1}" for number in range(30))
    found = sandbox.calibrate(asserts(source, reference=reference))
    assert found.assurance == "values"  # as the text says
    assert words in found.fault


def test_pytest_files_are_calibrated(sandbox: Sandbox) -> None:
    plain: Any = {"test_a.py": "import solution\ndef test_a():\n    assert isinstance(solution.stamp(), str)\n"}
    looking: Any = {
        "test_a.py": "import inspect, solution\ndef test_a(): assert 'node' in inspect.getsource(solution.stamp)\n"
    }
    for files, assurance in ((plain, "values"), (looking, "shared")):
        assert sandbox.calibrate(pytest_files(files, reference=STAMP)).assurance == assurance

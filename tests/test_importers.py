"""Rows of HumanEval and MBPP become problems whose references pass and whose tests cannot be talked round."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.importers import from_humaneval, from_leetcode, from_mbpp, text_before, with_optional_packages
from tasks.schema import AssertsTests, Problem

HUMANEVAL = Path(__file__).parents[2] / "shared" / "data" / "humaneval.jsonl.gz"

PLAIN = {
    "task_id": "Toy/1",
    "prompt": 'from typing import List\n\n\ndef total(xs: List[int]) -> int:\n    """Add up."""\n',
    "entry_point": "total",
    "canonical_solution": "    return sum(xs)\n",
    "test": "M = {}\n\ndef check(candidate):\n    assert candidate([1, 2]) == 3\n    assert candidate([]) == 0\n",
}
WITH_HELPER = {
    "task_id": "Toy/2",
    "prompt": (
        "import math\n\n\ndef value(xs, x):\n    return sum(c * math.pow(x, i) for i, c in enumerate(xs))\n\n\n"
        'def zero(xs):\n    """Find x with value(xs, x) == 0."""\n'
    ),
    "entry_point": "zero",
    "canonical_solution": "    return -xs[0] / xs[1]\n",
    "test": "def check(candidate):\n    assert abs(value([2, 4], candidate([2, 4]))) < 1e-9\n",
}
FULL = {
    "task_id": 7,
    "text": "Write a function to double a number.",
    "code": "def double(x):\r\n  return 2 * x",
    "test_list": ["assert double(1) == 2", "assert double(0) == 0"],
    "test_setup_code": "",
    "challenge_test_list": ["assert double(-3) == -6"],
}
SANITIZED = {
    "source_file": "somewhere",
    "task_id": 8,
    "prompt": "Write a function to halve a number.",
    "code": "def halve(x):\n  return x / 2",
    "test_imports": ["import math"],
    "test_list": ["assert math.isclose(halve(3), 1.5)"],
}
LEETCODE = {
    "task_id": "toy-sum",
    "problem_description": "Add up.\n",
    "starter_code": "class Solution:\n    def total(self, xs: List[int]) -> int:\n        ",
    "prompt": "from typing import *\nimport nowhere_to_be_found\n\ndef same(a, b):\n    return a == b",
    "completion": "class Solution:\n    def total(self, xs: List[int]) -> int:\n        return sum(xs)\n",
    "entry_point": "Solution().total",
    "test": "def check(candidate):\n    assert same(candidate(xs = [1, 2]), 3)\n",
    "difficulty": "Easy",
}


def source_of(problem: Problem) -> str:
    assert isinstance(problem.tests, AssertsTests)
    return problem.tests.source


def passes(problem: Problem, answer: str) -> bool:
    """Judge as plainly as can be: in this process, test code and answer apart. The sandbox is tested elsewhere."""
    submission: dict[str, Any] = {}
    exec(problem.setup + "\n" + answer, submission)
    names: dict[str, Any] = {} if problem.entry_point else dict(submission)
    try:
        exec(source_of(problem), names)
        if problem.entry_point:
            names["check"](submission[problem.entry_point])
    except AssertionError:
        return False
    return True


def test_a_humaneval_row_becomes_a_problem() -> None:
    problem = from_humaneval(PLAIN)
    assert (problem.id, problem.prompt, problem.entry_point) == ("Toy/1", PLAIN["prompt"], "total")
    assert problem.reference == PLAIN["prompt"] + PLAIN["canonical_solution"]
    assert problem.setup == "from typing import List\n"
    assert source_of(problem) == PLAIN["test"]


def test_a_leetcode_row_becomes_a_problem() -> None:
    problem = from_leetcode(LEETCODE)
    assert (problem.id, problem.entry_point, problem.difficulty) == ("toy-sum", "Solution.total", "easy")
    assert problem.prelude == "leetcode"
    assert "Add up." in str(problem.prompt)
    assert "class Solution" in str(problem.prompt)
    names: dict[str, Any] = {}
    exec(problem.setup, names)
    assert names["same"](1, 1)


@pytest.mark.parametrize(
    ("source", "optional"),
    [
        ("import numpy", True),
        ("from sortedcontainers import SortedList", True),
        ("import os, numpy.linalg", True),
        ("import os\nfrom typing import *", False),
        ("from __future__ import annotations", False),
    ],
)
def test_packages_beyond_the_library_are_optional(source: str, optional: bool) -> None:
    """A problem whose answer needs no such package is judged without it."""
    assert ("except ImportError" in with_optional_packages(source)) is optional


@pytest.mark.parametrize("row", [PLAIN, WITH_HELPER])
def test_the_reference_passes(row: dict[str, Any]) -> None:
    problem = from_humaneval(row)
    assert problem.reference
    assert passes(problem, problem.reference)


def test_an_answer_of_only_the_function_passes() -> None:
    """Models answer with the function alone; what the prompt gave (imports, helpers) must be there all the same."""
    assert passes(from_humaneval(PLAIN), "def total(xs: List[int]) -> int:\n    return sum(xs)")
    answer = "def zero(xs):\n    x = -xs[0] / xs[1]\n    assert value(xs, x) == 0\n    return x"
    assert passes(from_humaneval(WITH_HELPER), answer)


def test_a_redefined_helper_does_not_change_the_tests() -> None:
    """Otherwise `value = lambda *_: 0` would earn the full reward."""
    problem = from_humaneval(WITH_HELPER)
    assert source_of(problem) == problem.setup + WITH_HELPER["test"]
    assert not passes(problem, "def value(xs, x):\n    return 0\n\n\ndef zero(xs):\n    return 12345")


@pytest.mark.parametrize(
    ("source", "before"),
    [
        ("def f(): ...", ""),
        ("\n\n# only a remark\ndef f(): ...", ""),
        ("import re\n\n\n@cache\n@other\ndef f(): ...", "import re\n"),
        ("def g():\n    def f(): ...\n\nasync def f(): ...", "def g():\n    def f(): ...\n"),
        ("TEXT = '''\ndef f(): ...\n'''\nclass f: ...", "TEXT = '''\ndef f(): ...\n'''\n"),
        ("x = '\u2028'\ndef f(): ...", "x = '\u2028'\n"),
    ],
)
def test_text_before_a_definition(source: str, before: str) -> None:
    assert text_before(source, "f") == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entry_point": "other"}, "`entry_point`: `prompt` does not define `other`"),
        ({"canonical_solution": "    return ("}, "`prompt` \\+ `canonical_solution`: source does not parse: line 6"),
        ({"test": "assert total([1]) == 1"}, "test\n.*define a function `check\\(candidate\\)`"),
        ({"test": "def check(candidate):"}, "test\n.*does not parse: line 1"),
        ({"task_id": ""}, "task_id"),
        ({"prompt": None}, "prompt"),
    ],
)
def test_a_bad_humaneval_row_names_its_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        from_humaneval(PLAIN | changes)


@pytest.mark.parametrize("field", PLAIN)
def test_a_humaneval_row_needs_all_fields(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        from_humaneval({name: value for name, value in PLAIN.items() if name != field})


def test_a_full_mbpp_row_becomes_a_problem() -> None:
    problem = from_mbpp(FULL)
    assert problem.id == "MBPP/7"
    assert problem.entry_point is None
    assert problem.reference == "def double(x):\n  return 2 * x"
    assert source_of(problem).splitlines() == [*FULL["test_list"], *FULL["challenge_test_list"]]  # type: ignore[misc]
    assert passes(problem, problem.reference)


def test_a_sanitized_mbpp_row_becomes_a_problem() -> None:
    problem = from_mbpp(SANITIZED)
    assert problem.id == "MBPP/8"
    assert source_of(problem) == "import math\nassert math.isclose(halve(3), 1.5)\n"
    assert problem.reference
    assert passes(problem, problem.reference)


def test_the_mbpp_prompt_shows_the_asserts_but_not_the_challenge() -> None:
    """Without the asserts nobody could know the function's name."""
    prompt = from_mbpp(FULL).prompt
    assert prompt == (
        "Write a function to double a number.\n\nYour code should pass these tests:\n\n"
        "assert double(1) == 2\nassert double(0) == 0\n"
    )


def test_mbpp_setup_code_runs_after_the_submission() -> None:
    """It builds objects of the submission's classes."""
    row = FULL | {
        "code": "class Node:\r\n  def __init__(self, x):\r\n    self.x = x",
        "test_setup_code": "root = Node(1)\r\nroot.x += 1",
        "test_list": ["assert root.x == 2"],
        "challenge_test_list": [],
    }
    problem = from_mbpp(row)
    assert problem.setup == ""
    assert source_of(problem) == "root = Node(1)\nroot.x += 1\nassert root.x == 2\n"
    assert problem.reference
    assert passes(problem, problem.reference)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_list": []}, "test_list"),
        ({"test_list": ["assert ("]}, "test_list.0\n.*does not parse"),
        ({"test_setup_code": "x ="}, "test_setup_code\n.*does not parse"),
        ({"text": 5}, "text"),
    ],
)
def test_a_bad_mbpp_row_names_its_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        from_mbpp(FULL | changes)


@pytest.mark.parametrize("field", ["task_id", "text", "code", "test_list"])
def test_an_mbpp_row_needs_these_fields(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        from_mbpp({name: value for name, value in FULL.items() if name != field})


@pytest.mark.skipif(not HUMANEVAL.exists(), reason="the real HumanEval file is not beside the repository")
def test_every_row_of_humaneval_becomes_a_problem() -> None:
    rows = [json.loads(line) for line in gzip.decompress(HUMANEVAL.read_bytes()).decode().splitlines()]
    problems = [from_humaneval(row) for row in rows]
    assert [problem.id for problem in problems] == [f"HumanEval/{number}" for number in range(164)]
    with_helpers = {
        problem.id for problem, row in zip(problems, rows, strict=True) if source_of(problem) != row["test"]
    }
    assert with_helpers == {"HumanEval/32", "HumanEval/38", "HumanEval/50"}

"""What data sets take for granted: the form of an entry point, what is imported, what of a call counts."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.schema import CallTests, Problem, PytestTests
from tests.contract.support import LIMITS, ROOMY, asserts, call, pytest_files, returns, stdio

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CHECK = "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(b=2, a=2) == 4"
FUNCTION = "def plus(a, b): return a + b"
METHOD = "class Solution:\n    def plus(self, a, b): return a + b"


@pytest.mark.parametrize("entry_point", ["plus", "Solution.plus", "Solution().plus"])
@pytest.mark.parametrize("code", [FUNCTION, METHOD])
def test_a_function_or_a_method_will_do(sandbox: Sandbox, entry_point: str, code: str) -> None:
    called = call(returns(3, 1, 2), entry_point=entry_point, limits=ROOMY)
    assert sandbox.verdicts(called, code) == ["passed"]
    assert sandbox.verdicts(asserts(CHECK, entry_point, limits=ROOMY), code) == ["passed"] * 2
    assert sandbox.verdicts(asserts(CHECK, entry_point, limits=ROOMY, isolation="shared"), code) == ["passed"] * 2
    wrong = code.replace("a + b", "a - b")
    assert sandbox.verdicts(called, wrong) == ["wrong_answer"]
    assert sandbox.verdicts(asserts(CHECK, entry_point, limits=ROOMY), wrong) == ["wrong_answer"] * 2


@pytest.mark.parametrize(
    ("tests", "code"),
    [
        (call(returns([3, 1], [1, 3]), prelude="leetcode"), "def solve(xs: List[int]) -> Deque[int]: return list(deque(xs[::-1]))"),
        (call(returns(6, 4, 2), prelude="leetcode"), "def solve(a, b): return reduce(add, [a, b]) if gcd(a, b) < inf else math.pi"),
        (asserts("def check(f):\n    assert f([2, 1]) == 1", "Solution().least", prelude="leetcode"), "class Solution:\n    def least(self, xs: List[int]): heapify(xs); return heappop(xs)"),
        (stdio(("1 2", "3\n"), prelude="leetcode"), "print(sum(map(int, sys.stdin.read().split())))"),
        (pytest_files("from solution import f\ndef test(): assert f() == [1]", prelude="leetcode"), "def f() -> List[int]: return [1]"),
        (call(returns(1), setup="def gcd(*xs): return 1", prelude="leetcode"), "def solve(): return gcd(4, 6)"),
    ],
)  # fmt: skip
def test_a_prelude_imports_what_a_program_takes_for_granted(sandbox: Sandbox, tests: Problem, code: str) -> None:
    assert sandbox.verdicts(tests, code) == ["passed"]


@pytest.mark.parametrize(
    "tests",
    [
        call(returns(3, 1, 2), entry_point="add", prelude="leetcode"),
        call(returns(3, 1, 2), entry_point="add", setup="from operator import *"),
        asserts("def check(f):\n    assert f(1, 2) == 3", "add", prelude="leetcode"),
        asserts("def check(f):\n    assert f(1, 2) == 3", "add", setup="from operator import *"),
        asserts("assert add(1, 2) == 3", prelude="leetcode"),
        asserts("assert add(1, 2) == 3", prelude="leetcode", isolation="shared"),
        asserts("def check(f):\n    assert f(1, 2) == 3", "add", setup="from operator import *", isolation="shared"),
        pytest_files("from solution import add\ndef test(): assert add(1, 2) == 3", prelude="leetcode"),
        pytest_files("from solution import *\ndef test(): assert add(1, 2) == 3", prelude="leetcode"),
        pytest_files("from solution import add\ndef test(): assert add(1, 2) == 3", prelude="leetcode", isolation="shared"),
    ],
)  # fmt: skip
def test_what_the_problem_imports_answers_for_no_submission(sandbox: Sandbox, tests: Problem) -> None:
    """`operator` has an `add`: an empty submission would pass."""
    assert "passed" not in sandbox.verdicts(tests, "x = 1")


def test_an_object_that_equals_everything_is_no_answer_in_either_form(sandbox: Sandbox) -> None:
    cheat = "class Equal:\n    def __eq__(self, other): return True\n    __hash__ = None\n"
    returned: dict[str, Any] = {
        "plus": "class Solution:\n    def plus(self, a, b): return Equal()",
        "Solution.plus": "def plus(a, b): return Equal()",
    }
    for entry_point, code in returned.items():
        assert "passed" not in sandbox.verdicts(asserts(CHECK, entry_point, limits=ROOMY), cheat + code)


QUEUE = "class Queue:\n    def __init__(self, *xs): self.xs = list(xs)\n    def push(self, x): self.xs.append(x)\n    def pop(self): return self.xs.pop(0)"
CALLS = {"calls": [["Queue", [1]], ["push", [2]], ["pop", []], ["pop", []]], "expected": [None, None, 1, 2]}


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (QUEUE, "passed"),
        (QUEUE.replace("pop(0)", "pop()"), "wrong_answer"),
        (QUEUE.replace("Queue", "Stack"), "runtime_error"),
        (QUEUE.replace("self.xs.pop(0)", "self.xs"), "wrong_answer"),
        (
            "class Queue:\n    def __init__(self, x): pass\n    def __getattr__(self, name): return lambda *a: 1",
            "wrong_answer",
        ),
    ],
)
def test_a_sequence_of_calls_on_one_object(sandbox: Sandbox, code: str, verdict: str) -> None:
    tests = {"kind": "call", "cases": [CALLS]}
    assert sandbox.verdicts(Problem.model_validate({"tests": tests}), code) == [verdict]
    assert "passed" not in sandbox.verdicts(Problem.model_validate({"tests": tests, "setup": QUEUE}), "x = 1")


EMPTIED = {"calls": [["Queue", [1]], ["push", [2]], ["pop", []], ["pop", []], ["pop", []]], "raises": "IndexError"}


@pytest.mark.parametrize(
    ("code", "verdict", "message"),
    [
        (QUEUE, "passed", ""),
        (
            "class Queue:\n    def __init__(self, x): raise IndexError(x)",
            "runtime_error",
            "call 1, `Queue`: IndexError: 1",
        ),
        (QUEUE.replace("self.xs.append(x)", "[][x]"), "runtime_error", "call 2, `push`: IndexError: "),
        (QUEUE.replace("pop(0)", "pop(5)"), "runtime_error", "call 3, `pop`: IndexError: "),
        (QUEUE.replace("self.xs.pop(0)", "1"), "wrong_answer", "returned "),
        ("x = 1", "runtime_error", "NameError: "),
    ],
)
def test_only_the_last_call_of_a_sequence_is_to_raise(sandbox: Sandbox, code: str, verdict: str, message: str) -> None:
    tests = {"kind": "call", "cases": [EMPTIED]}
    (result,) = sandbox.judge(Problem.model_validate({"tests": tests}), code)
    assert (result.verdict, result.message[: len(message)]) == (verdict, message)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def solve(xs): xs.sort()", "passed"),
        ("class Solution:\n    def solve(self, xs):\n        xs.sort()\n        return self", "passed"),
        ("def solve(xs): return sorted(xs)", "wrong_answer"),
        ("def solve(xs): xs[:] = [type('E', (), {'__eq__': lambda *_: True})()]", "wrong_answer"),
    ],
)
def test_what_a_call_leaves_of_an_argument(sandbox: Sandbox, code: str, verdict: str) -> None:
    assert sandbox.verdicts(call({"args": [[2, 1]], "expected": [1, 2], "compare_argument": 0}), code) == [verdict]


@pytest.mark.parametrize("fresh", [False, True])
def test_cases_share_a_module_unless_each_is_to_have_its_own(sandbox: Sandbox, fresh: bool) -> None:
    code = "import sys\nseen = []\ndef solve(x):\n    seen.append(x)\n    sys.seen = getattr(sys, 'seen', 0) + 1\n    return [seen, sys.seen]"
    tests = CallTests(
        kind="call", cases=(returns([[1], 1], 1), returns([[2], 1], 2), returns([[3], 1], 3)), fresh=fresh
    )
    expected = ["passed"] * 3 if fresh else ["passed", "wrong_answer", "wrong_answer"]
    assert sandbox.verdicts(Problem(entry_point="solve", tests=tests, limits=ROOMY), code) == expected


def test_a_fresh_process_is_as_contained_as_the_first(sandbox: Sandbox) -> None:
    tests = CallTests(kind="call", cases=(returns(0, 0), returns(0, 1), returns(0, 2), returns(3, 3)), fresh=True)
    code = "import os\ndef solve(x):\n    if x == 1: os._exit(0)\n    while x == 2: pass\n    return x"
    verdicts = ["passed", "runtime_error", "cpu_timeout", "passed"]
    limits = LIMITS.model_copy(update={"timeouts": 2})
    assert sandbox.verdicts(Problem(entry_point="solve", tests=tests, limits=limits), code) == verdicts


TWO = "from solution import f\ndef test_b(): assert f(1) == 2\n"
SKIPS = "import sys, pytest\nfrom solution import f\n"


@pytest.mark.parametrize(
    "files",
    [
        {"it_test.py": TWO},
        {"check_it.py": TWO, "pytest.ini": "[pytest]\npython_files = check_*.py\n"},
        {"test_it.py": TWO, "conftest.py": "collect_ignore = ['test_old.py']", "test_old.py": "def test_a(): assert 0"},
    ],
)
def test_pytest_finds_the_tests_as_it_does_elsewhere(sandbox: Sandbox, files: dict[str, str]) -> None:
    assert sandbox.verdicts(pytest_files(files, limits=ROOMY), "def f(x): return 2 * x") == ["passed"]
    assert sandbox.verdicts(pytest_files(files, limits=ROOMY), "def f(x): return x") == ["wrong_answer"]


@pytest.mark.parametrize("isolation", ["separate", "shared"])
@pytest.mark.parametrize(
    "source",
    [
        "from shop.cart import f\ndef test_a(): assert f(1) == 2",
        "import shop.cart\ndef test_a(): assert shop.cart.f(1) == 2",
        "from shop import cart\ndef test_a(): assert cart.f(1) == 2 and cart.__name__ == 'shop.cart'",
    ],
)
def test_the_submission_may_be_a_module_of_a_package(sandbox: Sandbox, source: str, isolation: Any) -> None:
    tests = PytestTests(kind="pytest", files={"test_it.py": source}, module="shop.cart", isolation=isolation)
    problem = Problem(tests=tests, limits=ROOMY)
    assert sandbox.verdicts(problem, "def f(x): return 2 * x") == ["passed"]
    assert sandbox.verdicts(problem, "import shop.cart\ndef f(x): return x if open(__file__).read() else 2") == [
        "wrong_answer"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.fixture\ndef x(): pytest.skip('no')\ndef test_a(x): assert f(2) == 5\n",
        "def test_a():\n    if sys.version_info < (99,): pytest.skip('old')\n    assert f(2) == 5\n",
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.skipTest('later')\n        self.assertEqual(f(2), 5)\n",
    ],
)
def test_a_skip_by_the_text_of_the_tests_leaves_a_test_out(sandbox: Sandbox, source: str) -> None:
    both = pytest_files(SKIPS + source + "def test_b(): assert f(1) == 2\n", limits=ROOMY)
    assert sandbox.verdicts(both, "def f(x): return 2 * x") == ["passed"]
    assert sandbox.verdicts(both, "def f(x): return 0") == ["wrong_answer"]
    (result,) = sandbox.judge(pytest_files(SKIPS + source, limits=ROOMY), "def f(x): return 2 * x")
    assert (result.verdict, "all of its tests are skipped" in result.message) == ("sandbox_error", True)


@pytest.mark.parametrize(
    "source",
    [
        "def test_a():\n    if f(2) != 5: pytest.skip('no')\n    assert f(2) == 5\n",
        "def no(): pytest.skip('no')\ndef test_a():\n    if f(2) != 5: no()\n    assert f(2) == 5\n",
        "@pytest.fixture\ndef x(): pytest.skip('no')\ndef test_a(request):\n    if f(2) != 5: request.getfixturevalue('x')\n",
        "@pytest.fixture\ndef x():\n    if f(2) != 5: pytest.skip('no')\n@pytest.mark.skipif(sys.version_info > (99,), reason='')\ndef test_a(x): pass\n",
        "@pytest.mark.parametrize('n', [f(1), 7])\ndef test_a(n):\n    assert n != 0\n    pytest.skip('later')\n",
    ],
)
def test_a_skip_that_the_submission_brings_about_is_a_failure(sandbox: Sandbox, source: str) -> None:
    problem = pytest_files(SKIPS + source + "def test_b(): assert f(1) == 0\n", limits=ROOMY)
    assert sandbox.verdicts(problem, "def f(x): return 0") == ["wrong_answer", "passed"]


def test_a_file_that_is_skipped_under_a_condition_has_failed(sandbox: Sandbox) -> None:
    """A submission could leave a file behind, or leave a function out."""
    top = "import os, pytest, solution\nif {}: pytest.skip('no', allow_module_level=True)\ndef test_a(): assert solution.g(1) == 5\n"
    both = ["passed", "runtime_error"]
    for condition in ("not hasattr(solution, 'g')", "not os.path.exists('made')", "pytest"):
        files = {"test_a.py": top.format(condition), "test_b.py": TWO}
        verdicts = sandbox.verdicts(pytest_files(files, limits=ROOMY), "def f(x): return 2 * x")
        assert sorted(verdicts) == (["passed"] if condition == "pytest" else both), condition


def test_each_parameter_counts_where_the_file_imports_the_module(sandbox: Sandbox) -> None:
    """Red where pytest's own questions to all objects of a file were taken for the test's."""
    source = (
        "import pytest, solution\n@pytest.mark.parametrize('n', [1, 2, 3])\ndef test_a(n): assert solution.f(n) < 3"
    )
    assert sandbox.verdicts(pytest_files(source, limits=ROOMY), "def f(x): return x") == [
        "passed",
        "passed",
        "wrong_answer",
    ]


def test_a_test_file_of_the_submission_is_not_collected(sandbox: Sandbox) -> None:
    code = "import os\nfor at in ('.', 'more'):\n    os.makedirs(at, exist_ok=True)\n    open(f'{at}/test_mine.py', 'w').write('def test_c(): assert int()  == 0')\ndef f(x): return 0"
    assert sandbox.verdicts(pytest_files(TWO, limits=ROOMY, isolation="shared"), code) == ["wrong_answer"]

"""A problem is closed, frozen and checked when it is made; what is wrong names its field and the fix."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from reward_server.judging.counting import weights_of
from tasks.schema import AssertsTests, Limits, Problem, PytestTests, functions_of, parse

STDIO = {"kind": "stdio", "cases": [{"stdin": "1\n", "stdout": "2\n"}]}
CALL = {"kind": "call", "cases": [{"args": [1], "expected": 2}]}
ASSERTS = {"kind": "asserts", "source": "assert f(1) == 2"}
PYTEST: dict[str, Any] = {
    "kind": "pytest",
    "files": {"test_f.py": "from solution import f\n\n\ndef test_f():\n    assert f(1) == 2\n"},
}
CHECK = {"kind": "asserts", "source": "def check(candidate):\n    assert candidate(1) == 2\n"}


def problem(tests: dict[str, Any] = STDIO, **fields: Any) -> Problem:
    return Problem.model_validate({"id": "p", "tests": tests, **fields})


def complaint(tests: dict[str, Any] = STDIO, **fields: Any) -> str:
    """The field and the message of each error, one a line."""
    with pytest.raises(ValidationError) as caught:
        problem(tests, **fields)
    return "\n".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in caught.value.errors())


@pytest.mark.parametrize("tests", [STDIO, ASSERTS, PYTEST])
def test_three_kinds_need_no_entry_point(tests: dict[str, Any]) -> None:
    assert problem(tests).tests.kind == tests["kind"]


def test_a_problem_can_be_sent_as_json() -> None:
    """Datasets and requests carry problems as JSON; nothing may be lost on the way."""
    sent = problem(
        CALL, entry_point="C.f", prompt=[{"role": "user", "content": "Do."}], wrong=["x = 1"], files={"a.txt": "b"}
    )
    assert Problem.model_validate_json(sent.model_dump_json(exclude_unset=True)) == sent


def test_a_problem_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        problem().id = "q"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"promt": "x"}, "promt"),
        ({"limits": {"cpu": 1}}, "limits.cpu"),
        ({"tests": {**STDIO, "compares": "exact"}}, "tests.stdio.compares"),
        ({"tests": {"kind": "stdio", "cases": [{"stdout": "", "name": "x"}]}}, "tests.stdio.cases.0.name"),
        ({"prompt": [{"role": "user", "content": "", "name": "x"}]}, "prompt.tuple[Message, ...].0.name"),
    ],
)
def test_an_unknown_field_is_named(fields: dict[str, Any], field: str) -> None:
    """A misspelled limit or comparison must not be ignored: it would judge by the default."""
    assert f"{field}: Extra inputs are not permitted" in complaint(**fields)


@pytest.mark.parametrize(
    ("limit", "values"),
    [
        ("cpu_s", [0, -1, 601, float("inf"), float("nan")]),
        ("wall_s", [0, 3601, float("nan")]),
        ("memory_mb", [15, 65537]),
        ("output_bytes", [0, (64 << 20) + 1]),
        ("processes", [0, 1025]),
        ("open_files", [15, 4097]),
        ("disk_mb", [0, 1025]),
    ],
)
def test_limits_have_limits(limit: str, values: list[float]) -> None:
    for value in values:
        with pytest.raises(ValidationError, match=limit):
            Limits.model_validate({limit: value})


@pytest.mark.parametrize("weight", [0, -1, 1e7, float("inf"), float("nan")])
def test_a_weight_is_a_finite_number_above_zero(weight: float) -> None:
    case = {"stdin": "", "stdout": "", "weight": weight}
    assert "tests.stdio.cases.0.weight" in complaint({"kind": "stdio", "cases": [case]})
    assert "tests.asserts.weights" in complaint({**ASSERTS, "weights": [weight]})


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("assert f(1) == 2", 1),
        ("assert f(1)\nassert f(2)", 2),
        ("assert 1 + 1 == 2\nassert True\nfor x in (1, 2):\n    assert f(x)", 1),
        ("try:\n    f(1)\n    assert False\nexcept ValueError as e:\n    assert e.args", 2),
        ("if f(1) != 2:\n    raise ValueError", 1),
    ],
)
def test_there_is_a_weight_for_each_counted_assert(source: str, count: int) -> None:
    """One too many or too few would weigh other asserts than its author meant."""
    tests = {"kind": "asserts", "source": source}
    problem = Problem.model_validate({"tests": {**tests, "weights": [2.0] * count}})
    assert weights_of(problem) == [2.0] * count
    for given in (count - 1, count + 1):
        said = complaint({**tests, "weights": [1] * given})
        assert f"tests.asserts.weights: Value error, weights: {given}, counted asserts: {count}: give one" in said


@pytest.mark.parametrize("kind", ["stdio", "call"])
def test_there_is_at_least_one_case(kind: str) -> None:
    assert f"tests.{kind}.cases" in complaint({"kind": kind, "cases": []}, entry_point="f")


def test_the_kind_of_the_tests_is_known() -> None:
    assert "'stdio', 'call', 'asserts', 'pytest'" in complaint({"kind": "unit"})
    assert "kind" in complaint({"cases": []})


@pytest.mark.parametrize(
    "compare",
    [
        *("tokens", "exact", "lines", "kattis", "lcb", "codeforces", "verl", "apps_strict"),
        *({"float": 0}, {"tokens": {}}, {"tokens": {"float": 0.1, "ignore_case": True}}, {"lines": {}}),
        {"lines": {"trailing_blanks": "compare"}},
        {"checker": "def check(a, b, c):\n    return True"},
        {"checker": "check = lambda a, b: True", "cpu_s": 3, "wall_s": 4, "memory_mb": 100},
        {"checker": "import os\nif os.name:\n    def check(a): return True\nelse:\n    check = None"},
        {"checker": "from functools import partial as check"},
    ],
)
def test_ways_to_compare_output(compare: object) -> None:
    assert problem({**STDIO, "compare": compare})


@pytest.mark.parametrize(
    "compare", ["equal", {"float": -1}, {"float": 2}, {"float": float("nan")}, {"checker": ""}, 5, None]
)
def test_other_ways_to_compare_output_are_refused(compare: object) -> None:
    assert "tests.stdio.compare" in complaint({**STDIO, "compare": compare})


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        ("token", "tests.stdio.compare.mode: Input should be 'tokens', 'exact', 'lines'"),
        ({"line": {}}, "tests.stdio.compare: give the name of a mode, or an object with `float`, `tokens`, `lines`"),
        ({"tokens": {"case": 1}}, "tests.stdio.compare.Tokens.tokens.case: Extra inputs are not permitted"),
        (
            {"checker": "def check(a): return 1", "cpu_s": 0},
            "tests.stdio.compare.Checker.cpu_s: Input should be greater",
        ),
        ({"checker": "def f():\n    check = 1\nf(lambda check: 1)"}, "define a function `check("),
    ],
)
def test_a_wrong_way_to_compare_is_named_alone(compare: object, message: str) -> None:
    found = complaint({**STDIO, "compare": compare})
    assert message in found
    assert "\n" not in found


def test_a_checker_defines_check() -> None:
    message = complaint({**STDIO, "compare": {"checker": "def judge(stdin, expected, actual): return True"}})
    assert "define a function `check(stdin, expected, actual)` in the checker" in message


def test_a_checker_parses() -> None:
    assert "does not parse: line 2" in complaint({**STDIO, "compare": {"checker": "def check(a, b, c):\nreturn True"}})


@pytest.mark.parametrize(
    "case", [{"args": [1]}, {"expected": 1, "raises": "ValueError"}, {"expected": None, "raises": "E"}]
)
def test_a_call_has_one_outcome(case: dict[str, Any]) -> None:
    assert "give either `expected` or `raises`" in complaint({"kind": "call", "cases": [case]}, entry_point="f")


def test_a_call_may_return_none() -> None:
    assert problem({"kind": "call", "cases": [{"expected": None}]}, entry_point="f")


def test_calls_need_an_entry_point() -> None:
    assert "need an `entry_point`: the function to call" in complaint(CALL)


QUEUE = {"calls": [["Queue", []], ["push", [1]], ["pop", []]], "expected": [None, None, 1]}


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({**QUEUE, "expected": [None, 1]}, "an item for each"),
        ({**QUEUE, "expected": [1, None, 1]}, "null for the first"),
        ({**QUEUE, "expected": 1}, "is a list"),
        ({**QUEUE, "args": [1]}, "leave out `args`"),
        ({**QUEUE, "compare_argument": 0}, "leave out"),
        ({"calls": [["Queue.push", []]], "expected": [None]}, "should match pattern"),
        ({"calls": [], "expected": []}, "at least 1 item"),
        ({"args": [1], "expected": 1, "compare_argument": 1}, "the position of one of `args`"),
        ({"args": [1], "expected": 1, "compare_argument": -1}, "the position of one of `args`"),
        ({"kwargs": {"x": 1}, "expected": 1, "compare_argument": "y"}, "a name in `kwargs`"),
        ({"args": [1], "expected": [1], "up_to_returned": True}, "needs a `compare_argument`"),
        ({"args": [1], "expected": 1, "compare_argument": 0, "up_to_returned": True}, "lists the items that count"),
    ],
)
def test_cases_that_ask_for_nothing_clear_are_refused(case: dict[str, Any], message: str) -> None:
    assert message in complaint({"kind": "call", "cases": [case]}, entry_point="f")


def test_only_sequences_of_calls_need_no_entry_point() -> None:
    assert problem({"kind": "call", "cases": [QUEUE]}).entry_point is None
    assert "need an `entry_point`" in complaint({"kind": "call", "cases": [QUEUE, {"args": [1], "expected": 2}]})


def test_check_needs_an_entry_point() -> None:
    assert "need an `entry_point`: the candidate" in complaint(CHECK)
    assert problem(CHECK, entry_point="f")


@pytest.mark.parametrize("name", ["f", "Solution.solve", "_x1", "größe"])
def test_entry_points(name: str) -> None:
    assert problem(CALL, entry_point=name).entry_point == name


@pytest.mark.parametrize("name", ["Solution().solve", "Solution( ).solve"])
def test_an_entry_point_may_be_an_expression(name: str) -> None:
    """As LeetCodeDataset writes it."""
    assert problem(CALL, entry_point=name).entry_point == "Solution.solve"


def test_preludes() -> None:
    assert problem(CALL, entry_point="f", prelude="leetcode").prelude == "leetcode"
    assert "'leetcode'" in complaint(CALL, entry_point="f", prelude="other")


@pytest.mark.parametrize(
    "name", ["", "1f", "a.b.c", "f()", "a-b", ".f", "f\n", "Solution(1).f", "f().g().h", "os.system('x')"]
)
def test_other_entry_points_are_refused(name: str) -> None:
    assert "entry_point: Value error, give the name of a function, or `Class.method`" in complaint(
        CALL, entry_point=name
    )


@pytest.mark.parametrize("source", ["assert (", "x = 1\nassert f( == 2", "a\0b", "'\ud800'", "-" * 100_000 + "1"])
def test_test_code_parses(source: str) -> None:
    """A problem whose tests cannot run would give every submission a 0."""
    assert "tests.asserts.source" in complaint({"kind": "asserts", "source": source})


def test_a_syntax_error_names_its_line() -> None:
    assert "line 2" in complaint({"kind": "asserts", "source": "x = 1\nassert f( == 2"})


def test_setup_parses() -> None:
    assert "setup: Value error, source does not parse: line 1" in complaint(setup="import")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "at least 1"),
        ({"tests.py": "x = 1"}, "name at least one file `test_*.py`"),
        ({"tests.py": "assert f()", "setup.cfg": "[metadata]"}, "or `*_test.py`"),
        ({"test_a.txt": ""}, "name at least one file `test_*.py`"),
        ({"test_a.py": "def"}, "test_a.py does not parse: line 1"),
        ({"test_a.py": "", "sub/test_b.py": ""}, "'sub/test_b.py' is not a plain file name"),
        ({"test_a.py": "", "../x.py": ""}, "'../x.py' is not a plain file name"),
        ({"test_a.py": "assert f()", "solution.py": ""}, "rename the file or set `module`"),
    ],
)
def test_files_of_pytest(files: dict[str, str], message: str) -> None:
    assert message in complaint({"kind": "pytest", "files": files})


def test_files_other_than_python_need_not_parse() -> None:
    assert problem({"kind": "pytest", "files": {"test_a.py": "assert f()", "words.txt": "def ("}})


@pytest.mark.parametrize("module", ["", "a.", ".a", "a..b", "1a", "a.1", "a b", "a\n", ".".join("abcdefghijkl")])
def test_the_module_is_a_name(module: str) -> None:
    assert "give a module name, such as `solution` or `package.solution`" in complaint({**PYTEST, "module": module})


@pytest.mark.parametrize("module", ["json.cart", "pytest.cart", "reward_server.cart"])
def test_the_package_of_the_module_is_no_other(module: str) -> None:
    """The test's own import of `json` would get the submission's package."""
    assert "is there already" in complaint({**PYTEST, "module": module})


def test_the_module_may_be_in_a_package() -> None:
    assert problem({**PYTEST, "module": "shop.cart"})
    assert "rename the file" in complaint(
        {**PYTEST, "module": "shop.cart", "files": {**PYTEST["files"], "shop.py": ""}}
    )


@pytest.mark.parametrize(
    "files",
    [
        {"it_test.py": "assert f()"},
        {"check_it.py": "assert f()", "pytest.ini": "[pytest]\npython_files = check_*.py"},
        {"check_it.py": "assert f()", "pyproject.toml": "[tool.pytest.ini_options]"},
    ],
)
def test_other_names_of_test_files(files: dict[str, str]) -> None:
    assert problem({"kind": "pytest", "files": files})


def test_the_module_may_be_renamed() -> None:
    tests = problem({**PYTEST, "module": "cart", "files": {"test_a.py": "assert f()", "solution.py": ""}}).tests
    assert isinstance(tests, PytestTests)
    assert tests.module == "cart"


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "", "/etc/passwd", "a\nb", "a b"])
def test_files_have_plain_names(name: str) -> None:
    """A name decides where the file is written: it must not leave the working folder."""
    assert f"files: Value error, {name!r} is not a plain file name" in complaint(files={name: "x"})


def test_parse_and_functions_of() -> None:
    functions = functions_of("async def check(a): ...\nclass other: ...")
    assert "check" in functions
    assert "other" not in functions
    with pytest.raises(ValueError, match=r"name\.py does not parse: line 1"):
        parse("(", "name.py")


@pytest.mark.parametrize(
    ("expression", "said"),
    [("+".join(["1"] * 300), "nests deeper than 100 levels in line 2"), ("0x" + "f" * 5000, "digits in line 2")],
    ids=["deep", "long"],
)
def test_a_source_that_could_not_be_judged_is_refused(expression: str, said: str) -> None:
    """Seen red: a sum of 300 terms raised where the batch waited for its results, which then never came."""
    with pytest.raises(ValidationError, match=said):
        AssertsTests(kind="asserts", source=f"x = 1\nassert f() == {expression}")

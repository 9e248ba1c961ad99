"""An error names the innermost field that is wrong, and for an unknown one what is meant, or where that belongs."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from reward_server.errors import BadRequest
from reward_server.models import RunRequest, ScoreRequest
from reward_server.wire import parse_now
from tasks.errors import WrongField

PROBLEM: dict[str, Any] = {"tests": {"kind": "stdio", "cases": [{"stdout": "1"}]}}
RIGHT = {"args": [1], "expected": 2}


def problem(**changes: Any) -> dict[str, Any]:
    return {"problems": {"p": PROBLEM | changes}, "submissions": [{"problem": "p", "code": "x"}]}


def top(**fields: Any) -> dict[str, Any]:
    return problem() | fields


def submission(**fields: Any) -> dict[str, Any]:
    return problem() | {"submissions": [{"problem": "p", "code": "x"}, {"problem": "p"} | fields]}


def of_kind(kind: str, **fields: Any) -> dict[str, Any]:
    return problem(entry_point="f", tests={"kind": kind, **fields})


def stdio(**case: Any) -> dict[str, Any]:
    return of_kind("stdio", cases=[case])


def call(**case: Any) -> dict[str, Any]:
    return of_kind("call", cases=[RIGHT, RIGHT, RIGHT, case])


def complaint(model: Any, body: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        parse_now(model, json.dumps(body).encode())
    return caught.value.field, caught.value.message


@pytest.mark.parametrize(
    ("request_", "field", "hint"),
    [
        (problem(cpu_s=1), "problems.p.cpu_s", "`cpu_s` belongs in `problems.p.limits`"),
        (problem(cases=[]), "problems.p.cases", "`cases` belongs in `problems.p.tests`"),
        (problem(kind="stdio"), "problems.p.kind", "`kind` belongs in `problems.p.tests`"),
        (problem(test=1), "problems.p.test", "did you mean `tests`?"),
        (problem(time_limit=1), "problems.p.time_limit", "did you mean `cpu_s` in `problems.p.limits`?"),
        (problem(function_name="f"), "problems.p.function_name", "did you mean `entry_point`?"),
        (problem(name="f"), "problems.p.name", "leave it out"),
        (problem(limits={"cpu": 1}), "problems.p.limits.cpu", "did you mean `cpu_s`?"),
        (top(code="x"), "code", "`code` belongs in `submissions[]`"),
        (top(cpu_s=1), "cpu_s", "`cpu_s` belongs in `problems.NAME.limits`"),
        (top(isolation="shared"), "isolation", "`isolation` belongs in `problems.NAME.tests`"),
        (top(problem=PROBLEM), "problem", "did you mean `problems`? `problem` belongs in `submissions[]`"),
        (top(deadline=5), "deadline", "did you mean `deadline_s`?"),
        (submission(code="", reward="x"), "submissions[1].reward", "`reward` belongs at the top of the request"),
        (submission(code="", limits={}), "submissions[1].limits", "`limits` belongs in `problems.NAME`"),
        (submission(solution="x"), "submissions[1].solution", "did you mean `code`?"),
        (submission(response="x"), "submissions[1].response", "did you mean `completion`?"),
        (of_kind("stdio", cases=[{"stdout": ""}], stdin=""), "problems.p.tests.stdin", "`problems.p.tests.cases[]`"),
        (
            of_kind("stdio", cases=[{"stdout": ""}], checker=""),
            "problems.p.tests.checker",
            "`problems.p.tests.compare`",
        ),
        (of_kind("pytest", files={}, source=""), "problems.p.tests.source", "for tests of kind `asserts`"),
        (stdio(input="1", output="2"), "problems.p.tests.cases[0].input", "did you mean `stdin`? (and 1 more)"),
        (stdio(stdot="1"), "problems.p.tests.cases[0].stdot", "did you mean `stdout`?"),
        (
            of_kind("stdio", cases=[{"stdout": ""}], compare={"tokens": {}, "lines": {}}),
            "problems.p.tests.compare.lines",
            "`lines` does not go with the other fields here",
        ),
        (call(args=[1], output=2), "problems.p.tests.cases[3].output", "did you mean `expected`?"),
        (call(args=[1], stdout="2"), "problems.p.tests.cases[3].stdout", "did you mean `expected`?"),
        (call(**RIGHT, compare="equal"), "problems.p.tests.cases[3].compare", "belongs in `problems.p.tests`"),
    ],
)
def test_an_unknown_field_has_a_name_or_a_place_that_is_right(request_: Any, field: str, hint: str) -> None:
    named, message = complaint(ScoreRequest, request_ | {"strict": True})
    assert named == field
    assert message.startswith("unknown field: ")
    assert hint in message
    assert f"did you mean `{field.rpartition('.')[2]}`?" not in message


@pytest.mark.parametrize(
    ("request_", "field", "fix"),
    [
        (call(args=[1]), "problems.p.tests.cases[3].expected", "either `expected` or `raises`"),
        (call(**RIGHT, compare_argument=1), "problems.p.tests.cases[3].compare_argument", "position"),
        (call(**RIGHT, up_to_returned=True), "problems.p.tests.cases[3].compare_argument", "needs"),
        (call(calls=[["A", []]], expected=1), "problems.p.tests.cases[3].expected", "an item for each"),
        (call(calls=[["A", []]], args=[1], expected=[None]), "problems.p.tests.cases[3].calls", "leave out"),
        (call(calls=[["A"]], expected=[None]), "problems.p.tests.cases[3].calls[0][1]", "required"),
        (call(calls=[["a b", []]], expected=[None]), "problems.p.tests.cases[3].calls[0][0]", "plain name"),
        (of_kind("call", cases=[RIGHT], compare={"float": 2}), "problems.p.tests.compare.float", "less than or equal"),
        (problem(tests={"kind": "call", "cases": [RIGHT]}), "problems.p.entry_point", "the function to call"),
        (of_kind("asserts", source="f(1) == 2"), "problems.p.tests.source", "comes to no check"),
        (of_kind("asserts", source=""), "problems.p.tests.source", "empty: give some text"),
        (of_kind("pytest", files={"test_a.py": "def"}), "problems.p.tests.files.test_a.py", "line 1"),
        (of_kind("pytest", files={"a/b.py": ""}), "problems.p.tests.files.a/b.py", "plain file name"),
        (
            of_kind("pytest", files={"test_a.py": "assert f()", "solution.py": ""}),
            "problems.p.tests.files.solution.py",
            "rename the file",
        ),
        (problem(files={"a/b": ""}), "problems.p.files.a/b", "plain file name"),
        (problem(prompt=[{"role": "x", "content": ""}]), "problems.p.prompt[0].role", "'system', 'user'"),
    ],
)
def test_the_innermost_field_is_named(request_: Any, field: str, fix: str) -> None:
    named, message = complaint(ScoreRequest, request_ | {"strict": True})
    assert named == field
    assert fix in message


def test_a_long_source_is_complained_of_in_the_same_place() -> None:
    """It is looked at in another process: what that says crosses by pickle."""

    crossed = pickle.loads(pickle.dumps(WrongField(("tests", "source"), "checks nothing")))
    assert (crossed.path, str(crossed)) == (("tests", "source"), "checks nothing")


def test_other_requests_have_their_own_places() -> None:
    assert complaint(RunRequest, {"code": "x", "cpu_s": 3}) == (
        "cpu_s",
        "unknown field: `cpu_s` belongs in `limits`",
    )
    assert complaint(RunRequest, {"cod": "x"}) == ("cod", "unknown field: did you mean `code`?")


def test_long_names_are_neither_compared_nor_repeated() -> None:
    """Red where names of any length are: a name of 5 MB took a second, and was in the answer."""
    name = "n" * 5_000_000
    field, message = complaint(ScoreRequest, {"problems": {name: PROBLEM | {"limits": {"cpu": 1}}}, "strict": True})
    assert len(field) < 300
    assert "did you mean `cpu_s`?" in message
    field, message = complaint(ScoreRequest, {"problems": {name: PROBLEM | {"cpu_s": 1}}, "strict": True})
    assert len(message) < 300
    field, message = complaint(ScoreRequest, top(**{name: 1}))
    assert message == "unknown field: leave it out"
    assert len(field) == 200

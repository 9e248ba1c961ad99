from __future__ import annotations

import json
from typing import Any

import pytest

from reward_server.errors import BadRequest, NotJson
from reward_server.models import RunRequest, ScoreRequest, Submission
from reward_server.wire import parse_now

PROBLEM: dict[str, Any] = {"tests": {"kind": "stdio", "cases": [{"stdout": "1"}]}}


def problem(**changes: Any) -> dict[str, Any]:
    return {"problems": {"p": PROBLEM | changes}, "submissions": [{"problem": "p", "code": "x"}]}


def submission(**fields: Any) -> dict[str, Any]:
    return {"problems": {"p": PROBLEM}, "submissions": [{"problem": "p", "code": "x"}, {"problem": "p", **fields}]}


def with_tests(kind: str, **fields: Any) -> dict[str, Any]:
    return problem(entry_point="f", tests={"kind": kind, **fields})


def compared(compare: Any) -> dict[str, Any]:
    return with_tests("stdio", cases=[{"stdout": ""}], compare=compare)


@pytest.mark.parametrize(
    ("request_", "field", "fix"),
    [
        ({"submissions": []}, "submissions", "empty: give at least one"),
        ({}, "submissions", "required"),
        ([], "body", "give an object"),
        (problem() | {"rewards": "x"}, "rewards", "did you mean `reward`"),
        (problem() | {"reward": "x"}, "reward", "'pass_rate', 'all_passed' or 'weighted'"),
        (problem() | {"stop_on_failure": "maybe"}, "stop_on_failure", "true or false"),
        (problem() | {"min_assurance": "value"}, "min_assurance", "'values', 'objects' or 'shared'"),
        (problem() | {"unfenced": True}, "unfenced", "'no_code' or 'code'"),
        (problem() | {"allow_shared": False}, "allow_shared", "unknown field: leave it out"),
        (submission(cod="x"), "submissions[1].cod", "did you mean `code`"),
        (submission(code=5), "submissions[1].code", "give a string"),
        (submission(completion=5), "submissions[1].completion", "give a string"),
        (submission(completion=[]), "submissions[1].completion", "empty"),
        (submission(completion=[5]), "submissions[1].completion[0]", "give an object"),
        (submission(), "submissions[1]", "either `completion` or `code`"),
        (submission(code="x", completion="y"), "submissions[1]", "either `completion` or `code`"),
        (problem(limits={"cpu_s": -1}), "problems.p.limits.cpu_s", "greater than 0"),
        (problem(limits={"cpus": 1}), "problems.p.limits.cpus", "did you mean `cpu_s`"),
        (problem(limits={"memory_mb": "much"}), "problems.p.limits.memory_mb", "whole number"),
        ({"problems": {"p": {}}, "submissions": [{"problem": "p", "code": ""}]}, "problems.p.tests", "required"),
        (with_tests("stdio", cases=[]), "problems.p.tests.cases", "empty"),
        (with_tests("stdoi", cases=[]), "problems.p.tests", "`kind` should be one of 'stdio'"),
        (problem(tests={}), "problems.p.tests", "`kind` should be one of 'stdio'"),
        (with_tests("stdio", cases=[{"stdout": 1}]), "problems.p.tests.cases[0].stdout", "give a string"),
        (compared({"flaot": 1}), "problems.p.tests.compare", "an object with `float`, `tokens`"),
        (compared({"tokens": {"ignorecase": 1}}), "problems.p.tests.compare.tokens.ignorecase", "`ignore_case`"),
        (compared({"checker": "def check(a): return 1", "cpu": 3}), "problems.p.tests.compare.cpu", "`cpu_s`"),
        (
            with_tests("call", cases=[{"args": [1]}]),
            "problems.p.tests.cases[0].expected",
            "either `expected` or `raises`",
        ),
        (with_tests("asserts", source="assert (("), "problems.p.tests.source", "does not parse: line 1"),
        (with_tests("asserts", source="a\0b"), "problems.p.tests.source", "null bytes"),
        (with_tests("pytest", files={"a.py": ""}), "problems.p.tests.files", "test_*.py"),
    ],
)
def test_a_wrong_field_is_named_with_its_fix(request_: Any, field: str, fix: str) -> None:
    body = request_ | {"strict": True} if isinstance(request_, dict) else request_
    with pytest.raises(BadRequest) as caught:
        parse_now(ScoreRequest, json.dumps(body).encode())
    assert caught.value.status == 422
    assert caught.value.field == field
    assert fix in caught.value.message


@pytest.mark.parametrize(
    ("body", "fix"),
    [
        (b"", "line 1 column 0"),
        (b'{"a": ', "line 1 column 6"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_what_is_not_json_is_refused_with_its_position(body: bytes, fix: str) -> None:
    with pytest.raises(NotJson, match=fix) as caught:
        parse_now(ScoreRequest, body)
    assert caught.value.status == 400


def test_an_error_repeats_no_code() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_now(ScoreRequest, json.dumps(submission(code="secret", completion="secret")).encode())
    assert "secret" not in str(caught.value)


def test_many_wrong_items_are_counted() -> None:
    items = [{"problem": "p", "code": 5}] * 3
    with pytest.raises(BadRequest, match=r"and 2 more"):
        parse_now(ScoreRequest, json.dumps({"submissions": items}).encode())


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("plain", "plain"),
        ([{"role": "assistant", "content": "a"}], "a"),
        ([{"role": "assistant", "content": "a"}, {"role": "tool", "content": "b"}], "a"),
        ([{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}], "b"),
        ([{"role": "assistant", "content": None, "tool_calls": [1]}], ""),
        ([{"role": "user", "content": "a"}], ""),
        ([{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}], "ab"),
        (
            [{"role": "assistant", "content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "b"}]}],
            "b",
        ),
    ],
)
def test_a_completion_is_text_or_the_last_message_of_the_assistant(completion: Any, text: str) -> None:
    assert Submission(problem="p", completion=completion).completion_text() == text


def test_a_file_of_a_run_is_a_plain_name() -> None:
    with pytest.raises(BadRequest):
        parse_now(RunRequest, b'{"code": "", "files": {"../x": ""}}')


def test_a_lone_surrogate_fails_no_batch() -> None:
    """A model can write anything, and `json.dumps` writes it as an escape; its neighbours are still to be judged."""
    codes = ("x = '\ud800'", "y = 'é😀'")
    body = json.dumps({"submissions": [{"problem": "p", "code": code} for code in codes]})
    request = parse_now(ScoreRequest, body.encode())
    assert [submission.code for submission in request.submissions] == ["x = '?'", "y = 'é😀'"]

"""Large bodies are checked in pieces, and with the same result as in one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reward_server import large_bodies, wire
from reward_server.errors import BadRequest, NotJson
from reward_server.large_bodies import Item, Member, NoJsonError, cut
from reward_server.models import PutProblems, RunRequest, ScoreRequest
from reward_server.wire import parse_now

if TYPE_CHECKING:
    from collections.abc import Generator

PROBLEM = {"entry_point": "f", "tests": {"kind": "call", "cases": [{"args": ['}"]{['], "expected": {"a": [1, "\\"]}}]}}
BATCH: dict[str, Any] = {
    "problems": {'o"d\\d é': PROBLEM, "p": PROBLEM},
    "submissions": [
        {"problem": "p", "code": 'print("{[\\"}, {}, ")'},
        {"problem": 'o"d\\d é', "completion": "é ] } , :"},
    ],
    "reward": "weighted",
    "deadline_s": 2.5,
}


def end_of(steps: Generator[None, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def parse_large(model: Any, body: bytes) -> Any:
    return end_of(wire.parse_large(model, body))


def outcome(parse: Any, model: Any, body: bytes) -> Any:
    try:
        return parse(model, body)
    except BadRequest as error:
        return type(error), error.field, error.message


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("indent", [None, 3])
@pytest.mark.parametrize(
    ("model", "value"),
    [
        (ScoreRequest, BATCH),
        (ScoreRequest, {"submissions": [{"problem": "bundled/x", "code": "\ud800"}]}),
        (PutProblems, {"problems": {"mine/1": PROBLEM, "mine/2": PROBLEM}}),
        (RunRequest, {"code": "print(1)", "files": {"a.txt": "b"}}),
    ],
)
def test_it_is_the_same_value(model: Any, value: Any, ensure_ascii: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=ensure_ascii, indent=indent).encode(
        "utf-8", "surrogatepass" if ensure_ascii else "replace"
    )
    assert parse_large(model, body) == parse_now(model, body)


def changed(**changes: Any) -> Any:
    return {**BATCH, **changes}


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (ScoreRequest, changed(submissions=[])),
        (ScoreRequest, changed(submissions={})),
        (ScoreRequest, changed(submissions=7)),
        (ScoreRequest, changed(problems=[PROBLEM])),
        (ScoreRequest, changed(problems=None)),
        (ScoreRequest, changed(rewards="weighted")),
        (ScoreRequest, changed(submissions=[*BATCH["submissions"], {"problem": "p"}])),
        (ScoreRequest, changed(submissions=[*BATCH["submissions"], {"problem": "p", "codes": ""}])),
        (ScoreRequest, changed(submissions=[*BATCH["submissions"], "p"])),
        (ScoreRequest, changed(strict=True, problems={"p": {"tests": {"kind": "stdio", "cases": [{"stdot": ""}]}}})),
        (ScoreRequest, changed(strict=True, problems={"p": 7})),
        (PutProblems, {"problems": {"": PROBLEM}}),
        (PutProblems, {"problems": {"x" * 300: PROBLEM}}),
        (PutProblems, {}),
        (PutProblems, []),
        (PutProblems, 7),
    ],
    ids=lambda value: json.dumps(value)[:60] if not isinstance(value, type) else value.__name__,
)
def test_it_is_the_same_error(model: Any, value: Any) -> None:
    body = json.dumps(value).encode()
    in_pieces = outcome(parse_large, model, body)
    assert in_pieces == outcome(parse_now, model, body) or in_pieces[0] is NotJson
    assert isinstance(in_pieces, tuple)


def test_an_error_names_its_place() -> None:
    value = changed(submissions=[*BATCH["submissions"], {"problem": "p", "codes": "x"}])
    with pytest.raises(BadRequest, match=r"submissions\[2\]\.codes: unknown field: did you mean `code`"):
        parse_large(ScoreRequest, json.dumps(value).encode())
    value = changed(strict=True, problems={"p": PROBLEM, "q": {**PROBLEM, "limits": {"cpu_s": "5"}}})
    with pytest.raises(BadRequest, match=r"problems\.q\.limits\.cpu_s: give a number"):
        parse_large(ScoreRequest, json.dumps(value).encode())
    body = json.dumps(BATCH).encode().replace(b"print", b"\xff")
    with pytest.raises(NotJson, match=f"byte {body.index(0xFF)} is not UTF-8"):
        parse_large(ScoreRequest, body)


def test_a_wrong_problem_is_left_out_and_named_either_way() -> None:
    value = changed(problems={"p": PROBLEM, "q": {**PROBLEM, "limits": {"cpu_s": "5"}}})
    body = json.dumps(value).encode()
    for asked in (parse_large(ScoreRequest, body), parse_now(ScoreRequest, body)):
        assert list(asked.problems) == ["p"]
        assert asked.refused == {"q": ("problems.q.limits.cpu_s", "give a number")}


def test_a_request_of_which_nothing_is_left_is_refused_only_if_it_is_strict() -> None:
    """AsyncGRPO scores one group at a time: a refusal would end a run for one wrong problem."""
    value = changed(problems={"p": 7}, submissions=[{"problem": "p", "code": ""}])
    for body in (json.dumps(value).encode(), json.dumps({**value, "strict": True}).encode()):
        assert outcome(parse_large, ScoreRequest, body) == outcome(parse_now, ScoreRequest, body)
    assert parse_now(ScoreRequest, json.dumps(value).encode()).refused == {"p": ("problems.p", "give an object")}
    with pytest.raises(BadRequest):
        parse_now(ScoreRequest, json.dumps({**value, "strict": True}).encode())


def test_the_last_of_two_alike_counts() -> None:
    body = json.dumps(BATCH).encode()[:-1] + b', "reward": "all_passed"}'
    assert parse_large(ScoreRequest, body).reward == "all_passed"


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.data())
def test_what_is_no_json_is_never_taken(data: st.DataObject) -> None:
    """A byte or two of a right body are others: both ways take it, as the same, or neither.

    With small pieces many guesses at the end of one are made, and most of them are wrong.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "CHECK_BYTES", data.draw(st.sampled_from([1, 20, 100, 1 << 14])))
        expect_the_same_of_a_body_that_is_bent(data)


def expect_the_same_of_a_body_that_is_bent(data: st.DataObject) -> None:
    body = bytearray(json.dumps(BATCH, ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(body) - 1))
        how = data.draw(st.sampled_from(["replace", "drop", "insert"]))
        new = data.draw(st.sampled_from(list(b'{}[],:"\\ 1ntx\n\xc3\x00')))
        body[at : at + (how != "insert")] = b"" if how == "drop" else bytes([new])
    in_pieces, whole = outcome(parse_large, ScoreRequest, bytes(body)), outcome(parse_now, ScoreRequest, bytes(body))
    assert isinstance(in_pieces, tuple) == isinstance(whole, tuple)
    if not isinstance(whole, tuple):
        assert in_pieces == whole


@given(
    st.recursive(st.text('[{"\\\\]}a', max_size=8), lambda each: st.lists(each) | st.dictionaries(st.text(), each)),
    st.integers(1, 9),
)
def test_brackets_in_texts_are_no_lists(value: Any, piece_bytes: int) -> None:
    """They are counted a piece at a time: a piece may end within a text, or within an escape."""

    def containers(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + sum(map(containers, inner))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "PIECE_BYTES", piece_bytes)
        assert end_of(wire.brackets_outside_text(json.dumps(value).encode())) == containers(value)


@given(st.binary(max_size=40) | st.text('{}[],:" \\1', max_size=40).map(str.encode))
def test_pieces_of_anything_come_to_an_end(body: bytes) -> None:
    try:
        found = list(cut(body, ("1", "")))
    except (NoJsonError, UnicodeError):
        return
    assert all(each.start < each.end <= len(body) for each in found if isinstance(each, Item | Member))


@given(st.lists(st.text('"\\a', max_size=9)), st.integers(0, 3))
def test_texts_of_quotes_and_backslashes_end_where_they_end(texts: list[str], quotes: int) -> None:
    """Whether they are searched quote by quote, or, with more quotes in them, by a pattern."""
    body = json.dumps({"a": texts, "b": "".join(texts)}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_bodies, "ESCAPED_QUOTES", quotes)
        found = [each for each in cut(body, ("a",)) if isinstance(each, Item | Member)]
    assert [json.loads(body[each.start : each.end]) for each in found] == [*texts, "".join(texts)]


def test_a_large_value_is_gone_through_in_steps() -> None:
    body = json.dumps({"a": [[0]] * 10_000}).encode()
    assert sum(each is None for each in cut(body, ())) > 10

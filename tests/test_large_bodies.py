"""Large bodies are checked in pieces, and with the same result as in one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from reward_server import large_bodies, wire
from reward_server.apart import Apart
from reward_server.door import VISIT, Held, Visit
from reward_server.errors import BadRequest, NotJson
from reward_server.large_bodies import Item, Member, NoJsonError, cut
from reward_server.models import PutProblems, RunRequest, ScoreRequest
from reward_server.wire import Bodies, parse_now

if TYPE_CHECKING:
    from collections.abc import Generator

    from starlette.types import Message

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


MANY = {f"f{number}": 1 for number in range(20_000)}
STALLING = {
    "at the top": BATCH | MANY,
    "in a problem": BATCH | {"problems": {"p": PROBLEM | MANY}},
    "in a small problem": BATCH | {"problems": {"p": PROBLEM | dict(list(MANY.items())[:5000])}},
    "in its tests": BATCH
    | {"problems": {"p": PROBLEM | {"tests": {"kind": "stdio", "cases": [{"stdout": ""}]} | MANY}}},
    "in a case": BATCH | {"problems": {"p": PROBLEM | {"tests": {"kind": "stdio", "cases": [MANY]}}}},
    "in its limits": BATCH | {"problems": {"p": PROBLEM | {"limits": MANY}}},
    "bad cases": BATCH | {"problems": {"p": PROBLEM | {"tests": {"kind": "call", "cases": [{"args": 1}] * 9000}}}},
    "bad problems": BATCH | {"problems": {"p": PROBLEM} | MANY},
    "bad submissions": BATCH | {"submissions": [{"a": 1}] * 20_000},
    "a long name": BATCH | {"problems": {"p": PROBLEM | {"x" * 5_000_000: 1}}},
    "a long name at the top": BATCH | {"x" * 5_000_000: 1},
    "a long name of a problem": BATCH | {"problems": {"x" * 5_000_000: {"code": 1}}},
}


@pytest.mark.anyio
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", STALLING)
async def test_errors_are_worded_without_stopping_the_event_loop(
    name: str, strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red where each error is put in words: 0.25 s for 1,000 unknown fields, 8 s for 50,000. The goal is 50 ms."""
    body = json.dumps(STALLING[name] | {"strict": strict}).encode()
    sole = json.dumps(BATCH | {"code": "x"}).encode()  # what is cached is not measured
    longest_s = 0.0
    run_handle = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        nonlocal longest_s
        began = time.thread_time()
        run_handle(handle)
        longest_s = max(longest_s, time.thread_time() - began)

    with contextlib.closing(Apart()) as apart:
        bodies = Bodies(64 << 20, apart)
        assert (await outcome_of(bodies, sole))[0] == "code"
        monkeypatch.setattr(asyncio.Handle, "_run", timed)
        wrong = await outcome_of(bodies, body)
    assert longest_s < 0.1  # this machine may be busy
    assert wrong
    assert len(str(wrong[:2])) < 1000


async def outcome_of(bodies: Bodies, body: bytes) -> tuple[str, str]:
    """Return the field that is wrong, and what is said of it."""
    try:
        asked = await asyncio.ensure_future(bodies.read(ScoreRequest, incoming(body)))
    except BadRequest as error:
        return error.field, error.message
    return next(iter(asked.refused.values()))


def incoming(body: bytes) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    visit = Visit(cast("Any", None), Held(1 << 30))
    return Request({"type": "http", "headers": [], VISIT: visit}, receive)


@pytest.mark.anyio
async def test_the_problems_that_are_right_are_kept_beside_many_wrong_ones() -> None:
    body = json.dumps(BATCH | {"problems": {"p": PROBLEM} | {name: {} for name in MANY}}).encode()
    with contextlib.closing(Apart()) as apart:
        asked = await Bodies(64 << 20, apart).read(ScoreRequest, incoming(body))
    assert list(asked.problems) == ["p"]
    assert asked.refused == {name: (f"problems.{name}.tests", "this field is required") for name in MANY}


def test_a_large_put_of_wrong_problems_names_the_first() -> None:
    """Red where nothing stands in for them: the message was `problems: empty`."""
    body = json.dumps({"problems": {"a/b": PROBLEM | {"entry_point": "x" * 200_000, "a": 1}}}).encode()
    assert outcome(parse_large, PutProblems, body) == outcome(parse_now, PutProblems, body)

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from reward_server import identity
from reward_server.errors import BadRequest, BadSetting, TooLarge, UnknownProblem
from reward_server.identity import judging_digest, submission_key
from reward_server.problems import ProblemStore, Room, set_name
from tasks.schema import CallCase, CallTests, Limits, Problem, StdioCase, StdioTests

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def stdio(problem_id: str = "", **fields: object) -> Problem:
    tests = StdioTests(kind="stdio", cases=(StdioCase(stdout="1"),))
    return Problem.model_validate({"id": problem_id, "tests": tests} | fields)


def returning(expected: object) -> Problem:
    return Problem(entry_point="f", tests=CallTests(kind="call", cases=(CallCase(expected=expected),)))


def store(sources: str = "bundled", *problems: Problem, max_bytes: int = 10_000) -> ProblemStore:
    return ProblemStore(sources, Room(max_bytes), lambda _: list(problems))


@pytest.mark.parametrize(
    ("source", "name"),
    [("bundled", "bundled"), ("humaneval:a/b.jsonl.gz", "humaneval"), ("mbpp:x", "mbpp"), ("a/mine.jsonl", "mine")],
)
def test_a_set_is_named_after_its_source(source: str, name: str) -> None:
    assert set_name(source) == name


async def test_a_set_is_read_in_the_background_and_waited_for() -> None:
    """The server answers before large sets are read."""
    go = threading.Event()

    def load(_: str) -> list[Problem]:
        go.wait(5)
        return [stdio("HumanEval/0")]

    problems = ProblemStore("bundled", Room(1000), load)
    await problems.start()
    go.set()
    assert (await problems.get("bundled/HumanEval/0")).problem.id == "bundled/HumanEval/0"
    await problems.close()


async def test_a_set_that_cannot_be_read_says_why_to_who_asks() -> None:
    def load(_: str) -> list[Problem]:
        raise ValueError("line 3: no tests")

    problems = ProblemStore("bundled", Room(1000), load)
    await problems.start()
    with pytest.raises(UnknownProblem, match=r"'bundled' could not be read: line 3: no tests"):
        await problems.get("bundled/x")


def test_a_missing_file_is_an_error_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="there is no file"):
        store(f"humaneval:{tmp_path}/none.jsonl")


async def test_an_unknown_id_names_the_field() -> None:
    with pytest.raises(UnknownProblem) as caught:
        await store("").get("x", "submissions[3].problem")
    assert caught.value.field == "submissions[3].problem"
    assert "PUT /v1/problems" in caught.value.message


async def test_stored_problems_are_found_and_replaced() -> None:
    problems = store("")
    assert problems.put({"a/1": stdio(setup="x = 1"), "b": stdio()}) == 2
    assert problems.put({"a/1": stdio(setup="x = 2")}) == 2
    assert (await problems.get("a/1")).problem.setup == "x = 2"


async def test_a_set_of_the_server_cannot_be_replaced() -> None:
    with pytest.raises(BadRequest, match="choose another prefix"):
        store("bundled").put({"bundled/x": stdio()})


async def test_what_may_be_stored_has_an_end() -> None:
    problems = store("", max_bytes=1000)
    with pytest.raises(TooLarge, match="1000 bytes"):
        problems.put({"a": stdio(), "b": stdio(setup="#" * 1000)})
    with pytest.raises(UnknownProblem):
        await problems.get("a")


async def test_the_list_is_paged_in_natural_order() -> None:
    problems = store("bundled", *(stdio(str(number)) for number in range(12)))
    await problems.start()
    problems.put({"other/1": stdio()})
    page, total = await problems.page("bundled/", 1, 3)
    assert [problem_id for problem_id, _ in page] == ["bundled/1", "bundled/2", "bundled/3"]
    assert total == 12
    assert (await problems.page("", 0, 1000))[1] == 13


async def test_what_does_not_decide_a_verdict_does_not_change_the_digest() -> None:
    plain = await judging_digest(stdio())
    assert await judging_digest(stdio("other", prompt="p", tags=("t",), wrong=("w",))) == plain
    assert await judging_digest(stdio(reference="r")) != plain  # by the time that it takes
    untimed = Limits(cpu_factor=None)
    assert await judging_digest(stdio(limits=untimed, reference="r")) == await judging_digest(stdio(limits=untimed))
    assert await judging_digest(stdio(limits=Limits(cpu_s=1))) != plain
    assert await judging_digest(stdio(setup="import math")) != plain


async def test_values_that_json_confuses_have_different_digests() -> None:
    """A cached verdict for one expected value must not serve another."""
    values: list[object] = [1, 1.0, True, None, float("nan"), "None", "1", [1], (1,), [], {}, [[1], 2], [[1, 2]]]
    assert len({await judging_digest(returning(value)) for value in values}) == len(values)


async def test_what_is_cut_elsewhere_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long texts go into it in parts. Red without their lengths, and without the names of what holds them."""
    monkeypatch.setattr(identity, "PART_CHARS", 2)
    cases = [
        (StdioCase(stdin="abcd", stdout=""), StdioCase(stdin="ef", stdout="")),
        (StdioCase(stdin="abc", stdout=""), StdioCase(stdin="def", stdout="")),
        (StdioCase(stdin="abcdef", stdout=""), StdioCase(stdout="")),
        (StdioCase(stdin="abcdef", stdout=""),),
        (StdioCase(stdout="abcdef"),),
    ]
    problems = [Problem(tests=StdioTests(kind="stdio", cases=each)) for each in cases]
    problems += [returning(value) for value in ("abcdef", ["abcdef"], ["abc", "def"], ["abcd", "ef"], "abcd\n'ef'")]
    assert len({await judging_digest(each) for each in problems}) == len(problems)


async def test_stopping_early_is_another_submission() -> None:
    digest = await judging_digest(stdio())
    assert submission_key(digest, "x", stop=True) != submission_key(digest, "x", stop=False)


async def test_a_problem_belongs_to_who_stored_it() -> None:
    problems = store("bundled", stdio("1"))
    await problems.start()
    assert problems.put({"mine/1": stdio(setup="x = 1"), "mine/2": stdio()}, "alice") == 2
    assert problems.put({"mine/1": stdio(setup="x = 2")}, "bob") == 1
    for owner, setup in (("alice", "x = 1"), ("bob", "x = 2")):
        assert (await problems.get("mine/1", owner=owner)).problem.setup == setup
        assert (await problems.get("bundled/1", owner=owner)).problem.id == "bundled/1"
    for owner in ("bob", "carol", ""):
        with pytest.raises(UnknownProblem, match="no problem 'mine/2'"):
            await problems.get("mine/2", "id", owner)
    listed = {owner: await problems.page("", 0, 10, owner) for owner in ("alice", "bob", "carol")}
    assert {owner: total for owner, (_, total) in listed.items()} == {"alice": 3, "bob": 2, "carol": 1}
    assert [each.setup for name, each in listed["bob"][0] if name == "mine/1"] == ["x = 2"]
    assert (problems.stored, problems.held) == (3, 4)
    await problems.close()


async def test_one_owner_leaves_room_for_others() -> None:
    problems = ProblemStore("", Room(10_000, 4000), lambda _: [])
    large = stdio(setup="#" * 2000)
    problems.put({"a": large}, "alice")
    problems.put({"a": large}, "alice")  # replaced: its bytes count once
    with pytest.raises(TooLarge, match="one key stores may have 4000 bytes"):
        problems.put({"b": large}, "alice")
    assert problems.put({"b": large}, "bob") == 1
    with pytest.raises(UnknownProblem):
        await problems.get("b", owner="alice")


async def test_what_a_removed_key_stored_stays_until_its_room_is_needed() -> None:
    keys = {"alice", "bob"}
    problems = ProblemStore("", Room(6000), lambda _: [], owners=lambda: keys)
    large = stdio(setup="#" * 2000)
    problems.put({"a": large}, "alice")
    problems.put({"b": large}, "bob")
    with pytest.raises(TooLarge, match="6000 bytes in all"):
        problems.put({"b": large, "c": large}, "bob")
    keys.remove("alice")
    assert (await problems.get("a", owner="alice")).problem.id == "a"  # a new key of this name still has it
    assert problems.put({"b": large, "c": large}, "bob") == 2
    with pytest.raises(UnknownProblem):
        await problems.get("a", owner="alice")
    assert problems.stored_bytes < 6000

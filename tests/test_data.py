from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tasks.schema import Problem
from trainer.parser import UsageError
from trainer.prompts import chat_prompt, plain_prompt
from trainer.wire import judging_spec

if TYPE_CHECKING:
    from pathlib import Path

MIXED = {"kind": "call", "cases": [{"args": [1, "a"], "expected": None}, {"args": [[1]], "raises": "ValueError"}]}


def problem(number: int = 0, **fields: Any) -> Problem:
    given = {"id": f"set/{number}", "prompt": "Add.", "entry_point": "add", "tests": MIXED, "reference": "secret"}
    return Problem.model_validate(given | fields)


def test_what_is_judged_travels_and_the_prompt_stays_at_home() -> None:
    spec = judging_spec(problem(limits={"cpu_s": 2}))
    assert Problem.model_validate(spec).tests == problem().tests
    assert spec["limits"] == {"cpu_s": 2}
    assert not {"prompt", "id"} & set(spec)


def test_a_reference_that_the_server_learns_from_travels() -> None:
    tests: dict[str, Any] = {"kind": "asserts", "source": "assert add(1, 2) == 3"}
    assert judging_spec(problem(tests=tests))["reference"] == "secret"
    assert "reference" not in judging_spec(problem(tests=tests | {"isolation": "shared"}))
    assert "reference" not in judging_spec(problem(tests=tests, reference=None))


def test_prompts_say_what_to_define_and_how_to_answer() -> None:
    stdio = problem(tests={"kind": "stdio", "cases": [{"stdout": "1"}]}, entry_point=None)
    assert "`add`" in plain_prompt(problem())
    assert "standard input" in plain_prompt(stdio)
    assert "one fenced block" in chat_prompt(stdio)[-1]["content"]


def test_chat_prompts_keep_their_messages_and_take_a_system_prompt() -> None:
    own = problem(prompt=[{"role": "system", "content": "S"}, {"role": "user", "content": "U"}])
    assert [message["role"] for message in chat_prompt(own, "other")] == ["system", "user"]
    assert chat_prompt(own, "other")[0]["content"] == "S"
    assert chat_prompt(problem(), "be brief")[0] == {"role": "system", "content": "be brief"}


@pytest.mark.train
@pytest.mark.parametrize("chat", [True, False])
def test_rows_survive_arrow_with_tests_of_mixed_types(chat: bool) -> None:
    from trainer.data import to_dataset

    rows = to_dataset([problem(0), problem(1)], chat=chat, reference_cpu_s={"set/1": 0.5})
    assert rows["problem_id"] == ["set/0", "set/1"] or list(rows["problem_id"]) == ["set/0", "set/1"]
    assert Problem.model_validate(json.loads(rows[0]["problem"])).tests == problem().tests
    assert list(rows["reference_cpu_s"]) == [None, 0.5]
    assert isinstance(rows[0]["prompt"], list if chat else str)


@pytest.mark.train
@pytest.mark.parametrize(
    ("problems", "words"), [([], "there is no problem"), ([problem(0), problem(1, prompt="")], "set/1 has no `prompt`")]
)
def test_a_data_set_with_nothing_to_ask_is_refused(problems: list[Problem], words: str) -> None:
    from trainer.data import to_dataset

    with pytest.raises(ValueError, match=words):
        to_dataset(problems)


@pytest.mark.train
def test_prompts_of_both_shapes_become_one_column() -> None:
    """Arrow refuses a column that holds texts and lists."""
    from trainer.data import to_dataset

    both = [problem(0), problem(1, prompt=[{"role": "user", "content": "Subtract."}])]
    assert {type(prompt) for prompt in to_dataset(both, chat=True)["prompt"]} == {list}
    assert {type(prompt) for prompt in to_dataset(both, chat=False)["prompt"]} == {str}


@pytest.mark.train
def test_a_problem_stays_on_its_side_of_the_split_whatever_else_is_there() -> None:
    """Held-out problems that wander into training when the set grows would make evaluations lie."""
    from trainer.data import split_by_hash

    problems = [problem(number) for number in range(400)]
    train, held_out = split_by_hash(problems, 0.25)
    assert 70 <= len(held_out) <= 130
    assert len(train) + len(held_out) == 400
    again = split_by_hash(problems[::-3], 0.25)[1]
    assert {one.id for one in again} <= {one.id for one in held_out}
    assert split_by_hash(problems, 0.0)[1] == []


@pytest.mark.train
@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ({}, [0, 1, 2, 3]),
        ({"languages": {"python"}}, [0, 1, 2, 3]),
        ({"languages": {"rust"}}, []),
        ({"difficulties": {"easy", "hard"}}, [0, 2]),
        ({"max_prompt_chars": 400}, [0, 1, 2]),
        ({"pass_rates": {"set/0": 0.0, "set/1": 0.5, "set/2": 1.0}}, [0, 1, 2, 3]),
        (
            {
                "pass_rates": {"set/0": 0.0, "set/1": 0.5, "set/2": 1.0},
                "min_pass_rate": 0.01,
                "max_pass_rate": 0.99,
            },
            [1, 3],
        ),
        ({"pass_rates": {"set/0": 0.25}, "min_pass_rate": 0.25, "max_pass_rate": 0.25}, [0, 1, 2, 3]),
    ],
)
def test_problems_are_selected_by_all_conditions_and_an_unknown_rate_stays(
    conditions: dict[str, Any], kept: list[int]
) -> None:
    from trainer.data import select

    problems = [
        problem(0, difficulty="easy"),
        problem(1, difficulty="medium"),
        problem(2, difficulty="hard"),
        problem(3, prompt="Add. " * 100),
    ]
    assert [one.id for one in select(problems, **conditions)] == [f"set/{number}" for number in kept]


@pytest.mark.train
def test_pass_rates_are_read_by_problem_and_null_is_unknown(tmp_path: Path) -> None:
    from trainer.data import read_pass_rates

    path = tmp_path / "rates.jsonl"
    rows = [
        {"problem": "a", "samples": 4, "pass_rate": 0.5, "all_passed": 0.25},
        {"problem": "b", "samples": 2, "pass_rate": None, "all_passed": None},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_pass_rates(path) == {"a": 0.5}
    assert read_pass_rates(path, "all_passed") == {"a": 0.25}


@pytest.mark.train
@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"pass_rate": 0.5}, ["line 1", "`problem`"]),
        ({"problem": "a"}, ["line 1", "`pass_rate`"]),
        ({"problem": "a", "pass_rate": "0.5"}, ["line 1", "`pass_rate`"]),
        ({"problem": "a", "pass_rate": True}, ["line 1", "`pass_rate`"]),
        ({"problem": "a", "pass_rate": 50}, ["line 1", "`pass_rate` is 50"]),
        ({"problem": "a", "pass_rate": float("nan")}, ["line 1", "`pass_rate` is nan"]),
    ],
)
def test_a_bad_row_of_pass_rates_is_named_with_its_line(tmp_path: Path, row: dict[str, Any], names: list[str]) -> None:
    from trainer.data import read_pass_rates

    path = tmp_path / "rates.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(UsageError) as caught:
        read_pass_rates(path)
    assert all(name in str(caught.value) for name in names)

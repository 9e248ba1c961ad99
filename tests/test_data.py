from __future__ import annotations

import json
from typing import Any

import pytest

from tasks.schema import Problem
from trainer.prompts import chat_prompt, plain_prompt
from trainer.wire import judging_spec

MIXED = {"kind": "call", "cases": [{"args": [1, "a"], "expected": None}, {"args": [[1]], "raises": "ValueError"}]}


def problem(number: int = 0, **fields: Any) -> Problem:
    given = {"id": f"set/{number}", "prompt": "Add.", "entry_point": "add", "tests": MIXED, "reference": "secret"}
    return Problem.model_validate(given | fields)


def test_what_is_judged_travels_and_the_reference_stays_at_home() -> None:
    spec = judging_spec(problem(limits={"cpu_s": 2}))
    assert Problem.model_validate(spec).tests == problem().tests
    assert spec["limits"] == {"cpu_s": 2}
    assert not {"reference", "prompt", "id"} & set(spec)


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

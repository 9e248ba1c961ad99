"""The demo: its problems are what they say, the held-out ones are new, and a run goes from nothing to a report."""

from __future__ import annotations

import copy
import itertools
import json
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tasks.schema import CallTests
from trainer.demo.corpus import RIGHT_SHARE, write_corpus
from trainer.demo.families import PIPELINES, SIMPLE
from trainer.demo.problems import Split, Task, novelty, split_tasks, tasks_of

if TYPE_CHECKING:
    from pathlib import Path

FAMILIES = [*SIMPLE, *PIPELINES]


@pytest.fixture(scope="module")
def split() -> Split:
    return split_tasks(0)


def some(tasks: list[Task], count: int) -> list[Task]:
    return Random(7).sample(tasks, min(count, len(tasks)))


def source(completion: str) -> str:
    opening, _, rest = completion.partition("\n")
    body, _, after = rest.rpartition("\n```")
    assert opening == "```python"
    assert not after
    return body


def share_passed(task: Task, completion: str) -> float:
    """Judge in process: these programs are our own expressions."""
    tests = task.problem().tests
    assert isinstance(tests, CallTests)
    space: dict[str, Any] = {}
    exec(source(completion), space)
    passed = 0
    for case in tests.cases:
        try:
            passed += space[task.function](*copy.deepcopy(case.args)) == case.expected
        except (ArithmeticError, AttributeError, IndexError, LookupError, TypeError, ValueError):
            continue
    return passed / len(tests.cases)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_right_answers_pass_and_wrong_ones_do_not(family: Any) -> None:
    """What tests expect comes from a reference that was written apart from the expressions: the two must agree."""
    for task in some(tasks_of(family), 12):
        assert share_passed(task, task.completion()) == 1
        for wrong in task.wrong_completions():
            assert share_passed(task, wrong) < 1, wrong


def test_wrong_answers_earn_partial_credit_somewhere(split: Split) -> None:
    """Else the reward would be no better than right or wrong."""
    shares = {share_passed(task, wrong) for task in split.held_out for wrong in task.wrong_completions()}
    assert len(shares) >= 5


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nothing_held_out_is_trained_on(seed: int) -> None:
    """The gain must be generalisation: neither the corpus nor GRPO sees a held-out prompt, constant or combination."""
    split = split_tasks(seed)
    trained = list(itertools.chain(*split.simple, *split.pipelines))
    assert not {task.prompt for task in trained} & {task.prompt for task in split.held_out}
    new = {(task.family.name, novelty(task)) for task in trained if not task.family.parts}
    assert not new & {(task.family.name, novelty(task)) for task in split.held_out if not task.family.parts}
    pipelines = {task.family.name for task in trained if task.family.parts}
    assert not pipelines & {task.family.name for task in split.held_out if task.family.parts}
    prompts = {task.prompt for task in split.held_out}
    assert not prompts & {document.prompt for document in write_corpus(split, documents=3000, seed=seed)}


@pytest.mark.parametrize("seed", range(5))
def test_every_part_of_a_held_out_pipeline_is_trained_on_in_others(seed: int) -> None:
    """What is new is the combination: a map or filter never seen could not be known."""
    split = split_tasks(seed)
    trained = [tasks[0].family.name.split("-") for tasks in split.pipelines]
    for task in split.held_out:
        if task.family.parts:
            for place, part in enumerate(task.family.name.split("-")):
                assert part in {name[place] for name in trained}


def test_the_same_seed_makes_the_same_problems_and_corpus(split: Split) -> None:
    again = split_tasks(0)
    assert again.held_out == split.held_out
    assert write_corpus(again, documents=50, seed=0) == write_corpus(split, documents=50, seed=0)
    assert split_tasks(1).held_out != split.held_out


def test_most_of_the_corpus_is_wrong_by_the_stated_share(split: Split) -> None:
    """The base model must have something to learn; the share is what the documents say of themselves."""
    documents = write_corpus(split, documents=4000, seed=0)
    assert sum(document.right for document in documents) / len(documents) == pytest.approx(RIGHT_SHARE, abs=0.03)
    right = {task.prompt: task.completion() for tasks in (*split.simple, *split.pipelines) for task in tasks}
    assert all((right[document.prompt] == document.completion) == document.right for document in documents)


@pytest.mark.train
def test_the_tokenizer_gives_back_every_text_to_the_letter(split: Split) -> None:
    """A blank lost between a prompt and its completion is a syntax error, and then a reward of 0."""
    model = pytest.importorskip("trainer.demo.model")
    documents = write_corpus(split, documents=6000, seed=0)
    tokenizer = model.build_tokenizer(text for document in documents for text in (document.prompt, document.completion))
    longest = 0
    for task in split.held_out:
        for text in (task.prompt, task.completion(), *task.wrong_completions()):
            ids = tokenizer(text)["input_ids"]
            assert tokenizer.unk_token_id not in ids, text
            assert tokenizer.decode(ids, skip_special_tokens=True) == text
            longest = max(longest, len(ids) + 1)
    assert longest <= model.LONGEST_COMPLETION


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.timeout(300)
def test_a_short_run_ends_in_a_report_a_plot_and_a_cached_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way, with too little training to learn: server, base model, GRPO, evaluation, files."""
    run = pytest.importorskip("trainer.demo.run")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PASSRATE_URL", "")
    monkeypatch.setattr(run, "SAMPLES", 8)
    split = split_tasks(0)
    monkeypatch.setattr(run, "split_tasks", lambda seed: replace(split, held_out=split.held_out[:: 8 + seed]))
    found = run.run_demo(seed=0, steps=4, out=tmp_path / "out", base_steps=10)
    assert found.steps == 4
    assert found.unscored == 0
    assert found.pretraining_s > 0
    assert 0 < found.reward_wait_s < found.training_s
    assert (tmp_path / "out" / "demo.png").read_bytes().startswith(b"\x89PNG")
    report = json.loads((tmp_path / "out" / "demo.json").read_text())
    assert len(report["rewards"]) == 2
    assert len(list((tmp_path / "cache" / "passrate" / "demo").iterdir())) == 1

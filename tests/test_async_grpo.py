"""Reward functions as TRL's AsyncGRPOTrainer calls them: pickled into a spawned process, by group, in one event loop.

TRL's own worker is not driven here: `AsyncRolloutWorker` refuses to be made where vLLM is not installed, and what calls
rewards (`_score_group` of a private class, TRL 1.16) is no interface. This module calls as it does.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import multiprocessing
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.registry import load_problems
from tests.own_server import OwnServer
from trainer import rewards as rewards_module
from trainer.rewards import (
    UnscoredShare,
    code_reward,
    efficiency_reward,
    format_reward,
    length_reward,
    summed_reward,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.queues import Queue

    RewardFunction = Callable[..., Any]
    Group = dict[str, list[Any]]
    """The keywords of one call."""
    Rewards = list[list[float | None]]
    """By function."""

pytestmark = [pytest.mark.train, pytest.mark.sandbox]

FUNCTIONS = [code_reward, efficiency_reward, format_reward, length_reward, summed_reward]
GENERATIONS = 6


def score_groups(functions: Sequence[RewardFunction], groups: Sequence[Group], answers: Queue[Any]) -> None:
    """Do in the spawned process what TRL's worker does with each group there."""

    async def score(group: Group) -> Rewards:
        calls = [
            function(**group) if inspect.iscoroutinefunction(function) else asyncio.to_thread(function, **group)
            for function in functions
        ]
        rewards: Rewards = await asyncio.gather(*calls)
        return rewards

    async def score_all() -> list[Rewards]:
        return [await score(group) for group in groups]

    try:
        answers.put(asyncio.run(score_all()))
    except Exception as error:
        answers.put(f"{type(error).__name__}: {error}")
        raise


def in_a_spawned_process(groups: Sequence[Group]) -> Any:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=score_groups, args=(FUNCTIONS, groups, answers), daemon=True)
    process.start()
    try:
        return answers.get(timeout=90)
    finally:
        process.join(10)
        process.kill()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnServer]:
    monkeypatch.setattr(rewards_module, "_unscored", UnscoredShare())
    server = OwnServer()
    monkeypatch.setenv("PASSRATE_URL", server.url)
    monkeypatch.setenv("PASSRATE_REWARDS", "code format:0.1")
    try:
        server.wait_ready()
        yield server
    finally:
        server.end(signal.SIGTERM)


def groups_of(problems: int) -> list[Group]:
    """Make a group for each row of the data set, by the columns that the row has: right, wrong and malformed ones."""
    from trainer.data import to_dataset

    chosen = load_problems("bundled")[:problems]
    rows = to_dataset(chosen, reference_cpu_s={problem.id: 0.001 for problem in chosen})
    groups: list[Group] = []
    for problem, row in zip(chosen, rows, strict=True):
        fenced = f"```python\n{problem.reference}\n```"
        texts = [
            fenced,
            f"```python\n{problem.wrong[0]}\n```",
            "I do not know.",
            "",
            f"{fenced}\nDone.",
            "word " * 4000,
        ]
        group: Group = {name: [row[name]] * GENERATIONS for name in row}
        group |= {
            "prompts": group.pop("prompt"),
            "completions": [[{"role": "assistant", "content": text}] for text in texts],
            "completion_ids": [[0] * len(text) for text in texts],
        }
        groups.append(group)
    return groups


def test_a_spawned_process_gets_the_rewards_of_this_one(server: OwnServer) -> None:
    """Without `log_metric` and `log_extra`, which that trainer does not hand over, and with a loop of its own."""
    groups = groups_of(4)
    spawned = in_a_spawned_process(groups)
    here = [
        [
            asyncio.run(code_reward(**group)),
            asyncio.run(efficiency_reward(**group)),
            format_reward(**group),
            length_reward(**group),
            asyncio.run(summed_reward(**group)),
        ]
        for group in groups
    ]
    assert spawned == here  # CPU times too: the server hands out those of its first run
    for code, efficiency, form, length, summed in spawned:
        assert code[0] == code[4] == 1.0
        assert 0 <= code[1] < 1
        assert code[2] == code[3] == code[5] == 0.0
        assert 0 < efficiency[0] <= 1
        assert form == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
        assert length[5] == -1.0
        assert summed == pytest.approx([part + 0.1 * other for part, other in zip(code, form, strict=True)])


def test_without_a_server_every_reward_is_none_and_the_process_goes_on(
    server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception would end that trainer; too many of these do so, as elsewhere."""
    server.end()
    monkeypatch.setenv("PASSRATE_REWARD_DEADLINE_S", "1")
    (group,) = groups_of(1)
    ((code, efficiency, form, _, summed),) = in_a_spawned_process([group])
    assert code == efficiency == summed == [None] * GENERATIONS
    assert form[0] == 1.0


@pytest.mark.filterwarnings("default")
def test_the_recipe_of_the_readme_fits_the_trainer_that_is_installed() -> None:
    """It needs two GPUs to run; that every keyword is known can be seen without."""
    from trl.experimental.async_grpo import AsyncGRPOConfig, AsyncGRPOTrainer

    text = (Path(__file__).parents[1] / "trainer" / "README.md").read_text()
    recipe = re.search(r"```python\n(# train_async\.py\n.*?)```", text, re.DOTALL)
    assert recipe is not None
    calls = [node for node in ast.walk(ast.parse(recipe[1])) if isinstance(node, ast.Call)]
    for made in (AsyncGRPOConfig, AsyncGRPOTrainer):
        (call,) = [call for call in calls if getattr(call.func, "id", None) == made.__name__]
        inspect.signature(made).bind(**{str(keyword.arg): None for keyword in call.keywords})

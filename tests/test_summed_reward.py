"""What TRL's own trainer makes of a completion without a verdict, beside a reward that needs none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.tiny_model import build_model
from trainer import rewards as rewards_module
from trainer.client import RewardClient
from trainer.rewards import UnscoredShare, code_reward, format_reward, length_reward, summed_reward

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

pytestmark = [
    pytest.mark.train,
    pytest.mark.timeout(300),
    # Third parties warn about one another here, and whether they do changes with every release.
    pytest.mark.filterwarnings("default"),
]

PROGRAM = "```python\ndef f(a):\n    return a\n```"
"""All that the model writes: every completion is of the right form, and none is longer than another."""
SPEC = json.dumps({"tests": {"kind": "call"}})
LOST = {"reward": None, "pass_rate": None, "passed": 0, "total": 0, "verdict": "sandbox_error", "error": "slot lost"}


def judged(reward: float | None) -> dict[str, Any]:
    if reward is None:
        return LOST
    verdict = "passed" if reward == 1.0 else "wrong_answer"
    return {"reward": reward, "pass_rate": reward, "passed": 0, "total": 1, "verdict": verdict}


def one_step(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    functions: Sequence[Callable[..., Any]],
    weights: list[float] | None,
    told: Sequence[float | None],
) -> dict[str, list[Any]]:
    """Take a step with a group whose code has these rewards. Returns: TRL's table of its completions, by column."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    answer = httpx.Response(200, json={"results": [judged(reward) for reward in told]})

    class Client(RewardClient):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, transport=httpx.MockTransport(lambda _: answer), **options)

    monkeypatch.setattr(rewards_module, "RewardClient", Client)
    monkeypatch.setattr(rewards_module, "_unscored", UnscoredShare())
    arguments = GRPOConfig(
        output_dir=str(folder / "out"),
        max_steps=1,
        per_device_train_batch_size=len(told),
        num_generations=len(told),
        max_completion_length=1,
        generation_kwargs={"suppress_tokens": [0, 1, 2]},  # what is left is the program
        reward_weights=weights,
        log_completions=True,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        bf16=False,
    )
    trainer = GRPOTrainer(
        model=str(build_model(folder / "model", chat=False, words=[PROGRAM])),
        args=arguments,
        reward_funcs=list(functions),
        train_dataset=Dataset.from_list([{"prompt": PROGRAM, "problem": SPEC}]),
    )
    trainer.train()
    table = Dataset.from_parquet(str(folder / "out" / "completions" / "completions_00001.parquet"), cache_dir=folder)
    columns: dict[str, list[Any]] = table.to_dict()
    return columns


LOST_AMONG_EQUALS, LOST_AMONG_OTHERS = [None, 1.0, 1.0, 1.0], [None, 1.0, 0.0, 0.5]


def test_side_by_side_trl_trains_away_from_a_completion_without_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why there is `summed_reward`: not ours to mend, and if TRL mends it, `summed_reward` may go."""
    table = one_step(tmp_path, monkeypatch, [code_reward, format_reward], [1.0, 0.1], LOST_AMONG_EQUALS)
    assert table["format_reward"] == [1.0] * 4
    assert table["advantage"] == pytest.approx([-1.5, 0.5, 0.5, 0.5], abs=0.001)


@pytest.mark.parametrize(
    ("told", "advantages"),
    [(LOST_AMONG_EQUALS, [0.0, 0.0, 0.0, 0.0]), (LOST_AMONG_OTHERS, [0.0, 1.0, -1.0, 0.0])],
)
def test_summed_a_completion_without_a_verdict_leaves_its_group_as_if_it_had_not_been_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[float | None], advantages: list[float]
) -> None:
    monkeypatch.setenv("PASSRATE_REWARDS", "code format:0.1 length")
    table = one_step(tmp_path, monkeypatch, [summed_reward], None, told)
    sums = [None if reward is None else pytest.approx(reward + 0.1) for reward in told]
    assert table["summed_reward"] == sums
    assert table["format_reward"] == [1.0] * 4
    assert table["length_reward"] == length_reward(completions=[""] * 4)
    assert table["advantage"] == pytest.approx(advantages, abs=0.001)

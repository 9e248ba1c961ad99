"""`passrate train`: GRPO on a problem set, with the reward server as its reward. Arguments, data, reward, train.

Promises: what can be known to be wrong before the first step is one clear line then.
"""

from __future__ import annotations

import argparse
import os
import warnings
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml  # type: ignore[import-untyped]
from trl import GRPOConfig, GRPOTrainer, ModelConfig, ScriptArguments, TrlParser, get_peft_config

from tasks.schema import Difficulty
from trainer import preflight, rewards
from trainer.client import RewardClientError
from trainer.data import read_pass_rates, select, split_by_hash, to_dataset
from trainer.display import percent, show
from trainer.inputs import check_prompts, read_problems
from trainer.local_server import server_at
from trainer.parser import OneLineParser, UsageError, server_url
from trainer.plot import plot_training

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from datasets import Dataset

    from tasks.schema import Problem

REWARDS: dict[str, Callable[..., Any]] = {
    "code": rewards.code_reward,
    "efficiency": rewards.efficiency_reward,
    "format": rewards.format_reward,
    "length": rewards.length_reward,
}
DIFFICULTIES = get_args(Difficulty)
CHECKED_PROBLEMS = 10
"""References scored before the first step."""
BATCH_OPTIONS = ("--num_generations", "--per_device_train_batch_size", "--gradient_accumulation_steps")
HELD_OUT = "eval_passrate/all_passed"
"""TRL's name for the share of held-out completions that pass every test: pass@1, as a mean over its batches."""


@dataclass
class CodeArguments(ScriptArguments):  # type: ignore[misc]
    """What `passrate train` takes besides TRL's own arguments."""

    problems: str = field(
        default="bundled", metadata={"help": "bundled, humaneval:PATH, mbpp:PATH or a .jsonl file of problems"}
    )
    url: str | None = field(
        default=None, metadata={"help": "the reward server (PASSRATE_URL); without it one is started and ended here"}
    )
    rewards: list[str] = field(
        default_factory=list,
        metadata={
            "help": f"any of {', '.join(REWARDS)}, added up, weighed by --reward_weights in this order; "
            "without it what PASSRATE_REWARDS says, else code"
        },
    )
    languages: list[str] | None = field(default=None, metadata={"help": "keep only problems in these, such as python"})
    difficulties: list[str] | None = field(default=None, metadata={"help": "keep only these: easy, medium, hard"})
    max_prompt_chars: int | None = field(default=None, metadata={"help": "leave out problems with longer prompts"})
    pass_rates: str | None = field(
        default=None, metadata={"help": "what `passrate score --pass-rates` wrote; chooses what is trained on"}
    )
    min_pass_rate: float = field(
        default=0.0, metadata={"help": "train on no problem with a lower rate in --pass_rates"}
    )
    max_pass_rate: float = field(default=1.0, metadata={"help": "train on no problem with a higher one"})
    held_out: float = field(default=0.1, metadata={"help": "share of the problems kept for evaluation, by hash of id"})
    chat: bool | None = field(
        default=None, metadata={"help": "prompts as chat messages; unset: where the tokenizer has a chat template"}
    )
    system_prompt: str | None = field(default=None, metadata={"help": "goes before chat prompts"})


class TrainParser(OneLineParser, TrlParser):  # type: ignore[misc]
    def __init__(self) -> None:
        types = (CodeArguments, GRPOConfig, ModelConfig)
        TrlParser.__init__(self, types, prog="passrate train", allow_abbrev=False)


def main(argv: Sequence[str]) -> int:
    script, training, model = parse(argv)
    problems, train, held_out = choose(script)
    preflight.check_steps(training, len(train))
    if held_out:
        preflight.check_evaluation(training)
    reward = reward_function(script, training)
    given = _given_url(script)
    if given is None and training.world_size > 1:
        raise UsageError("--url: a run of several processes needs one server for all: passrate serve")
    tokenizer, room = preflight.read_tokenizer(training, model)
    with ExitStack() as stack:
        try:
            # Reward functions read the environment, in every process of the run.
            os.environ["PASSRATE_URL"] = stack.enter_context(server_at(given))
            checked = problems if "efficiency" in script.rewards else problems[:CHECKED_PROBLEMS]
            cpu_s = preflight.check_references(checked)
        except RewardClientError as error:
            raise UsageError(f"--url: {error}") from None
        datasets = [rows(some, script, tokenizer, cpu_s) for some in (train, held_out) if some]
        for dataset in datasets:
            preflight.check_rows(dataset)
            preflight.check_lengths(dataset, tokenizer, room, training)
        if training.process_index == 0:
            show(f"The server scores {len(cpu_s)} references 1.0.")

        resumed = training.resume_from_checkpoint
        training.eval_on_start = bool(held_out) and resumed is None
        trainer = GRPOTrainer(
            model=model.model_name_or_path,
            args=training,
            reward_funcs=reward,
            train_dataset=datasets[0],
            eval_dataset=datasets[1] if held_out else None,
            peft_config=get_peft_config(model),
        )
        trainer.train(resume_from_checkpoint=resumed)
        trainer.save_model(training.output_dir)
        if held_out and trainer.state.global_step not in by_step(trainer.state.log_history, HELD_OUT):
            trainer.evaluate()
        trainer.save_state()
        if trainer.is_world_process_zero():
            report(trainer.state.log_history, Path(training.output_dir), problems=len(held_out))
    return 0


def choose(script: CodeArguments) -> tuple[list[Problem], list[Problem], list[Problem]]:
    """Read the problems. Returns: those selected, those to train on, those held out. Raises: UsageError."""
    problems = select(
        read_problems(script.problems),
        languages=script.languages,
        difficulties=script.difficulties,  # type: ignore[arg-type]
        max_prompt_chars=script.max_prompt_chars,
    )
    if not problems:
        raise UsageError("--problems: none is left after --languages, --difficulties and --max_prompt_chars")
    check_prompts(problems)
    train, held_out = split_by_hash(problems, script.held_out)
    if not train:
        raise UsageError(f"--held_out: {script.held_out:g} leaves no problem to train on")
    if script.pass_rates is not None:
        # Held-out problems stay, however hard: a selection of them by what a model could do would flatter it.
        rates = read_pass_rates(Path(script.pass_rates))
        train = select(train, pass_rates=rates, min_pass_rate=script.min_pass_rate, max_pass_rate=script.max_pass_rate)
        if not train:
            raise UsageError("--pass_rates: no problem to train on is left between --min_pass_rate and --max_pass_rate")
    return problems, train, held_out


def rows(problems: Sequence[Problem], script: CodeArguments, tokenizer: Any, cpu_s: dict[str, float]) -> Dataset:
    chat = bool(tokenizer.chat_template) if script.chat is None else script.chat
    measured = cpu_s if "efficiency" in script.rewards else None
    return to_dataset(problems, chat=chat, system_prompt=script.system_prompt, reference_cpu_s=measured)


def reward_function(script: CodeArguments, training: GRPOConfig) -> Callable[..., Any]:
    """Choose what TRL is given: a reward as it is, several as their sum, with the weights in the environment."""
    if len(script.rewards) == 1:
        return REWARDS[script.rewards[0]]
    weights, training.reward_weights = training.reward_weights, None
    pairs = zip(script.rewards, weights, strict=True)
    os.environ["PASSRATE_REWARDS"] = " ".join(f"{name}:{weight}" for name, weight in pairs)
    return rewards.summed_reward


def report(logged: Sequence[dict[str, Any]], folder: Path, *, problems: int) -> None:
    """Show the held-out pass@1 of both ends, and draw the training."""
    lines = {"pass rate in training": by_step(logged, "passrate/pass_rate"), "reward": by_step(logged, "reward")}
    held_out = by_step(logged, HELD_OUT)
    before = {1: held_out[0]} if 0 in held_out else {}
    after = {1: held_out[max(held_out)]} if held_out and max(held_out) > 0 else {}
    path = folder / "training.png"
    plot_training(
        {name: values for name, values in lines.items() if values},
        before,
        after,
        path,
        problems=problems,
        title="Trained on pass rates",
    )
    if held_out:
        unscored = max(by_step(logged, "eval_passrate/unscored").values(), default=0.0)
        show(
            f"Held-out pass@1 of {problems} problems, by the server: {percent(before.get(1))} before, "
            f"{percent(after.get(1))} after; at most {percent(unscored)} of an evaluation without a verdict."
        )
    show(f"Plot: {path}")


def by_step(logged: Sequence[dict[str, Any]], name: str) -> dict[int, float]:
    """Take a measure from TRL's log; what is None there (no completion had a verdict) is left out."""
    return {entry["step"]: entry[name] for entry in logged if entry.get(name) is not None}


def parse(argv: Sequence[str]) -> tuple[CodeArguments, GRPOConfig, ModelConfig]:
    """Read options and the YAML file of `--config`. Raises: UsageError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about a default of TRL's own
            script, training, model = TrainParser().parse_args_and_config(list(argv))
    except FileNotFoundError as error:
        raise UsageError(f"--config: no such file: {error.filename}") from None
    except (OSError, ValueError, TypeError, IndexError, yaml.YAMLError) as error:
        fix = f"; change one of {', '.join(BATCH_OPTIONS)}" if "num_generations" in str(error) else ""
        raise UsageError(f"{error}{fix}") from None
    script.rewards, training.reward_weights = preflight.weigh_rewards(script.rewards, training)
    if not 0 <= script.held_out < 1:
        raise UsageError(f"--held_out: invalid value {script.held_out:g}: must be at least 0 and below 1")
    if not model.model_name_or_path:
        raise UsageError("--model_name_or_path: give a folder with a model, or a model's name")
    for difficulty in script.difficulties or ():
        if difficulty not in DIFFICULTIES:
            raise UsageError(f"--difficulties: no difficulty {difficulty!r}; there are {', '.join(DIFFICULTIES)}")
    if script.pass_rates is None and (script.min_pass_rate, script.max_pass_rate) != (0.0, 1.0):
        raise UsageError("--min_pass_rate, --max_pass_rate: they need --pass_rates FILE")
    if script.dataset_name is not None:
        raise UsageError("--dataset_name: problems come by --problems; for a data set of your own use trl grpo")
    preflight.check_packages(training, model)
    preflight.check_output(training.output_dir)
    training.resume_from_checkpoint = preflight.checkpoint(training)
    given = {"revision": model.model_revision, "dtype": model.dtype, "attn_implementation": model.attn_implementation}
    training.model_init_kwargs = given | (training.model_init_kwargs or {})
    return script, training, model


def _given_url(script: CodeArguments) -> str | None:
    given = script.url or os.environ.get("PASSRATE_URL") or None
    try:
        return None if given is None else server_url(given)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"--url: {error}") from None

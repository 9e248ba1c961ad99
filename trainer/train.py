"""`passrate train`: GRPO on a problem set, with the reward server as its reward. Arguments, data, reward, train.

Promises: what can be known to be wrong before the first step is one clear line then.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]
from transformers import AutoTokenizer
from trl import GRPOConfig, GRPOTrainer, ModelConfig, ScriptArguments, TrlParser, get_peft_config

from trainer import rewards
from trainer.client import SyncRewardClient
from trainer.data import DIFFICULTIES, read_pass_rates, select, split_by_hash, to_dataset
from trainer.display import progress_bar, show
from trainer.inputs import read_problems
from trainer.local_server import server_at
from trainer.parser import OneLineParser, UsageError
from trainer.settings import TrainerSettings
from trainer.wire import judging_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datasets import Dataset

    from tasks.schema import Problem

REWARDS = {
    "code": rewards.code_reward,
    "efficiency": rewards.efficiency_reward,
    "format": rewards.format_reward,
    "length": rewards.length_reward,
}
REPORTERS = {name: name for name in ("wandb", "trackio", "mlflow", "swanlab")} | {"tensorboard": "tensorboard"}
CHECKED_PROBLEMS = 10
"""References scored before the first step."""


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
        default_factory=lambda: ["code"],
        metadata={"help": f"any of {', '.join(REWARDS)}; --reward_weights weighs them in this order"},
    )
    languages: list[str] | None = field(default=None, metadata={"help": "only problems in these languages"})
    difficulties: list[str] | None = field(default=None, metadata={"help": "only easy, medium or hard problems"})
    max_prompt_chars: int | None = field(default=None, metadata={"help": "only problems whose prompt is no longer"})
    pass_rates: str | None = field(
        default=None, metadata={"help": "a file of `passrate score --pass-rates`, for the two options below"}
    )
    min_pass_rate: float = field(default=0.0, metadata={"help": "leave out problems that are solved less often"})
    max_pass_rate: float = field(default=1.0, metadata={"help": "leave out problems that are solved more often"})
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
    problems = chosen(read_problems(script.problems), script)
    train, held_out = split_by_hash(problems, script.held_out)
    if not train:
        raise UsageError(f"--held_out: {script.held_out:g} leaves no problem to train on")
    given = script.url or os.environ.get("PASSRATE_URL") or None
    if given is None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("--url: a run of several processes needs one server for all: passrate serve")
    with server_at(given) as url:
        os.environ["PASSRATE_URL"] = url  # reward functions read the environment, in every process of the run
        cpu_s = check_references(problems if "efficiency" in script.rewards else problems[:CHECKED_PROBLEMS])
        trainer = GRPOTrainer(
            model=model.model_name_or_path,
            args=training,
            reward_funcs=[REWARDS[name] for name in script.rewards],
            train_dataset=rows(train, script, model, cpu_s),
            eval_dataset=rows(held_out, script, model, cpu_s) if held_out else None,
            peft_config=get_peft_config(model),
        )
        trainer.train(resume_from_checkpoint=training.resume_from_checkpoint)
        trainer.save_model(training.output_dir)
        if held_out and training.eval_strategy != "no":
            trainer.log_metrics("eval", trainer.evaluate())
    return 0


def parse(argv: Sequence[str]) -> tuple[CodeArguments, GRPOConfig, ModelConfig]:
    """Read options and the YAML file of `--config`. Raises: UsageError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about a default of TRL's own
            script, training, model = TrainParser().parse_args_and_config(list(argv))
    except FileNotFoundError as error:
        raise UsageError(f"--config: no such file: {error.filename}") from None
    except (OSError, ValueError, TypeError, IndexError, yaml.YAMLError) as error:
        raise UsageError(str(error)) from None
    for name in script.rewards:
        if name not in REWARDS:
            raise UsageError(f"--rewards: no reward {name!r}; there are {', '.join(REWARDS)}")
    if not 0 <= script.held_out < 1:
        raise UsageError(f"--held_out: {script.held_out:g} does not do; give a share from 0 to below 1")
    _check_model(model.model_name_or_path)
    _check_packages(training, model)
    try:
        TrainerSettings.from_env(os.environ)
    except ValueError as error:
        raise UsageError(str(error)) from None
    given = {"revision": model.model_revision, "dtype": model.dtype, "attn_implementation": model.attn_implementation}
    training.model_init_kwargs = given | (training.model_init_kwargs or {})
    return script, training, model


def chosen(problems: Sequence[Problem], script: CodeArguments) -> list[Problem]:
    """Leave out what the options leave out. Raises: UsageError where nothing is left."""
    if script.pass_rates is None and (script.min_pass_rate, script.max_pass_rate) != (0.0, 1.0):
        raise UsageError("--pass_rates: give the file with the rates (passrate score --pass-rates FILE)")
    unknown = set(script.difficulties or ()) - set(DIFFICULTIES)
    if unknown:
        raise UsageError(f"--difficulties: no {min(unknown)!r}; there are {', '.join(DIFFICULTIES)}")
    left = select(
        problems,
        languages=script.languages,
        max_prompt_chars=script.max_prompt_chars,
        difficulties=script.difficulties,  # type: ignore[arg-type]
        pass_rates=read_pass_rates(Path(script.pass_rates)) if script.pass_rates is not None else None,
        min_pass_rate=script.min_pass_rate,
        max_pass_rate=script.max_pass_rate,
    )
    if not left:
        raise UsageError(f"--problems: of {len(problems)} problems the other options leave none")
    if len(left) < len(problems):
        show(f"{len(left)} of {len(problems)} problems are chosen.")
    return left


def check_references(problems: Sequence[Problem]) -> dict[str, float]:
    """Have the server judge the references before any GPU time is spent.

    Returns: the CPU seconds of each, by problem. Raises: UsageError where one scores less than 1.0.
    """
    known = [problem for problem in problems if problem.reference is not None]
    specs = {problem.id: judging_spec(problem) for problem in known}
    with SyncRewardClient.from_env() as client, progress_bar("checking references") as on_progress:
        results = client.score(
            [{"problem": problem.id, "code": problem.reference or ""} for problem in known],
            specs,
            detail="tests",
            on_progress=on_progress,
        )
    for problem, result in zip(known, results, strict=True):
        if result.reward != 1.0:
            reason = result.error or next((test.message for test in result.tests if test.verdict != "passed"), "")
            raise UsageError(
                f"--problems: the reference of {problem.id} scores {result.reward}, not 1.0 ({result.verdict}: "
                f"{reason}); passrate validate names all such problems"
            )
    show(f"The server scores {len(known)} references 1.0.")
    return {problem.id: result.cpu_s for problem, result in zip(known, results, strict=True)}


def rows(problems: Sequence[Problem], script: CodeArguments, model: ModelConfig, cpu_s: dict[str, float]) -> Dataset:
    chat = script.chat
    if chat is None:
        chat = bool(AutoTokenizer.from_pretrained(model.model_name_or_path).chat_template)
    measured = cpu_s if "efficiency" in script.rewards else None
    return to_dataset(problems, chat=chat, system_prompt=script.system_prompt, reference_cpu_s=measured)


def _check_packages(training: GRPOConfig, model: ModelConfig) -> None:
    """Refuse what needs a package that is not installed, before any work. Raises: UsageError."""
    wanted = {"--use_peft": "peft"} if model.use_peft else {}
    wanted |= {"--use_vllm": "vllm"} if training.use_vllm else {}
    wanted |= {f"--report_to {name}": REPORTERS[name] for name in training.report_to if name in REPORTERS}
    for option, package in wanted.items():
        if importlib.util.find_spec(package) is None:
            raise UsageError(f"{option}: {package} is not installed: pip install {package}")


def _check_model(name: Any) -> None:
    """Refuse what cannot be a model. A name that is no path may be one of a hub."""
    if not name:
        raise UsageError("--model_name_or_path: give a folder with a model, or a model's name")
    if (name.startswith((".", "/", "~")) or name.count("/") > 1) and not Path(name, "config.json").is_file():
        raise UsageError(f"--model_name_or_path: no model in {name}: there is no config.json")

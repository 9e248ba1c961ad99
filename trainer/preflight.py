"""What `passrate train` finds out before a model is loaded.

Promises: what is wrong is a `UsageError`, one line that names the option and the fix.
Not covered: whether the model fits into the GPU, and what a remote vLLM server can take.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import AutoConfig, AutoTokenizer
from transformers.integrations import get_available_reporting_integrations, get_reporting_integration_callbacks
from transformers.trainer_utils import get_last_checkpoint

from trainer.client import SyncRewardClient
from trainer.display import progress_bar
from trainer.hub import check_model
from trainer.parser import UsageError
from trainer.settings import TrainerSettings, weighted
from trainer.wire import judging_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datasets import Dataset
    from trl import GRPOConfig, ModelConfig

    from tasks.schema import Problem


def check_packages(training: GRPOConfig, model: ModelConfig) -> None:
    """Refuse what needs a package that is not installed."""
    if model.use_peft and importlib.util.find_spec("peft") is None:
        raise UsageError("--use_peft: peft is not installed: pip install 'passrate[lora]'")
    if training.use_vllm and importlib.util.find_spec("vllm") is None:
        raise UsageError("--use_vllm: vllm is not installed: pip install 'trl[vllm]'")
    for name in training.report_to:
        try:
            get_reporting_integration_callbacks([name])
        except ValueError as error:
            raise UsageError(f"--report_to: {error}") from None
        if name not in get_available_reporting_integrations():
            raise UsageError(f"--report_to: {name} is not installed: pip install {name}")


def weigh_rewards(asked: Sequence[str], training: GRPOConfig) -> tuple[list[str], list[float]]:
    """Settle what is rewarded and how it weighs: what the options leave open comes from `PASSRATE_REWARDS`."""
    try:
        chosen = dict(TrainerSettings.from_env(os.environ).rewards)
    except ValueError as error:
        raise UsageError(str(error)) from None
    try:
        chosen = dict(weighted(asked)) if asked else chosen
    except ValueError as error:
        raise UsageError(f"--rewards: {error}") from None
    weights = training.reward_weights or list(chosen.values())
    if len(weights) != len(chosen):
        raise UsageError(f"--reward_weights: {len(weights)} for {len(chosen)} of --rewards; give one for each")
    if not all(math.isfinite(weight) for weight in weights):
        raise UsageError(f"--reward_weights: invalid value {' '.join(map(str, weights))}: must be numbers")
    if len(chosen) > 1 and training.multi_objective_aggregation != "sum_then_normalize":
        raise UsageError(
            f"--multi_objective_aggregation: {training.multi_objective_aggregation} takes each of --rewards apart, and "
            "TRL would train on what the others say of a completion without a verdict; take sum_then_normalize"
        )
    return list(chosen), weights


def check_steps(training: GRPOConfig, problems: int) -> None:
    """Refuse fewer problems than a step takes. TRL would drop the step that they do not fill, and end without any."""
    completions, generations = training.generation_batch_size, training.num_generations
    needed = completions // generations
    if problems < needed:
        raise UsageError(
            f"--problems: {problems} to train on, and a step takes {needed}: {completions} completions, "
            f"{generations} of each problem; give more problems, or lower --per_device_train_batch_size or "
            "--gradient_accumulation_steps"
        )


def check_evaluation(training: GRPOConfig) -> None:
    """Refuse evaluation batches that would tear the groups of a problem apart. TRL looks only where it evaluates."""
    generations = training.num_generations_eval or training.num_generations
    batch = training.per_device_eval_batch_size * training.world_size
    if batch % generations:
        raise UsageError(
            f"--per_device_eval_batch_size: {training.per_device_eval_batch_size} on {training.world_size} process(es) "
            f"is no multiple of the {generations} generations of a held-out problem; change it, --num_generations_eval "
            "or --held_out 0"
        )


def check_output(folder: str) -> None:
    """Refuse a folder in which nothing can be written."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"--output_dir: cannot write in {folder}: {error.strerror}") from None


def checkpoint(training: GRPOConfig) -> str | None:
    """Find the checkpoint to go on from: that of a path, or for `true` the last one of the output folder."""
    asked = training.resume_from_checkpoint
    if asked is None or str(asked).lower() in ("false", ""):
        return None
    if str(asked).lower() == "true":
        last = get_last_checkpoint(training.output_dir) if Path(training.output_dir).is_dir() else None
        if last is None:
            raise UsageError(f"--resume_from_checkpoint: there is no checkpoint in {training.output_dir}")
        return str(last)
    if not Path(asked, "trainer_state.json").is_file():
        raise UsageError(f"--resume_from_checkpoint: no checkpoint in {asked}: there is no trainer_state.json")
    return str(asked)


def read_tokenizer(training: GRPOConfig, model: ModelConfig) -> tuple[Any, int | None]:
    """Load what is small of a model. Returns: its tokenizer, and the tokens that it can hold, where known."""
    check_model("--model_name_or_path", model.model_name_or_path, model.model_revision)
    trust = bool(getattr(training, "trust_remote_code", False) or getattr(model, "trust_remote_code", False))
    how = {"revision": model.model_revision, "trust_remote_code": trust}
    try:
        config = AutoConfig.from_pretrained(model.model_name_or_path, **how)
        tokenizer = AutoTokenizer.from_pretrained(model.model_name_or_path, **how)
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise UsageError(f"--model_name_or_path: cannot load {model.model_name_or_path}: {first}") from None
    return tokenizer, getattr(config.get_text_config(), "max_position_embeddings", None)


def check_rows(dataset: Dataset) -> None:
    """Refuse rows on which a step would fail: each has a prompt, all of one shape, and tests as a JSON string."""
    shapes = {type(prompt) for prompt in dataset["prompt"]}
    if len(shapes) > 1 or not shapes <= {str, list}:
        raise UsageError("--problems: prompts must all be texts or all be lists of messages")
    for problem_id, prompt, spec in zip(dataset["problem_id"], dataset["prompt"], dataset["problem"], strict=True):
        if not prompt:
            raise UsageError(f"--problems: {problem_id} has no prompt")
        if not isinstance(spec, str) or not json.loads(spec).get("tests"):
            raise UsageError(f"--problems: {problem_id} has no tests")


def check_lengths(dataset: Dataset, tokenizer: Any, room: int | None, training: GRPOConfig) -> None:
    """Refuse prompts that leave no room for a completion."""
    rooms = [room, training.vllm_max_model_length if training.use_vllm else None]
    room = min((known for known in rooms if known is not None), default=None)
    if room is None:
        return
    for problem_id, prompt in zip(dataset["problem_id"], dataset["prompt"], strict=True):
        text = prompt
        if not isinstance(prompt, str):
            text = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
        tokens = len(tokenizer(text, add_special_tokens=isinstance(prompt, str))["input_ids"])
        if tokens + training.max_completion_length > room:
            raise UsageError(
                f"--max_completion_length: {training.max_completion_length} after the {tokens} tokens of the prompt of "
                f"{problem_id} is more than the {room} that the model holds; lower it, or leave long prompts out by "
                "--max_prompt_chars"
            )


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
    return {problem.id: result.cpu_s for problem, result in zip(known, results, strict=True)}

"""The demo: server, problems, model, held-out pass@k, GRPO, held-out pass@k again, plot and report.

Promises: every reward is a verdict that came over HTTP from the sandbox, by `trainer.rewards.code_reward` as it is.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import warnings
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import torch
import transformers
from datasets import Dataset
from transformers import PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from trainer.client import SyncRewardClient
from trainer.demo.model import LONGEST_COMPLETION, STEPS, TIME_LIMIT_S, get_base, sample
from trainer.demo.problems import split_tasks
from trainer.demo.watch import Watch
from trainer.display import percent, progress_bar, show, table, write_json
from trainer.evaluation import evaluate
from trainer.local_server import server_at
from trainer.plot import plot_training
from trainer.rewards import code_reward
from trainer.wire import judging_spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trainer.demo.problems import Task
    from trainer.evaluation import Evaluation
    from trainer.rewards import RewardFunction
    from trainer.wire import Submission

GRPO_STEPS = 460
UPDATES = 2
"""Steps on each batch of completions: to draw and judge one takes longer than to learn from it."""
BATCH = 64
GROUP = 8
LEARNING_RATE = 1.5e-4
TRAINING_TASKS = 1024
SAMPLES = 16
"""Of each held-out problem; pass@1 and pass@8 are estimated from them without bias."""
KS = (1, 8)
THREADS = 4
"""More do not help a model this small."""
CHATTY = ("transformers", "trl", "accelerate", "httpx")


@dataclass(frozen=True)
class DemoResult:
    """What a demo run found."""

    seed: int
    control: bool
    """Whether rewards were random."""
    steps: int
    held_out_problems: int
    before: dict[int, float]
    """Held-out pass@k by k."""
    after: dict[int, float]
    parameters: int
    pretraining_s: float
    """0 where the base model came from the cache."""
    training_s: float
    reward_wait_s: float
    """Part of the training in which TRL waited for rewards."""
    completions_scored: int
    """Over HTTP, in training and in both evaluations."""
    cached_share: float
    """Part of the training's completions that the server had judged before."""
    unscored: int
    """Completions of the evaluations without a verdict."""
    plot: str
    report: str


def run_demo(
    *,
    seed: int = 0,
    steps: int | None = None,
    out: Path,
    url: str | None = None,
    control: bool = False,
    base_steps: int = STEPS,
) -> DemoResult:
    """Run the demo and print what it found.

    Args:
        seed: of the problems, the base model, the sampling and the training.
        steps: of GRPO; None takes `GRPO_STEPS`.
        out: the folder for `demo.png` and `demo.json`; made where missing.
        url: a reward server; without it one is started and ended here.
        control: whether the model is trained on random numbers in place of what the server says.
        base_steps: of the base model's own training.
    """
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(quiet())
        os.environ["PASSRATE_URL"] = stack.enter_context(server_at(url, backend="embedded"))  # for `code_reward`
        torch.set_num_threads(min(THREADS, torch.get_num_threads()))

        split = split_tasks(seed)
        show(f"Base model: from the cache, or built in at most {TIME_LIMIT_S:.0f} s ...")
        with progress_bar("base model") as on_progress:
            base = get_base(split, seed=seed, steps=base_steps, on_progress=on_progress)
        before = measure(base.model, base.tokenizer, split.held_out, seed=seed)
        show(f"Held-out pass@1 before: {percent(before.pass_at[1])}. Training by GRPO ...")

        rng = Random(f"training {seed}")  # noqa: S311
        tasks = [split.draw(rng) for _ in range(TRAINING_TASKS)]
        reward = random_reward(seed) if control else code_reward
        watch = train(base.model, base.tokenizer, rows(tasks), reward, steps=steps or GRPO_STEPS, seed=seed)
        after = measure(base.model, base.tokenizer, split.held_out, seed=seed)

    name = "control" if control else "demo"
    result = DemoResult(
        seed=seed,
        control=control,
        steps=watch.steps,
        held_out_problems=len(split.held_out),
        before=known(before),
        after=known(after),
        parameters=base.model.num_parameters(),
        pretraining_s=base.seconds,
        training_s=watch.seconds,
        reward_wait_s=watch.reward_wait_s,
        completions_scored=BATCH * len(watch.rewards) + 2 * SAMPLES * len(split.held_out),
        cached_share=sum(watch.cached) / len(watch.cached),
        unscored=before.unscored + after.unscored,
        plot=str(out / f"{name}.png"),
        report=str(out / f"{name}.json"),
    )
    plot_training(
        {"share of tests passed in training": watch.rewards},
        result.before,
        result.after,
        out / f"{name}.png",
        problems=result.held_out_problems,
        title="The control: random rewards" if control else "A tiny model learns from pass rates over HTTP",
    )
    write_json(asdict(result) | {"rewards": list(watch.rewards.values())}, out / f"{name}.json")
    print_result(result)
    return result


def rows(tasks: Sequence[Task]) -> Dataset:
    problems = [task.problem() for task in tasks]
    return Dataset.from_list(
        [
            {"prompt": problem.prompt, "problem_id": problem.id, "problem": json.dumps(judging_spec(problem))}
            for problem in problems
        ]
    )


def random_reward(seed: int) -> RewardFunction:
    """Make a reward that asks the server as usual and then draws a number in place of each of its rewards."""
    rng = Random(f"control {seed}")  # noqa: S311

    async def random_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
        judged = await code_reward(completions, **columns)
        return [rng.random() for _ in judged]

    return random_reward


def train(model: Any, tokenizer: Any, dataset: Dataset, reward: RewardFunction, *, steps: int, seed: int) -> Watch:
    """Train in place by GRPO, on what `reward` says."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = GRPOConfig(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=BATCH,
            num_generations=GROUP,
            max_completion_length=LONGEST_COMPLETION,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="constant",
            temperature=1.0,
            beta=0.0,
            num_iterations=UPDATES,
            gradient_checkpointing=False,
            use_cpu=True,
            bf16=False,
            seed=seed,
            logging_steps=1,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
        )
        trainer = GRPOTrainer(
            model=model, args=arguments, reward_funcs=reward, train_dataset=dataset, processing_class=tokenizer
        )
        trainer.remove_callback(PrinterCallback)
        watch = Watch()
        trainer.add_callback(watch)
        with closing(watch):
            trainer.train()
    return watch


def measure(model: Any, tokenizer: Any, tasks: Sequence[Task], *, seed: int) -> Evaluation:
    """Have samples of the held-out problems judged by the server, and estimate pass@k."""
    completions = sample(model, tokenizer, [task.prompt for task in tasks], samples=SAMPLES, seed=seed)
    submissions: list[Submission] = [
        {"problem": task.id, "completion": text}
        for task, texts in zip(tasks, completions, strict=True)
        for text in texts
    ]
    with SyncRewardClient.from_env() as client:
        results = client.score(submissions, {task.id: judging_spec(task.problem()) for task in tasks})
    return evaluate(submissions, results, KS)


def known(found: Evaluation) -> dict[int, float]:
    """Take pass@k. Raises: RuntimeError where the server gave too few verdicts to tell."""
    values = {k: value for k, value in found.pass_at.items() if value is not None}
    if len(values) < len(KS):
        raise RuntimeError(f"{found.unscored} completions have no verdict: too few are left to estimate pass@{max(KS)}")
    return values


def print_result(result: DemoResult) -> None:
    made = table(
        f"Seed {result.seed}{', random rewards' if result.control else ''}", "held-out problems", "before", "after"
    )
    made.add_row("number", str(result.held_out_problems), str(result.held_out_problems))
    for k in KS:
        made.add_row(f"pass@{k}", percent(result.before[k]), percent(result.after[k]))
    waiting = percent(result.reward_wait_s / result.training_s)
    built = f"built in {result.pretraining_s:.0f} s" if result.pretraining_s else "from the cache"
    show(
        made,
        f"Base model: {result.parameters:,} parameters, {built}.",
        f"GRPO: {result.steps} steps in {result.training_s:.0f} s, {waiting} of it waiting for rewards.",
        f"Scored over HTTP: {result.completions_scored:,} completions, {result.unscored} without a verdict.",
        f"Judged before, and so from the server's cache: {percent(result.cached_share)} of those in training.",
        f"Plot: {result.plot}",
        f"Report: {result.report}",
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep libraries from talking over the progress."""
    levels = {name: logging.getLogger(name).level for name in CHATTY}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers.utils.logging.disable_progress_bar()
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            transformers.utils.logging.enable_progress_bar()
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)

"""Follows a GRPO run: rewards by step, seconds, the part of them spent waiting for rewards; shows its progress."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from transformers import TrainerCallback

if TYPE_CHECKING:
    from transformers import TrainerState

SMOOTHING = 0.1
"""Weight of the newest step in the reward that is shown."""
LINES = 10
"""Lines of progress where there is no terminal for a bar."""


class Watch(TrainerCallback):  # type: ignore[misc]
    """A callback of one training. Needs `logging_steps=1` and `trainer.rewards.code_reward`."""

    def __init__(self) -> None:
        self.steps = 0
        self.rewards: dict[int, float] = {}
        """By the step that drew completions, the share of tests they passed: the mean reward, unless that is random."""
        self.cached: list[float] = []
        """Of each batch, the share of completions whose verdict the server had already."""
        self.seconds = 0.0
        self.reward_wait_s = 0.0
        self._began = 0.0
        self._shown = 0.0
        self._told = 0
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("reward {task.fields[reward]:.2f}, {task.fields[step_s]:.2f} s a step"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._bar = self._progress.add_task("GRPO", total=None, reward=0.0, step_s=0.0)

    def on_train_begin(self, _arguments: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        self._began = time.perf_counter()
        self._progress.update(self._bar, total=state.max_steps)
        self._progress.start()

    def on_log(
        self, _arguments: Any, state: TrainerState, _control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if logs is None or "train_runtime" in logs:  # the summary at the end
            return
        self.seconds = time.perf_counter() - self._began
        self.steps = state.global_step
        if "reward" not in logs:  # a further step on the same batch
            return
        reward = self.rewards[state.global_step] = logs.get("passrate/pass_rate", logs["reward"])
        self.cached.append(logs.get("passrate/cached", 0.0))
        self.reward_wait_s += logs.get("passrate/reward_s", 0.0)
        self._shown += (reward - self._shown) * max(SMOOTHING, 1 / len(self.rewards))
        step_s = self.seconds / self.steps
        self._progress.update(self._bar, completed=self.steps, reward=self._shown, step_s=step_s)
        if self._progress.disable and self.steps >= self._told + state.max_steps / LINES:
            self._told = self.steps
            left_s = step_s * (state.max_steps - self.steps)
            self._console.print(
                f"GRPO {self.steps}/{state.max_steps}: reward {self._shown:.2f}, "
                f"{step_s:.2f} s a step, {left_s:.0f} s left",
                highlight=False,
            )

    def close(self) -> None:
        self._progress.stop()

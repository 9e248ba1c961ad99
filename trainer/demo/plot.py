"""The picture of a demo run: reward over steps, and what it did to the held-out problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WINDOW = 15
"""Steps on either side of the one that is smoothed."""
LINE, BEFORE_AFTER = "#2563a8", {1: ("#c2410c", "o"), 8: ("#5b8c2a", "s")}


def plot(
    rewards: Sequence[float], before: dict[int, float], after: dict[int, float], path: Path, *, problems: int
) -> None:
    """Draw the mean reward of each step, smoothed, and pass@k of the held-out problems at both ends.

    Args:
        rewards: by step.
        before: pass@k by k, before the first step.
        after: the same, after the last one.
        path: the PNG to write.
        problems: how many are held out.
    """
    steps = range(1, len(rewards) + 1)
    windows = [sorted(rewards[max(0, i - WINDOW) : i + WINDOW + 1]) for i in range(len(rewards))]
    means = [sum(window) / len(window) for window in windows]
    lows, highs = ([window[round(q * (len(window) - 1))] for window in windows] for q in (0.1, 0.9))
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(steps, means, color=LINE, linewidth=2.2, label=f"reward in training, mean of {2 * WINDOW + 1} steps")
    axes.fill_between(steps, lows, highs, color=LINE, alpha=0.2, linewidth=0, label="8 of 10 of those steps")
    for k, (colour, marker) in BEFORE_AFTER.items():
        ends = [before[k], after[k]]
        label = f"pass@{k} of {problems} held-out problems, before and after"
        axes.plot([0, len(rewards)], ends, color=colour, marker=marker, markersize=9, linestyle="none", label=label)
        for x, y, side in ((0, before[k], -1), (len(rewards), after[k], 1)):
            axes.annotate(
                f"{y:.2f}", (x, y), (9 * side, 0), textcoords="offset points", color=colour, fontsize=12,
                ha="left" if side > 0 else "right", va="center",
            )  # fmt: skip
    margin = 0.1 * max(1, len(rewards))
    axes.set_xlim(-margin, len(rewards) + margin)
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("GRPO step", fontsize=13)
    axes.set_ylabel("share of tests passed; pass@k", fontsize=13)
    axes.set_title("A tiny model learns from pass rates over HTTP", fontsize=14)
    axes.tick_params(labelsize=12)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=11, framealpha=0.9)
    figure.savefig(path, dpi=150)

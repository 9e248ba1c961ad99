"""The picture of a training run: what each step earned, and what that did to the held-out problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WINDOW = 15
"""Points on either side of the one that is smoothed."""
COLOURS = ("#2563a8", "#7c3aed")
BEFORE_AFTER = {1: ("#c2410c", "o"), 8: ("#5b8c2a", "s")}


def plot_training(
    lines: Mapping[str, Mapping[int, float]],
    before: Mapping[int, float],
    after: Mapping[int, float],
    path: Path,
    *,
    problems: int,
    title: str,
) -> None:
    """Draw what was logged in training, smoothed, and pass@k of the held-out problems at both ends.

    Args:
        lines: by name, the values of a line by step.
        before: pass@k by k (1, 8), before the first step; what is not known is not drawn.
        after: the same, after the last one.
        path: the PNG to write.
        problems: how many are held out.
        title: goes above.
    """
    last = max((step for values in lines.values() for step in values), default=0)
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    for (name, by_step), colour in zip(lines.items(), COLOURS, strict=False):
        steps, values = list(by_step), list(by_step.values())
        windows = [sorted(values[max(0, i - WINDOW) : i + WINDOW + 1]) for i in range(len(values))]
        means = [sum(window) / len(window) for window in windows]
        lows, highs = ([window[round(q * (len(window) - 1))] for window in windows] for q in (0.1, 0.9))
        axes.plot(steps, means, color=colour, linewidth=2.2, label=f"{name}, smoothed")
        axes.fill_between(steps, lows, highs, color=colour, alpha=0.2, linewidth=0)
    for k, (colour, marker) in BEFORE_AFTER.items():
        ends = [(x, found[k], side) for x, found, side in ((0, before, -1), (last, after, 1)) if k in found]
        label = f"pass@{k} of {problems} held-out problems, before and after"
        xs, ys = [x for x, _, _ in ends], [y for _, y, _ in ends]
        if ends:
            axes.plot(xs, ys, color=colour, marker=marker, markersize=9, linestyle="none", label=label)
        for x, y, side in ends:
            axes.annotate(
                f"{y:.2f}", (x, y), (9 * side, 0), textcoords="offset points", color=colour, fontsize=12,
                ha="left" if side > 0 else "right", va="center",
            )  # fmt: skip
    margin = 0.1 * max(1, last)
    low, high = axes.get_ylim()
    axes.set_xlim(-margin, last + margin)
    axes.set_ylim(min(0, low), max(1.05, high))
    axes.set_xlabel("GRPO step", fontsize=13)
    axes.set_ylabel("share of tests passed; pass@k", fontsize=13)
    axes.set_title(title, fontsize=14)
    axes.tick_params(labelsize=12)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=11, framealpha=0.9)
    figure.savefig(path, dpi=150)

"""The picture of an evaluation: pass@k over k, verdicts, tags, and against another the difference with its interval."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from trainer.display import percent
from trainer.evaluation import pass_at
from trainer.wire import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trainer.evaluation import Difference, Evaluation

    Sides = Sequence[tuple[str, Evaluation]]

COLOURS = ("#2563a8", "#c2410c")
MARKERS = ("o", "s")
PANEL_INCHES = (5.2, 4.0)
MANY = 8
"""Tags that fit; the commonest are drawn."""
FEWEST_BARS = 4
"""For which there is room, so that one bar alone is no wall."""
LONGEST_NAME = 60


def plot_evaluation(
    sides: Sides, differences: Mapping[int, Difference], tags: Mapping[str, Sequence[str]], path: Path
) -> None:
    """Draw one set of completions, or two.

    Args:
        sides: names and what is known. Of two, pass@k is drawn over the problems that both have, as it is compared.
        differences: of the two, by k.
        tags: the problems of each tag, the commonest first.
        path: the PNG to write.
    """
    both = [problem for problem in sides[0][1].counts if all(problem in found.counts for _, found in sides)]
    panels = [partial(_draw_pass_at, sides=sides, both=both)]
    if differences:
        panels.append(partial(_draw_differences, differences=differences))
    panels.append(partial(_draw_verdicts, sides=sides))
    if len(tags) > 1:
        panels.append(partial(_draw_tags, sides=sides, both=both, tags=tags))
    columns = 3 if len(panels) == 3 else 2
    rows = len(panels) // columns
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    for panel, axes in zip(panels, figure.subplots(rows, columns).flat, strict=True):
        panel(axes)
        axes.tick_params(labelsize=10)
    if len(sides) > 1:
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", fontsize=11, frameon=False
        )
    figure.savefig(path, dpi=150)


def _draw_pass_at(axes: Any, sides: Sides, both: Sequence[str]) -> None:
    asked = [k for k, value in sides[0][1].pass_at.items() if value is not None]
    ks = range(1, max(asked, default=1) + 1)
    over = {k: [one for one in both if all(found.counts[one][0] >= k for _, found in sides)] for k in ks}
    curves = [{k: pass_at(found.counts, over[k], [k])[k] for k in ks if over[k]} for _, found in sides]
    for side, (name, _) in enumerate(sides):
        curve, colour = curves[side], COLOURS[side]
        points = {k: curve[k] for k in asked if k in curve}
        axes.plot(list(curve), list(curve.values()), color=colour, linewidth=2, label=name[-LONGEST_NAME:])
        axes.plot(list(points), list(points.values()), MARKERS[side], color=colour, markersize=7)
        for k, value in points.items():
            # The higher of two curves has its numbers above it, the lower one below.
            is_highest = side == max(range(len(sides)), key=lambda other: curves[other][k] or 0)
            place: dict[str, Any] = {"xytext": (-5, 6), "ha": "right"} if is_highest else {"xytext": (5, -15)}
            axes.annotate(f"{value:.1%}", (k, value), textcoords="offset points", color=colour, fontsize=10, **place)
    axes.set_title(f"pass@k of {len(both)} problems", fontsize=12)
    axes.set_xlabel("k", fontsize=11)
    axes.set_xticks(asked)
    axes.set_ylim(-0.05, 1.1)
    axes.margins(x=0.22)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(alpha=0.3)


def _draw_differences(axes: Any, differences: Mapping[int, Difference]) -> None:
    axes.axvline(0, color="black", linewidth=1)
    known = [(f"pass@{k}", one) for k, one in differences.items() if one.value is not None]
    for place, (_, one) in enumerate(known):
        value = 100 * (one.value or 0.0)
        low, high = (100 * bound for bound in one.interval or (one.value or 0.0,) * 2)
        axes.plot([low, high], [place, place], color="black", linewidth=2, marker="|", markersize=12)
        axes.plot([value], [place], color="black", marker="o", markersize=7)
        axes.annotate(
            f"{value:+.1f}", (value, place), (0, 9), textcoords="offset points", ha="center", fontsize=10,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    axes.set_yticks(range(len(known)), [name for name, _ in known])
    axes.set_ylim(len(known) - 0.4, -0.6)
    axes.margins(x=0.15)
    axes.set_title("difference and its 95% interval", fontsize=12)
    axes.set_xlabel("percentage points", fontsize=11)
    axes.grid(alpha=0.3, axis="x")


def _draw_verdicts(axes: Any, sides: Sides) -> None:
    verdicts = [verdict for verdict in VERDICTS if any(found.verdicts[verdict] for _, found in sides)]
    shares = [[found.verdicts[verdict] / found.verdicts.total() for verdict in verdicts] for _, found in sides]
    _draw_bars(axes, verdicts, shares)
    axes.set_title("verdicts, share of samples", fontsize=12)


def _draw_tags(axes: Any, sides: Sides, both: Sequence[str], tags: Mapping[str, Sequence[str]]) -> None:
    k = min(sides[0][1].pass_at)
    drawn = {tag: [problem for problem in ids if problem in both] for tag, ids in list(tags.items())[:MANY]}
    values = [[pass_at(found.counts, ids, [k])[k] for ids in drawn.values()] for _, found in sides]
    _draw_bars(axes, [f"{tag} ({len(ids)})" for tag, ids in drawn.items()], values)
    which = "by tag" if len(drawn) == len(tags) else f"of the {MANY} commonest tags"
    axes.set_title(f"pass@{k} {which} (problems)", fontsize=12)


def _draw_bars(axes: Any, names: Sequence[str], values: Sequence[Sequence[float | None]]) -> None:
    """Draw horizontal bars of shares, those of each name together, the first name at the top."""
    height = 0.8 / len(values)
    for side, (shares, colour) in enumerate(zip(values, COLOURS, strict=False)):
        places = [place + (side - (len(values) - 1) / 2) * height for place in range(len(names))]
        axes.barh(places, [share or 0 for share in shares], height, color=colour)
        for place, share in zip(places, shares, strict=True):
            axes.annotate(
                percent(share), (share or 0, place), (4, 0), textcoords="offset points", va="center", fontsize=9
            )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), FEWEST_BARS) - 0.4, -0.6)
    axes.set_xlim(0, 1.15)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(alpha=0.3, axis="x")

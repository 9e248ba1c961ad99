"""The picture of a run: evaluations a second by way, CPU time by who used it, and the ratios that have goals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from tests.bench.goals import races
from tests.bench.numbers import CONTAINED, DOCKER, EMBEDDED, FORKED, RUN_CODE, SHARED, STARTED, UNREFERENCED, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.numbers import Measured

COLOURS = {
    EMBEDDED: "#2563a8",
    DOCKER: "#0e9aa7",
    UNREFERENCED: "#9fb8d0",
    SHARED: "#c3b1e1",
    FORKED: "#374151",
    STARTED: "#c2410c",
    CONTAINED: "#e9a23b",
    RUN_CODE: "#9d174d",
}
PARTS = {"server": "#2563a8", "runner": "#5b8c2a", "submission": "#e9a23b"}
REACHED, MISSED = "#5b8c2a", "#c2410c"
BAR = 0.8
MOST_FLOORS = 4.0
"""Longer bars are cut there, or they would make the others too short to read."""


def plot_bench(measured: Measured, path: Path) -> None:
    """Write a PNG."""
    bars = sum(len(raced.rounds) + 1 for raced in measured.raced.values())
    figure = Figure(figsize=(14, max(6.0, 0.26 * bars + 1.5)), layout="constrained")
    columns: dict[str, Any] = figure.subplot_mosaic([["pace", "cpu"], ["pace", "ratios"]], width_ratios=(1.1, 1))
    _draw_pace(columns["pace"], measured)
    _draw_cpu(columns["cpu"], measured)
    _draw_ratios(columns["ratios"], measured)
    figure.suptitle(measured.machine, fontsize=10)
    figure.savefig(path, dpi=130)


def _draw_pace(axes: Any, measured: Measured) -> None:
    place, ticks = 0.0, {}
    named: set[str] = set()
    for raced in measured.raced.values():
        first = place
        for way in raced.rounds:
            pace = raced.per_s(way)
            label = way if way not in named else None
            named.add(way)
            axes.barh(place, pace.median, BAR, color=COLOURS[way], label=label)
            axes.plot([pace.low, pace.high], [place, place], color="black", linewidth=1)
            axes.annotate(
                written(pace.median, 3), (pace.high, place), (4, 0), textcoords="offset points", va="center", fontsize=8
            )
            place += 1
        ticks[raced.name] = (first + place - 1) / 2
        place += 1
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_yticks(list(ticks.values()), list(ticks))
    axes.set_ylim(place - 1.2, -0.8)
    axes.set_title("evaluations a second, medians and ranges", fontsize=12)
    axes.grid(alpha=0.3, axis="x")
    axes.set_axisbelow(True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.04), ncols=4, fontsize=9, frameon=False)


def _draw_cpu(axes: Any, measured: Measured) -> None:
    """Stacked bars in multiples of the floor, because the works differ by more than what is to be seen."""
    rows = [(raced, way) for raced in measured.raced.values() for way in (EMBEDDED, DOCKER) if way in raced.rounds]
    for place, (raced, way) in enumerate(rows):
        floor_ms, left = raced.cpu_ms(FORKED).median, 0.0
        for part, colour in PARTS.items():
            width = min(raced.cpu_ms(way, part).median / floor_ms, MOST_FLOORS - left)
            axes.barh(place, width, BAR, left=left, color=colour, label=part if place == 0 else None)
            left += width
        told = f"{written(raced.cpu_ms(way).median, 3)} ms"
        told += f", {written(raced.cpu_ratio(way, FORKED).median, 3)} x" if left >= MOST_FLOORS else ""
        axes.annotate(
            told, (left, place), (4, 0), textcoords="offset points", va="center", fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    axes.axvline(1, color="black", linewidth=1, linestyle="--", label="bare fork + exec")
    axes.set_yticks(range(len(rows)), [f"{raced.name}, {way}" for raced, way in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.margins(x=0.5)  # at the right, for the legend
    axes.set_title("CPU time of an evaluation, floor = 1", fontsize=12)
    axes.grid(alpha=0.3, axis="x")
    axes.set_axisbelow(True)
    axes.legend(loc="upper right", fontsize=9)


def _draw_ratios(axes: Any, measured: Measured) -> None:
    goals = [goal for goal in races(measured) if goal.number is not None]
    for place, goal in enumerate(goals):
        number, colour = goal.number, REACHED if goal.reached else MISSED
        assert number is not None
        axes.plot([number.low, number.high], [place, place], color=colour, linewidth=2.5)
        axes.plot([number.median], [place], color=colour, marker="o", markersize=7)
        if goal.bound is not None:
            sign = ">" if goal.at_least else "<"
            axes.plot([goal.bound], [place], color="black", marker=sign, markersize=8, fillstyle="none")
        axes.annotate(
            written(number.median, 3),
            (number.median, place),
            (0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axes.set_xscale("log")
    axes.set_yticks(range(len(goals)), [goal.what for goal in goals], fontsize=9)
    axes.set_ylim(len(goals) - 0.4, -0.7)
    axes.margins(x=0.08)
    axes.set_title("ratios and their goals", fontsize=12)
    for colour, marker, label in (
        (REACHED, "o", "reached"),
        (MISSED, "o", "missed"),
        ("black", ">", "at least"),
        ("black", "<", "at most"),
    ):
        fill = "full" if marker == "o" else "none"
        axes.plot([], [], color=colour, marker=marker, fillstyle=fill, linestyle="none", label=label)
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.08), ncols=4, fontsize=9, frameon=False)
    axes.grid(alpha=0.3, axis="x")

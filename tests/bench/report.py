"""The numbers as tables of 80 columns and as JSON. Pure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from tests.bench.goals import goals_of
from tests.bench.numbers import FORKED, Latency, Spread, written
from trainer.display import table

if TYPE_CHECKING:
    from rich.table import Table

    from tests.bench.numbers import Measured, Raced


def tables(measured: Measured) -> list[Table | str]:
    latencies = []
    for way, taken_s in measured.latencies_s.items():
        seen = Latency.of(taken_s)
        times = ", ".join(f"{name} {getattr(seen, name):.1f}" for name in ("p50", "p95", "p99"))
        latencies.append(f"One trivial request to an idle server, ms: {times} ({way})")
    raced = [ways_table(each) for each in measured.raced.values()]
    return [measured.machine, *raced, goals_table(measured), *latencies, *measured.notes]


def ways_table(raced: Raced) -> Table:
    counts = [len(samples) for samples in raced.rounds.values()]
    rounds = str(counts[0]) if len(set(counts)) == 1 else f"{max(counts)}, slow ways {min(counts)}"
    title = (
        f"{raced.name}: {raced.title}.\n"
        f"{raced.evaluations} evaluations a round; rounds, in turns: {rounds}; ratio: of CPU time, to {FORKED}"
    )
    seen = table(title, "way", numbers=["evals/s", "range", "CPU ms", "ratio", "range", "wrong"])
    for way, samples in raced.rounds.items():
        wrong = str(max(sample.failed for sample in samples))
        pace = raced.per_s(way).cells()
        if not raced.has_cpu(way):
            seen.add_row(way, *pace, "", "", "", wrong)
            continue
        ratio = ("1", "") if way == FORKED else raced.cpu_ratio(way, FORKED).cells()
        seen.add_row(way, *pace, written(raced.cpu_ms(way).median, 3), *ratio, wrong)
        for part in samples[0].parts_s:
            seen.add_row(f" {part}", "", "", written(raced.cpu_ms(way, part).median, 3))
    return seen


def goals_table(measured: Measured) -> Table:
    seen = table("Goals", "measured", numbers=["median", "range", "goal", ""])
    for goal in goals_of(measured):
        median, spread = goal.number.cells() if goal.number else ("not readable by this user", "")
        outcome = {None: "", True: "reached", False: "missed"}[goal.reached]
        seen.add_row(goal.what, median, spread, goal.words, outcome)
    return seen


def as_json(measured: Measured) -> dict[str, Any]:
    return {
        "machine": measured.machine,
        "at_once": measured.at_once,
        "works": {name: raced_json(raced) for name, raced in measured.raced.items()},
        "start_s": plain(Spread.of(measured.starts_s)),
        "slot_bytes": measured.slot_bytes,
        "latency_ms": {way: dataclasses.asdict(Latency.of(taken_s)) for way, taken_s in measured.latencies_s.items()},
        "server_batch_cpu_ms": plain(Spread.of([1000 * each_s for each_s in measured.batch_cpu_s])),
        "peak": dataclasses.asdict(measured.peak),
        "goals": [
            {
                "measured": goal.what,
                "value": goal.number and plain(goal.number),
                "goal": goal.words,
                "reached": goal.reached,
            }
            for goal in goals_of(measured)
        ],
        "notes": measured.notes,
    }


def raced_json(raced: Raced) -> dict[str, Any]:
    ways = {}
    for way, samples in raced.rounds.items():
        ways[way] = {
            "wrong": max(sample.failed for sample in samples),
            "per_s": plain(raced.per_s(way)),
            "samples": [dataclasses.asdict(sample) for sample in samples],
        }
        if raced.has_cpu(way):
            ways[way]["cpu_ms"] = plain(raced.cpu_ms(way))
            ways[way]["parts_cpu_ms"] = {part: plain(raced.cpu_ms(way, part)) for part in samples[0].parts_s}
            ways[way]["cpu_to_floor"] = plain(raced.cpu_ratio(way, FORKED))
    return {"title": raced.title, "evaluations": raced.evaluations, "ways": ways}


def plain(spread: Spread) -> dict[str, float]:
    return dataclasses.asdict(spread)

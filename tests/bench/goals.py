"""What is wanted of the numbers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.numbers import CONTAINED, DOCKER, EMBEDDED, FORKED, SHARED, STARTED, UNREFERENCED, Latency, Spread
from tests.bench.works import GRPO, HUMANEVAL, NUMPY, STDIO

if TYPE_CHECKING:
    from tests.bench.numbers import Measured

PEAK_COMPLETIONS = 4096
GRPO_COMPLETIONS = 512
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted of a number: at most `bound`, or at least."""

    what: str
    number: Spread | None
    """None where this user may not know."""
    bound: float | None
    """None where the goal is about more than was measured."""
    at_least: bool = False

    @property
    def reached(self) -> bool | None:
        if self.number is None or self.bound is None:
            return None
        return self.number.median >= self.bound if self.at_least else self.number.median <= self.bound

    @property
    def words(self) -> str:
        return "" if self.bound is None else f"{'>=' if self.at_least else '<='} {self.bound:g}"


def goals_of(measured: Measured) -> list[Goal]:
    return [*races(measured), *requests(measured), *pieces(measured)]


def races(measured: Measured) -> list[Goal]:
    """Of one way against another."""
    goals, main = [], measured.main
    if HUMANEVAL in measured.raced:
        raced = measured.raced[HUMANEVAL]
        if DOCKER in raced.rounds:
            goals.append(Goal(f"{HUMANEVAL}: CPU time, {DOCKER} to {FORKED}", raced.cpu_ratio(DOCKER, FORKED), 1.5))
        goals.append(Goal(f"{HUMANEVAL}: CPU time, {EMBEDDED} to {FORKED}", raced.cpu_ratio(EMBEDDED, FORKED), 2.0))
        goals.append(faster(measured, HUMANEVAL, main, STARTED, 2.0))
        if DOCKER in raced.rounds:
            goals.append(faster(measured, HUMANEVAL, DOCKER, CONTAINED, 30.0))
            goals.append(faster(measured, HUMANEVAL, DOCKER, EMBEDDED, 0.8))
        if SHARED in raced.rounds:
            wall = raced.cpu_ratio(EMBEDDED, SHARED)
            goals.append(Goal(f"{HUMANEVAL}: CPU time, {EMBEDDED} to {SHARED}", wall, 1.5))
    for work, than, bound in ((NUMPY, STARTED, 10.0), (STDIO, STARTED, 5.0)):
        if work in measured.raced and main in measured.raced[work].rounds:
            goals.append(faster(measured, work, main, than, bound))
    if GRPO in measured.raced:
        raced = measured.raced[GRPO]
        whole = raced.evaluations >= GRPO_COMPLETIONS
        for way, most_s in ((main, 35.0), (UNREFERENCED, 80.0), (STARTED, None)):
            goals.append(Goal(f"{GRPO}: CPU time of the batch, s ({way})", raced.cpu_s(way), most_s if whole else None))
    return goals


def faster(measured: Measured, work: str, way: str, than: str, bound: float) -> Goal:
    number = measured.raced[work].times_faster(way, than)
    return Goal(f"{work}: times faster, {way} than {than}", number, bound, at_least=True)


def requests(measured: Measured) -> list[Goal]:
    """Of a server's answers and its memory."""
    goals = []
    for way, taken_s in measured.latencies_s.items():
        latency = Latency.of(taken_s)
        for name, value, bound in (("p50", latency.p50, 12.0), ("p95", latency.p95, None), ("p99", latency.p99, 40.0)):
            goals.append(Goal(f"one request, {name}, ms ({way})", Spread.of([value]), bound))
    alone = Spread.of([1000 * each_s for each_s in measured.batch_cpu_s])
    goals.append(Goal("server process alone, ms of CPU, batches of 512", alone, 0.3))
    peak = measured.peak
    bound = 400.0 if peak.completions >= PEAK_COMPLETIONS else None
    highest = Spread.of([peak.peak_bytes / MEGABYTE])
    goals.append(Goal(f"server's peak memory, {peak.completions} completions, MB", highest, bound))
    grown = Spread.of([(peak.peak_bytes - peak.before_bytes) / MEGABYTE])
    goals.append(Goal("of it: grown by the batch, MB", grown, None))
    return goals


def pieces(measured: Measured) -> list[Goal]:
    """Of the parts around an evaluation."""
    goals = [
        Goal("start to /healthz, s", Spread.of(measured.starts_s), 2.0),
        Goal("a call across the wall, us of CPU", Spread.of([1e6 * each_s for each_s in measured.calls_s]), 60.0),
        Goal("the client, ms of CPU", Spread.of([1000 * each_s for each_s in measured.clients_s]), 0.2),
    ]
    for way, held in measured.slot_bytes.items():
        memory = None if held is None else Spread.of([held / MEGABYTE])
        goals.append(Goal(f"memory of an idle slot, MB ({way})", memory, 40.0))
    return goals

"""The numbers as a report: medians with their spread, ratios round by round, and the goals beside them. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.display import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from tests.bench.ways import Sample

SERVED, DOCKER, FORKED, STARTED, CONTAINED = "HTTP API", "same, Docker", "fork + exec", "subprocess", "docker run"
SHARED = "one process"
"""The same programs and server, but test and submission in one process: what the wall between them costs."""
GOAL_SOURCE, GOAL_RATIO, GOAL_START_S, GOAL_SLOT_MB = "HumanEval", 2.0, 2.0, 40.0
GOAL_DOCKER, GOAL_CONTAINED = 0.8, 20.0
GOAL_WALL, GOAL_CALL_US, GOAL_CLIENT_MS = 1.5, 60.0, 0.2


@dataclass(frozen=True, slots=True)
class Spread:
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def cells(self, digits: int = 3) -> tuple[str, str]:
        """Write the median and the range with so many significant digits."""
        median, low, high = (f"{each:#.{digits}g}".rstrip(".") for each in (self.median, self.low, self.high))
        return median, f"{low}-{high}"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted of a number: at most `bound`, or at least."""

    what: str
    number: Spread | None
    """None where this user may not know."""
    bound: float | None
    """None where the goal is about other programs."""
    at_least: bool = False

    @property
    def reached(self) -> bool | None:
        if self.number is None or self.bound is None:
            return None
        return self.number.median >= self.bound if self.at_least else self.number.median <= self.bound

    @property
    def words(self) -> str:
        return f"for {GOAL_SOURCE}" if self.bound is None else f"{'>=' if self.at_least else '<='} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Measured:
    """All that one run of the bench has seen."""

    source: str
    evaluations: int
    """In each round."""
    at_once: int
    machine: str
    rounds: dict[str, list[Sample]]
    """Samples of each way, in the order of the rounds."""
    starts_s: list[float]
    slot_bytes: dict[str, float | None]
    """By the way that it serves."""
    latencies_s: list[float]
    calls_s: list[float]
    """CPU seconds of one call across the wall, both sides together."""
    clients_s: list[float]
    """CPU seconds of the client for one completion of a large batch."""

    def per_evaluation_ms(self, way: str, *parts: str) -> Spread:
        """CPU milliseconds, of all or of one part."""
        used_s = [sum(sample.parts_s[part] for part in parts) if parts else sample.cpu_s for sample in self.rounds[way]]
        return Spread.of([1000 * each / self.evaluations for each in used_s])

    def wall_ms(self, way: str) -> Spread:
        return Spread.of([1000 * self.each_s(sample) for sample in self.rounds[way]])

    def each_s(self, sample: Sample) -> float:
        """Seconds by the clock for each evaluation."""
        return sample.wall_s / (sample.evaluations or self.evaluations)

    def ratio(self, way: str, to: str) -> Spread:
        """CPU time of one way over another's in the same round."""
        pairs = zip(self.rounds[way], self.rounds[to], strict=False)
        return Spread.of([one.cpu_s / other.cpu_s for one, other in pairs])

    def pace(self, way: str, to: str) -> Spread:
        """Evaluations a second of one way over another's in the same round."""
        pairs = zip(self.rounds[way], self.rounds[to], strict=False)
        return Spread.of([self.each_s(other) / self.each_s(one) for one, other in pairs])

    @property
    def goals(self) -> list[Goal]:
        most = GOAL_RATIO if self.source == GOAL_SOURCE else None
        goals = [
            Goal(f"CPU time, {SERVED} to {FORKED}", self.ratio(SERVED, FORKED), most),
            Goal("start to /healthz, s", Spread.of(self.starts_s), GOAL_START_S),
        ]
        if SHARED in self.rounds:
            wall = self.ratio(SERVED, SHARED)
            goals.append(Goal(f"CPU time, {SERVED} to {SHARED}", wall, most and GOAL_WALL))
        calls = Spread.of([1e6 * each for each in self.calls_s])
        goals.append(Goal("a call across the wall, us of CPU", calls, GOAL_CALL_US))
        client = Spread.of([1000 * each for each in self.clients_s])
        goals.append(Goal("the client, ms of CPU a completion", client, GOAL_CLIENT_MS))
        for way, held in self.slot_bytes.items():
            memory = None if held is None else Spread.of([held / 1e6])
            goals.append(Goal(f"memory of an idle slot, MB ({way})", memory, GOAL_SLOT_MB))
        if DOCKER in self.rounds:
            pace = self.pace(DOCKER, SERVED)
            goals.append(Goal(f"evaluations/s, {DOCKER} to {SERVED}", pace, GOAL_DOCKER, at_least=True))
            pace = self.pace(DOCKER, CONTAINED)
            goals.append(Goal(f"evaluations/s, {DOCKER} to {CONTAINED}", pace, GOAL_CONTAINED, at_least=True))
        return goals

    @property
    def latency_ms(self) -> tuple[float, float, float]:
        """p50, p95 and p99."""
        cuts = statistics.quantiles(self.latencies_s, n=100, method="inclusive")
        return 1000 * cuts[49], 1000 * cuts[94], 1000 * cuts[98]


def tables(measured: Measured) -> list[Table | str]:
    rounds = ", ".join(f"{len(samples)} of {way}" for way, samples in measured.rounds.items())
    title = (
        f"{measured.source}: {measured.evaluations} evaluations a round, {measured.at_once} at once;\n"
        f"rounds, in turns: {rounds}.\n"
        f"ms per evaluation, medians and ranges; ratio of CPU time to {FORKED}, same round"
    )
    ways = table(title, "way", numbers=["CPU ms", "range", "wall ms", "ratio", "range", "failed"])
    for way, samples in measured.rounds.items():
        ratio = ("1", "") if way == FORKED else measured.ratio(way, FORKED).cells()
        failed = str(max(sample.failed for sample in samples))
        wall = measured.wall_ms(way).cells()[0]
        if way == CONTAINED:
            ways.add_row(way, "", "", wall, "", "", failed)
            continue
        ways.add_row(way, *measured.per_evaluation_ms(way).cells(), wall, *ratio, failed)
        for part in samples[0].parts_s:
            ways.add_row(f"  {part}", *measured.per_evaluation_ms(way, part).cells())
    goals = table("Goals", "measured", numbers=["median", "range", "goal", ""])
    for goal in measured.goals:
        cells = goal.number.cells(4) if goal.number else ("not readable by this user", "")
        outcome = {None: "", True: "reached", False: "missed"}[goal.reached]
        goals.add_row(goal.what, *cells, goal.words, outcome)
    p50, p95, p99 = measured.latency_ms
    latency = f"One trivial request on an idle server: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms"
    spared = f"{STARTED} to {SERVED}, CPU time: {measured.ratio(STARTED, SERVED).median:.1f}"
    return [measured.machine, ways, goals, spared, latency]


def as_json(measured: Measured) -> dict[str, Any]:
    def plain(spread: Spread) -> dict[str, float]:
        return {"median": spread.median, "low": spread.low, "high": spread.high}

    return {
        "source": measured.source,
        "evaluations": measured.evaluations,
        "at_once": measured.at_once,
        "machine": measured.machine,
        "ways": {
            way: {
                "rounds": len(samples),
                "failed": max(sample.failed for sample in samples),
                "cpu_ms": plain(measured.per_evaluation_ms(way)),
                "wall_ms": plain(measured.wall_ms(way)),
                "parts_cpu_ms": {part: plain(measured.per_evaluation_ms(way, part)) for part in samples[0].parts_s},
                "cpu_to_floor": plain(measured.ratio(way, FORKED)),
            }
            for way, samples in measured.rounds.items()
        },
        "start_s": plain(Spread.of(measured.starts_s)),
        "slot_bytes": measured.slot_bytes,
        "latency_ms": dict(zip(("p50", "p95", "p99"), measured.latency_ms, strict=True)),
        "goals": [
            {
                "measured": goal.what,
                "value": goal.number and plain(goal.number),
                "goal": goal.words,
                "reached": goal.reached,
            }
            for goal in measured.goals
        ],
    }

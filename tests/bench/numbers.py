"""The numbers of one run, and what follows from them: medians with their spread, ratios round by round. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.serving import Peak
    from tests.bench.ways import Sample

EMBEDDED, DOCKER = "embedded", "Docker"
FORKED, STARTED, CONTAINED, RUN_CODE = "fork + exec", "subprocess", "docker run", "/run_code"
SHARED = "one process"
"""The embedded server, but test and submission in one process: what the wall between them costs."""
UNREFERENCED = "no references"
"""The server that is named last, where the problems have no reference."""


@dataclass(frozen=True, slots=True)
class Spread:
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def cells(self, digits: int = 3) -> tuple[str, str]:
        """Write the median and, of several values, the range with so many significant digits."""
        median, low, high = (written(each, digits) for each in (self.median, self.low, self.high))
        return median, "" if self.low == self.high else f"{low}-{high}"


def written(number: float, digits: int) -> str:
    """With so many significant digits, and all of those before the point."""
    return f"{number:.0f}" if number >= 10**digits else f"{number:#.{digits}g}".rstrip(".")


@dataclass(frozen=True, slots=True)
class Raced:
    """One work, and the samples of each way in the order of the rounds."""

    name: str
    title: str
    evaluations: int
    rounds: dict[str, list[Sample]]

    def cpu_ms(self, way: str, part: str | None = None) -> Spread:
        """CPU milliseconds an evaluation, of all or of one part."""
        used = [
            (sample.cpu_s if part is None else sample.parts_s[part]) / sample.evaluations for sample in self.rounds[way]
        ]
        return Spread.of([1000 * each_s for each_s in used])

    def cpu_s(self, way: str) -> Spread:
        """CPU seconds of a whole round."""
        return Spread.of([sample.cpu_s * self.evaluations / sample.evaluations for sample in self.rounds[way]])

    def has_cpu(self, way: str) -> bool:
        """Whether the CPU time could be known."""
        return any(sample.cpu_s for sample in self.rounds[way])

    def per_s(self, way: str) -> Spread:
        return Spread.of([sample.evaluations / sample.wall_s for sample in self.rounds[way]])

    def cpu_ratio(self, way: str, to: str) -> Spread:
        """CPU time an evaluation of one way over another's in the same round."""
        return self._ratio(way, to, "cpu_s")

    def times_faster(self, way: str, than: str) -> Spread:
        """Evaluations a second of one way over another's in the same round."""
        return self._ratio(than, way, "wall_s")

    def _ratio(self, way: str, to: str, field: str) -> Spread:
        def each_s(sample: Sample) -> float:
            taken_s: float = getattr(sample, field)
            return taken_s / sample.evaluations

        pairs = zip(self.rounds[way], self.rounds[to], strict=False)
        return Spread.of([each_s(one) / each_s(other) for one, other in pairs])


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one request."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, taken_s: Sequence[float]) -> Latency:
        cuts = statistics.quantiles(taken_s, n=100, method="inclusive")
        return cls(1000 * cuts[49], 1000 * cuts[94], 1000 * cuts[98])


@dataclass(frozen=True, slots=True)
class Measured:
    """All that one run of the bench has seen."""

    machine: str
    at_once: int
    raced: dict[str, Raced]
    """By the name of the work."""
    starts_s: list[float]
    slot_bytes: dict[str, float | None]
    """By the way that it serves; None where this user may not know."""
    latencies_s: dict[str, list[float]]
    batch_cpu_s: list[float]
    """CPU seconds of the server process alone for one evaluation, in batches of 512."""
    peak: Peak
    calls_s: list[float]
    """CPU seconds of one call across the wall, both sides together."""
    clients_s: list[float]
    """CPU seconds of the client for one completion of a large batch."""
    notes: list[str]
    """What was left out, and why."""

    @property
    def main(self) -> str:
        """The way that goals are about: the product's default where it was measured."""
        return DOCKER if DOCKER in self.latencies_s else EMBEDDED

"""What Prometheus may ask of the server: queue, slots, verdicts, requests.

Promises: no code, tests or names of problems; what the parts count themselves is read from them when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

    from reward_server.dispatch import Dispatcher

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
OTHER: Final = "other"


class Metrics:
    """Counts what passes by."""

    def __init__(self, dispatcher: Dispatcher, slots: int) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_State(dispatcher, slots))
        self._submissions = Counter(
            "passrate_submissions", "Submissions answered, by verdict", ["verdict"], registry=self._registry
        )
        self._suspicious = Counter(
            "passrate_suspicious", "Submissions with a sign of cheating, by sign", ["sign"], registry=self._registry
        )
        self._cached = Counter(
            "passrate_cached", "Submissions answered from an earlier judgement", registry=self._registry
        )
        self._requests = Histogram(
            "passrate_request_seconds",
            "Seconds of a request, by route and status",
            ["route", "status"],
            buckets=SECONDS,
            registry=self._registry,
        )

    def count_batch(self, verdicts: Mapping[str, int], suspicions: Mapping[str, int], cached: int) -> None:
        for kind, count in suspicions.items():
            self._suspicious.labels(kind).inc(count)
        for verdict, count in verdicts.items():
            self._submissions.labels(verdict).inc(count)
        self._cached.inc(cached)

    def count_request(self, route: str | None, status: int | None, seconds: float) -> None:
        """Count a request. `route`: its pattern; None for a path that there is not, of which there are many."""
        self._requests.labels(route or OTHER, str(status or OTHER)).observe(seconds)

    def page(self) -> bytes:
        return generate_latest(self._registry)


class _State(Collector):
    def __init__(self, dispatcher: Dispatcher, slots: int) -> None:
        self._dispatcher, self._slots = dispatcher, slots

    def collect(self) -> Iterator[Metric]:
        dispatcher = self._dispatcher
        yield GaugeMetricFamily("passrate_queued", "Submissions that wait for a slot", dispatcher.queued)
        slots = GaugeMetricFamily("passrate_slots", "Slots: wanted, open, at work, spare", labels=["state"])
        slots.add_metric(["wanted"], self._slots)
        slots.add_metric(["open"], dispatcher.open_slots)
        slots.add_metric(["running"], dispatcher.running)
        slots.add_metric(["spare"], dispatcher.spares)
        yield slots
        yield CounterMetricFamily("passrate_slots_opened", "Slots that were opened", dispatcher.slots_opened)
        yield CounterMetricFamily("passrate_slots_failed", "Slots that could not be opened", dispatcher.slots_failed)
        yield CounterMetricFamily("passrate_runs_lost", "Runs about which nothing could be said", dispatcher.runs_lost)

"""What Prometheus may ask of the server, built when it is asked for, from what the parts count themselves.

Promises: no code, tests or names of problems; every label has few values, whatever clients send.
"""

from __future__ import annotations

import platform
from collections import Counter, defaultdict
from importlib import metadata
from typing import TYPE_CHECKING, Final, TypeVar, get_args

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from reward_server.models import CONTRACT
from reward_server.suspicion import SUSPICIONS
from reward_server.tally import Tally
from reward_server.verdicts import Verdict
from tasks.assurance import ASSURANCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

    from reward_server.backends.base import Backend
    from reward_server.batch import Batch
    from reward_server.canary import Canary
    from reward_server.dispatch import Dispatcher
    from reward_server.problems import ProblemStore
    from reward_server.scoring import Scorer
    from reward_server.settings import Settings

    Labelled = Mapping[tuple[str, ...], float]

Value = TypeVar("Value", bound=str)

OTHER: Final = "other"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics(Collector):
    """Counts what passes by, and asks the parts of a server for what they have counted."""

    def __init__(
        self,
        settings: Settings,
        backend: Backend,
        dispatcher: Dispatcher,
        store: ProblemStore,
        scorer: Scorer,
        canary: Canary,
    ) -> None:
        self._settings, self._backend, self._dispatcher = settings, backend, dispatcher
        self._store, self._scorer, self._canary = store, scorer, canary
        # All are there from the start: Prometheus sees no increase where a number first appears as 1.
        self._verdicts = Counter[str](dict.fromkeys(get_args(Verdict), 0))
        self._assurances = Counter[str](dict.fromkeys(ASSURANCES, 0))
        self._signs = Counter[str](dict.fromkeys(SUSPICIONS, 0))
        self._cached = 0
        self._requests: Counter[tuple[str, ...]] = Counter()
        self._seconds: defaultdict[tuple[str, ...], Tally] = defaultdict(Tally)
        self._received: Counter[tuple[str, ...]] = Counter()
        self._sent: Counter[tuple[str, ...]] = Counter()
        self.in_flight = 0
        """Requests that are being answered."""
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def count_batch(self, batch: Batch) -> None:
        self._verdicts.update(batch.verdicts)
        self._assurances.update(batch.assurances)
        self._signs.update(batch.suspicions)
        self._cached += batch.cached

    def count_request(
        self, route: str | None, method: str, status: int | None, seconds: float, received: int, sent: int
    ) -> None:
        """Count a request that is over. `received`, `sent`: bytes of its body and of the answer's.

        `route`: its pattern; None for a path that there is not, of which there are many. `status`: None if the client
        left before there was one.
        """
        where = route or OTHER
        ended = str(status or OTHER)
        self._requests[where, method if method in METHODS else OTHER, ended] += 1
        self._seconds[where, ended].add(seconds)
        self._received[where,] += received
        self._sent[where,] += sent

    def page(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        yield from self._queue()
        yield from self._slots()
        yield from self._runs()
        yield from self._results()
        yield from self._http()
        yield from self._state()

    def _queue(self) -> Iterator[Metric]:
        dispatcher = self._dispatcher
        yield gauge("passrate_queued", "Submissions that wait for a slot", dispatcher.queued)
        yield gauge("passrate_queue_limit", "Submissions that may wait", self._settings.max_queued)
        yield histogram("passrate_queue_wait_seconds", "Wait of what was started", dispatcher.waits)

    def _slots(self) -> Iterator[Metric]:
        dispatcher = self._dispatcher
        states = {
            "wanted": self._settings.slots,
            "open": dispatcher.open_slots,
            "running": dispatcher.running,
            "spare": dispatcher.spares,
        }
        yield gauges("passrate_slots", "Slots: wanted, open, at work, spare", "state", states)
        yield counter("passrate_slots_opened", "Slots that were opened", dispatcher.slots_opened)
        yield counter("passrate_slots_failed", "Attempts to open a slot that failed", dispatcher.slots_failed)
        yield counters("passrate_slots_closed", "Slots that were closed, by why", "why", dispatcher.slots_closed)

    def _runs(self) -> Iterator[Metric]:
        runs, dispatcher = self._backend.runs, self._dispatcher
        yield histogram("passrate_run_seconds", "Runs in a sandbox by the clock, clean-up included", runs.wall)
        yield histogram("passrate_run_cpu_seconds", "Processor time of the tests of a run", runs.cpu)
        yield histogram("passrate_clean_seconds", "Clean-up and proof of cleanliness after a run", runs.clean)
        yield counters("passrate_dirty", "Runs that left something behind, by what", "left", runs.dirty)
        yield counters("passrate_runs_lost", "Runs about which nothing could be said, by how", "loss", dispatcher.lost)
        yield counter("passrate_runs_retried", "Lost runs that were tried again", dispatcher.retried)

    def _results(self) -> Iterator[Metric]:
        cache = self._scorer.cache
        yield counters("passrate_submissions", "Submissions answered, by verdict", "verdict", self._verdicts)
        yield counters(
            "passrate_assurance", "Submissions answered, by what they rest on", "assurance", self._assurances
        )
        yield counters("passrate_suspicious", "Submissions with a sign of cheating, by sign", "sign", self._signs)
        yield counter("passrate_cached", "Submissions answered from an earlier judgement", self._cached)
        yield counter("passrate_joined", "Submissions that shared the run of an identical one", self._scorer.joined)
        yield counter("passrate_cache_hits", "Look-ups of a judgement that found one", cache.hits)
        yield counter("passrate_cache_misses", "Look-ups of a judgement that found none", cache.misses)
        yield counter("passrate_cache_evictions", "Judgements that made way for others", cache.evictions)
        yield gauge("passrate_cache_entries", "Judgements kept", len(cache))
        yield gauge("passrate_cache_bytes", "Bytes of the judgements kept, about", cache.size_bytes)

    def _http(self) -> Iterator[Metric]:
        ended = ["route", "method", "status"]
        yield labelled("passrate_requests", "Requests that are over", ended, self._requests)
        yield gauge("passrate_requests_in_flight", "Requests that are being answered", self.in_flight)
        seconds = HistogramMetricFamily("passrate_request_seconds", "Seconds of a request", labels=["route", "status"])
        for labels, tally in self._seconds.items():
            seconds.add_metric(labels, tally.buckets(), tally.total)
        yield seconds
        yield labelled("passrate_request_body_bytes", "Bytes of requests' bodies", ["route"], self._received)
        yield labelled("passrate_response_body_bytes", "Bytes of answers' bodies", ["route"], self._sent)

    def _state(self) -> Iterator[Metric]:
        store, canary = self._store, self._canary
        origins = {"sets": store.held - store.stored, "put": store.stored}
        yield gauges("passrate_problems", "Problems held: of sets, or stored by PUT", "origin", origins)
        yield gauge("passrate_problems_put_bytes", "Bytes of the problems stored by PUT", store.stored_bytes)
        yield gauge("passrate_problem_sets_unreadable", "Problem sets that could not be read", store.unreadable)
        if canary.ready is not None:
            yield gauge("passrate_ready", "The last answer of /readyz: 1 for ready", canary.ready)
        yield counter("passrate_canaries", "Times that /readyz looked", canary.asked)
        yield counter("passrate_canaries_failed", "Times that it found the server not ready", canary.failed)
        about = ["version", "contract", "backend", "python"]
        build = GaugeMetricFamily("passrate_build_info", "What is running; always 1", labels=about)
        build.add_metric([version(), str(CONTRACT), self._backend.name, platform.python_version()], 1)
        yield build


def version() -> str:
    try:
        return metadata.version("passrate")
    except metadata.PackageNotFoundError:  # run from a checkout
        return "unknown"


def gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value)


def gauges(name: str, told: str, label: str, values: Mapping[Value, float]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def counter(name: str, told: str, value: float) -> Metric:
    return CounterMetricFamily(name, told, value)


def counters(name: str, told: str, label: str, values: Mapping[Value, float]) -> Metric:
    return labelled(name, told, [label], {(value,): number for value, number in values.items()})


def labelled(name: str, told: str, labels: list[str], values: Labelled) -> Metric:
    family = CounterMetricFamily(name, told, labels=labels)
    for each, number in values.items():
        family.add_metric(each, number)
    return family


def histogram(name: str, told: str, tally: Tally) -> Metric:
    return HistogramMetricFamily(name, told, buckets=tally.buckets(), sum_value=tally.total)

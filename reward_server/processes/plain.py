"""Named tuples as plain ones, which a channel can carry, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reward_server.evaluating import Unfinished
from reward_server.jobs import Observation, Observations
from reward_server.verdicts import TestResult

if TYPE_CHECKING:
    from collections.abc import Iterable

Plain = tuple[Any, ...]


def rows(values: Iterable[tuple[Any, ...]]) -> Plain:
    return tuple(map(tuple, values))


def judged(told: Plain) -> tuple[TestResult, ...]:
    """Raises: TypeError, where it is not what `rows` made of results."""
    return tuple(map(TestResult._make, told))


def plain(seen: Observations) -> Plain:
    unloaded = tuple(seen.failed_load) if seen.failed_load is not None else None
    return rows(seen.tests), unloaded, seen.learned, seen.cpu_s


def observed(told: Plain) -> Observations:
    """Raises: TypeError, ValueError, where it is not what `plain` made."""
    tests, failed_load, learned, cpu_s = told
    unloaded = Observation._make(failed_load) if failed_load is not None else None
    return Observations(tuple(map(Observation._make, tests)), unloaded, learned, cpu_s)


def begun_plain(begun: Unfinished | None) -> Plain | None:
    return None if begun is None else (tuple(map(plain, begun.seen)), begun.put_off)


def begun_of(told: Plain | None) -> Unfinished | None:
    """Raises: TypeError, ValueError, where it is not what `begun_plain` made."""
    if told is None:
        return None
    seen, put_off = told
    return Unfinished(tuple(map(observed, seen)), put_off)

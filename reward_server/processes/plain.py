"""Named tuples as plain ones, which a channel can carry, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    return rows(seen.tests), tuple(seen.failed_load) if seen.failed_load is not None else None, seen.learned


def observed(told: Plain) -> Observations:
    """Raises: TypeError, ValueError, where it is not what `plain` made."""
    tests, failed_load, learned = told
    unloaded = Observation._make(failed_load) if failed_load is not None else None
    return Observations(tuple(map(Observation._make, tests)), unloaded, learned)

"""What limits of time come to: how much of it a reference allows, and what is left after one was met. Pure."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from reward_server.jobs import Observations
from reward_server.judging.packages import slow_package
from reward_server.runner.rows import TIME_LIMITS
from tasks.schema import CallTests, StdioTests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reward_server.judging.calibration import Calibration
    from reward_server.verdicts import TestResult
    from tasks.schema import Problem

LEAST_CPU_S: Final = 0.5
"""However fast the reference is: a fork, a garbage collection or a busy cache must not decide a verdict."""
IMPORTED: Final = re.compile(r"\bfrom[ \t]+(\w+)[\w. \t]*\bimport\b|\bimport[ \t]+(\w[\w., \t]*)")


def cpu_limits(problem: Problem, code: str, calibration: Calibration | None) -> tuple[float, ...]:
    """Processor seconds that a test may use, by what the reference used: as `Job.cpu_s`; empty where all is allowed.

    Not for a submission that imports packages which the reference does not: that may take longer than its whole run.
    """
    limits = problem.limits
    if calibration is None or limits.cpu_factor is None or not calibration.cpu_s:
        return ()
    if imports_more(code, problem):
        return ()
    factor = limits.cpu_factor
    used_s = calibration.cases_cpu_s or (calibration.cpu_s,)
    return tuple(min(limits.cpu_s, max(LEAST_CPU_S, factor * each_s)) for each_s in used_s)


def imports_more(code: str, problem: Problem) -> bool:
    """Whether a submission may import a package that neither the library, the reference nor the sandbox has loaded."""
    named = imported(code) - sys.stdlib_module_names
    return bool(named - imported_by_problem(problem.reference or "", problem.setup) - {slow_package(code)})


def imported(source: str) -> set[str]:
    """The packages that a text seems to import."""
    return set(_imported(source))


@lru_cache(maxsize=1024)
def imported_by_problem(*sources: str) -> set[str]:
    return {name for source in sources for name in _imported(source)}


def _imported(source: str) -> Iterator[str]:
    for home, names in IMPORTED.findall(source):
        yield from (
            [home] if home else (name.split(".")[0].split()[0] for name in names.split(",") if name.strip(" \t."))
        )


def explained(problem: Problem, results: Iterable[TestResult], cpu_s: Sequence[float]) -> Iterator[TestResult]:
    """Say of each test that a limit ended which limit it was, and where it comes from."""
    for index, result in enumerate(results):
        if result.message or result.verdict not in LIMITED:
            yield result
            continue
        limit_s = (cpu_s[index] if index < len(cpu_s) else cpu_s[0]) if cpu_s else problem.limits.cpu_s
        if result.verdict == "cpu_timeout" and limit_s < problem.limits.cpu_s:
            told = f"more than {limit_s:.3g} s of processor time, by `limits.cpu_factor` of what the reference takes"
        else:
            told = LIMITED[result.verdict].format(problem.limits)
        yield result._replace(message=told)


LIMITED: Final[dict[str, str]] = {
    "cpu_timeout": "more than {0.cpu_s:g} s of processor time: the limit is `limits.cpu_s`",
    "wall_timeout": "more than {0.wall_s:g} s by the clock: the limit is `limits.wall_s`",
    "memory_exceeded": "more than {0.memory_mb} MiB of memory: the limit is `limits.memory_mb`",
    "output_exceeded": "too much output: the limit is `limits.output_bytes`, or twice what the tests expect",
    "skipped": "not run, after a test that did not pass or met a limit of time",
}
"""What is said of a test by its verdict, with the problem's limits."""


def is_put_off(problem: Problem, seen: Observations, *, again: bool) -> bool:
    """Whether a submission that met a time limit has tests left and may meet another limit.

    `again`: it was put off before. Test code then ran to its end.
    """
    met = sum(test.ending in TIME_LIMITS for test in seen.tests)
    if not 0 < met < problem.limits.timeouts:
        return False
    if isinstance(problem.tests, StdioTests | CallTests):
        return len(seen.tests) < len(problem.tests.cases)
    return not again and any(test.ending == "unreached" for test in seen.tests)


def joined(problem: Problem, before: Observations, rest: Observations) -> Observations:
    """What was seen until a time limit, and after it; of test code the second run is the whole."""
    if not isinstance(problem.tests, StdioTests | CallTests):
        return rest
    tests = rest.tests
    if rest.failed_load is not None:  # it loaded before: the other cases end as this start did
        tests = (rest.failed_load,) * (len(problem.tests.cases) - len(before.tests))
    return Observations((*before.tests, *tests), cpu_s=before.cpu_s + rest.cpu_s)

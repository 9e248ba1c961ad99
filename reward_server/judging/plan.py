"""From a problem and a submission to the job that a sandbox runs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

import orjson

from reward_server.jobs import Job
from reward_server.judging.counting import asserts_payload, pytest_names
from reward_server.judging.judge import printed
from reward_server.judging.names import class_names, star_names
from reward_server.judging.packages import slow_package
from reward_server.runner import values
from tasks.schema import AssertsTests, CallTests, Checker, PytestTests, StdioTests

if TYPE_CHECKING:
    from reward_server.jobs import Observations
    from tasks.schema import Problem, Tests

T = TypeVar("T")


def plan(problem: Problem, code: str, *, stop: bool = False) -> Job:
    """The job for one submission. Raises: TypeError for a code with lone surrogates, which is no program."""
    tests = problem.tests
    module = tests.module if isinstance(tests, PytestTests) else None
    package = slow_package(code, problem.setup, *sources_of(tests))
    submission = orjson.dumps(
        {
            "code": code,
            "setup": problem.setup,
            "files": problem.files,
            "entry_point": problem.entry_point,
            "module": module,
        }
    )
    match tests:
        case StdioTests():
            cases = tuple(case.stdin.encode("utf-8", "surrogateescape") for case in tests.cases)
            return Job("program", problem.limits, submission, cases=cases, package=package, stop=stop)
        case CallTests():
            # The sandbox does not know which exception is right, and would stop at any.
            stop = stop and not any(case.raises for case in tests.cases)
            return Job("call", problem.limits, submission, cases=encoded_calls(Same(tests)), package=package, stop=stop)
        case AssertsTests():
            judge, count, pure = asserts_payload(tests.source, problem.entry_point)
            return Job(
                "asserts",
                problem.limits,
                submission,
                judge=judge,
                tests=count,
                pure=pure,
                package=package,
                shared=is_shared(tests),
                stop=stop,
            )
        case PytestTests():
            names = pytest_names(tuple(tests.files.items()))
            payload = pytest_payload(tests, names)
            return Job(
                "pytest",
                problem.limits,
                submission,
                judge=payload,
                tests=len(names),
                package=package,
                shared=is_shared(tests),
                stop=stop,
            )


def is_shared(tests: Tests) -> bool:
    """Whether the problem lets its tests run in the submission's own process, which can then report for them."""
    return isinstance(tests, AssertsTests | PytestTests) and tests.isolation == "shared"


def has_follow_up(problem: Problem) -> bool:
    """Whether what is seen of a submission may ask for another job."""
    return isinstance(problem.tests, StdioTests) and isinstance(problem.tests.compare, Checker)


def follow_up(problem: Problem, observations: Observations) -> Job | None:
    """The checker's job: one call for each case that the submission came through; None if there is nothing to check."""
    tests = problem.tests
    if not isinstance(tests, StdioTests) or not isinstance(tests.compare, Checker):
        return None
    calls = [
        (case.stdin, case.stdout, printed(seen))
        for case, seen in zip(tests.cases, observations.tests, strict=False)
        if seen.ending == "exited" and seen.code == 0
    ]
    if not calls:
        return None
    submission = orjson.dumps(
        {"code": tests.compare.checker, "setup": "", "files": {}, "entry_point": "check", "module": None}
    )
    cases = tuple(values.dumps(values.encode((call, {}))) for call in calls)
    return Job("call", problem.limits, submission, cases=cases, package=slow_package(tests.compare.checker))


def sources_of(tests: Tests) -> tuple[str, ...]:
    """The test code that runs in the sandbox."""
    match tests:
        case AssertsTests():
            return (tests.source,)
        case PytestTests():
            return tuple(tests.files.values())
        case _:
            return ()


def pytest_payload(tests: PytestTests, names: list[str]) -> bytes:
    sources = [source for name, source in tests.files.items() if name.endswith(".py")]
    star, modules = star_names(*sources)
    return orjson.dumps(
        {
            "files": tests.files,
            "module": tests.module,
            "names": names,
            "classes": sorted(class_names(*sources)),
            "star_names": star,
            "star_modules": modules,
        }
    )


class Same(Generic[T]):
    """A value as a key: equal to itself alone. Of what a request brings there is one for all its submissions."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value


@lru_cache(maxsize=64)
def encoded_calls(tests: Same[CallTests]) -> tuple[bytes, ...]:
    return tuple(values.dumps(values.encode((list(case.args), case.kwargs))) for case in tests.value.cases)

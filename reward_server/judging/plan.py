"""From a problem and a submission to the job that a sandbox runs."""

from __future__ import annotations

import marshal
from functools import lru_cache
from itertools import compress
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import orjson

from reward_server.jobs import Job
from reward_server.judging.calls import asked_of
from reward_server.judging.judge import ended_well, needs_control
from reward_server.judging.limits import cpu_limits
from reward_server.judging.packages import slow_package
from reward_server.judging.payloads import judge_payload
from reward_server.runner import values
from tasks.checkers import arguments_of
from tasks.preludes import PRELUDES
from tasks.schema import MAX_OUTPUT_BYTES, AssertsTests, CallTests, Checker, PytestTests, StdioTests

if TYPE_CHECKING:
    from reward_server.jobs import Observations
    from reward_server.judging.calibration import Calibration
    from tasks.schema import Limits, Problem, Tests

T = TypeVar("T")
FILE_WORDS = ("st_size", "getsize", "mmap", "memmap", "seek", "pread", "sendfile", "fromfile")
"""What a program names that sizes, maps or seeks its standard input. That works where the input is a file; for all
others it is a pipe, which event loops can watch."""


def plan(
    problem: Problem,
    code: str,
    calibration: Calibration | None = None,
    *,
    learn: bool = False,
    stop: bool = False,
    after: Observations | None = None,
) -> Job:
    """The job for one submission. Raises: TypeError for a code with lone surrogates, which is no program.

    `learn`: have the judge say what came back at each call site. `after`: what was seen until the last time limit;
    test code is run again from its start, and now to its end.
    """
    done = len(after.tests) if after is not None else 0
    cpu_s = cpu_limits(problem, code, calibration)
    tests = problem.tests
    module = tests.module if isinstance(tests, PytestTests) else None
    judge = judge_payload(problem) if isinstance(tests, AssertsTests | PytestTests) else None
    objects, sites = judge is not None and judge.objects, None
    if calibration is not None:
        objects, sites = calibration.assurance == "objects", orjson.Fragment(calibration.sites)
    package = slow_package(code, problem.setup, *sources_of(tests))
    submission = orjson.dumps(
        {
            "code": code,
            "setup": problem.setup,
            "prelude": PRELUDES[problem.prelude] if problem.prelude else "",
            "files": problem.files,
            "entry_point": problem.entry_point,
            "module": module,
            "objects": objects,
            "on_disk": is_shared(tests),
        }
    )
    match tests:
        case StdioTests():
            cases = tuple(case.stdin.encode("utf-8", "surrogateescape") for case in tests.cases[done:])
            stdin: Literal["pipe", "file"] = "file" if any(word in code for word in FILE_WORDS) else "pipe"
            limits = with_room(problem.limits, Same(tests))
            return Job(
                "program",
                limits,
                submission,
                cases=cases,
                package=package,
                stop=stop,
                stdin=stdin,
                cpu_s=cpu_s[done:],
            )
        case CallTests():
            # The sandbox does not know which exception is right, and would stop at any.
            stop = stop and not any(case.raises for case in tests.cases)
            cases = encoded_calls(Same(tests))[done:]
            return Job(
                "call",
                with_room(problem.limits, Same(tests)),
                submission,
                cases=cases,
                package=package,
                stop=stop,
                cpu_s=cpu_s,
                fresh=tests.fresh,
            )
        case AssertsTests() | PytestTests():
            assert judge is not None
            return Job(
                judge.kind,
                problem.limits,
                submission,
                judge=judge.with_assurance(
                    objects=objects, learn=learn, sites=sites, calibrated=calibration is not None
                ),
                tests=judge.tests,
                # A proxy object may be a key of the library's caches, and choose what it equals.
                pure=judge.pure and not objects,
                package=package,
                shared=is_shared(tests),
                stop=stop,
                timeouts=1 if after is None else problem.limits.timeouts,
                cpu_s=cpu_s,
            )


def is_shared(tests: Tests) -> bool:
    """Whether the problem lets its tests run in the submission's own process, which can then report for them."""
    return isinstance(tests, AssertsTests | PytestTests) and tests.isolation == "shared"


def has_follow_up(problem: Problem) -> bool:
    """Whether what is seen of a submission may ask for another job."""
    return isinstance(problem.tests, StdioTests) and isinstance(problem.tests.compare, Checker)


def follow_up(
    problem: Problem, seen: Observations, checked: Observations | None = None, control: Observations | None = None
) -> Job | None:
    """The job that comes next after those that were seen: first the checker's, a call for each case to be checked.

    Where a checker fails, it is called once more, on the expected output: that shows whose fault it was.
    """
    tests = problem.tests
    if not isinstance(tests, StdioTests) or not isinstance(tests.compare, Checker) or control is not None:
        return None
    ended = [(case, each) for case, each in zip(tests.cases, seen.tests, strict=False) if ended_well(each)]
    if checked is None:
        calls = [(case.stdin, case.stdout, each.stdout.decode("utf-8", "surrogateescape")) for case, each in ended]
    else:
        failed = compress(ended, map(needs_control, checked.tests))
        calls = [(case.stdin, case.stdout, case.stdout) for case, _ in failed]
    if not calls:
        return None
    checker = tests.compare
    submission = orjson.dumps(
        {"code": checker.checker, "setup": "", "files": {}, "entry_point": "check", "module": None}
    )
    order = arguments_of(checker.checker)
    cases = tuple(values.dumps(values.encode(order.of(*call))) for call in calls)
    package = slow_package(checker.checker)
    return Job("call", checker.limits, submission, cases=cases, package=package, timeouts=len(cases))


def sources_of(tests: Tests) -> tuple[str, ...]:
    """The test code that runs in the sandbox."""
    match tests:
        case AssertsTests():
            return (tests.source,)
        case PytestTests():
            return tuple(tests.files.values())
        case _:
            return ()


class Same(Generic[T]):
    """A value as a key: equal to itself alone. Of what a request brings there is one for all its submissions."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value


def with_room(limits: Limits, tests: Same[StdioTests] | Same[CallTests]) -> Limits:
    """Raise the limit of output to twice the longest output that the tests expect: no right program may exceed it."""
    room = min(2 * longest_expected(tests), MAX_OUTPUT_BYTES)
    return limits if room <= limits.output_bytes else limits.model_copy(update={"output_bytes": room})


@lru_cache(maxsize=64)
def longest_expected(tests: Same[StdioTests] | Same[CallTests]) -> int:
    """Bytes of the longest output, or more than the longest encoded value takes."""
    if isinstance(tests.value, StdioTests):
        return max(len(case.stdout.encode("utf-8", "surrogateescape")) for case in tests.value.cases)
    return max(4 * marshalled_bytes(case.expected) for case in tests.value.cases)


def marshalled_bytes(value: Any) -> int:
    """The size of a value, at the speed of C; 0 for one that nests too deep to be returned."""
    try:
        return len(marshal.dumps(value, 2))  # a later version writes a string once however often it is there
    except ValueError:
        return 0


@lru_cache(maxsize=64)
def encoded_calls(tests: Same[CallTests]) -> tuple[bytes, ...]:
    return tuple(values.dumps(values.encode(asked_of(case))) for case in tests.value.cases)

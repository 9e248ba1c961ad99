"""What the contract tests share: the table of backends, a slot for tests that are not asynchronous, short problems."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from reward_server.apart import Apart
from reward_server.backends import docker_daemon
from reward_server.backends.docker import DockerBackend
from reward_server.backends.embedded import EmbeddedBackend
from reward_server.calibrating import Calibrations
from reward_server.errors import BackendUnavailable, Unjudged
from reward_server.evaluating import Unfinished, evaluate
from reward_server.judging import plan
from reward_server.settings import Settings
from tasks.schema import AssertsTests, CallTests, Limits, Problem, PytestTests, StdioTests

if TYPE_CHECKING:
    from collections.abc import Callable

    import docker

    from reward_server.backends.base import Backend, Slot
    from reward_server.jobs import Job, Observations
    from reward_server.judging.calibration import Calibration
    from reward_server.verdicts import TestResult, Verdict
    from tasks.schema import Isolation

IMAGE = os.environ.get("CONTRACT_IMAGE", "passrate-python:slim")
FULL_IMAGE = "passrate-python:latest"
SEAT_NAME = "PYTEST_XDIST_WORKER"
SEAT = int(os.environ.get(SEAT_NAME, "gw0").removeprefix("gw"))
"""Where the slots of this process sit, lest those of all processes of the tests keep to one processor."""
REPOSITORY = Path(__file__).resolve().parent.parent.parent
TRANSPORT = os.environ.get("CONTRACT_TRANSPORT", "auto")
BACKENDS: dict[str, Callable[[], Backend]] = {
    "embedded": lambda: EmbeddedBackend(Settings()),
    "docker": lambda: DockerBackend(Settings.from_env({}, image=IMAGE, transport=TRANSPORT)),
}
WITH_PACKAGES: dict[str, Callable[[], Backend]] = {
    "embedded": lambda: EmbeddedBackend(Settings.from_env({}, sandbox_python=sys.executable)),
    "docker": lambda: DockerBackend(Settings.from_env({}, image=FULL_IMAGE, transport=TRANSPORT)),
}
"""Those whose Python has numpy and its like: these tests' own, and that of the full image."""


def docker_here() -> docker.APIClient:
    """A client of the daemon that has the contract's image. Skips or fails where there is none."""
    try:
        return docker_daemon.connect(IMAGE).client
    except BackendUnavailable as error:
        without_docker(error)


def without_docker(cause: object) -> NoReturn:
    """Skip, and say so; where `CONTRACT_NEEDS_DOCKER` is set, as in CI, fail."""
    if "CONTRACT_NEEDS_DOCKER" in os.environ:
        pytest.fail(f"this machine should have Docker: {cause}")
    pytest.skip(f"NOT TESTED ON DOCKER: {cause}")


def lent_backend(name: str) -> Backend:
    """A backend for a server of a test's own. Skips or fails where there is none."""
    try:
        return BACKENDS[name]()
    except BackendUnavailable as error:
        if name != "docker":
            raise
        without_docker(error)


LIMITS = Limits(cpu_s=0.5, wall_s=1.5, memory_mb=128)
"""Small, so that what goes over them does so soon."""
ROOMY = Limits(cpu_s=5, wall_s=15, memory_mb=512, output_bytes=8 << 20)


def children(pid: int) -> list[int]:
    """The processes that a process has started and not yet waited for."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Sandbox:
    """One slot after another of a backend, for tests that are not asynchronous. A spent slot is replaced."""

    def __init__(self, backend: Backend) -> None:
        self.runner = asyncio.Runner()
        self.backend = backend
        self.slot: Slot | None = None
        self.replaced = 0

    def ready(self) -> Slot:
        """A slot that can run something."""
        if self.slot is not None and self.slot.spent:
            self.rest()
            self.replaced += 1
        if self.slot is None:
            self.slot = self.runner.run(self.backend.open_slot())
            self.slot.sit(SEAT)
        return self.slot

    def run(self, job: Job) -> Observations:
        """Raises: SandboxLost."""
        return self.runner.run(self.ready().run(job))

    def run_all(self, jobs: list[Job]) -> list[tuple[int, Observations | None]]:
        """What is said of each of several jobs, in the order in which it is said. Raises: SandboxLost."""
        slot = self.ready()

        async def run() -> list[tuple[int, Observations | None]]:
            return [each async for each in slot.run_all(jobs)]

        return self.runner.run(run())

    def judge(
        self, problem: Problem, code: str, *, stop: bool = False, calibration: Calibration | None = None
    ) -> list[TestResult]:
        """As the server does: a problem with a reference is calibrated by it first."""
        if calibration is None and problem.is_calibrated:
            calibration = self.calibrate(problem)
        apart = Apart()
        outcome: tuple[TestResult, ...] | Unfinished | None = None
        try:
            while outcome is None or isinstance(outcome, Unfinished):
                evaluation = evaluate(self.ready(), problem, code, calibration, stop=stop, apart=apart, begun=outcome)
                outcome = self.runner.run(evaluation)
        except Unjudged as error:
            return list(error.results)
        finally:
            apart.close()
        return list(outcome)

    def calibrate(self, problem: Problem) -> Calibration:
        calibrations = Calibrations()
        while (found := self.runner.run(calibrations.of(self.ready(), b"digest", problem))) is None:
            pass  # in the next slot
        return found

    def verdicts(self, problem: Problem, code: str, *, stop: bool = False) -> list[Verdict]:
        return [result.verdict for result in self.judge(problem, code, stop=stop)]

    def output(self, code: str, stdin: str = "", *, limits: Limits = ROOMY, **fields: Any) -> str:
        """What a program prints that ends well."""
        (seen,) = self.run(plan(stdio((stdin, ""), limits=limits, **fields), code)).tests
        assert (seen.ending, seen.code) == ("exited", 0), seen
        return seen.stdout.decode()

    @property
    def spent(self) -> bool:
        return self.slot is None or self.slot.spent

    def rest(self) -> None:
        """Do without a slot until the next run."""
        if self.slot is not None:
            self.runner.run(self.slot.close())
            self.slot = None

    def close(self) -> None:
        self.rest()
        self.runner.run(self.backend.close())
        self.runner.close()


class Sandboxes:
    """One sandbox of each backend for all files: to open one takes as long as many tests."""

    def __init__(self) -> None:
        self.held: dict[Callable[[], Backend], Sandbox] = {}

    def lend(self, backend: Callable[[], Backend]) -> Sandbox:
        """Raises: BackendUnavailable."""
        if backend not in self.held:
            self.held[backend] = Sandbox(backend())
        return self.held[backend]

    def rest(self) -> None:
        for sandbox in self.held.values():
            sandbox.rest()

    def close(self) -> None:
        for sandbox in self.held.values():
            sandbox.close()


def stdio(*cases: tuple[str, str], compare: Any = "tokens", limits: Limits = LIMITS, **fields: Any) -> Problem:
    """Each case: stdin and the expected stdout."""
    rows = [{"stdin": stdin, "stdout": stdout} for stdin, stdout in cases]
    return Problem(tests=StdioTests(kind="stdio", cases=rows, compare=compare), limits=limits, **fields)


def call(
    *cases: dict[str, Any],
    entry_point: str = "solve",
    compare: Any = "equal",
    limits: Limits = LIMITS,
    **fields: Any,
) -> Problem:
    tests = CallTests(kind="call", cases=cases, compare=compare)
    return Problem(entry_point=entry_point, tests=tests, limits=limits, **fields)


def returns(expected: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """A case of kind `call`."""
    return {"args": args, "kwargs": kwargs, "expected": expected}


def asserts(
    source: str,
    entry_point: str | None = None,
    *,
    limits: Limits = LIMITS,
    isolation: Isolation = "separate",
    **fields: Any,
) -> Problem:
    tests = AssertsTests(kind="asserts", source=source, isolation=isolation)
    return Problem(entry_point=entry_point, tests=tests, limits=limits, **fields)


def pytest_files(
    files: dict[str, str] | str, *, limits: Limits = LIMITS, isolation: Isolation = "separate", **fields: Any
) -> Problem:
    """A source alone becomes `test_it.py`."""
    named = {"test_it.py": files} if isinstance(files, str) else files
    return Problem(tests=PytestTests(kind="pytest", files=named, isolation=isolation), limits=limits, **fields)

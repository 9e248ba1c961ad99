"""Endless loops cost what `limits.timeouts` and `limits.cpu_factor` allow, and no right program fails by these."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tasks.schema import Limits
from tests.contract.support import LIMITS, asserts, call, pytest_files, returns, stdio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tasks.schema import Problem
    from tests.contract.support import Sandbox

LOOP, SLEEP = "while True: pass", "import time; time.sleep(60)"
P, SKIPPED = "passed", "skipped"
NAMES = ("stdio", "call", "asserts", "pytest", "shared", "impure", "raising", "decided")


def problem_of(kind: str, tests: int, limits: Limits = LIMITS, **fields: Any) -> Problem:
    """Tests of `f(n) == n` for n from 0."""
    checks = [f"assert f({n}) == {n}" for n in range(tests)]
    functions = "".join(f"def test_{n}():\n    {check}\n" for n, check in enumerate(checks))
    makers: dict[str, Callable[[], Problem]] = {
        "stdio": lambda: stdio(*((f"{n}", f"{n}") for n in range(tests)), limits=limits, **fields),
        "call": lambda: call(*(returns(n, n) for n in range(tests)), entry_point="f", limits=limits, **fields),
        "asserts": lambda: asserts("\n".join(checks), limits=limits, **fields),
        "impure": lambda: asserts("\n".join(["import os", *checks]), limits=limits, **fields),
        "raising": lambda: asserts(
            "\n".join(f"try: {check}\nexcept BaseException: pass" for check in checks), limits=limits, **fields
        ),
        "shared": lambda: asserts("\n".join(checks), limits=limits, isolation="shared", **fields),
        "pytest": lambda: pytest_files("from solution import f\n" + functions, limits=limits, **fields),
        "decided": lambda: pytest_files("import solution\nf = solution.f\n" + functions, limits=limits, **fields),
    }
    return makers[kind]()


def code_of(kind: str, deed: str) -> str:
    function = f"def f(n):\n    if n in (1, 3):\n        {deed}\n    return n\n"
    return function + ("print(f(int(input())))" if kind == "stdio" else "")


@pytest.mark.parametrize("deed", [LOOP, SLEEP])
@pytest.mark.parametrize("kind", [name for name in NAMES if name != "shared"])
def test_after_one_time_limit_the_other_tests_are_skipped(sandbox: Sandbox, kind: str, deed: str) -> None:
    verdict = "cpu_timeout" if deed == LOOP else "wall_timeout"
    assert sandbox.verdicts(problem_of(kind, 5), code_of(kind, deed)) == [P, verdict, *[SKIPPED] * 3]


@pytest.mark.parametrize("kind", [name for name in NAMES if name != "shared"])
@pytest.mark.parametrize(
    ("timeouts", "verdicts"),
    [
        (2, [P, "cpu_timeout", P, "cpu_timeout", SKIPPED]),
        (3, [P, "cpu_timeout", P, "cpu_timeout", P]),
    ],
)
def test_a_problem_may_allow_for_more_time_limits(
    sandbox: Sandbox, kind: str, timeouts: int, verdicts: list[str]
) -> None:
    limits = LIMITS.model_copy(update={"timeouts": timeouts, "cpu_s": 0.3})
    assert sandbox.verdicts(problem_of(kind, 5, limits), code_of(kind, LOOP)) == verdicts


def test_one_assert_that_runs_often_meets_one_time_limit(sandbox: Sandbox) -> None:
    problem = asserts("for n in range(1000):\n    assert f(n) == n\nassert f(0) == 0")
    results = sandbox.judge(problem, f"def f(n):\n    {LOOP}")
    assert [result.verdict for result in results] == ["cpu_timeout", SKIPPED]
    assert sum(result.cpu_s for result in results) < 4 * LIMITS.cpu_s


def test_an_assert_false_after_a_time_limit_is_not_passed(sandbox: Sandbox) -> None:
    """It passes where it is not reached; here nobody knows whether it would have been."""
    source = "try: assert f(1) == 1\nexcept BaseException: pass\nif f is None:\n    assert False"
    assert sandbox.verdicts(asserts(source), code_of("asserts", LOOP)) == ["cpu_timeout", SKIPPED]
    assert sandbox.verdicts(asserts(source), QUICK) == [P, P]


def test_a_test_that_its_mark_skips_does_not_count_after_a_time_limit_either(sandbox: Sandbox) -> None:
    source = """import pytest, unittest
from solution import f
def test_0(): assert f(1) == 1
@pytest.mark.skip(reason="never")
def test_1(): assert f(2) == 2
class T(unittest.TestCase):
    @unittest.skip("never")
    def test_2(self): self.assertEqual(f(2), 2)
    def test_3(self): self.assertEqual(f(2), 2)
"""
    assert sandbox.verdicts(pytest_files(source), code_of("pytest", LOOP)) == ["cpu_timeout", SKIPPED]


ROOMY = Limits(cpu_s=6, wall_s=30)
QUICK = "def f(n):\n    return n\n"


def reference_of(kind: str, code: str = QUICK) -> str:
    return code + ("print(f(int(input())))" if kind == "stdio" else "")


@pytest.mark.parametrize("kind", ["stdio", "call", "asserts", "pytest"])
def test_a_loop_costs_a_multiple_of_what_the_reference_takes(sandbox: Sandbox, kind: str) -> None:
    problem = problem_of(kind, 3, ROOMY, reference=reference_of(kind))
    results = sandbox.judge(problem, code_of(kind, LOOP))
    assert [result.verdict for result in results] == [P, "cpu_timeout", SKIPPED]
    assert 0.5 <= results[1].cpu_s < 3
    if kind in ("stdio", "call"):
        assert "`limits.cpu_factor`" in results[1].message
    endless = sandbox.judge(problem, f"{LOOP}\n{QUICK}")
    assert {result.verdict for result in endless} <= {"cpu_timeout", SKIPPED}
    assert endless[0].cpu_s < 3


SPINNING = "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass\n"


def spinning(seconds: float, *, at: int | None = None) -> str:
    """A right program that takes so long, in one of its tests or before the first."""
    spin = SPINNING.format(seconds=seconds)
    if at is None:
        return spin + QUICK
    inside = "".join(f"        {line}\n" for line in spin.splitlines())
    return f"def f(n):\n    if n == {at}:\n{inside}    return n\n"


def test_each_whole_program_has_the_limit_of_its_case(sandbox: Sandbox) -> None:
    """A slow case of the reference gives no time to the others."""
    problem = problem_of("stdio", 2, ROOMY, reference=reference_of("stdio", spinning(0.3, at=0)))
    for at, verdicts in ((0, [P, P]), (1, [P, "cpu_timeout"])):
        assert sandbox.verdicts(problem, reference_of("stdio", spinning(2.0, at=at))) == verdicts


@pytest.mark.parametrize("kind", ["call", "asserts", "pytest"])
@pytest.mark.parametrize(("reference_at", "at"), [(None, 0), (2, 0), (0, None), (0, 2)])
def test_in_one_process_work_may_move_from_one_test_to_another(
    sandbox: Sandbox, kind: str, reference_at: int | None, at: int | None
) -> None:
    """A table that the reference makes when it is loaded, a program may make at the first call."""
    problem = problem_of(kind, 3, ROOMY, reference=spinning(0.2, at=reference_at))
    assert sandbox.verdicts(problem, spinning(1.5, at=at)) == [P] * 3


@pytest.mark.parametrize("factor", [None, 1.0])
def test_the_factor_can_be_turned_off_and_never_takes_less_than_half_a_second(
    sandbox: Sandbox, factor: float | None
) -> None:
    limits = ROOMY.model_copy(update={"cpu_factor": factor})
    problem = problem_of("call", 2, limits, reference=QUICK)
    assert sandbox.verdicts(problem, spinning(0.3, at=0)) == [P, P]
    late = [P, P] if factor is None else ["cpu_timeout", SKIPPED]
    assert sandbox.verdicts(problem, spinning(1.2, at=0)) == late


def test_a_package_that_the_reference_does_not_import_may_take_its_time(sandbox: Sandbox) -> None:
    """`no_such_package` stands for one whose import takes a second."""
    problem = problem_of("call", 2, ROOMY, reference=QUICK)
    code = "try: import no_such_package\nexcept ImportError: pass\n" + spinning(1.2)
    assert sandbox.verdicts(problem, code) == [P, P]


def test_a_reference_that_fails_limits_nobody(sandbox: Sandbox) -> None:
    for reference in ("def f(n): return 7", f"def f(n):\n    {LOOP}", "1/0", "def f(:"):
        problem = problem_of("call", 2, Limits(cpu_s=2, wall_s=10), reference=reference)
        assert sandbox.verdicts(problem, spinning(1.0, at=0)) == [P, P]


def test_a_checkers_word_on_the_reference_counts(sandbox: Sandbox) -> None:
    """One that it refuses may be quick for being wrong."""
    for accepts, verdicts in (("True", ["cpu_timeout", SKIPPED]), ("actual.strip() != '0'", ["passed", "passed"])):
        checker = {"checker": f"def check(stdin, expected, actual): return {accepts} or 'slow' in actual"}
        cases = (("0", "0"), ("1", "1"))
        problem = stdio(*cases, compare=checker, limits=ROOMY, reference="print(input())")
        assert sandbox.verdicts(problem, SPINNING.format(seconds=1.5) + "print('slow')") == verdicts


@contextlib.contextmanager
def load(processes: int, seconds: float) -> Iterator[None]:
    """Keep so many processes busy, each for no longer than that."""
    spin = f"import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"
    busy = [subprocess.Popen([sys.executable, "-S", "-c", spin]) for _ in range(processes)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


@pytest.mark.parametrize("kind", ["stdio", "call", "asserts"])
def test_a_right_program_that_is_slower_than_the_reference_passes_at_load_20(sandbox: Sandbox, kind: str) -> None:
    """Its limit is one of processor time; what it waits for a processor counts for nothing."""
    problem = problem_of(kind, 3, Limits(cpu_s=5, wall_s=2), reference=reference_of(kind))
    sandbox.calibrate(problem)
    with load(20, 25):
        assert sandbox.verdicts(problem, reference_of(kind, spinning(0.25, at=1))) == [P] * 3

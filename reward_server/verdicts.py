"""Verdicts: what is said of a submission, test by test."""

from __future__ import annotations

from typing import Literal, NamedTuple

Verdict = Literal[
    "passed",
    "wrong_answer",
    "runtime_error",
    "compile_error",
    "no_code",
    "cpu_timeout",
    "wall_timeout",
    "memory_exceeded",
    "output_exceeded",
    "judge_disturbed",
    "skipped",
    "sandbox_error",
]
"""`judge_disturbed`: made the judge fail on two fresh sandboxes in the same way; a failure like any other.
`skipped`: not run, after a stop. `sandbox_error`: our failure; there is no reward then."""


class TestResult(NamedTuple):
    """One test of one submission. A tuple, as there are many."""

    verdict: Verdict
    weight: float = 1.0
    name: str = ""
    """The pytest node id, or `line N` of an assert; empty for the other kinds."""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    memory_bytes: int = 0
    message: str = ""
    """Why it did not pass, in words. May quote what the submission wrote; never decides anything."""
    stdout: str = ""
    stderr: str = ""
    checks: int = 0
    """Comparisons that decided it. 1 at most for `stdio` and `call`."""
    score: float = 0.0
    """Points that a checker gave a test which did not pass: at least 0 and less than 1."""

    @property
    def points(self) -> float:
        """What the test earns, from 0 to 1."""
        return 1.0 if self.verdict == "passed" else self.score


TestResult.__test__ = False  # type: ignore[attr-defined]  # not a test class of pytest

"""Verdicts: what is said of a submission, test by test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    "skipped",
    "sandbox_error",
]
"""`skipped`: not run, after a stop. `sandbox_error`: our failure; there is no reward then."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test of one submission."""

    __test__ = False  # not a test class of pytest

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

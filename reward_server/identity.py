"""When two submissions are the same: same code, judged in the same way. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tasks.schema import Problem

JUDGED: Final = {"language", "entry_point", "limits", "setup", "files", "tests"}
"""The fields of a problem that decide a verdict. Prompt, tags, reference and so on do not."""


def judging_digest(problem: Problem) -> bytes:
    """Digest what decides the verdicts of a problem."""
    # Not JSON: it would make one of 1 and 1.0, of a list and a tuple, and of null and NaN.
    return _digest(repr(problem.model_dump(include=JUDGED)).encode("utf-8", "surrogatepass"))


def submission_key(digest: bytes, code: str, *, stop: bool) -> bytes:
    """Digest a submission to the problem with this judging digest."""
    return _digest(digest + bytes([stop]) + code.encode("utf-8", "surrogatepass"))


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=20).digest()

"""The files that commands read and write, checked: what is wrong is a `UsageError` that names the option."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from tasks.errors import ProblemSetError
from tasks.registry import load_problems
from trainer.parser import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from tasks.schema import Problem
    from trainer.wire import Submission


def read_problems(source: str, complaints: list[str] | None = None) -> list[Problem]:
    """Load a problem set. Raises: UsageError.

    `complaints`: takes what is wrong with each row that cannot be used. Without it, the first such row is an error.
    """
    try:
        return load_problems(source, complaints)
    except ProblemSetError as error:
        raise UsageError(f"--problems: {error}") from None


def read_text(option: str, path: Path) -> str:
    """Read a file. Raises: UsageError that names the option."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{option}: no such file: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option}: cannot read {path}: {error}") from None


def read_jsonl(option: str, path: Path, complaints: list[str] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the objects of a JSONL file with their line numbers. `complaints`: as for `read_problems`.

    Raises: UsageError that names the line.
    """
    # Not splitlines(): JSON strings may hold U+2028 and other ends of line as they are.
    for number, line in enumerate(read_text(option, path).split("\n"), start=1):
        if not line.strip():
            continue
        row = None
        with noting(complaints, f"{option}: {path}, line {number}"):
            row = _object(line)
        if row is not None:
            yield number, row


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"no JSON: {error}") from None
    if not isinstance(row, dict):
        raise UsageError("give an object, such as {...}")
    return row


def read_submissions(
    option: str, path: Path, known: Collection[str], complaints: list[str] | None = None
) -> list[Submission]:
    """Read completions: rows of `problem` and either `completion` or `code`. `complaints`: as for `read_problems`.

    Raises: UsageError that names the line.
    """
    submissions: list[Submission] = []
    for number, row in read_jsonl(option, path, complaints):
        with noting(complaints, f"{option}: {path}, line {number}"):
            submissions.append(_submission(row, known))
    if not submissions:
        raise UsageError(complaints[-1] if complaints else f"{option}: {path} holds no row")
    return submissions


def _submission(row: dict[str, Any], known: Collection[str]) -> Submission:
    problem = row.get("problem")
    if not isinstance(problem, str) or problem not in known:
        raise UsageError(f"no problem {problem!r} in --problems")
    programs = [key for key in ("completion", "code") if isinstance(row.get(key), str)]
    if len(programs) != 1:
        raise UsageError("give either `completion` or `code`, as text")
    return {"problem": problem, programs[0]: row[programs[0]]}  # type: ignore[misc]


@contextlib.contextmanager
def noting(complaints: list[str] | None, where: str) -> Iterator[None]:
    """Note what is wrong with a row, to go on with the next one. Raises: UsageError where there is no list for it."""
    try:
        yield
    except UsageError as error:
        if complaints is None:
            raise UsageError(f"{where}: {error}") from None
        complaints.append(f"{where}: {error}")


def check_prompts(problems: Iterable[Problem]) -> None:
    """Refuse problems that cannot be put to a model. Raises: UsageError."""
    for problem in problems:
        if not problem.prompt:
            raise UsageError(f"--problems: {problem.id} has no prompt: a model would not know what is asked")


def check_writable(option: str, path: Path | None) -> None:
    """Find out before the work whether its outcome can be written. Raises: UsageError."""
    if path is None or str(path) == "-":
        return
    folder = path.parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(f"{option}: cannot write {path}; give a file in a folder that is there")

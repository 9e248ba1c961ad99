"""The files that commands read and write, checked: what is wrong is a `UsageError` that names the option."""

from __future__ import annotations

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


def read_problems(source: str) -> list[Problem]:
    """Load a problem set. Raises: UsageError."""
    try:
        return load_problems(source)
    except ProblemSetError as error:
        raise UsageError(f"--problems: {error}") from None


def read_sound_problems(source: str) -> tuple[list[Problem], list[str]]:
    """Load a problem set as far as it can be used. Returns: the problems, and a complaint for each bad row.

    Raises: UsageError where there is no such set.
    """
    complaints: list[str] = []
    try:
        return load_problems(source, complaints), complaints
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


def read_jsonl(option: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the objects of a JSONL file with their line numbers. Raises: UsageError that names the line."""
    # Not splitlines(): JSON strings may hold U+2028 and other ends of line as they are.
    for number, line in enumerate(read_text(option, path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{option}: {path}, line {number}: no JSON: {error}") from None
        if not isinstance(row, dict):
            raise UsageError(f"{option}: {path}, line {number}: give an object, such as {{...}}")
        yield number, row


def read_submissions(option: str, path: Path, known: Collection[str]) -> list[Submission]:
    """Read completions: rows of `problem` and either `completion` or `code`. Raises: UsageError that names the line."""
    submissions: list[Submission] = []
    for number, row in read_jsonl(option, path):
        where = f"{option}: {path}, line {number}"
        problem = row.get("problem")
        if not isinstance(problem, str) or problem not in known:
            raise UsageError(f"{where}: no problem {problem!r} in --problems")
        programs = [key for key in ("completion", "code") if isinstance(row.get(key), str)]
        if len(programs) != 1:
            raise UsageError(f"{where}: give either `completion` or `code`, as text")
        submissions.append({"problem": problem, programs[0]: row[programs[0]]})  # type: ignore[misc]
    if not submissions:
        raise UsageError(f"{option}: {path} holds no row")
    return submissions


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

"""Where problems come from: one table of sources, and the reading of each.

`load_problems` answers with checked problems of different ids, or raises one ProblemSetError that names the file, the
line, the field and the fix. Nothing is fetched unless a source of the hub is named, and nothing is run.
"""

from __future__ import annotations

import gzip
import json
import tomllib
import zlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tasks.errors import ProblemSetError, WrongField
from tasks.importers import from_humaneval, from_leetcode, from_mbpp
from tasks.schema import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Hub:
    """A data set of the Hugging Face hub."""

    dataset: str
    configuration: str
    split: str


@dataclass(frozen=True, slots=True)
class Source:
    """A row format, and where its rows come from when no file is named."""

    holds: str
    problem_of: Callable[[dict[str, Any]], Problem]
    hub: Hub | None = None


SOURCES: dict[str, Source] = {
    "bundled": Source("the problems that come with passrate", Problem.model_validate),
    "jsonl": Source("a file of our own schema, one problem a line", Problem.model_validate),
    "humaneval": Source(
        "HumanEval, or a file of that format",
        from_humaneval,
        Hub("openai/openai_humaneval", "openai_humaneval", "test"),
    ),
    "mbpp": Source(
        "the 500 test problems of MBPP, or a file of that format",
        from_mbpp,
        Hub("google-research-datasets/mbpp", "full", "test"),
    ),
    "mbpp-train": Source(
        "the 374 training problems of MBPP, or a file of that format",
        from_mbpp,
        Hub("google-research-datasets/mbpp", "full", "train"),
    ),
    "leetcode": Source(
        "the training problems of LeetCodeDataset, or a file of that format",
        from_leetcode,
        Hub("newfacade/LeetCodeDataset", "default", "train"),
    ),
}


def load_problems(source: str, complaints: list[str] | None = None) -> list[Problem]:
    """Load a set of problems, at least one, in the order of the set.

    Args:
        source: a name of `SOURCES`, `NAME:PATH` for a local file of that format, or a path that ends in .jsonl or
            .jsonl.gz. Files may be gzipped; one that ends in .json or .json.gz holds one list of rows.
        complaints: takes what is wrong with each row that cannot be used. Without it the first such row is an error.

    Raises: ProblemSetError.
    """
    name, path = split_source(source)
    if name == "bundled":
        return list(bundled_problems())
    kind = SOURCES[name]
    if path is not None:
        return collect(source, rows_of_file(path), kind.problem_of, complaints)
    if kind.hub is not None:
        return collect(source, rows_of_hub(name, kind.hub), kind.problem_of, complaints)
    raise ProblemSetError(f"`{name}` needs a file: give `{name}:PATH`")


def split_source(source: str) -> tuple[str, str | None]:
    """The name of the source, and the path if one is given."""
    name, colon, path = source.partition(":")
    if name == "bundled" and colon:
        raise ProblemSetError(f"`bundled` takes no path: give `bundled`, or `jsonl:{path}` for a file")
    if name in SOURCES:
        if colon and not path:
            raise ProblemSetError(f"`{source}` lacks its path: give `{name}:PATH`")
        return name, path or None
    if source.endswith((".jsonl", ".jsonl.gz")):
        return "jsonl", source
    raise ProblemSetError(
        f"unknown source of problems `{source}`: give {', '.join(SOURCES)}, `NAME:PATH` for a local file, "
        "or a path that ends in .jsonl or .jsonl.gz"
    )


@cache
def bundled_problems() -> tuple[Problem, ...]:
    files = sorted((resources.files("tasks") / "bundled").iterdir(), key=lambda file: file.name)
    rows = ((file.name, tomllib.loads(file.read_text("utf-8"))) for file in files if file.name.endswith(".toml"))
    return tuple(collect("bundled", rows, SOURCES["bundled"].problem_of))


def rows_of_file(path: str) -> Iterator[tuple[str, Any]]:
    """The rows of a file, each with the place where it stands; in place of a line that is no JSON, its error."""
    text = text_of_file(path)
    if path.removesuffix(".gz").endswith(".json"):
        rows = parse_json(path, text)
        if not isinstance(rows, list):
            raise ProblemSetError(f"{path}: give a list of rows, or one row a line in a file that ends in .jsonl")
        yield from ((f"{path}, item {number}", row) for number, row in enumerate(rows, start=1))
        return
    # Not splitlines(): JSON strings may hold U+2028 and other ends of line as they are.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"{path}, line {number}"
            try:
                row = parse_json(place, line)
            except ProblemSetError as error:
                row = error
            yield place, row


def text_of_file(path: str) -> str:
    try:
        content = Path(path).read_bytes()
        if content.startswith(GZIP_MAGIC):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ProblemSetError(f"{path}: no such file; check the path") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ProblemSetError(f"{path}: damaged gzip data ({error}); fetch or pack the file again") from None
    except UnicodeDecodeError as error:
        raise ProblemSetError(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except OSError as error:
        raise ProblemSetError(f"{path}: cannot be read: {error.strerror}") from None


def parse_json(place: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}" if "\n" in text else f"column {error.colno}"
        raise ProblemSetError(f"{place}: not JSON: {error.msg} ({where}); give one JSON object per row") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, nesting bombs
        raise ProblemSetError(f"{place}: JSON that cannot be read: {error}") from None


def rows_of_hub(name: str, hub: Hub) -> Iterator[tuple[str, Any]]:
    instead = f"give a local file: `{name}:PATH`"
    try:
        import datasets  # noqa: PLC0415 comes with the extra `train` and takes seconds to import
    except ImportError:
        raise ProblemSetError(
            f"`{name}` comes from the Hugging Face hub, for which `datasets` is missing: install `passrate[train]`, "
            f"or {instead}"
        ) from None
    try:
        rows = list(datasets.load_dataset(hub.dataset, hub.configuration, split=hub.split))
    except Exception as error:  # the hub's clients raise their own, httpx's and requests' errors
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise ProblemSetError(
            f"`{name}` ({hub.dataset}) cannot be had from the Hugging Face hub ({reason}); {instead}"
        ) from error
    return ((f"{hub.dataset}, row {number}", row) for number, row in enumerate(rows, start=1))


def collect(
    source: str,
    rows: Iterable[tuple[str, Any]],
    problem_of: Callable[[dict[str, Any]], Problem],
    complaints: list[str] | None = None,
) -> list[Problem]:
    """Turn rows into problems of different ids.

    Raises: ProblemSetError that names the place of the first bad row, or that there is no problem at all.
    """
    problems: list[Problem] = []
    place_of: dict[str, str] = {}
    for place, row in rows:
        try:
            problem = problem_from(place, row, problem_of, place_of)
        except ProblemSetError as error:
            if complaints is None:
                raise
            complaints.append(str(error))
            continue
        place_of[problem.id] = place
        problems.append(problem)
    if not problems:
        raise ProblemSetError(
            complaints[0] if complaints else f"`{source}` holds no problem: give a set with at least one"
        )
    return problems


def problem_from(
    place: str, row: Any, problem_of: Callable[[dict[str, Any]], Problem], place_of: Mapping[str, str]
) -> Problem:
    """Raises: ProblemSetError."""
    if isinstance(row, ProblemSetError):
        raise row
    if not isinstance(row, dict):
        raise ProblemSetError(f"{place}: a row is an object with named fields, this is a {type(row).__name__}")
    try:
        problem = problem_of(row)
    except ValidationError as error:
        raise ProblemSetError(f"{place}: {complaint(error, row)}") from None
    if not problem.id:
        raise ProblemSetError(f"{place}: field `id` is missing: add a name that no other problem of the set has")
    if problem.id in place_of:
        raise ProblemSetError(
            f"{place}: field `id`: `{problem.id}` is taken by {place_of[problem.id]}; give each problem its own id"
        )
    return problem


def complaint(error: ValidationError, row: object) -> str:
    """What is wrong first, in the words of the row: the field by its path, and the fix."""
    first = error.errors(include_url=False)[0]
    field = field_at(first["loc"], row, absent=first["type"] == "missing")
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, WrongField):
        field = ".".join(filter(None, (field, *cause.path)))
    if first["type"] == "missing":
        return f"field `{field}` is missing: add it"
    if first["type"] == "extra_forbidden":
        return f"field `{field}` is unknown: correct its name or remove it"
    if first["type"] == "union_tag_not_found":
        return f"field `{field}.kind` is missing: add it"
    message = first["msg"].removeprefix("Value error, ")
    return f"field `{field}`: {message}" if field else message


def field_at(location: tuple[int | str, ...], row: object, *, absent: bool) -> str:
    """The path of a field in the row. Steps of pydantic's that the row does not have (names of variants) are left out,
    but for the last one where it is the field itself that is absent.
    """
    steps: list[str] = []
    at: Any = row
    for index, step in enumerate(location):
        is_last = index == len(location) - 1
        if (isinstance(at, dict) and step in at) or (isinstance(at, list) and isinstance(step, int)):
            at = at[step]  # type: ignore[index]  # the step fits its container, as was just checked
            steps.append(str(step))
        elif is_last and absent:
            steps.append(str(step))
    return ".".join(steps)

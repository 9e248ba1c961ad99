"""What commands show: progress on stderr (silent where that is no terminal), tables on stdout, JSON in files."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from trainer.parser import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path


@contextlib.contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar; yields what tells it (done, total)."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def table(title: str, *texts: str, numbers: Sequence[str] = ()) -> Table:
    """Make a table with columns of text and, to the right of them, of numbers."""
    made = Table(title=title, title_justify="left")
    for column in texts:
        made.add_column(column, overflow="fold")
    for column in numbers:
        made.add_column(column, justify="right")
    return made


def show(*things: object, json_to: Path | None = None) -> None:
    """Print tables; to stderr where stdout is for JSON."""
    # No markup: what a program or a problem says may hold brackets.
    console = Console(stderr=json_to is not None and str(json_to) == "-", markup=False, highlight=False)
    for thing in things:
        console.print(thing)


def warn(program: str, left_out: Iterable[str]) -> None:
    """Name on stderr the rows that are left out."""
    for complaint in left_out:
        sys.stderr.write(f"{program}: left out: {one_line(complaint)}\n")


def write_json(report: Any, path: Path | None) -> None:
    """Write a report to a file, or to stdout for `-`."""
    if path is None:
        return
    text = json.dumps(report, indent=2) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"

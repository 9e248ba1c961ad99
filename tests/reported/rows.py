"""Reads the rows of this folder, has a server judge them, and compares.

A row is one JSON object a line: `id`, `reported` (where, or empty), `problem`, `code` or `completion`, `expected`, and
where it needs one `request`: options of `POST /v1/score`. `expected` is a reward, `below 1`, `absent` for no reward, or
`refused` for a problem that no program can be judged by.
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import httpx

FOLDER: Final = Path(__file__).parent
KINDS: Final = sorted(file.stem for file in FOLDER.glob("*.jsonl"))
REFUSED, ABSENT, BELOW_ONE = "refused", "absent", "below 1"
UNPROCESSABLE: Final = 422
AT_ONCE: Final = 16
"""Rows in a request: an answer comes in time on a busy machine too."""


class Row(NamedTuple):
    id: str
    reported: str
    problem: dict[str, Any]
    program: dict[str, str]
    """The `code` or `completion` of the submission."""
    request: dict[str, Any]
    expected: float | str


class Outcome(NamedTuple):
    row: Row
    got: float | str
    why: str

    @property
    def right(self) -> bool:
        if self.row.expected == BELOW_ONE:
            return self.got == REFUSED or (isinstance(self.got, float) and self.got < 1)
        return self.got == self.row.expected or (
            isinstance(self.got, float)
            and isinstance(self.row.expected, float)
            and abs(self.got - self.row.expected) < 1e-6
        )

    def __str__(self) -> str:
        return f"{self.row.id}: expected {self.row.expected}, got {self.got} ({self.why[:300]})"


def rows_of(kind: str) -> list[Row]:
    """Read a file of this folder. Raises: KeyError, ValueError where a row is not one."""
    return [row_from(json.loads(line)) for line in (FOLDER / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()]


def row_from(entry: dict[str, Any]) -> Row:
    expected = entry["expected"]
    return Row(
        entry["id"],
        entry["reported"],
        entry["problem"],
        {key: entry[key] for key in ("code", "completion") if key in entry},
        entry.get("request", {}),
        expected if isinstance(expected, str) else float(expected),
    )


def judge(http: httpx.Client, rows: Iterable[Row]) -> Iterator[Outcome]:
    """Have all rows judged: in one request those of like options, each on its own that is to be refused."""

    def together(row: Row) -> str:
        return row.id if row.expected in (REFUSED, BELOW_ONE) else json.dumps(row.request, sort_keys=True)

    for _, group in groupby(sorted(rows, key=together), key=together):
        alike = list(group)
        for first in range(0, len(alike), AT_ONCE):
            yield from judge_together(http, alike[first : first + AT_ONCE])


def judge_together(http: httpx.Client, rows: list[Row]) -> Iterator[Outcome]:
    problems = {row.id: row.problem for row in rows}
    submissions = [{"problem": row.id, **row.program} for row in rows]
    response = http.post(
        "/v1/score",
        json={"problems": problems, "submissions": submissions, "strict": len(rows) == 1, **rows[0].request},
    )
    if response.status_code == UNPROCESSABLE:
        for row in rows:
            yield Outcome(row, REFUSED, response.text)
        return
    for row, result in zip(rows, response.raise_for_status().json()["results"], strict=True):
        reward, why = result["reward"], result["error"] or result["message"]
        yield Outcome(row, ABSENT if reward is None else float(reward), why)

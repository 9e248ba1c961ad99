"""One defence: the text that is it, the text without it, and the tests that must notice its removal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Where = Literal["anywhere", "root", "nobody", "docker"]
"""Where its tests say something: on any machine, with the embedded backend as root or as a user without rights, or with
a Docker daemon."""

EXPLOITS = "tests/exploits/test_exploits.py"
UNEARNED = "tests/exploits/test_unearned.py"
WALLS = "tests/contract/test_walls.py"
ASSERTS = "tests/contract/test_asserts.py"
CLEAN = "tests/contract/test_cleanliness.py"
CONTROL: dict[Where, str] = {
    "anywhere": f"{EXPLOITS}::test_an_honest_submission_gets_all[embedded-asserts]",
    "root": f"{EXPLOITS}::test_an_honest_submission_gets_all[embedded-asserts]",
    "nobody": f"{EXPLOITS}::test_an_honest_submission_gets_all[embedded-asserts]",
    "docker": f"{EXPLOITS}::test_an_honest_submission_gets_all[docker-asserts]",
}
"""Passes also without the defence: or else its removal has only broken the server, and proves nothing."""


@dataclass(frozen=True, slots=True)
class Defence:
    """One row of the table."""

    name: str
    protects: str
    """In one sentence, what holds as long as it is there."""
    file: str
    text: str
    """Stands exactly once in the file."""
    without: str
    """Takes its place when it is removed: the file still runs."""
    tests: tuple[str, ...]
    """All of these fail without it."""
    where: Where = "anywhere"
    covered_by: str = ""
    """The name of another row. The tests fail when both are gone, and pass as long as one of the two is there."""


def cheat(name: str, kind: str) -> str:
    """The test that this exploit gets nothing from tests of this kind."""
    return f"{EXPLOITS}::test_a_cheat_gets_no_test[embedded-{kind}-{name}]"


def unearned(row: str) -> str:
    """The test that this row of `unearned.py` is not paid."""
    return f"{UNEARNED}::test_what_was_not_earned_is_not_paid[embedded-{row}]"


def calibrated(row: str) -> str:
    """The test that this one is not paid where a reference is known."""
    return f"{UNEARNED}::test_nor_is_it_where_a_reference_shows_what_comes_where[embedded-{row}]"


def attempt(code: str) -> str:
    """The test that a submission is refused this expression."""
    return f"{WALLS}::test_an_attempt_fails[embedded-{code}]"


def outlives(name: str) -> str:
    """The test that nothing of this program is left for the next."""
    return f"{CLEAN}::test_nothing_outlives_its_run[embedded-{name}]"


def holds(payload: str) -> str:
    """The test that this payload of the hostile list gets what it must, and leaves nothing."""
    return f"tests/hostile/test_payloads.py::test_the_sandbox_holds[embedded-{payload}]"

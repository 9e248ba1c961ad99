"""Fuzzes all parts with a given number of cases, and says how many each part tried and how long it took.

`python -m tests.fuzz [--cases 20000]`. Other cases each time; what fails is shown with the line that reproduces
it. Exit code 1 when anything failed. CI runs the same tests with fewer cases, the same ones each time.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.fuzz import budget

if TYPE_CHECKING:
    from collections.abc import Iterator


LATE: Final = "ignore::pytest.PytestAssertRewriteWarning"
"""Hypothesis is loaded here already, for the budget."""


class Clock:
    """Seconds and cases by test module."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.cases: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        part, before, began = item.path.stem.removeprefix("test_"), budget.TRIED.total(), time.monotonic()
        outcome = yield
        self.seconds[part] += time.monotonic() - began
        self.cases[part] += budget.TRIED.total() - before
        return outcome


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="in all, shared out among the parts")
    asked = parser.parse_args()
    os.environ[budget.VARIABLE] = str(asked.cases)
    clock = Clock()
    code = pytest.main(["-q", "--timeout=0", "-W", LATE, str(Path(__file__).parent)], plugins=[clock])
    for part, seconds in clock.seconds.items():
        print(f"{part:<18} {clock.cases[part]:>7,} cases {seconds:>7.0f} s")  # noqa: T201
    print(f"{'all':<18} {clock.cases.total():>7,} cases {sum(clock.seconds.values()):>7.0f} s")  # noqa: T201
    return int(code)


if __name__ == "__main__":
    sys.exit(main())

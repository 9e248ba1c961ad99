"""A plugin of pytest that writes down how each test ended, for the runner of the defences."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

REPORT = "DEFENCES_REPORT"
"""Names the file to write."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Generator[None, Any, Any]:
    """Add a line of JSON: which test, how it ended, and by what exception."""
    report = yield
    if report.when == "call" or report.outcome != "passed":
        row = [item.nodeid, report.outcome, report.when, call.excinfo.type.__name__ if call.excinfo else ""]
        with Path(os.environ[REPORT]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return report

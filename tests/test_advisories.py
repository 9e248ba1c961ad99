"""A known vulnerability fails the lint; that none could be looked up does not, and is said."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests import advisories

FOUND = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
CLEAN, BAD = {"name": "a", "version": "1", "vulns": []}, {"name": "b", "version": "1", "vulns": [FOUND]}
UNSEEN = {"name": "c", "skip_reason": "not found"}


def audit(program: str, timeout_s: float = 30) -> int:
    """Look with this program in the place of pip-audit."""
    return advisories.main((sys.executable, "-c", program), timeout_s)


def told(*packages: dict[str, Any]) -> str:
    return f"print({json.dumps({'dependencies': packages})!r})"


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        (told(CLEAN, BAD, UNSEEN), 1, "b 1: PYSEC-1, mended in 2.0"),
        (told(CLEAN, UNSEEN), 0, "no known vulnerability in 1 packages; 1 could not be looked up"),
        (told(UNSEEN, UNSEEN), 0, "NOT AUDITED: no package was found"),
        ("raise SystemExit('no network')", 0, "NOT AUDITED: no network"),
        ("pass", 0, "NOT AUDITED: pip-audit said nothing"),
        ("print([1])", 0, "NOT AUDITED"),
    ],
)
def test_what_is_found_decides(program: str, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(program) == code
    assert said in capsys.readouterr().out


def test_who_does_not_answer_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("import time; time.sleep(60)", 0.2) == 0
    assert "NOT AUDITED: no answer within 0.2 s" in capsys.readouterr().out

"""The table of defences does not rot: each text is still there once, and each named test exists.

What removes them and watches the tests fail is `make defences`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.defences.defence import CONTROL, Defence
from tests.defences.table import DEFENCES

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda defence: defence.name)
def test_a_defence_stands_once_in_its_file(defence: Defence) -> None:
    source = (ROOT / defence.file).read_text(encoding="utf-8")
    assert source.count(defence.text) == 1
    assert defence.text != defence.without
    assert defence.tests


@pytest.mark.parametrize("file", sorted({defence.file for defence in DEFENCES}))
def test_a_file_without_a_defence_is_still_python(file: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    for defence in DEFENCES:
        if defence.file == file:
            ast.parse(source.replace(defence.text, defence.without))


def test_every_named_test_exists() -> None:
    """By one collection: names with parameters are known to pytest alone."""
    named = {test for defence in DEFENCES for test in defence.tests} | set(CONTROL.values())
    files = sorted({test.partition("::")[0] for test in named})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert named - set(ran.stdout.splitlines()) == set(), ran.stderr


def test_names_are_told_apart_and_lead_to_each_other() -> None:
    names = Counter(defence.name for defence in DEFENCES)
    assert set(names.values()) == {1}
    assert {defence.covered_by for defence in DEFENCES} <= {"", *names}
    assert len(DEFENCES) >= 100

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

from tests.company import BY_BACKEND, ONE_BY_ONE, Pieces
from tests.contract.support import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

SUITE = """
import os, time
from pathlib import Path
import pytest
HERE = Path(__file__).parent
def seen_from_within():
    mine = HERE / f"running-{os.getpid()}"
    mine.touch()
    most = 0
    for _ in range(3):
        time.sleep(0.02)
        most = max(most, len(list(HERE.glob("running-*"))))
    mine.unlink()
    return most
@pytest.mark.parametrize("number", range(40))
def test_with_others(number):
    with (HERE / "company").open("a") as file:
        file.write(f"{seen_from_within()}\\n")
@pytest.mark.alone
@pytest.mark.parametrize("number", range(3))
def test_alone(number):
    assert seen_from_within() == 1
"""


def test_a_test_that_must_be_alone_is_and_the_others_are_not(tmp_path: Path) -> None:
    """Seen red without the gate and the room: others run on beside the first that should be alone."""
    (tmp_path / "test_one.py").write_text(SUITE)
    (tmp_path / "test_two.py").write_text(SUITE)
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    alone\n    slow\n")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    ran = subprocess.run(
        [*command, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=100
    )
    assert "86 passed" in ran.stdout, ran.stdout + ran.stderr
    assert max(map(int, (tmp_path / "company").read_text().split())) > 1


def test_a_file_goes_to_one_process_and_a_long_one_in_pieces() -> None:
    pieces = Pieces()
    short, long = (
        [f"tests/{name}.py::test[{number}]" for number in range(size)] for name, size in (("a", 3), ("b", 90))
    )
    assert {pieces.of(test) for test in short} == {"tests/a.py 0"}
    assert Counter(pieces.of(test) for test in long) == {"tests/b.py 0": 40, "tests/b.py 1": 40, "tests/b.py 2": 10}
    assert pieces.of(long[50]) == "tests/b.py 1"


def test_files_that_go_out_one_by_one_exist() -> None:
    assert [name for name in (*ONE_BY_ONE, *BY_BACKEND) if not (REPOSITORY / name).exists()] == []
    assert [Pieces().of(f"{name}::test") for name in ONE_BY_ONE] == [f"{name} 0" for name in ONE_BY_ONE]
    (name,) = BY_BACKEND
    named = [f"{name}::test[{backend}-{number}]" for backend in ("embedded", "docker") for number in range(90)]
    pieces = Pieces()
    assert Counter(map(pieces.of, named)) == {f"{name} embedded": 90, f"{name} docker": 90}

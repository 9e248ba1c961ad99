"""The files of a test cross by value: regular ones, by names that lead nowhere else."""

# ruff: noqa: PTH102, PTH106, PTH108, PTH112, PTH123, PTH208, PTH211 - the code under test takes text

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.runner.scratch import MOST_BYTES, MOST_DEPTH, MOST_FILES, Scratch, TooMuch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Scratch, Scratch]:
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    return Scratch(str(tmp_path / "ours")), Scratch(str(tmp_path / "theirs"))


def put(side: Scratch, name: str, text: str) -> None:
    with open(f"{side.root}/{name}", "w", encoding="utf-8") as file:
        file.write(text)


def held(side: Scratch, name: str) -> str:
    with open(f"{side.root}/{name}", encoding="utf-8") as file:
        return file.read()


def cross(here: Scratch, there: Scratch) -> list[str]:
    """Carry what has changed. Returns what was done to which path."""
    changes = here.changes()
    there.apply(changes)
    return [f"{change[0]} {change[1]}" for change in changes]


def test_only_what_has_changed_crosses_in_both_directions(sides: tuple[Scratch, Scratch]) -> None:
    ours, theirs = sides
    os.mkdir(f"{ours.root}/a")
    put(ours, "a/b", "1")
    assert cross(ours, theirs) == ["m a", "w a/b"]
    assert cross(ours, theirs) == cross(theirs, ours) == []
    put(theirs, "a/b", "2")
    put(theirs, "c", "3")
    assert cross(theirs, ours) == ["w c", "w a/b"]
    assert (held(ours, "a/b"), held(ours, "c")) == ("2", "3")
    os.unlink(f"{ours.root}/a/b")
    os.rmdir(f"{ours.root}/a")
    assert cross(ours, theirs) == ["x a/b", "x a"]
    assert os.listdir(theirs.root) == ["c"]


def test_a_file_written_twice_in_one_tick_of_the_clock_crosses_twice(sides: tuple[Scratch, Scratch]) -> None:
    """Of the same size and inode, so that only its content shows it."""
    ours, theirs = sides
    for text in "abcdef":
        put(ours, "x", text)
        assert cross(ours, theirs) == ["w x"]
        assert held(theirs, "x") == text


def test_a_file_becomes_a_folder_and_the_reverse(sides: tuple[Scratch, Scratch]) -> None:
    ours, theirs = sides
    put(ours, "x", "1")
    cross(ours, theirs)
    os.unlink(f"{ours.root}/x")
    os.mkdir(f"{ours.root}/x")
    assert cross(ours, theirs) == ["x x", "m x"]
    assert os.path.isdir(f"{theirs.root}/x")


def test_links_and_fifos_are_not_carried(sides: tuple[Scratch, Scratch]) -> None:
    ours, _ = sides
    os.symlink("/etc/passwd", f"{ours.root}/link")
    os.symlink("/etc", f"{ours.root}/folder")
    os.mkfifo(f"{ours.root}/fifo")
    assert ours.changes() == []


def write(path: str) -> list[str]:
    return ["w", path, base64.b64encode(b"theirs").decode()]


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/x", "", ".", "a//b", "link/x", "x\0", "/".join("a" * 30)], ids=repr
)
def test_a_path_that_leads_elsewhere_is_refused(sides: tuple[Scratch, Scratch], path: str) -> None:
    ours, _ = sides
    os.mkdir(f"{ours.root}/../elsewhere")
    os.symlink("../elsewhere", f"{ours.root}/link")
    for change in (write(path), ["m", path], ["x", path]):
        with pytest.raises(TooMuch):
            ours.apply([change])
    assert sorted(os.listdir(f"{ours.root}/..")) == ["elsewhere", "ours", "theirs"]
    assert os.listdir(f"{ours.root}/../elsewhere") == []


def test_what_was_not_shown_can_be_neither_replaced_nor_removed(sides: tuple[Scratch, Scratch]) -> None:
    ours, _ = sides
    put(ours, "expected", "ours")
    assert ours.changes(lambda path: path != "expected") == []
    with pytest.raises(TooMuch):
        ours.apply([write("expected")])
    ours.apply([["x", "expected"]])
    assert held(ours, "expected") == "ours"


def test_a_link_of_the_test_is_not_written_through(sides: tuple[Scratch, Scratch]) -> None:
    ours, _ = sides
    put(ours, "../mine", "ours")
    os.symlink("../mine", f"{ours.root}/link")
    ours.known["link"] = 0
    with pytest.raises((TooMuch, OSError)):
        ours.apply([write("link")])
    assert held(ours, "../mine") == "ours"


@pytest.mark.parametrize("changes", [None, {}, "w", [None], [["w"]], [["w", 1, "eA=="]], [["w", "x", 1]], [["q", "x"]]])
def test_changes_of_another_shape_are_refused(sides: tuple[Scratch, Scratch], changes: Any) -> None:
    with pytest.raises(TooMuch):
        sides[0].apply(changes)


def test_more_files_than_are_carried_are_too_much(sides: tuple[Scratch, Scratch]) -> None:
    for number in range(MOST_FILES + 1):
        put(sides[0], str(number), "")
    with pytest.raises(TooMuch):
        sides[0].changes()


def test_what_the_other_side_has_made_is_not_too_much_for_this_one(sides: tuple[Scratch, Scratch]) -> None:
    """Or a submission could fill the test's folder, for which the test would be blamed."""
    ours, theirs = sides
    for number in range(MOST_FILES):
        put(theirs, str(number), "")
    for name in "ab":
        put(ours, name, "")
    cross(theirs, ours)
    assert cross(ours, theirs) == ["w a", "w b"]


@pytest.mark.parametrize(("files", "size"), [(MOST_FILES + 1, 1), (3, MOST_BYTES // 2)])
def test_the_other_side_has_the_same_limits(sides: tuple[Scratch, Scratch], files: int, size: int) -> None:
    text = base64.b64encode(b"x" * size).decode()
    for number in range(files - 1):
        sides[0].apply([["w", str(number), text]])
    with pytest.raises(TooMuch):
        sides[0].apply([["w", "one more", text]])
    sides[0].changes()


def test_no_folder_is_deeper_than_what_is_looked_at(sides: tuple[Scratch, Scratch]) -> None:
    paths = ["/".join("d" * depth) for depth in range(1, MOST_DEPTH + 3)]
    with pytest.raises(TooMuch):
        sides[0].apply([["m", path] for path in paths])
    assert len(sides[0].known) == MOST_DEPTH + 1
    sides[0].changes()

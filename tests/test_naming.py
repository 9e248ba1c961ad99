"""A file of the test is known to the submission once the test has named it, and not because the submission did."""

from __future__ import annotations

import pytest

from reward_server.runner.naming import TEMPORARY, Names
from reward_server.runner.scratch import ROOT
from reward_server.runner.values import dumps

FOLDER = f"{TEMPORARY}/test0"
GOLDEN, OUT = f"{FOLDER}/golden.txt", f"{FOLDER}/out.txt"


@pytest.fixture
def names() -> Names:
    """After a message that named the place of the output, while the golden file was there."""
    names = Names(["data.csv"])
    names.tell(dumps([OUT]))
    names.withhold({GOLDEN, f"{ROOT}/data.csv"}, [dumps([OUT])])
    return names


@pytest.mark.parametrize("text", [GOLDEN, f"{GOLDEN}/", f"read {FOLDER}/./golden.txt: it", f"{FOLDER}/x/../golden.txt"])
def test_a_file_is_known_once_it_is_named(names: Names, text: str) -> None:
    assert not names.is_told(GOLDEN)
    names.tell(dumps(["=", text if text.startswith(FOLDER) else f"{GOLDEN}: it"]))
    assert names.is_told(GOLDEN)


def test_so_is_what_lies_in_a_folder_that_is_named(names: Names) -> None:
    names.tell(dumps([FOLDER]))
    assert names.is_told(GOLDEN)


@pytest.mark.parametrize("folder", [ROOT, TEMPORARY])
def test_the_folders_of_all_files_are_never_shown_as_a_whole(names: Names, folder: str) -> None:
    names.tell(dumps([folder]))
    assert not names.is_told(GOLDEN)


@pytest.mark.parametrize("said", [GOLDEN, FOLDER, f"{FOLDER}/", f"{FOLDER}/../test0/golden.txt"])
def test_a_name_that_comes_from_the_submission_does_not_count(names: Names, said: str) -> None:
    names.hear(["=", [], said], ROOT)
    names.tell(dumps(["?", said]))
    assert not names.is_told(GOLDEN)


@pytest.mark.parametrize(
    "said", ["golden", "golden.txt", "a/golden.txt", GOLDEN, ["b", b"golden.txt".hex()], ["b", GOLDEN.encode().hex()]]
)
def test_what_it_names_is_not_opened_for_it(names: Names, said: object) -> None:
    assert not names.is_kept(GOLDEN)
    names.hear(["?", [], "call", 1, [said], []], ROOT)
    assert names.is_kept(GOLDEN)
    assert not names.is_kept(OUT)


def test_nor_what_lies_in_a_folder_that_it_names(names: Names) -> None:
    names.hear(["?", [], "call", 1, [FOLDER], []], ROOT)
    assert names.is_kept(GOLDEN)


@pytest.mark.parametrize("said", ["the golden one", f"see {GOLDEN}"])
def test_a_name_that_the_test_has_said_first_counts(names: Names, said: str) -> None:
    """In a file that was shown, say."""
    names.withhold(names.unshown, [said.encode()])
    names.hear(["?", [], "call", 1, ["golden"], []], ROOT)
    assert not names.is_kept(GOLDEN)


@pytest.mark.parametrize("said", [GOLDEN, "golden.txt", "./golden.txt"])
def test_a_path_that_it_gives_is_noted(names: Names, said: str) -> None:
    names.hear(["=", [], said], FOLDER)
    assert names.given == {GOLDEN}
    names.begin_test()
    assert names.given == set()


def test_a_bare_name_may_be_that_of_a_file_of_its_own(names: Names) -> None:
    """It writes `report.txt` to a folder, and the test compares with its own `report.txt`."""
    names.hear(["=", [], "golden.txt"], FOLDER, ["out/golden.txt"])
    assert names.given == set()
    names.hear(["=", [], GOLDEN], FOLDER, ["out/golden.txt"])
    assert names.given == {GOLDEN}


@pytest.mark.parametrize("said", [f"{ROOT}/data.csv", "data.csv", "/judge/box/data.csv"])
def test_data_files_have_two_places(names: Names, said: str) -> None:
    names.hear(["=", [], said], ROOT)
    assert names.given
    names.tell(b"data.csv")
    assert not names.is_told(f"{ROOT}/data.csv")


def test_what_the_test_makes_for_the_submission_is_not_kept_from_it(names: Names) -> None:
    names.made.add(OUT)
    names.withhold({GOLDEN, OUT}, [])
    names.hear(["?", [], "call", 1, [OUT], []], ROOT)
    assert not names.is_kept(OUT)


def test_bytes_that_are_none_are_passed_over(names: Names) -> None:
    names.hear(["?", "golden", ["b", "golden.txt"], ["b", "0"]], ROOT)
    assert names.guessed == {GOLDEN}


@pytest.mark.parametrize("said", ["data.csv", "data.csv: 1", "<data.csv>", ["b", b"0data.csv".hex()]])
def test_a_data_file_is_not_known_by_a_text_of_the_submission_that_holds_its_name(names: Names, said: object) -> None:
    """Otherwise it could have the test pass the text on, as in `decode(encode(text))`."""
    names.hear(["=", [], said], ROOT)
    names.tell(dumps(["?", said, "data.csv"]))
    assert not names.is_told(f"{ROOT}/data.csv")


def test_a_text_that_holds_a_short_name_closes_no_other_file() -> None:
    """Right programs would get a 0 where the test calls its file `a`."""
    names = Names([])
    names.withhold({f"{FOLDER}/a"}, [])
    names.hear(["=", [], "banana"], ROOT)
    names.tell(dumps([f"{FOLDER}/a"]))
    assert names.is_told(f"{FOLDER}/a")

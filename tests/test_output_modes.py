"""Ways to compare what was printed. Published ones are written here anew, as their sources have them, and compared."""

from __future__ import annotations

import math
import random
import re
import time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, get_args

import pytest

from reward_server.judging.output_modes import MODES, same_output
from tasks.schema import CompareMode, Lines, StdioTests, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECES: Final = [
    *("1", "1.0", "1.00001", "2", "-3", "1e5", "100000", "100000.5", "nan", "NaN", "inf", "-inf", "1_0", "10", "٣"),
    *("yes", "YES", "Yes", "no", "NO", "yesterday", "no-one", "a", "A", "é", "É", "x=1.5,", "x=1.50,"),
]
SPACES: Final = [" ", " ", "  ", "\t", "\n", "\n", "\n\n", "\r\n", " \n", "\n ", "\x0b", "\x0c", "\u00a0", "\x1c", ""]


def same(compare: Any, expected: str, actual: str) -> bool:
    tests = StdioTests.model_validate({"kind": "stdio", "cases": [{"stdout": ""}], "compare": compare})
    assert not hasattr(tests.compare, "checker")
    return same_output(tests.compare, expected.encode(), actual.encode())


def pairs(seed: int) -> Iterator[tuple[str, str]]:
    """Texts and what a submission might print in their place: much alike, or the order of its lines changed."""
    rng = random.Random(seed)
    for _ in range(20_000):
        words = [rng.choice(PIECES) for _ in range(rng.randrange(4))]
        other = [rng.choice(PIECES) if rng.random() < 0.15 else word for word in words]
        if rng.random() < 0.1:
            rng.shuffle(other)
        same_spaces = rng.random() < 0.5
        spaces = [rng.choice(SPACES) for _ in range(5)]
        yield written(words, spaces), written(other, spaces if same_spaces else [rng.choice(SPACES) for _ in range(5)])


def written(words: list[str], spaces: list[str]) -> str:
    return spaces[0] + "".join(word + space for word, space in zip(words, spaces[1:], strict=False))


def published_lcb(expected: str, actual: str) -> bool:
    """LiveCodeBench's `grade_stdio`, with its helpers."""

    def stripped_lines(text: str) -> list[str]:
        return [line.strip() for line in text.strip().split("\n")]

    def decimals(line: str) -> list[Decimal] | None:
        try:
            return [Decimal(each) for each in line.split()]
        except InvalidOperation:
            return None

    prediction, truth = stripped_lines(actual), stripped_lines(expected)
    if len(prediction) != len(truth):
        return False
    for got, wanted in zip(prediction, truth, strict=True):
        if got != wanted and ((numbers := decimals(got)) is None or numbers != decimals(wanted)):
            return False
    return True


def published_verl(expected: str, actual: str) -> bool:
    return actual.rstrip("\n") == expected.rstrip("\n")


def published_kattis(expected: str, actual: str) -> bool:
    """The default validator reads both by `>>` of C++ and compares by `strcasecmp`, in the C locale."""

    def tokens(text: str) -> list[bytes]:
        return [
            bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in word)
            for word in re.split(rb"[ \t\n\v\f\r]+", text.encode())
            if word
        ]

    return tokens(expected) == tokens(actual)


def published_codeforces(expected: str, actual: str) -> bool:
    """White space is collapsed, blank lines go, the words YES and NO are upper-cased; then `diff -b`."""

    def plain(text: str) -> list[str]:
        lines = [re.sub(r"\s+", " ", line).strip() for line in text.split("\n")]
        return [
            re.sub(r"(?<!\w)(yes|no)(?!\w)", lambda word: word[0].upper(), line, flags=re.IGNORECASE)
            for line in lines
            if line
        ]

    return plain(expected) == plain(actual)


def published_apps(expected: str, actual: str, *, sets: bool) -> bool:
    """The ladder of APPS' `run_test` for standard input, where the expected output is one text."""
    output = actual.splitlines()
    if output == [expected]:
        return True
    truth = [line.strip() for line in expected.split("\n") if line]
    if output == truth:
        return True
    output = [line for line in output if line]
    if output == truth or allclose(output, truth):
        return True
    if not sets:
        return False
    words = [frozenset(line.split()) for line in output if line.split()]
    wanted = [frozenset(line.split()) for line in truth]
    return words == wanted or set(words) == set(wanted) or rounded(words) == rounded(wanted)


def allclose(output: list[str], truth: list[str]) -> bool:
    try:
        found, wanted = [float(each) for each in output], [float(each) for each in truth]
    except ValueError:
        return False
    return len(found) == len(wanted) and all(
        one == other if math.isinf(one) or math.isinf(other) else abs(one - other) <= 1e-8 + 1e-5 * abs(other)
        for one, other in zip(found, wanted, strict=True)
    )


def rounded(lines: list[frozenset[str]]) -> set[frozenset[float]] | None:
    try:
        return {frozenset(round(float(word), 3) for word in line) for line in lines}
    except (ValueError, OverflowError):
        return None


@pytest.mark.parametrize(
    ("mode", "published"),
    [
        ("lcb", published_lcb),
        ("verl", published_verl),
        ("kattis", published_kattis),
        ("codeforces", published_codeforces),
    ],
)
def test_a_mode_says_what_its_source_says(mode: CompareMode, published: Callable[[str, str], bool]) -> None:
    said = {True: 0, False: 0}
    for expected, actual in pairs(len(mode)):
        wanted = published(expected, actual)
        said[wanted] += 1
        assert MODES[mode](expected.encode(), actual.encode()) is wanted, (expected, actual)
    assert min(said.values()) > 1000


def test_apps_strict_lies_between_the_ladder_of_apps_without_and_with_its_sets() -> None:
    """It strips lines on both sides, which APPS does by its sets, and ignores neither order nor number."""
    between = 0
    for expected, actual in pairs(0):
        strict = MODES["apps_strict"](expected.encode(), actual.encode())
        loose = published_apps(expected, actual, sets=True)
        assert strict or not published_apps(expected, actual, sets=False), (expected, actual)
        # APPS keeps a blank line of the expected output that holds a space, and divides that output by "\n" alone.
        plain = all(line.strip() or not line for line in expected.split("\n")) and not {*"\x0b\x0c\x1c"} & {*expected}
        assert loose or not (strict and plain), (expected, actual)
        between += loose and not strict
    assert between > 10
    assert not MODES["apps_strict"](b"1\n2\n2\n", b"2\n1\n")
    assert not MODES["apps_strict"](b"1 2\n", b"2 1\n")


@pytest.mark.parametrize(
    ("compare", "expected", "actual", "right"),
    [
        ("kattis", "Yes 1\n", "YES  1", True),
        ("kattis", "1.0", "1.00", False),
        ("lcb", "1.0 2\n3", "1.00 2.0\n3", True),
        ("lcb", "1 2 3", "1 2\n3", False),
        ("lcb", "0.1", "0.1000001", False),
        ("lcb", "a b", "a  b", False),
        ("lcb", "1", "sNaN", False),
        ("codeforces", "YES\n\n3  4 ", "yes\n3 4", True),
        ("codeforces", "YES", "yesterday", False),
        ("codeforces", "3 4", "3\n4", False),
        ("codeforces", "Abc", "abc", False),
        ("verl", "1\n", "1\n\n\n", True),
        ("verl", "1", "1 \n", False),
        ("apps_strict", "1.0\n2", " 1.000001 \n\n2\n", True),
        ("apps_strict", "1.0", "1.1", False),
        ("lines", "a \r\nb\n", "a\nb\t\n\n\n", True),
        ("lines", "a\nb", "a b", False),
        ("lines", " a", "a", False),
        ("lines", "a\n\nb", "a\nb", False),
        ("lines", "a", "A", False),
        ("lines", "", "\n \n", True),
        ({"lines": {"ignore_case": True}}, "a", "A", True),
        ({"lines": {"trailing_blanks": "compare"}}, "a", "a ", False),
        ({"lines": {"trailing_blanks": "compare"}}, "a", "a\n", True),
        ({"lines": {"trailing_lines": "compare"}}, "a\n", "a\n\n", False),
        ({"lines": {"trailing_lines": "compare"}}, "a\n", "a \n", True),
        ({"lines": {"line_ends": "exact"}}, "a\nb", "a\r\nb", False),
        ({"lines": {"line_ends": "exact"}}, "a\r\nb", "a\r\nb", True),
        ({"tokens": {}}, "a 1.0", "a  1.0\n", True),
        ({"tokens": {}}, "a", "A", False),
        ({"tokens": {"ignore_case": True}}, "Yes É", "yES É", True),
        ({"tokens": {"ignore_case": True}}, "É", "é", False),
        ({"tokens": {"float": 1e-6}}, "x 1.0", "x 1.0000001", True),
        ({"tokens": {"float": 1e-6}}, "X 1.0", "x 1.0", False),
        ({"tokens": {"float": 1e-6, "ignore_case": True}}, "X 1E0", "x 1.0000001", True),
        ({"tokens": {"float": 1e-6}}, "1000000", "1000000.5", True),
        ({"tokens": {"float": 1e-6, "float_error": "absolute"}}, "1000000", "1000000.5", False),
        ({"tokens": {"float": 1e-6, "float_error": "absolute"}}, "0", "0.0000001", True),
        ({"tokens": {"float": 1e-6, "float_error": "relative"}}, "0", "0.0000001", False),
        ({"tokens": {"float": 1e-6, "float_error": "relative"}}, "1000000", "1000000.5", True),
        ({"tokens": {"float": 0}}, "1.50", "1.5", True),
        ({"tokens": {"float": 1e-6}}, "x=1.5,", "x=1.50,", False),
        ({"tokens": {"float": 1e-6, "numbers": "anywhere"}}, "x=1.5, (2;3)", "x=1.50, (2.0;3)", True),
        ({"tokens": {"float": 1e-6, "numbers": "anywhere"}}, "x=1.5,", "y=1.5,", False),
        ({"tokens": {"float": 1e-6, "numbers": "anywhere"}}, "x=1.5,", "x=1.6,", False),
        ({"tokens": {"float": 1e-6, "numbers": "anywhere"}}, "x1", "x", False),
        ({"tokens": {"float": 1.0}}, "nan", "0", False),
        ({"tokens": {"float": 1.0}}, "1", "nan", False),
        ({"tokens": {"float": 1e-6}}, "1 2", "1", False),
    ],
)
def test_what_each_way_forgives(compare: Any, expected: str, actual: str, right: bool) -> None:
    assert same(compare, expected, actual) is right


WAYS: Final = [
    *get_args(CompareMode),
    *(
        {"tokens": {"float": 0.1}},
        {"tokens": {"float": 0.1, "numbers": "anywhere", "ignore_case": True}},
        {"float": 0.1},
    ),
    {"lines": {"ignore_case": True, "trailing_lines": "compare"}},
]


def test_every_mode_is_in_the_table() -> None:
    assert set(MODES) == set(get_args(CompareMode))


@pytest.mark.parametrize("compare", WAYS)
def test_a_text_equals_itself_and_no_bytes_that_are_no_text(compare: Any) -> None:
    for text in ("", "a b\n1.5\n", "\ufffd", "yes\r\n", "\u00a0"):
        assert same(compare, text, text)
    tests = StdioTests.model_validate({"kind": "stdio", "cases": [{"stdout": ""}], "compare": compare})
    for printed in (b"\xff", b"\xef\xbf", b"\xed\xb3\xbf"):
        assert not same_output(tests.compare, "\ufffd".encode(), printed)  # type: ignore[arg-type]
    lone = "\udcff".encode("utf-8", "surrogatepass")
    assert not same_output(tests.compare, lone, b"\xff")  # type: ignore[arg-type]


@pytest.mark.parametrize("compare", WAYS)
@pytest.mark.parametrize(
    "text",
    ["9" * 500_000, "1e999999999 " * 40_000, "1e-999999999 " * 40_000, "x1" * 250_000, "\n" * 500_000, " \t" * 250_000,
     "yes " * 125_000, "0." + "1" * 500_000, "1_0 " * 125_000, "\r" * 500_000, "-" * 500_000, "1." * 250_000],
)  # fmt: skip
def test_no_output_takes_long_to_compare(compare: Any, text: str) -> None:
    """Half a megabyte: what is larger is compared in a process of its own."""
    began = time.process_time()
    for actual in (text, text + "1", "1" + text):
        same(compare, text, actual)
    assert time.process_time() - began < 3


def test_options_are_closed() -> None:
    assert Tokens.model_validate({"tokens": {"float": 0.5}}).tokens.float_error == "either"
    assert Lines.model_validate({"lines": {}}).lines.line_ends == "any"

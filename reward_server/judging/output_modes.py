"""The ways to compare what a program printed with what was expected: one table of named modes, and two with options.

Pure. A mode that a data set or a judge has published keeps its meaning; its function says where that stands. Time grows
with the length of what was printed. Modes with a text of their own decode UTF-8; what is no UTF-8 equals no text.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from reward_server.judging.comparing import NUMBER, ROUNDING, close_tokens, same_text, same_tokens, tokens_of
from tasks.schema import CompareMode, FloatTolerance, Lines, LinesOptions, Tokens, TokensOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.schema import FloatError, OutputCompare

YES_OR_NO: Final = re.compile(r"\b(?:yes|no)\b", re.IGNORECASE | re.ASCII)
PART: Final = re.compile(rb"(" + NUMBER.pattern + rb")")
RELATIVE, ABSOLUTE = 1e-5, 1e-8
"""The tolerances of `numpy.allclose`."""


def same_output(compare: OutputCompare, expected: bytes, actual: bytes) -> bool:
    """Whether what was printed is right."""
    match compare:
        case FloatTolerance(float=tolerance):
            return close_tokens(expected, actual, tolerance)
        case Tokens(tokens=tokens):
            return tokens_by(tokens, expected, actual)
        case Lines(lines=lines):
            return lines_by(lines, expected, actual)
        case _:
            return MODES[compare](expected, actual)


def tokens_by(options: TokensOptions, expected: bytes, actual: bytes) -> bool:
    """Token by token, as the options say."""
    if options.ignore_case:
        expected, actual = expected.lower(), actual.lower()
    pairs = tokens_of(expected, actual)
    if pairs is None:
        return False
    if options.float is None:
        return pairs[0] == pairs[1]
    within = Decimal(repr(options.float))
    close = close_parts if options.numbers == "anywhere" else close_number
    return all(
        wanted == found or close(wanted, found, within, options.float_error)
        for wanted, found in zip(*pairs, strict=True)
    )


def close_number(expected: bytes, actual: bytes, within: Decimal, error: FloatError) -> bool:
    """Whether both are numbers, and close."""
    if NUMBER.fullmatch(expected) is None or NUMBER.fullmatch(actual) is None:
        return False
    wanted, found = Decimal(expected.decode()), Decimal(actual.decode())
    size = {"either": max(Decimal(1), ROUNDING.abs(wanted)), "absolute": Decimal(1), "relative": ROUNDING.abs(wanted)}
    return ROUNDING.abs(ROUNDING.subtract(wanted, found)) <= ROUNDING.multiply(within, size[error])


def close_parts(expected: bytes, actual: bytes, within: Decimal, error: FloatError) -> bool:
    """Whether two tokens are equal but for numbers in them, which are close."""
    wanted, found = PART.split(expected), PART.split(actual)  # texts and numbers take turns
    return (
        len(wanted) == len(found)
        and wanted[::2] == found[::2]
        and all(close_number(*pair, within, error) for pair in zip(wanted[1::2], found[1::2], strict=True))
    )


def lines_by(options: LinesOptions, expected: bytes, actual: bytes) -> bool:
    """Line by line, as the options say."""
    wanted, found = ([line_by(options, line) for line in text.split(b"\n")] for text in (expected, actual))
    if options.trailing_lines == "ignore":
        for lines in (wanted, found):
            while lines and not lines[-1]:
                lines.pop()
    return wanted == found


def line_by(options: LinesOptions, line: bytes) -> bytes:
    if options.line_ends == "any":
        line = line.removesuffix(b"\r")
    if options.trailing_blanks == "ignore":
        line = line.rstrip(b" \t")
    return line.lower() if options.ignore_case else line


def kattis(expected: bytes, actual: bytes) -> bool:
    """Tokens, letters of either case alike: the default validator of Kattis.

    Source: problem package format, "Default Output Validator Specification" (icpc.io/problem-package-format).
    """
    return same_tokens(expected.lower(), actual.lower())


def lcb(expected: bytes, actual: bytes) -> bool:
    """As many lines, each stripped and equal, or a row of equal decimal numbers. No tolerance.

    Source: LiveCodeBench, lcb_runner/evaluation/testing_util.py, `grade_stdio`.
    """
    texts = decoded(expected, actual)
    if texts is None:
        return False
    wanted, found = ([line.strip() for line in text.strip().split("\n")] for text in texts)
    return len(wanted) == len(found) and all(
        one == other or same_decimals(one, other) for one, other in zip(wanted, found, strict=True)
    )


def same_decimals(expected: str, actual: str) -> bool:
    """Whether two lines are rows of equal decimals, as Python reads them."""
    one, other = expected.split(), actual.split()
    try:
        return len(one) == len(other) and all(
            Decimal(wanted) == Decimal(found) for wanted, found in zip(one, other, strict=True)
        )
    except InvalidOperation:  # not a number, or a signalling one
        return False


def codeforces(expected: bytes, actual: bytes) -> bool:
    """Lines that are not blank, with white space collapsed and the words yes and no in any case.

    Source: open-r1, open_r1/utils/competitive_programming/cf_scoring.py, for problems without a checker.
    """
    texts = decoded(expected, actual)
    if texts is None:
        return False
    wanted, found = (
        [" ".join(words) for line in YES_OR_NO.sub(upper, text).split("\n") if (words := line.split())]
        for text in texts
    )
    return wanted == found


def upper(word: re.Match[str]) -> str:
    return word[0].upper()


def verl(expected: bytes, actual: bytes) -> bool:
    r"""Equal, but for any number of `\n` at the end.

    Source: verl, verl/utils/reward_score/sandbox_fusion/utils.py, `_process_single_case`.
    """
    return expected.rstrip(b"\n") == actual.rstrip(b"\n")


def apps_strict(expected: bytes, actual: bytes) -> bool:
    """Lines that are not blank, stripped and equal, or all of them numbers that `numpy.allclose` accepts.

    Source: hendrycks/apps, eval/testing_util.py, `run_test`, up to its steps that compare sets of lines and of words:
    those ignore order and number, so that wrong answers pass.
    """
    texts = decoded(expected, actual)
    if texts is None:
        return False
    wanted, found = ([line.strip() for line in text.splitlines() if line.strip()] for text in texts)
    return wanted == found or (len(wanted) == len(found) and all(map(allclose, wanted, found)))


def allclose(expected: str, actual: str) -> bool:
    try:
        wanted, found = float(expected), float(actual)
    except ValueError:
        return False
    if math.isinf(wanted) or math.isinf(found):
        return wanted == found
    return abs(found - wanted) <= ABSOLUTE + RELATIVE * abs(wanted)


def decoded(*texts: bytes) -> list[str] | None:
    """The texts; None where one is no UTF-8."""
    try:
        return [text.decode() for text in texts]
    except UnicodeDecodeError:
        return None


MODES: Final[dict[CompareMode, Callable[[bytes, bytes], bool]]] = {
    "tokens": same_tokens,
    "exact": same_text,
    "lines": lambda expected, actual: lines_by(LinesOptions(), expected, actual),
    "kattis": kattis,
    "lcb": lcb,
    "codeforces": codeforces,
    "verl": verl,
    "apps_strict": apps_strict,
}

"""What a checker is called with."""

from __future__ import annotations

import pytest

from reward_server.judging.checkers import arguments_of

S, E, A = "in", "want", "got"


@pytest.mark.parametrize(
    ("parameters", "positional", "keywords"),
    [
        ("stdin, expected, actual", (S, E, A), {}),
        ("a, b, c", (S, E, A), {}),
        ("*_", (S, E, A), {}),
        ("stdin, *rest", (S, E, A), {}),
        ("actual, expected, stdin", (A, E, S), {}),
        ("actual, expected", (A, E), {}),
        ("expected, actual", (E, A), {}),
        ("a, b", (E, A), {}),
        ("a", (A,), {}),
        ("input, output, answer", (S, A, E), {}),
        ("inp, out, ans", (S, A, E), {}),
        ("input_data, expected_output, actual_output", (S, E, A), {}),
        ("question, answer, expected", (S, A, E), {}),
        ("data, Answer, output", (S, E, A), {}),
        ("output, expected, x", (A, E, S), {}),
        ("a, b, c, d", (S, E, A), {}),
        ("a, b, c, eps=1e-6", (S, E, A), {}),
        ("stdin, expected, actual, result=None", (S, E, A), {}),
        ("expected, actual, stdin=''", (E, A), {"stdin": S}),
        ("*, actual, expected", (), {"actual": A, "expected": E}),
        ("expected, *, actual, strict=True", (E,), {"actual": A}),
        ("**kinds", (), {"stdin": S, "expected": E, "actual": A}),
        ("actual, /, expected", (A, E), {}),
        ("stdin, input, actual", (S, E, A), {}),
    ],
)  # fmt: skip
def test_parameters_are_known_by_name_or_by_place(
    parameters: str, positional: tuple[str, ...], keywords: dict[str, str]
) -> None:
    for source in (f"def check({parameters}): return True", f"check = lambda {parameters}: True"):
        assert arguments_of(source).of(S, E, A) == (positional, keywords)


@pytest.mark.parametrize(
    ("source", "positional"),
    [
        ("def same(actual, expected): return actual == expected\ncheck = same", (A, E)),
        ("async def check(actual, expected): return True", (A, E)),
        ("if True:\n    def check(actual, expected): return True", (A, E)),
        ("from functools import partial\ndef f(*_): return True\ncheck = partial(f)", (S, E, A)),
        ("class Checker:\n    def __call__(self, *a): return True\ncheck = Checker()", (S, E, A)),
        ("def check(output, answer): return True\ndef check(answer, output): return True", (E, A)),
    ],
)
def test_a_check_may_be_bound_in_any_way(source: str, positional: tuple[str, ...]) -> None:
    assert arguments_of(source).of(S, E, A) == (positional, {})

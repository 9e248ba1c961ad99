"""What a checker is called with."""

from __future__ import annotations

import pytest

from tasks.checkers import arguments_of

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
        ("a, b, c, eps=1e-6", (S, E, A), {}),
        ("stdin, expected, actual, result=None", (S, E, A), {}),
        ("expected, actual, stdin=''", (E, A), {"stdin": S}),
        ("*, actual, expected", (), {"actual": A, "expected": E}),
        ("expected, *, actual, strict=True", (E,), {"actual": A}),
        ("**kinds", (), {"stdin": S, "expected": E, "actual": A}),
        ("actual, /, expected", (A, E), {}),
        ("inp, pred, gold", (S, A, E), {}),
        ("input_data, user_answer, correct_answer", (S, A, E), {}),
        ("testInput, userOutput, groundTruth", (S, A, E), {}),
        ("prediction, reference", (A, E), {}),
        ("y_true, y_pred", (E, A), {}),
        ("target, response", (E, A), {}),
        ("gold, pred, question", (E, A, S), {}),
        ("inf, ouf, ans", (S, A, E), {}),
        ("problem_input, contestant_output, jury_output", (S, A, E), {}),
        ("contestant, jury", (A, E), {}),
        ("input, participant_output, jury_answer", (S, A, E), {}),
        ("x, truth, student_answer", (S, E, A), {}),
        ("model_output, answer", (A, E), {}),
        ("model_answer, reference_answer", (A, E), {}),
        ("output, solution", (A, E), {}),
        ("input, sol, got", (S, E, A), {}),
        ("input, output, ground_truth", (S, A, E), {}),
        ("input, output, prediction", (S, E, A), {}),
        ("test_input, test_output, program_output", (S, E, A), {}),
        ("input, output", (S, A), {}),
        ("question, answer", (S, A), {}),
        ("output", (A,), {}),
        ("data, output, eps=1e-6", (S, A), {}),
        ("raw_lines, output, **others", (S, A), {"expected": E}),
        ("text, output, expected=None", (S, A), {"expected": E}),
        ("pred, gold, /", (A, E), {}),
        ("pred, gold, inp='', /", (A, E, S), {}),
        ("pred, gold, eps=0, /, inp=''", (A, E), {"inp": S}),
        ("pred, gold, *_", (A, E), {}),
        ("output, answer, *_", (A, E), {}),
        ("output, **others", (A,), {"stdin": S, "expected": E}),
        ("pred=None, gold=None", (), {"pred": A, "gold": E}),
        ("user_output, *, jury_output, tolerance=0", (A,), {"jury_output": E}),
    ],
)  # fmt: skip
def test_parameters_are_known_by_name_or_by_place(
    parameters: str, positional: tuple[str, ...], keywords: dict[str, str]
) -> None:
    for source in (f"def check({parameters}): return True", f"check = lambda {parameters}: True"):
        assert arguments_of(source).of(S, E, A) == (positional, keywords)


@pytest.mark.parametrize(
    "parameters",
    [
        "a, b, c, d",
        "stdin, input, actual",
        "output, result",
        "stdin, question, pred",
        "sol, ans",
        "inp, a, ans",
        "inp, out, b",
        "pred, x",
        "a, out",
        "x, output, **others",
        "right_text, output",
        "testcase, value",
        "value, testcase",
        "gold, reference",
        "stdin, expected",
        "a=1, b=2, c=3",
        "",
    ],
)
def test_parameters_that_may_be_swapped_are_refused(parameters: str) -> None:
    """A guess would hand the expected output to what looks at the actual one."""
    with pytest.raises(ValueError, match="name the parameters `stdin`, `expected` and `actual`"):
        arguments_of(f"def check({parameters}): return True")


INPUTS = (
    "text",
    "n",
    "grid",
    "lines",
    "args",
    "raw",
    "s",
    "testcase",
    "sample",
    "data",
    "stdin",
    "inp",
    "input",
    "test_input",
    "input_text",
    "raw_data",
)
EXPECTED = (
    "expected",
    "want",
    "gold",
    "answer_key",
    "correct_output",
    "jury_answer",
    "reference_text",
    "expected_lines",
    "truth",
)
ACTUAL = (
    "output",
    "out",
    "result",
    "stdout",
    "submission",
    "got",
    "user_output",
    "pred",
    "actual",
    "program_output",
    "response",
)
SAY_NOTHING = ("a", "b", "x", "y", "value", "first", "std")
SURE_INPUTS = ("stdin", "inp", "input", "test_input", "input_text")


def meant(*names: str) -> tuple[str, ...] | None:
    """Return what a check with these parameters is called with; None where it is refused."""
    try:
        return arguments_of(f"def check({', '.join(names)}): return True").of(S, E, A)[0]
    except ValueError:
        return None


@pytest.mark.parametrize("actual", ACTUAL)
def test_two_parameters_mean_what_they_say_or_are_refused(actual: str) -> None:
    """Red where what stands beside the output is the expected one unless its name says otherwise."""
    for name in INPUTS:
        assert meant(name, actual) == (S, A), name
        assert meant(actual, name) == ((A, S) if name in SURE_INPUTS else None), name
    for name in EXPECTED:
        assert (meant(name, actual), meant(actual, name)) == ((E, A), (A, E)), name
    for name in SAY_NOTHING:
        assert (meant(name, actual), meant(actual, name)) == (None, None), name


@pytest.mark.parametrize("expected", EXPECTED)
def test_beside_the_expected_output_stands_the_actual_one(expected: str) -> None:
    """A check that never gets the actual output checks nothing."""
    for name in INPUTS:
        assert meant(name, expected) is None, name
        assert meant(expected, name) in ((E, A), None), name
        assert S not in (meant(expected, name) or ()), name


@pytest.mark.parametrize(
    ("source", "positional"),
    [
        ("def same(actual, expected): return actual == expected\ncheck = same", (A, E)),
        ("async def check(actual, expected): return True", (A, E)),
        ("if True:\n    def check(actual, expected): return True", (A, E)),
        ("try: pass\nexcept E: pass\nelse:\n    def check(actual, expected): return True", (A, E)),
        ("check: object = lambda actual, expected: True", (A, E)),
        ("class C:\n    def check(self, a, b, c): return True\ncheck = C().check", (S, E, A)),
        ("def f():\n    def check(a): return a\n    return check\ncheck = f()", (S, E, A)),
        ("from functools import partial\ndef f(*_): return True\ncheck = partial(f)", (S, E, A)),
        ("class Checker:\n    def __call__(self, *a): return True\ncheck = Checker()", (S, E, A)),
        ("def check(output, answer): return True\ndef check(answer, output): return True", (E, A)),
    ],
)
def test_a_check_may_be_bound_in_any_way(source: str, positional: tuple[str, ...]) -> None:
    assert arguments_of(source).of(S, E, A) == (positional, {})

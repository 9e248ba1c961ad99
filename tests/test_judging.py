"""From observations to verdicts: precedence, untrusted reports, and what is our failure."""

from __future__ import annotations

import collections
import decimal
import json
import math
import time
import urllib.error
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.jobs import Observation, Observations
from reward_server.judging import follow_up, judge, plan
from reward_server.judging.counting import weights_of
from reward_server.judging.raised import read_raised
from reward_server.runner import values
from reward_server.runner.wording import brief
from tasks.schema import Limits
from tests.contract.support import asserts, call, pytest_files, returns, stdio

if TYPE_CHECKING:
    from tasks.schema import Problem

LOST = Observation("lost", message="the zygote is gone")


def returned(value: Any) -> Observation:
    return Observation("returned", value=b"=" + values.dumps(values.encode(value)))


def raised(**told: Any) -> Observation:
    return Observation("raised", value=b"!" + json.dumps(told).encode())


ENDINGS = {
    "cpu": "cpu_timeout",
    "wall": "wall_timeout",
    "memory": "memory_exceeded",
    "output": "output_exceeded",
    "signaled": "runtime_error",
    "lost": "sandbox_error",
}


@pytest.mark.parametrize(("ending", "verdict"), ENDINGS.items())
def test_an_ending_decides_whatever_was_printed_or_returned(ending: Any, verdict: str) -> None:
    seen = Observation(ending, stdout=b"1", value=returned(1).value)
    for problem in (stdio(("", "1")), call(returns(1)), asserts("assert f()"), pytest_files("def test(): assert f()")):
        (result,) = judge(problem, Observations((seen,)))
        assert result.verdict == verdict
        (result,) = judge(problem, Observations((), failed_load=seen))
        assert result.verdict == verdict


@pytest.mark.parametrize("code", [1, 2, 255])
def test_the_right_output_with_a_wrong_exit_code_does_not_pass(code: int) -> None:
    (result,) = judge(stdio(("", "1")), Observations((Observation("exited", code=code, stdout=b"1"),)))
    assert result.verdict == "runtime_error"


def test_exit_code_0_alone_accepts_nothing() -> None:
    """Red with `exited` taken for a good end of a call."""
    seen = Observation("exited", code=0)
    for problem in (
        stdio(("", "1")),
        call(returns(None)),
        asserts("assert f()"),
        pytest_files("def test(): assert f()"),
    ):
        assert judge(problem, Observations((seen,)))[0].verdict != "passed"


@pytest.mark.parametrize(
    "value",
    [b"", b"=", b"=x", b"=[", b"=\xff", b"!", b"?", b"={}", b'=["h",1,"function",null]', b"=" + b"[" * 99_999],
)  # fmt: skip
def test_a_broken_answer_is_a_wrong_answer(value: bytes) -> None:
    (result,) = judge(call(returns(None)), Observations((Observation("returned", value=value),)))
    assert result.verdict == "wrong_answer"


@pytest.mark.parametrize(
    "value",
    [b"", b"!", b"!x", b"![]", b'!{"types":5}', b'!{"types":[5,null],"text":5}', b"!" + b"[" * 10**5, b'!{"text":"x"}'],
)  # fmt: skip
def test_a_broken_exception_fails_its_case_only(value: bytes) -> None:
    problem = call({"raises": "ValueError"}, returns(1))
    results = judge(problem, Observations((Observation("raised", value=value), returned(1))))
    assert [result.verdict for result in results][1] == "passed"
    assert results[0].verdict in ("wrong_answer", "runtime_error")


@pytest.mark.parametrize("line", ["1", -1, 0, 1.5, True, [1], None, 1 << 30, 10**400])
def test_a_line_that_is_none_is_left_out(line: object) -> None:
    text = json.dumps({"types": [["", "E"]], "text": "x", "line": line})
    for seen in (Observation("raised", value=b"!" + text.encode()), raised(types=["E"], text="x", line=line)):
        assert judge(call(returns(1)), Observations((seen,)))[0].message == "E: x"


def test_an_expected_exception_is_known_by_its_types() -> None:
    problem = call({"raises": "LookupError"})
    for types, verdict in (
        (["KeyError", "LookupError", "Exception"], "passed"),
        (["ValueError", "Exception"], "runtime_error"),
        (["MemoryError"], "memory_exceeded"),
    ):
        (result,) = judge(problem, Observations((raised(types=types, text="x"),)))
        assert result.verdict == verdict
    (result,) = judge(problem, Observations((returned(1),)))
    assert (result.verdict, result.message) == ("wrong_answer", "returned 1 where LookupError was expected")


COMPARED = [
    (stdio(("", "1")), Observation("exited", stdout=b"1"), "passed"),
    (stdio(("", "1")), Observation("exited", stdout=b"2"), "wrong_answer"),
    (stdio(("", "1"), compare={"float": 0.1}), Observation("exited", stdout=b"1.01"), "passed"),
    (call(returns(1)), returned(1), "passed"),
    (call(returns(1)), returned(2), "wrong_answer"),
    (call({"raises": "ValueError"}), raised(types=["ValueError", "Exception"], text="x"), "passed"),
    (call({"raises": "ValueError"}), returned(1), "wrong_answer"),
]
UNCOMPARED = [
    (stdio(("", "1")), Observation("exited", code=1, stdout=b"1"), "runtime_error"),
    (stdio(("", "1")), Observation("cpu", stdout=b"1"), "cpu_timeout"),
    (call(returns(1)), raised(types=["ValueError"], text="x"), "runtime_error"),
    (call(returns(1)), Observation("returned", value=b"=x"), "wrong_answer"),
]


@pytest.mark.parametrize(
    ("problem", "seen", "verdict", "checks"),
    [(*each, 1) for each in COMPARED] + [(*each, 0) for each in UNCOMPARED],
)
def test_a_test_that_was_compared_has_one_check(problem: Problem, seen: Observation, verdict: str, checks: int) -> None:
    (result,) = judge(problem, Observations((seen,)))
    assert (result.verdict, result.checks) == (verdict, checks)
    assert judge(problem, Observations((), failed_load=seen))[0].checks == 0


@pytest.mark.parametrize("answer", [True, False])
def test_a_checkers_answer_is_one_check(answer: bool) -> None:
    problem = stdio(("", "1"), compare={"checker": "def check(a, b, c): return True"})
    seen = Observations((Observation("exited", stdout=b"1"),))
    assert judge(problem, seen, Observations((returned(answer),)))[0].checks == 1
    assert judge(problem, seen, Observations((returned("yes"),)))[0].checks == 0


@pytest.mark.parametrize("checks", [0, 1, 7])
def test_the_checks_of_test_code_are_those_that_its_process_counted(checks: int) -> None:
    for problem in (
        asserts("assert f()"),
        pytest_files("def test(): assert f()"),
        asserts("assert f()", isolation="shared"),
    ):
        for passed in (True, False):
            seen = Observation("returned", passed=passed, checks=checks)
            assert [each.checks for each in judge(problem, Observations((seen,)))] == [checks]


def mro(kind: type[BaseException], *, names_only: bool = False) -> list[Any]:
    """As a submission's process reports it."""
    rows = [[each.__module__, each.__name__] for each in kind.__mro__]
    return [name for _, name in rows] if names_only else rows


class NotFound(KeyError, AttributeError):
    pass


class Missing(NotFound):
    pass


class Renamed(TimeoutError):
    __qualname__ = __name__ = "ValueError"


HONEST: list[tuple[str, type[BaseException]]] = [
    ("ValueError", ValueError),
    ("LookupError", KeyError),
    ("IOError", FileNotFoundError),
    ("Exception", Missing),
    ("BaseException", KeyboardInterrupt),
    ("KeyError", Missing),
    ("AttributeError", Missing),
    ("NotFound", Missing),
    ("Missing", Missing),
    ("ValueError", json.JSONDecodeError),
    ("JSONDecodeError", json.JSONDecodeError),
    ("json.JSONDecodeError", json.JSONDecodeError),
    ("InvalidOperation", decimal.InvalidOperation),
    ("ArithmeticError", decimal.InvalidOperation),
    ("ZeroDivisionError", decimal.DivisionByZero),
    ("TypeError", decimal.FloatOperation),
    ("HTTPError", urllib.error.HTTPError),
    ("OSError", urllib.error.HTTPError),
    ("UnicodeError", UnicodeDecodeError),
    ("ExceptionGroup", ExceptionGroup),
]


@pytest.mark.parametrize(("expected", "kind"), HONEST)
def test_a_real_exception_is_each_of_its_types(expected: str, kind: type[BaseException]) -> None:
    (result,) = judge(call({"raises": expected}), Observations((raised(types=mro(kind), text=""),)))
    assert result.verdict == "passed"
    assert not read_raised(raised(types=mro(kind)).value).satisfies("BufferError")


@pytest.mark.parametrize("kind", [KeyError, FileNotFoundError, UnicodeDecodeError, Missing, decimal.InvalidOperation])
def test_names_without_modules_are_read_as_well(kind: type[BaseException]) -> None:
    said = read_raised(raised(types=mro(kind, names_only=True)).value)
    assert said.satisfies(kind.__name__)
    assert said.satisfies("Exception")
    assert not said.satisfies("BufferError")


BUILTIN_NAMES = ["ValueError", "KeyError", "TypeError", "IndexError", "ZeroDivisionError", "RuntimeError", "OSError"]
ROOTS = [["builtins", "Exception"], ["builtins", "BaseException"], ["builtins", "object"]]
FORGED: list[tuple[str, list[Any]]] = [
    ("ValueError", [["solution", name] for name in BUILTIN_NAMES] + ROOTS),
    ("ValueError", [["solution", "ValueError"], *ROOTS]),
    ("ValueError", [["builtins", name] for name in BUILTIN_NAMES] + ROOTS),
    ("KeyError", [["builtins", name] for name in ("KeyError", "ValueError")] + ROOTS),  # and no LookupError
    ("KeyError", [["builtins", "KeyError"], ["builtins", "int"], ["builtins", "LookupError"], *ROOTS]),
    ("KeyError", [["builtins", "KeyError"], ["builtins", "LookupError"]]),
    ("ValueError", [["builtins", name] for name in ("ValueError", "TypeError", "ArithmeticError")] + ROOTS),
    ("ValueError", [["builtins", "NoSuchError"], ["builtins", "ValueError"], *ROOTS]),
    ("Mine", [["solution", name] for name in ("Mine", "A", "B", "C", "D", "E", "F")] + ROOTS),
    ("Mine", [["builtins", "Mine"], *ROOTS]),
    ("Mine", [["solution", "Mine"]]),
    ("ValueError", BUILTIN_NAMES),
    ("Mine", ["Mine", *BUILTIN_NAMES, "Exception"]),
    ("BaseException", []),
    ("Exception", [["builtins", "Exception", "ValueError"]]),
    ("Exception", [["builtins", ["Exception"]]]),
]


@pytest.mark.parametrize(("expected", "types"), FORGED)
def test_a_report_that_no_exception_makes_is_none(expected: str, types: list[Any]) -> None:
    """Red with names alone: an exception that bears all of them was each that any test expects."""
    (result,) = judge(call({"raises": expected}), Observations((raised(types=types, text=""),)))
    assert result.verdict in ("runtime_error", "wrong_answer")


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((ZeroDivisionError, IndexError), ["ZeroDivisionError", "IndexError"]),
        ((ValueError, KeyError), ["ValueError", "KeyError", "MyError"]),
    ],
)
def test_one_exception_is_not_whatever_a_problem_expects(
    kinds: tuple[type[Exception], ...], expected: list[str]
) -> None:
    """Each of its types is real; to be all of them at once is to be none in particular."""
    both = type("E", kinds, {})
    problem = call(*({"raises": name} for name in expected))
    results = judge(problem, Observations(tuple(raised(types=mro(both), text="") for _ in expected)))
    assert not any(result.verdict == "passed" for result in results)
    (alone,) = judge(call({"raises": expected[0]}), Observations((raised(types=mro(both), text=""),)))
    assert alone.verdict == "passed"


def test_an_expected_exception_may_derive_from_another_one() -> None:
    base = type("Base", (ValueError,), {})
    own = type("Own", (base,), {})
    problem = call({"raises": "ValueError"}, {"raises": "Base"}, {"raises": "Own"}, {"raises": "Exception"})
    seen = Observations((raised(types=mro(own), text=""),) * 4)
    assert all(result.verdict == "passed" for result in judge(problem, seen))


def test_a_dotted_name_is_that_of_its_module() -> None:
    forged = type("JSONDecodeError", (ValueError,), {"__module__": "solution"})
    (result,) = judge(call({"raises": "json.JSONDecodeError"}), Observations((raised(types=mro(forged), text=""),)))
    assert result.verdict != "passed"


def test_a_name_given_to_another_builtin_does_not_count() -> None:
    assert not read_raised(raised(types=mro(Renamed)).value).satisfies("ValueError")
    assert read_raised(raised(types=mro(Renamed)).value).satisfies("OSError")


def test_one_lost_test_makes_all_our_failure() -> None:
    """A reward is right or absent: half of the tests are no pass rate."""
    problem = call(returns(1), returns(1))
    assert {result.verdict for result in judge(problem, Observations((returned(1), LOST)))} == {"sandbox_error"}


def test_tests_that_were_not_run_are_skipped_after_a_failure_and_our_failure_otherwise() -> None:
    problem = call(returns(1), returns(1), returns(1))
    assert [r.verdict for r in judge(problem, Observations((returned(1), returned(2))))] == [
        "passed",
        "wrong_answer",
        "skipped",
    ]
    assert [r.verdict for r in judge(problem, Observations((returned(1),)))] == [
        "passed",
        "sandbox_error",
        "sandbox_error",
    ]


def test_only_the_judges_word_passes_a_check() -> None:
    problem = asserts("assert f()\nassert g()\nassert h()")
    seen = (
        Observation("returned", passed=True),
        Observation("returned", value=b"=true", stdout=b"passed"),
        Observation("unreached"),
    )
    assert [r.verdict for r in judge(problem, Observations(seen))] == ["passed", "wrong_answer", "skipped"]
    assert [r.verdict for r in judge(problem, Observations(seen[::2] + seen[:1]))] == [
        "passed",
        "wrong_answer",
        "passed",
    ]


def test_pytest_says_how_many_tests_there_are() -> None:
    """Marks skip some and parameters make more than the source shows."""
    problem = pytest_files("def test_a(): assert f()\ndef test_b(): f()")
    one = Observation("returned", passed=True, name="test_it.py::test_a")
    assert [r.verdict for r in judge(problem, Observations((one,)))] == ["passed"]
    assert [r.verdict for r in judge(problem, Observations((one,) * 5))] == ["passed"] * 5
    assert {r.verdict for r in judge(problem, Observations(()))} == {"sandbox_error"}


def test_a_failed_load_fails_every_test_with_its_weight() -> None:
    problem = stdio(("", "1"), ("", "2"))
    seen = Observation("raised", name="compile", message="SyntaxError: invalid syntax (line 1)")
    results = judge(problem, Observations((), failed_load=seen))
    assert [(r.verdict, r.message) for r in results] == [("compile_error", "SyntaxError: invalid syntax (line 1)")] * 2
    assert weights_of(problem) == [1.0, 1.0]


def test_messages_are_bounded() -> None:
    for seen in (
        raised(types=["E" * 10**6], text="x" * 10**6),
        returned("x" * 10**6),
        returned([["y" * 500] * 50] * 50),
    ):
        (result,) = judge(call(returns(1)), Observations((seen,)))
        assert len(result.message) <= 500


def test_a_checker_gets_what_was_printed_and_nothing_else() -> None:
    source = "def check(stdin, expected, actual): return True"
    problem = stdio(("in", "out"), ("in2", "out2"), ("in3", "out3"), compare={"checker": source})
    good, bad = Observation("exited", stdout=b"said"), Observation("exited", code=1, stdout=b"said")
    job = follow_up(problem, Observations((good, bad, good)))
    assert job is not None
    assert [values.decode(values.loads(case))[0] for case in job.cases] == [
        ("in", "out", "said"),
        ("in3", "out3", "said"),
    ]
    verdicts = [
        result.verdict
        for result in judge(problem, Observations((good, bad, good)), Observations((returned(True), returned(False))))
    ]
    assert verdicts == ["passed", "runtime_error", "wrong_answer"]
    assert follow_up(problem, Observations((bad,))) is None


@pytest.mark.parametrize(
    "checked", [raised(types=["ZeroDivisionError"], text="x"), Observation("cpu"), Observation("exited"), LOST]
)
def test_a_checker_that_fails_is_our_failure(checked: Observation) -> None:  # fmt: skip
    problem = stdio(("", "1"), compare={"checker": "def check(a, b, c): return True"})
    seen = Observations((Observation("exited", stdout=b"1"),))
    for followed in (Observations((checked,)), Observations((), failed_load=checked), Observations(())):
        assert judge(problem, seen, followed)[0].verdict == "sandbox_error"
        assert judge(problem, seen, followed, Observations((checked,)))[0].verdict == "sandbox_error"


FAILED_CHECKS = [
    raised(types=["ZeroDivisionError"], text="x"),
    Observation("cpu"),
    Observation("wall"),
    Observation("memory"),
    Observation("output"),
    Observation("exited"),
    Observation("signaled", code=11),
    Observation("returned", value=b"=x"),
    returned(None),
]


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("failed", FAILED_CHECKS)
def test_a_checker_that_reads_the_expected_output_alone_finds_the_output_wrong(failed: Observation, says: bool) -> None:
    """Whatever it says of it: it came to its end, so what it failed on is the output."""
    problem = stdio(("a", "1"), ("b", "2"), ("c", "3"), compare={"checker": "def check(a, b, c): return True"})
    seen = Observations((Observation("exited", stdout=b"x"),) * 3)
    checked = Observations((returned(True), failed, returned(False)))
    job = follow_up(problem, seen, checked)
    assert job is not None
    assert [values.decode(values.loads(case))[0] for case in job.cases] == [("b", "2", "2")]
    control = Observations((returned(says),))
    assert follow_up(problem, seen, checked, control) is None
    results = judge(problem, seen, checked, control)
    assert [result.verdict for result in results] == ["passed", "wrong_answer", "wrong_answer"]
    assert results[1].message.startswith("the checker could not read the output: ")


@pytest.mark.parametrize("compare", ["tokens", "exact"])
def test_bytes_that_are_no_text_equal_no_text(compare: str) -> None:
    for expected in ("\ufffd", "\ufffd" * 2):
        seen = Observations((Observation("exited", stdout=b"\xff" * len(expected)),))
        assert judge(stdio(("", expected), compare=compare), seen)[0].verdict == "wrong_answer"


def test_a_control_is_asked_for_only_where_the_output_may_be_at_fault() -> None:
    problem = stdio(("", "1"), compare={"checker": "def check(a, b, c): return True"})
    seen = Observations((Observation("exited", stdout=b"1"),))
    for checked in (Observations((returned(True),)), Observations((LOST,)), Observations((), failed_load=LOST)):
        assert follow_up(problem, seen, checked) is None


@pytest.mark.parametrize("printed", [b"\xff", b"\xef\xbf", b"\xed\xa0\x80"])
def test_a_checker_sees_bytes_that_are_no_text(printed: bytes) -> None:
    """As Python's own programs would: what it gets equals no text that is expected."""
    problem = stdio(("", "\ufffd"), compare={"checker": "def check(a, b, c): return b == c"})
    job = follow_up(problem, Observations((Observation("exited", stdout=printed),)))
    assert job is not None
    (_, _, actual), _ = values.decode(values.loads(job.cases[0]))
    assert actual.encode("utf-8", "surrogateescape") == printed


def test_a_checker_has_limits_of_its_own() -> None:
    checker = {"checker": "def check(a, b, c): return True", "cpu_s": 3, "memory_mb": 700}
    for compare, (cpu_s, memory_mb) in ((checker, (3, 700)), ({"checker": checker["checker"]}, (10, 512))):
        problem = stdio(("", "1"), compare=compare)
        job = follow_up(problem, Observations((Observation("exited", stdout=b"1"),)))
        assert job is not None
        assert (job.limits.cpu_s, job.limits.wall_s, job.limits.memory_mb) == (cpu_s, 20, memory_mb)
        assert problem.memory_mb == max(problem.limits.memory_mb, memory_mb)


@pytest.mark.parametrize(
    ("value", "verdict", "points"),
    [
        (True, "passed", 1.0),
        (1, "passed", 1.0),
        (1.0, "passed", 1.0),
        (Fraction(1, 1), "passed", 1.0),
        (False, "wrong_answer", 0.0),
        (0, "wrong_answer", 0.0),
        (0.5, "wrong_answer", 0.5),
        (Fraction(1, 4), "wrong_answer", 0.25),
        (Decimal("0.75"), "wrong_answer", 0.75),
    ],
)
def test_a_checker_gives_points(value: Any, verdict: str, points: float) -> None:
    problem = stdio(("", "1"), compare={"checker": "def check(a, b, c): return True"})
    seen = Observations((Observation("exited", stdout=b"1"),))
    (result,) = judge(problem, seen, Observations((returned(value),)))
    assert (result.verdict, result.points, result.checks) == (verdict, points, 1)


@pytest.mark.parametrize("value", [1.5, 2, 100, -0.1, -1, math.nan, math.inf, Decimal("1.01")])
def test_points_out_of_range_are_the_fault_of_the_problem(value: Any) -> None:
    """Unless the expected output gets points in range: then this output brought them about, and is wrong."""
    problem = stdio(("", "1"), compare={"checker": "def check(a, b, c): return True"})
    seen = Observations((Observation("exited", stdout=b"1"),))
    for control in (None, Observations((returned(2.5),))):
        (result,) = judge(problem, seen, Observations((returned(value),)), control)
        assert result.verdict == "sandbox_error"
        assert result.message.startswith(f"the problem's checker failed: it returned {float(value)}")
    (result,) = judge(problem, seen, Observations((returned(value),)), Observations((returned(True),)))
    assert (result.verdict, result.points) == ("wrong_answer", 0.0)


@pytest.mark.parametrize("value", ["True", None, [True], 10**400, Decimal("sNaN")])
def test_a_checker_gives_points_and_nothing_else(value: Any) -> None:
    problem = stdio(("", "1"), compare={"checker": "def check(a, b, c): return True"})
    seen = Observations((Observation("exited", stdout=b"1"),))
    assert judge(problem, seen, Observations((returned(value),)))[0].verdict == "sandbox_error"


def test_expected_values_are_in_no_job() -> None:
    """Of `stdio` and `call` the server alone knows them. Seen red with the cases dumped as they are."""
    for problem in (stdio(("in", "secret-out")), call(returns("secret-out", 1), {"raises": "secret-out"})):
        job = plan(problem, "pass")
        assert b"secret-out" not in b"".join((job.submission, job.judge, *job.cases))
    for problem in (asserts("assert f() == 'secret-out'"), pytest_files("def test(): assert f() == 'secret-out'")):
        job = plan(problem, "pass")
        assert b"secret-out" not in b"".join((job.submission, *job.cases))
        assert b"secret-out" in job.judge


def test_a_stop_waits_where_an_exception_may_be_right() -> None:
    assert plan(call(returns(1)), "", stop=True).stop
    assert not plan(call(returns(1), {"raises": "ValueError"}), "", stop=True).stop


def test_a_lone_surrogate_is_no_program() -> None:
    with pytest.raises(TypeError):
        plan(call(returns(1)), "x = '\ud800'")


def test_a_message_is_text_that_every_client_can_read() -> None:
    """Seen red: an exception whose text was a lone surrogate spoiled its batch for strict readers of JSON."""
    seen = Observation("raised", value=b'!{"types": ["E"], "text": "\\ud800"}', name="\udfff")
    (result,) = judge(call(returns(1)), Observations((seen,)))
    assert (result.verdict, result.message, result.name) == ("runtime_error", "E: ?", "?")


@pytest.mark.parametrize(
    "value",
    [
        [[1] * 10**6],
        {"a": {1: "x" * 10**7}},
        [b"x" * 10**7],
        (bytearray(10**7),),
        {frozenset(range(10**6))},
        collections.Counter(range(10**6)),
        [collections.OrderedDict.fromkeys(range(10**6))],
        [collections.deque(range(10**6))],
        [10**4299] * 150,
        *([10**5000], {10**5000}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_message_looks_at_the_beginning_of_a_value(value: Any) -> None:
    """Red with `repr`, which takes up to a second here."""
    began = time.process_time()
    assert len(brief(value)) <= 121
    assert time.process_time() - began < 0.02


@pytest.mark.parametrize(
    ("code", "stdin"),
    [
        ("print(input())", "pipe"),
        ("import asyncio, sys\nsys.stdin", "pipe"),
        ("os.read(0, os.fstat(0).st_size)", "file"),
        ("os.path.getsize('/dev/stdin')", "file"),
        ("mmap.mmap(0, 0)", "file"),
        ("np.memmap('/dev/stdin')", "file"),
        ("sys.stdin.seek(0)", "file"),
    ],
)
def test_a_program_that_sizes_or_seeks_its_input_gets_a_file(code: str, stdin: str) -> None:
    assert plan(stdio(("", "")), code).stdin == stdin


@pytest.mark.parametrize(
    ("longest", "limit", "effective"),
    [(10, 1000, 1000), (500, 1000, 1000), (501, 1000, 1002), (1 << 20, 1 << 20, 2 << 20), (40 << 20, 1, 64 << 20)],
)
def test_the_output_limit_is_at_least_twice_the_longest_expected_output(
    longest: int, limit: int, effective: int
) -> None:
    limits = Limits(output_bytes=limit)
    problem = stdio(("", "x"), ("", "x" * longest), ("", ""), limits=limits)
    assert plan(problem, "").limits == limits.model_copy(update={"output_bytes": effective})


@pytest.mark.parametrize(
    "value", ["x" * 5000, ["x"] * 2000, {"k": list(range(3000))}, 1 << 40_000, "é" * 4000], ids=range(5)
)
def test_the_value_limit_holds_the_expected_value(value: Any) -> None:
    problem = call(returns(0), returns(value), limits=Limits(output_bytes=10))
    encoded = values.dumps(values.encode(value, values.as_json))
    assert plan(problem, "").limits.output_bytes >= 2 * len(encoded)


def test_an_expected_value_that_nests_too_deep_changes_no_limit() -> None:
    value: Any = []
    for _ in range(5000):
        value = [value]
    assert plan(call(returns(value)), "").limits.output_bytes == Limits().output_bytes

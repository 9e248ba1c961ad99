"""From observations to verdicts: precedence, untrusted reports, and what is our failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reward_server.jobs import Observation, Observations
from reward_server.judging import follow_up, judge, plan
from reward_server.judging.counting import weights_of
from reward_server.runner import values
from tests.contract.support import asserts, call, pytest_files, returns, stdio

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
    for problem in (stdio(("", "1")), call(returns(1)), asserts("assert f()"), pytest_files("def test(): pass")):
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
    for problem in (stdio(("", "1")), call(returns(None)), asserts("assert f()"), pytest_files("def test(): pass")):
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
    problem = pytest_files("def test_a(): pass\ndef test_b(): pass")
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


@pytest.mark.parametrize("value", [1, "True", None, [True]])
def test_a_checker_says_true_or_false_and_nothing_else(value: Any) -> None:
    problem = stdio(("", "1"), compare={"checker": "def check(a, b, c): return True"})
    seen = Observations((Observation("exited", stdout=b"1"),))
    assert judge(problem, seen, Observations((returned(value),)))[0].verdict == "sandbox_error"


def test_expected_values_are_in_no_job() -> None:
    """Of `stdio` and `call` the server alone knows them. Seen red with the cases dumped as they are."""
    for problem in (stdio(("in", "secret-out")), call(returns("secret-out", 1), {"raises": "secret-out"})):
        job = plan(problem, "pass")
        assert b"secret-out" not in b"".join((job.submission, job.judge, *job.cases))
    for problem in (asserts("assert f() == 'secret-out'"), pytest_files("def test(): assert 'secret-out'")):
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

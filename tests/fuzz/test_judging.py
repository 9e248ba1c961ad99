"""Judging is pure and total: whatever was seen of a job, each test gets a verdict, and a 1 is earned by all of them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from reward_server.evaluating import results_without_run
from reward_server.jobs import Ending, Observation, Observations
from reward_server.judging import follow_up, judge, plan
from reward_server.judging.comparing_values import close_value, same_items, same_value
from reward_server.rewards import Scheme, score
from reward_server.runner import values
from reward_server.verdicts import Verdict
from tests.contract.support import asserts, call, pytest_files, returns, stdio
from tests.fuzz.budget import fuzzed, tried

if TYPE_CHECKING:
    from tasks.schema import Problem

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.builds(pow, st.just(10), st.just(5000)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
"""What the expected values of a problem are made of."""
crossing = st.recursive(
    json_values
    | st.complex_numbers()
    | st.decimals()
    | st.fractions()
    | st.binary(max_size=10)
    | st.datetimes()
    | st.timedeltas()
    | st.sampled_from([range(3), ..., NotImplemented, slice(1, 2), int, ValueError]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.integers() | st.text(max_size=3) | st.none() | st.tuples(st.integers()), inner, max_size=3)
        | st.sets(st.integers() | st.floats() | st.text(max_size=3), max_size=4)
    ),
    max_leaves=12,
)
"""What a submission may return."""


misshapen = st.sampled_from([None, True, False, 7, 1.5, "text", "\ud800", [], ["text", 1], {}, {"a": [1]}])


def encoded(value: Any) -> bytes:
    try:
        return b"=" + values.dumps(values.encode(value))
    except values.Unfit:
        return b"?"


answers = (
    st.binary(max_size=60)
    | crossing.map(encoded)
    | st.builds(
        lambda types, text, uncompiled: (
            b"!" + json.dumps({"types": types, "text": text, "compile": uncompiled}).encode()
        ),
        misshapen | st.lists(st.sampled_from(["ValueError", "MemoryError", "Exception"])),
        misshapen,
        misshapen,
    )
    | st.sampled_from([b"=" + b"[" * 5000, b"=" + b'["t",' * 900 + b"1" + b"]" * 900, b"=9" + b"9" * 5000])
)
seconds = st.floats(min_value=0, max_value=1e6)
observed = st.builds(
    Observation,
    ending=st.sampled_from(get_args(Ending)),
    code=st.integers(-(2**31), 2**31),
    cpu_s=seconds,
    wall_s=seconds,
    memory_bytes=st.integers(0, 2**50),
    message=st.text(max_size=20) | st.just("x" * 2000) | st.just("MemoryError: \ud800"),
    passed=st.booleans(),
    name=st.text(max_size=10) | st.just("compile"),
    stdout=st.binary(max_size=40) | st.sampled_from([b"1 2\n", b"nan", b"1e400 2"]),
    stderr=st.binary(max_size=40) | st.just(b"MemoryError"),
    value=answers,
)
many_observed = st.builds(Observations, st.lists(observed, max_size=5).map(tuple), st.none() | observed)
PROBLEMS = [
    *(stdio(("", "1 2"), ("", "é"), compare=how) for how in ("tokens", "exact", {"float": 0.1})),
    stdio(("", "1"), ("", "2"), compare={"checker": "def check(stdin, expected, actual):\n    return True"}),
    *(
        call(returns([1, {"a": 2.5}], 1), returns(math.nan, 2), {"args": [3], "raises": "ValueError"}, compare=how)
        for how in ("equal", "unordered", {"float": 1})
    ),
    asserts("assert f(1)\nassert f(2)\ntry:\n    f(3)\n    assert False\nexcept ValueError:\n    pass"),
    asserts("assert f(1)", isolation="shared"),
    pytest_files("def test_a(): assert f(1)\nclass TestB:\n    def test_c(self): pass"),
]


@fuzzed(0.06)
@given(st.sampled_from(PROBLEMS), many_observed, st.none() | many_observed, st.sampled_from(get_args(Scheme)))
def test_whatever_was_seen_has_a_verdict_and_a_1_is_earned_by_all_tests(
    problem: Problem, seen: Observations, followed: Observations | None, scheme: Scheme
) -> None:
    tried("judging")
    if followed is not None and follow_up(problem, seen) is None:
        followed = None
    results = judge(problem, seen, followed)
    scored = score(results, scheme)
    assert {result.verdict for result in results} <= set(get_args(Verdict))
    assert scored.reward is None or 0 <= scored.reward <= 1
    assert (scored.reward == 1) == (bool(results) and all(result.verdict == "passed" for result in results))
    assert (scored.reward is None) == (scored.verdict == "sandbox_error")
    said = json.dumps([[result.message, result.name, result.stdout, result.stderr] for result in results])
    assert json.loads(said.encode()) == json.loads(said)
    for result in results:
        (
            result.message + result.name
        ).encode()  # text that no UTF-8 holds would spoil the whole answer for many a client


@fuzzed(0.05)
@given(json_values, crossing, st.floats(0, 1))
def test_any_two_values_compare(expected: Any, actual: Any, tolerance: float) -> None:
    """And what is equal is close, and has the same items."""
    tried("judging")
    same = same_value(expected, actual)
    assert close_value(expected, actual, tolerance) or not same
    assert same_items(expected, actual) or not same
    arrived = values.decode(values.loads(values.dumps(values.encode(expected))))
    assert same_value(expected, arrived)
    assert same_items(expected, arrived)


@fuzzed(0.01)
@given(st.sampled_from(PROBLEMS), st.text(max_size=200), st.sampled_from(get_args(Verdict)), st.text())
def test_any_code_makes_a_job(problem: Problem, code: str, verdict: Verdict, message: str) -> None:
    tried("judging")
    plan(problem, code)
    assert {result.verdict for result in results_without_run(problem, verdict, message)} == {verdict}

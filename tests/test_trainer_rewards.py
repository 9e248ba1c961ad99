from __future__ import annotations

import asyncio
import inspect
import json
import math
import pickle
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from reward_server.suspicion import SUSPICIONS
from tasks.assurance import ASSURANCES
from trainer import rewards as rewards_module
from trainer import settings as settings_module
from trainer.client import RewardClient
from trainer.reward_metrics import WaitingShare
from trainer.rewards import (
    ENOUGH,
    FaultyProblems,
    TooManyUnscored,
    UnscoredShare,
    code_reward,
    efficiency_reward,
    format_reward,
    length_reward,
    make_code_reward,
    summed_reward,
)
from trainer.settings import NAMES, SUMMED, TrainerSettings
from trainer.wire import UNFENCED, VERDICTS, Learned, Submission, unscored

SPEC = json.dumps({"tests": {"kind": "call"}})
Judge = Callable[[str], dict[str, Any]]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(rewards_module, "_unscored", UnscoredShare())


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand in for the server: a completion that is a number has that pass rate, any other has no verdict."""
    bodies: list[dict[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"results": [judged(one["completion"]) for one in bodies[-1]["submissions"]]})

    class Client(RewardClient):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, transport=httpx.MockTransport(handler), **options)

    monkeypatch.setattr(rewards_module, "RewardClient", Client)
    return bodies


LOST = "slot lost"


def judged(completion: str) -> dict[str, Any]:
    try:
        rate = float(completion)
    except ValueError:
        lost = {"reward": None, "pass_rate": None, "passed": 0, "total": 0}
        return lost | {"verdict": "sandbox_error", "error": LOST}
    verdict = "passed" if rate == 1.0 else "wrong_answer"
    scored = {"reward": rate, "pass_rate": rate, "passed": 1, "total": 2, "verdict": verdict, "cpu_s": 0.09}
    return scored | {"assurance": "values" if rate == 1.0 else "objects"} | ALSO


ALSO: dict[str, Any] = {}
"""What else a test has the server say."""


def run(function: Any, completions: list[Any], **columns: Any) -> list[float | None]:
    """Call as TRL does: by keyword, with more than the function knows."""
    rewards: list[float | None] = asyncio.run(function(completions=completions, prompts=completions, **columns))
    return rewards


@pytest.mark.parametrize(
    "completions",
    [
        ["1", "0.5"],
        [[{"role": "assistant", "content": "1"}], [{"role": "assistant", "content": "0.5"}]],
        [
            [{"role": "assistant", "content": [{"type": "text", "text": "1"}]}],
            [{"role": "assistant", "content": "x"}, {"role": "tool", "content": "y"}, {"content": "0.5"}],
        ],
    ],
)
def test_standard_and_conversational_completions_get_the_same_rewards(
    requests: list[dict[str, Any]], completions: list[Any]
) -> None:
    assert run(code_reward, completions, problem=[SPEC, SPEC], trainer_state=object()) == [1.0, 0.5]


def test_a_group_sends_its_problem_once(requests: list[dict[str, Any]]) -> None:
    run(code_reward, ["1"] * 8, problem=[SPEC] * 8, problem_id=["a"] * 8)
    assert list(requests[0]["problems"].values()) == [json.loads(SPEC)]


def test_ids_of_stored_problems_are_enough(requests: list[dict[str, Any]]) -> None:
    run(code_reward, ["1"], problem_id=["humaneval/0"])
    assert requests[0]["problems"] == {}
    assert requests[0]["submissions"][0]["problem"] == "humaneval/0"


def test_one_id_with_two_contents_stays_two_problems(requests: list[dict[str, Any]]) -> None:
    """Two data sets in one mixture may both have a problem 0."""
    run(code_reward, ["1", "1"], problem=[SPEC, json.dumps({"tests": {"kind": "stdio"}})], problem_id=["0", "0"])
    assert len(requests[0]["problems"]) == 2


def test_what_has_no_verdict_is_none(requests: list[dict[str, Any]]) -> None:
    assert run(code_reward, ["1", "lost", "0"], problem=[SPEC] * 3) == [1.0, None, 0.0]


@pytest.mark.parametrize(
    ("columns", "kind", "names"),
    [
        ({}, ValueError, ["`problem`", "to_dataset", "`problem_id`"]),
        ({"problem": [None], "problem_id": [None]}, ValueError, ["`problem`", "`problem_id`"]),
        ({"problem": ["{}"], "problem_id": ["set/7"]}, ValueError, ["`problem` of set/7", "`tests`", "to_dataset"]),
        ({"problem": ['{"tests": null}']}, ValueError, ["`problem`", "`tests`"]),
        ({"problem": ["[]"]}, ValueError, ["`problem`", "`tests`"]),
        ({"problem": ["def f(): ..."]}, ValueError, ["`problem`", "JSON object", "def f()"]),
        ({"problem": [{"tests": {"kind": "call"}}]}, TypeError, ["`problem`", "dict", "JSON strings", "json.dumps"]),
        ({"problem": [SPEC], "reference_cpu_s": ["0.5"]}, TypeError, ["`reference_cpu_s`", "'0.5'", "seconds"]),
    ],
)
def test_a_data_set_that_cannot_be_judged_is_refused_with_the_column_and_the_fix(
    requests: list[dict[str, Any]], columns: dict[str, Any], kind: type[Exception], names: list[str]
) -> None:
    """Nested columns too: Arrow fills them with None for what other rows have, and the tests would not be its own."""
    function = efficiency_reward if "reference_cpu_s" in columns else code_reward
    with pytest.raises(kind) as caught:
        run(function, ["1"], **columns)
    for name in names:
        assert name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert requests == []


def test_the_run_stops_above_the_set_share_and_says_why(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSRATE_REWARD_MAX_UNSCORED", "0.25")
    quarter = ["lost"] + ["1"] * 3
    run(code_reward, quarter * 20, problem=[SPEC] * 80)
    with pytest.raises(TooManyUnscored, match="slot lost"):
        run(code_reward, ["lost"] * 10, problem=[SPEC] * 10)


@pytest.mark.parametrize("least", [None, *ASSURANCES])
def test_a_run_asks_for_the_least_assurance_of_its_settings(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, least: str | None
) -> None:
    if least is not None:
        monkeypatch.setenv("PASSRATE_REWARD_MIN_ASSURANCE", least)
    run(code_reward, ["1"], problem=[SPEC])
    assert requests[0]["min_assurance"] == (least or "shared")
    run(make_code_reward("http://x", min_assurance="objects"), ["1"], problem=[SPEC])
    assert requests[1]["min_assurance"] == "objects"


def test_a_problem_at_fault_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """It would else only be one more completion without a reward."""
    faulty, submissions = FaultyProblems(), [Submission(problem=name, code="") for name in "pqrs"]
    learned = Learned("values", (), 0.0, "the reference does not pass every test (line 1): fix it or the tests")
    results = [
        unscored("the problem cannot be judged: no fixture"),
        unscored("server gone"),
        replace(unscored("server gone"), calibration=learned),
        replace(unscored("server gone"), calibration=Learned("values", (), 0.1, "")),
    ]
    for _ in range(2):
        faulty.warn(submissions, results, ["one", "two", None, "four"])
    assert [record.getMessage() for record in caplog.records] == [
        "problem one: no completion of it gets a reward: the problem cannot be judged: no fixture",
        f"problem r: it is judged as if it had no reference: {learned.fault}",
        "2 of the 4 problems so far have a fault of their own; `passrate validate` names the fix of each",
    ]


def test_a_reference_that_fails_is_warned_of_by_the_name_of_its_problem(
    requests: list[dict[str, Any]], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The completions are judged all the same, so that nothing else would show it."""
    monkeypatch.setattr(rewards_module, "_faulty", FaultyProblems())
    learned = {"assurance": "values", "unreached": [], "cpu_s": 0.0, "fault": "the reference fails"}
    monkeypatch.setitem(ALSO, "calibration", learned)
    assert run(code_reward, ["1"], problem=[SPEC], problem_id=["sum"]) == [1.0]
    assert caplog.messages[0] == "problem sum: it is judged as if it had no reference: the reference fails"


def test_a_group_whose_problem_is_wrong_has_no_reward_and_one_warning(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """AsyncGRPO scores one group at a time: an error would end the run."""
    monkeypatch.setattr(rewards_module, "_faulty", FaultyProblems())
    monkeypatch.setattr(sys.modules[__name__], "LOST", "the problem cannot be judged: problems.p.tests: give an object")
    for _ in range(2):
        assert run(code_reward, ["x", "y"], problem=[SPEC] * 2, problem_id=["set/7"] * 2) == [None, None]
    assert caplog.messages == [
        f"problem set/7: no completion of it gets a reward: {LOST}",
        "1 of the 1 problems so far have a fault of their own; `passrate validate` names the fix of each",
    ]


@pytest.mark.parametrize("unfenced", [None, *UNFENCED])
def test_a_run_says_what_a_completion_without_a_fence_is(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, unfenced: str | None
) -> None:
    if unfenced is not None:
        monkeypatch.setenv("PASSRATE_REWARD_UNFENCED", unfenced)
    run(code_reward, ["1"], problem=[SPEC])
    assert requests[0]["unfenced"] == (unfenced or "no_code")
    run(make_code_reward("http://x", unfenced="code"), ["1"], problem=[SPEC])
    assert requests[1]["unfenced"] == "code"


def test_one_bad_group_at_the_start_does_not_stop_the_run() -> None:
    """A single problem that the server cannot judge must not end a run of a week."""
    counted = UnscoredShare()
    counted.add([unscored("checker raised")] * 8, limit=0.5)
    with pytest.raises(TooManyUnscored):
        counted.add([unscored("server gone")] * ENOUGH, limit=0.5)


def test_every_metric_and_column_comes_at_full_length_every_batch(requests: list[dict[str, Any]]) -> None:
    """TRL averages a metric over the batches that had it, and aborts on a column of the wrong length."""
    metrics: dict[str, float] = {}
    columns: dict[str, list[Any]] = defaultdict(list)
    log = {"log_metric": metrics.__setitem__, "log_extra": lambda name, values: columns[name].extend(values)}
    problems = [SPEC] * 4 + [json.dumps({"tests": {"kind": "stdio"}})] * 4
    run(code_reward, ["1", "1", "1", "lost", "1", "0", "0", "0.5"], problem=problems, **log)
    assert {name.removeprefix("passrate/verdict/") for name in metrics if "verdict" in name} == set(VERDICTS)
    assert metrics["passrate/unscored"] == pytest.approx(1 / 8)
    assert [metrics[f"passrate/assurance/{each}"] for each in ASSURANCES] == [0.5, 0.375, 0.0]
    assert metrics["passrate/pass_rate"] == pytest.approx(4.5 / 7)
    assert metrics["passrate/all_passed"] == pytest.approx(4 / 7)
    assert metrics["passrate/groups_without_spread"] == 0.5
    assert metrics["passrate/cached"] == 0.0
    assert metrics["passrate/reward_s"] > 0
    assert metrics["passrate/duplicates"] == pytest.approx(3 / 8)
    assert {name.rpartition("/")[2] for name in metrics if "suspicion/" in name} == set(SUSPICIONS)
    assert {len(values) for values in columns.values()} == {8}
    assert columns["verdict"][3] == "sandbox_error"
    assert math.isnan(columns["pass_rate"][3])


def test_the_share_of_waiting_is_of_the_time_from_one_answer_to_the_next() -> None:
    waiting = WaitingShare()
    assert waiting.of(100.0, 103.0) is None  # what came before belongs to no step
    assert waiting.of(110.0, 113.0) == pytest.approx(0.3)
    assert waiting.of(112.0, 115.0) == pytest.approx(1.0)  # one that began before the other's end


class Trainer:
    """What TRL's `log_metric` is a method of."""

    def __init__(self) -> None:
        self.model = SimpleNamespace(training=True)
        self.logged: list[str] = []

    def log_metric(self, name: str, _: float) -> None:
        self.logged.append(name.removeprefix("passrate/"))


def test_the_share_of_waiting_leaves_evaluations_out(requests: list[dict[str, Any]]) -> None:
    """The time from a last answer in an evaluation to the first one of a step is no step's, nor the other way round."""
    trainer = Trainer()
    function = make_code_reward("http://127.0.0.1:1")
    told = []
    for training in (True, True, False, False, True, True):
        trainer.model.training = training
        trainer.logged.clear()
        run(function, ["1"], problem=[SPEC], log_metric=trainer.log_metric)
        assert "reward_s" in trainer.logged
        told.append("reward_share" in trainer.logged)
    assert told == [False, True, False, False, False, True]


def test_the_scheme_comes_from_the_environment(requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSRATE_REWARD", "all_passed")
    run(code_reward, ["1"], problem=[SPEC])
    assert requests[0]["reward"] == "all_passed"


def test_reward_functions_pickle_and_have_names() -> None:
    """AsyncGRPOTrainer sends them to a process of its own; TRL names metrics after them."""
    for function in (code_reward, efficiency_reward, format_reward, length_reward, summed_reward):
        assert pickle.loads(pickle.dumps(function)) is function
    made = make_code_reward("http://127.0.0.1:1")
    assert getattr(made, "__name__", "") == "code_reward"
    assert inspect.iscoroutinefunction(made)


def test_efficiency_compares_cpu_time_of_programs_that_pass(requests: list[dict[str, Any]]) -> None:
    references = [0.09, 0.04, 0.2, 0.09, 0.09, None]
    got = run(efficiency_reward, ["1", "1", "1", "0.5", "lost", "1"], problem=[SPEC] * 6, reference_cpu_s=references)
    assert got == [1.0, pytest.approx(0.5), 1.0, 0.0, None, None]
    assert run(efficiency_reward, ["1"], problem=[SPEC]) == [None]


GROUP = ["1", "0.5", "lost", "0", "1", "lost"]
SUM: dict[str, Any] = {
    "problem": [SPEC] * 6,
    "completion_ids": [[0] * length for length in (0, 20, 20, 30, 10, 0)],
    "reference_cpu_s": [0.04, 0.09, 0.09, 0.09, None, None],
}


@pytest.mark.parametrize(
    ("rewards", "sums"),
    [
        ("", [1.0, 0.5, None, 0.0, 1.0, None]),
        ("code:2", [2.0, 1.0, None, 0.0, 2.0, None]),
        ("code length:0.2", [1.0, 0.4, None, -0.2, 1.0, None]),
        ("length:0.2, code", [1.0, 0.4, None, -0.2, 1.0, None]),
        ("length:-1 format:3", [0.0, 0.5, 0.5, 1.0, 0.0, 0.0]),
        ("code efficiency:0.1", [1.05, 0.5, None, 0.0, 1.0, None]),
        ("efficiency", [0.5, 0.0, None, 0.0, None, None]),
    ],
)
def test_a_sum_is_weighted_and_none_where_a_part_that_needs_a_verdict_has_none(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, rewards: str, sums: list[float | None]
) -> None:
    """TRL would take what the other parts say for all that such a completion is worth."""
    monkeypatch.setenv("PASSRATE_REWARDS", rewards)
    monkeypatch.setenv("PASSRATE_REWARD_LENGTH_FREE", "10")
    monkeypatch.setenv("PASSRATE_REWARD_LENGTH_MAX", "30")
    assert run(summed_reward, GROUP, **SUM) == [None if one is None else pytest.approx(one) for one in sums]


def test_a_sum_is_judged_once_and_not_at_all_where_no_part_needs_a_verdict(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSRATE_REWARDS", "code efficiency format")
    run(summed_reward, GROUP, **SUM)
    assert len(requests) == 1
    monkeypatch.setenv("PASSRATE_REWARDS", "format length")
    run(summed_reward, GROUP)
    assert len(requests) == 1


def test_a_sum_without_reference_times_is_of_its_other_parts(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSRATE_REWARDS", "code efficiency")
    assert run(summed_reward, ["1", "lost"], problem=[SPEC] * 2) == [1.0, None]


def test_a_sum_looks_at_reference_times_before_it_asks_and_only_for_efficiency(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(summed_reward, ["1"], problem=[SPEC], reference_cpu_s=["fast"]) == [1.0]
    requests.clear()
    monkeypatch.setenv("PASSRATE_REWARDS", "code efficiency")
    with pytest.raises(TypeError, match="`reference_cpu_s`: invalid value 'fast'"):
        run(summed_reward, ["1"], problem=[SPEC], reference_cpu_s=["fast"])
    assert requests == []


def test_a_sum_logs_its_parts_over_the_completions_that_have_one(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the means, by weight, are the mean reward that TRL logs; beside all that `code_reward` logs."""
    monkeypatch.setenv("PASSRATE_REWARDS", "code:2 format:0.1")
    metrics: dict[str, float] = {}
    columns: dict[str, list[Any]] = {}
    log = {"log_metric": metrics.__setitem__, "log_extra": columns.__setitem__}
    texts = ["1", "lost", "```python\nlost\n```", "0"]
    sums = run(summed_reward, texts, problem=[SPEC] * 4, **log)
    assert sums == [2.0, None, None, 0.0]
    assert metrics["passrate/reward/code"] == 0.5
    assert metrics["passrate/reward/format"] == 0.0, "not that of one without a verdict"
    assert metrics["passrate/unscored"] == 0.5
    assert not {"passrate/reward/length", "passrate/reward/efficiency"} & set(metrics)
    assert columns["format_reward"] == [0.0, 0.0, 1.0, 0.0]
    assert columns["code_reward"] == pytest.approx([1.0, math.nan, math.nan, 0.0], nan_ok=True)
    assert columns["verdict"][1] == "sandbox_error"


def test_a_sum_without_verdicts_stops_the_run_too(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSRATE_REWARDS", "code format")
    with pytest.raises(TooManyUnscored, match="slot lost"):
        run(summed_reward, ["lost"] * ENOUGH, problem=[SPEC] * ENOUGH)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("pass_rate", ["no reward 'pass_rate'", *SUMMED]),
        ("code format code:2", ["code is there twice"]),
        ("code format:", ["format cannot weigh ''", "format:0.5"]),
        ("code:nan", ["code cannot weigh 'nan'"]),
        ("code:1e999", ["code cannot weigh '1e999'"]),
        ("code:much", ["code cannot weigh 'much'"]),
        ("code : 1", ["no reward ':'"]),
    ],
)
def test_a_sum_that_makes_no_sense_is_named_before_anything_is_judged(
    requests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, value: str, names: list[str]
) -> None:
    monkeypatch.setenv("PASSRATE_REWARDS", value)
    with pytest.raises(ValueError, match=r"^PASSRATE_REWARDS: ") as caught:
        run(summed_reward, ["1"], problem=[SPEC])
    for name in names:
        assert name in str(caught.value)
    assert requests == []


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("```python\nx = 1\n```", 1.0),
        ("<think>a ```python\n1\n``` b</think>\nSo:\n```py\nx = 1\n```\n", 1.0),
        ("reasoning</think>```python\nx\n```", 1.0),
        ("So ```python\nx\n```", 0.0),
        ("reasoning</think>\n```python\nx\n```", 1.0),
        ("```python\nx = 1\n```\nDone.", 0.0),
        ("```python\nx = 1\n```\n```python\ny\n```", 0.0),
        ("```python\nx = 1", 0.0),
        ("```python\nx = 1```", 0.0),
        ("```python\nx = 1\n``` ", 1.0),
        ("```python\nx = 1\n```</answer>", 0.0),
        ("1. ```python\n   x = 1\n   ```", 0.0),
        ('```python\n"""\n```\nf()\n```\n"""\n```', 1.0),
        ("```text\n1\n```\n```python\nx = 1\n```", 0.0),
        ("<thinking>```python\nx = 1\n```", 0.0),
        ("`" * 20_000, 0.0),
        ("```\nx = 1\n```", 0.0),
        ("<think>```python\nx = 1\n```", 0.0),
        ("x = 1", 0.0),
        ("", 0.0),
    ],
)
def test_format_asks_for_one_closed_python_block_at_the_end(text: str, reward: float) -> None:
    assert format_reward(completions=[text, [{"role": "assistant", "content": text}]]) == [reward, reward]


def test_length_costs_nothing_at_first_then_falls_smoothly_to_minus_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSRATE_REWARD_LENGTH_FREE", "10")
    monkeypatch.setenv("PASSRATE_REWARD_LENGTH_MAX", "30")
    lengths = [0, 10, 15, 20, 25, 30, 99]
    got = length_reward(completions=[""] * 7, completion_ids=[[0] * length for length in lengths])
    assert got[:2] == [0.0, 0.0]
    assert got[3] == pytest.approx(-0.5)
    assert got[5:] == [-1.0, -1.0]
    assert got == sorted(got, reverse=True)
    assert length_reward(completions=["x" * 80]) == [pytest.approx(-0.5)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSRATE_REWARD", "passrate"),
        ("PASSRATE_REWARD_DEADLINE_S", "soon"),
        ("PASSRATE_REWARD_DEADLINE_S", "nan"),
        ("PASSRATE_REWARD_MAX_UNSCORED", "1.5"),
        ("PASSRATE_REWARD_DEADLINE", "3"),
        ("PASSRATE_REWARD_LENGTH_MAX", "10"),
        ("PASSRATE_REWARD_MIN_ASSURANCE", "1"),
        ("PASSRATE_REWARD_MIN_ASSURANCE", "Values"),
        ("PASSRATE_REWARD_UNFENCED", "yes"),
        ("PASSRATE_REWARD_ALLOW_SHARED", "0"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    """A misspelt limit that is silently ignored costs a training run."""
    with pytest.raises(ValueError, match=name):
        TrainerSettings.from_env({name: value})


def test_the_tables_of_settings_name_all_of_them() -> None:
    table = [line for line in (settings_module.__doc__ or "").splitlines() if line.startswith("| `PASSRATE_")]
    readme = (Path(__file__).parents[1] / "trainer" / "README.md").read_text()
    assert [line.split("`")[1] for line in table] == list(NAMES)
    assert all(line in readme for line in table)

"""`passrate eval` as users type it."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.tiny_model import build_model
from trainer.cli import main
from trainer.wire import Result, unscored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trainer.wire import Submission

TESTS = {"kind": "call", "cases": [{"args": [-1], "expected": -1}, {"args": [2], "expected": 2}]}
TAGS = {"a": ["sums"], "b": ["sums", "trees"], "c": []}
RESULTS = {
    "good": Result(reward=1.0, pass_rate=1.0, passed=2, total=2, verdict="passed"),
    "half": Result(reward=0.5, pass_rate=0.5, passed=1, total=2, verdict="wrong_answer"),
    "lost": unscored("slot lost"),
}


class FixedClient:
    """Answers by what the code says."""

    def __init__(self) -> None:
        self.asked: list[Submission] = []

    def score(self, submissions: Sequence[Submission], *_: object, **__: object) -> list[Result]:
        self.asked += submissions
        return [RESULTS[one["code"]] for one in submissions]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FixedClient:
    made = FixedClient()

    @contextlib.contextmanager
    def judging(*_: object) -> Iterator[tuple[FixedClient, Callable[[int, int], None]]]:
        yield made, lambda *_: None

    monkeypatch.setattr("trainer.evaluate.judging", judging)
    return made


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with problems, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PASSRATE_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    write_problems(tmp_path / "problems.jsonl", TESTS)
    return tmp_path


def write_problems(path: Path, tests: dict[str, Any]) -> None:
    rows = [
        {"id": name, "prompt": "Give it back.", "entry_point": "f", "tests": tests, "tags": tags}
        for name, tags in TAGS.items()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_completions(path: Path, **codes: str) -> None:
    """Write a row for each word of what is given for a problem."""
    rows = [{"problem": name, "code": code} for name, words in codes.items() for code in words.split()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def evaluated(*options: str) -> dict[str, Any]:
    """Run the command and return its report."""
    assert main(["eval", "--problems", "problems.jsonl", "--json", "report.json", *options]) == 0
    told: dict[str, Any] = json.loads(Path("report.json").read_text())
    return told


def test_the_report_and_the_tables_hold_all_that_was_found(
    folder: Path, client: FixedClient, capsys: pytest.CaptureFixture[str]
) -> None:
    write_completions(folder / "new.jsonl", a="good good half half half", b="half lost half half half good")
    told = evaluated("--completions", "new.jsonl")
    assert told["pass_at"] == {"1": pytest.approx(0.3), "5": 1.0}, "of 1, 5, 10 those that 5 samples allow"
    assert told["tags"]["sums"] == {"problems": 2, "pass_at": told["pass_at"]}
    assert told["tags"]["trees"] == {"problems": 1, "pass_at": {"1": pytest.approx(0.2), "5": 1.0}}
    assert told["verdicts"] == {"passed": 3, "wrong_answer": 7, "sandbox_error": 1}
    assert told["problems"]["b"] | {"tests": None} == {"samples": 5, "correct": 1, "tests": None}
    assert told["samples"][6] == {
        "problem": "b",
        "code": "lost",
        "verdict": "sandbox_error",
        "pass_rate": None,
        "error": "slot lost",
    }
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    shown = " ".join(shown.split())
    assert "2 problems, 11 samples" in shown
    assert "2 of 3 problems have samples; the others are left out." in shown
    assert "counted as not drawn: 1 of 11 samples of new.jsonl (slot lost)." in shown


def test_without_tags_there_is_no_table_of_them(
    folder: Path, client: FixedClient, capsys: pytest.CaptureFixture[str]
) -> None:
    write_completions(folder / "new.jsonl", c="good")
    assert evaluated("--completions", "new.jsonl")["tags"] == {}
    assert "tag" not in capsys.readouterr().out


def test_the_k_that_are_asked_for_may_leave_problems_out(folder: Path, client: FixedClient) -> None:
    write_completions(folder / "new.jsonl", a="good half half", b="half half")
    told = evaluated("--completions", "new.jsonl", "--k", "3,2")
    assert told["problems_at"] == {"2": 2, "3": 1}
    assert told["pass_at"] == {"2": pytest.approx(1 / 3), "3": 1.0}


@pytest.mark.parametrize("baseline", ["old.jsonl", "old.json"])
def test_a_comparison_takes_completions_and_reports_and_judges_no_report_again(
    folder: Path, client: FixedClient, capsys: pytest.CaptureFixture[str], baseline: str
) -> None:
    write_completions(folder / "new.jsonl", a="good half", b="good half", c="good")
    write_completions(folder / "old.jsonl", a="half half half", b="half lost half", c="lost")
    first = evaluated("--completions", "old.jsonl")
    (folder / "report.json").rename("old.json")
    client.asked.clear()
    capsys.readouterr()
    told = evaluated("--completions", "new.jsonl", "--against", baseline, "--k", "1,2")
    assert len(client.asked) == (5 if baseline == "old.json" else 12)
    assert told["against"]["differences"] == {
        "1": {"problems": 2, "pass_at": 0.5, "pass_at_against": 0.0, "difference": 0.5, "interval": [0.5, 0.5]},
        "2": {"problems": 2, "pass_at": 1.0, "pass_at_against": 0.0, "difference": 1.0, "interval": [1.0, 1.0]},
    }
    assert told["against"]["verdicts"] == first["verdicts"]
    assert told["against"]["unscored"] == 2
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    shown = " ".join(shown.split())
    assert "95% interval of the difference: pass@1 above 0, pass@2 above 0." in shown
    assert "Of fewer than 20 problems it is narrower than it should be." in shown
    assert f"2 of 7 samples of {baseline} (slot lost)" in shown


def test_a_limit_holds_for_both_sides(folder: Path, client: FixedClient) -> None:
    write_completions(folder / "old.jsonl", a="half", b="half", c="half")
    evaluated("--completions", "old.jsonl")
    (folder / "report.json").rename("old.json")
    write_completions(folder / "new.jsonl", a="good", b="good", c="good")
    for baseline in ("old.jsonl", "old.json"):
        told = evaluated("--completions", "new.jsonl", "--against", baseline, "--limit", "2")
        assert list(told["problems"]) == ["a", "b"]
        assert told["against"]["verdicts"] == {"wrong_answer": 2}


def test_the_same_input_gives_the_same_report(folder: Path, client: FixedClient) -> None:
    write_completions(folder / "new.jsonl", a="good half", b="half half", c="good good")
    write_completions(folder / "old.jsonl", a="half half", b="good half", c="good half")
    options = ("--completions", "new.jsonl", "--against", "old.jsonl")
    assert evaluated(*options) == evaluated(*options)


def test_a_report_of_other_tests_is_no_baseline(
    folder: Path, client: FixedClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """What passed a problem's old tests says nothing of its new ones."""
    write_completions(folder / "old.jsonl", a="good")
    evaluated("--completions", "old.jsonl")
    (folder / "report.json").rename("old.json")
    write_problems(folder / "problems.jsonl", TESTS | {"cases": TESTS["cases"][:1]})
    with pytest.raises(SystemExit):
        evaluated("--completions", "old.jsonl", "--against", "old.json")
    assert "--against: old.json: a was judged by other tests" in capsys.readouterr().err


@pytest.mark.train
@pytest.mark.parametrize("against", [(), ("--against", "old.jsonl")])
def test_the_plot_is_a_png(folder: Path, client: FixedClient, against: tuple[str, ...]) -> None:
    write_completions(folder / "new.jsonl", a="good half", b="half half", c="lost lost")
    write_completions(folder / "old.jsonl", a="half half", b="good lost")
    evaluated("--completions", "new.jsonl", *against, "--plot", "plot.png")
    assert (folder / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_plot_that_cannot_be_drawn_is_refused_before_anything_is_judged(
    folder: Path, client: FixedClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_completions(folder / "new.jsonl", a="good")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "trainer.evaluation_plot", raising=False)
    with pytest.raises(SystemExit) as caught:
        evaluated("--completions", "new.jsonl", "--plot", "plot.png")
    assert caught.value.code == 1
    assert "pip install 'passrate[train]'" in capsys.readouterr().err
    assert client.asked == []


def program(body: str) -> str:
    return f"```python\ndef f(a):\n    return {body}\n```"


def save_model(folder: Path, *, seed: int, chat: bool) -> Path:
    """Make a model that writes one program after another, by chance."""
    import torch

    torch.manual_seed(seed)
    return build_model(folder, chat=chat, words=[program(body) for body in ("a", "abs(a)", "a / 0", "-a")])


@pytest.mark.train
@pytest.mark.sandbox
@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # third parties warn about one another, and not with every release
def test_a_model_is_sampled_judged_and_compared_with_another(folder: Path) -> None:
    """All of it is real: the model, the server and the sandbox."""
    new, old = save_model(folder / "new", seed=1, chat=True), save_model(folder / "old", seed=2, chat=False)
    options = ["--max-new-tokens", "1", "--samples", "6", "--k", "1,5", "--batch-size", "4", "--backend", "embedded"]
    told = evaluated("--model", str(new), "--against", str(old), *options, "--save-completions", "drawn.jsonl")
    assert told["sampling"]["engine"] == "transformers"
    texts = [sample["completion"] for sample in told["samples"]]
    assert len(texts) == 18
    assert len(set(texts)) > 1
    for name, found in told["problems"].items():
        right = [one["completion"] == program("a") for one in told["samples"] if one["problem"] == name]
        assert (found["samples"], found["correct"]) == (6, sum(right))
    assert told["pass_at"]["1"] == pytest.approx(texts.count(program("a")) / 18)
    assert told["verdicts"].keys() <= {"passed", "wrong_answer", "runtime_error", "no_code"}
    assert told["against"]["differences"]["5"]["problems"] == 3

    Path("report.json").rename("before.json")
    again = evaluated("--completions", "drawn.jsonl", "--against", "before.json", "--k", "1,5")
    assert again["samples"] == told["samples"], "the same completions are judged the same"
    assert again["against"]["differences"]["1"]["interval"] == [0.0, 0.0]

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.verdicts import TestResult
from tasks.schema import Problem
from trainer.cli import main
from trainer.display import show
from trainer.fixing import fixable_file, mend
from trainer.parser import UsageError
from trainer.validate import findings_table, learned_table, report_on, validate
from trainer.wire import Learned, Result, Submission, result_from, unscored

if TYPE_CHECKING:
    from pathlib import Path

PASSED = Result(reward=1.0, pass_rate=1.0, passed=2, total=2, verdict="passed")
HALF = Result(
    reward=0.5,
    pass_rate=0.5,
    passed=1,
    total=2,
    verdict="wrong_answer",
    tests=(TestResult("passed"), TestResult("wrong_answer", name="line 3", message="got 4")),
)


class FixedClient:
    """Answers by what the code says."""

    def score(self, submissions: list[Submission], *_: object, **__: object) -> list[Result]:
        results = {"good": PASSED, "bad": HALF, "lost": unscored("slot lost")}
        return [results[submission["code"]] for submission in submissions]


def problem(name: str, reference: str | None, *wrong: str) -> Problem:
    tests = {"kind": "stdio", "cases": [{"stdout": "1"}]}
    return Problem.model_validate({"id": name, "tests": tests, "reference": reference, "wrong": wrong})


def test_validate_names_what_scores_otherwise_than_it_should(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [
        problem("fine", "good", "bad", "bad"),
        problem("broken[/b]", "bad"),
        problem("lenient", "good", "bad", "good"),
        problem("lost", "lost"),
        problem("without", None),
    ]
    findings = validate(FixedClient(), problems).findings  # type: ignore[arg-type]
    show(findings_table(findings))
    assert "[/b]" in capsys.readouterr().out
    assert [(found.problem, found.solution) for found in findings] == [
        ("broken[/b]", "reference"),
        ("lenient", "wrong 2"),
        ("lost", "reference"),
    ]
    assert "line 3 got 4" in findings[0].reason
    assert "no verdict: slot lost" in findings[2].reason


class Alternating:
    """Passes every other run."""

    def score(self, submissions: list[Submission], *_: object, **__: object) -> list[Result]:
        assert len({submission["code"] for submission in submissions}) == len(submissions)
        return [PASSED if number % 2 else HALF for number, _ in enumerate(submissions)]


def test_a_flaky_reference_is_named() -> None:
    report = validate(Alternating(), [problem("p", "good")], runs=5)  # type: ignore[arg-type]
    assert [found.reason.partition(";")[0] for found in report.findings] == ["flaky: it passes 2 of 5 runs"]
    assert len(validate(Alternating(), [problem("p", "good")]).findings) == 1  # type: ignore[arg-type]


def used(**fields: float) -> Result:
    test = TestResult("passed", **fields)  # type: ignore[arg-type]
    return replace(PASSED, tests=(TestResult("passed"), test))


@pytest.mark.parametrize(
    ("result", "field", "value"),
    [
        (used(cpu_s=2.4), None, None),
        (used(cpu_s=2.6), "limits.cpu_s", 11),
        (used(wall_s=6.0), "limits.wall_s", 24),
        (used(memory_bytes=500 << 20), "limits.memory_mb", 1000),
        (replace(HALF, tests=(TestResult("cpu_timeout", cpu_s=5.0),)), None, None),
    ],
)
def test_a_reference_near_its_limits_is_named(result: Result, field: str | None, value: float | None) -> None:
    limited = Problem.model_validate(
        {
            "id": "p",
            "tests": {"kind": "stdio", "cases": [{"stdout": "1"}]},
            "limits": {"cpu_s": 5, "wall_s": 10, "memory_mb": 512},
        }
    )
    report = report_on([limited], {("p", "reference"): [PASSED, result]})
    assert report.fixes == ({} if field is None else {"p": {field: value}})


def test_a_problem_that_expects_nothing_is_named() -> None:
    silent = Problem.model_validate({"id": "p", "tests": {"kind": "stdio", "cases": [{"stdout": "\n"}]}})
    report = report_on([silent], {("p", "reference"): [PASSED]})
    assert [(each.field, each.value) for each in report.advice] == [("tests.cases", None)]


@pytest.mark.sandbox
@pytest.mark.timeout(120)
def test_rows_that_are_no_problem_are_named_beside_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = {"id": "silent", "tests": {"kind": "asserts", "source": "f(1)"}}
    again = SET[0] | {"prompt": "the same id"}
    source = write(tmp_path / "set.jsonl", [SET[0], silent, again])
    assert main(["validate", "--problems", source, "--backend", "embedded", "--runs", "1"]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "line 2: field `tests.source`: `tests.source` comes to no check" in shown
    assert "`plain` is taken" in shown
    assert "3 problems: 1 good, 2 bad" in shown


def asserts(name: str, source: str, reference: str, *wrong: str) -> dict[str, Any]:
    return {"id": name, "tests": {"kind": "asserts", "source": source}, "reference": reference, "wrong": list(wrong)}


LOOKS_AT_TEXT = "import inspect\nassert 'return' in inspect.getsource(stamp)"
SET = [
    asserts("plain", "assert f(1) == 2", "def f(x): return x + 1", "def f(x): return x"),
    asserts("clock", LOOKS_AT_TEXT, "def stamp(): return 1", "def stamp(): pass"),
    asserts("leaps", "assert f(1) == 2\nif f(1) > 2:\n    assert f(1) == 'é'", "def f(x): return x + 1"),
    asserts("broken", "assert f(1) == 3", "def f(x): return x + 1"),
]


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n", encoding="utf-8")
    return str(path)


@pytest.mark.sandbox
@pytest.mark.timeout(120)
def test_what_references_show_is_told_and_fixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, told = write(tmp_path / "set.jsonl", SET), tmp_path / "told.json"
    before = (tmp_path / "set.jsonl").read_bytes().split(b"\n")
    options = ["validate", "--problems", source, "--backend", "embedded", "--json", str(told)]
    assert main([*options, "--fix"]) == 1
    report = json.loads(told.read_text())
    assert report["bad"] == ["broken", "clock"]
    assert report["fixed"] == {"clock": {"tests.isolation": "shared"}}
    assert [(each["problem"], each["field"]) for each in report["advice"]] == [
        ("clock", "tests.isolation"),
        ("leaps", "tests.source"),
    ]
    learned = report["learned"]
    assert {name: known["assurance"] for name, known in learned.items()} == {
        "plain": "values",
        "clock": "shared",
        "leaps": "values",
        "broken": "values",
    }
    assert learned["leaps"]["unreached"] == ["line 3"]
    assert learned["broken"]["fault"].startswith("the reference does not pass every test (line 1 wrong_answer")
    after = (tmp_path / "set.jsonl").read_bytes().split(b"\n")
    assert [number for number, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]] == [1]
    assert json.loads(after[1])["tests"]["isolation"] == "shared"
    assert main(options) == 1
    report = json.loads(told.read_text())
    assert report["bad"] == ["broken"]
    assert report["fixed"] == {}
    assert "validate again" in capsys.readouterr().out


def test_a_reference_that_passes_only_now_and_then_is_named() -> None:
    class Flaky:
        def score(self, submissions: list[Submission], *_: object, **__: object) -> list[Result]:
            return [replace(PASSED, calibration=Learned("objects", (), 0.0, "it did not pass")) for _ in submissions]

    findings = validate(Flaky(), [problem("p", "good")]).findings  # type: ignore[arg-type]
    assert [found.reason for found in findings] == ["it did not pass"]


def test_what_was_learned_is_read_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"reward": None, "pass_rate": None, "passed": 0, "total": 1, "verdict": "sandbox_error"}
    told = {"assurance": "shared", "unreached": ["line 3", "line 5"], "cpu_s": 0.25, "fault": ""}
    assert result_from(answer).calibration is None
    assert result_from(answer | {"calibration": None}).calibration is None
    known = result_from(answer | {"calibration": told}).calibration
    assert known == Learned("shared", ("line 3", "line 5"), 0.25, "")
    show(learned_table({"clock": known}))
    shown = " ".join(capsys.readouterr().out.split())
    assert all(words in shown for words in ("clock", "shared", "line 3", "0.250"))


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_other_lines_stay_as_they_are(tmp_path: Path, end: str) -> None:
    path = tmp_path / "set.jsonl"
    first = '{"id":  "a", "tests": {"kind": "asserts", "source": "assert f() == 1e400"}, "prompt": "\\u00e9 \u2028"}'
    second = '{"id": "b", "prompt": "\\u00e9", "tests": {"kind": "asserts",  "source": "assert f()"}}'
    path.write_bytes(f"\ufeff{second}\r\n\n{first}{end}".encode())
    path.chmod(0o640)
    mend(path, {"b": {"tests.isolation": "shared"}})
    fixed = second.replace("  ", " ").replace('f()"', 'f()", "isolation": "shared"')
    assert path.read_bytes() == f"\ufeff{fixed}\r\n\n{first}{end}".encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["set.jsonl"]
    mend(path, {"a": {"tests.isolation": "shared", "limits.cpu_s": 8}})
    row = json.loads(path.read_bytes().split(b"\n")[2])
    assert row["tests"]["isolation"] == "shared"
    assert row["limits"] == {"cpu_s": 8}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("bundled", "bundled problems come with passrate"),
        ("humaneval", "the format of humaneval has no field"),
        ("humaneval:he.jsonl", "the format of humaneval:he.jsonl has no field"),
        ("mbpp-train:mbpp.jsonl", "has no field"),
        ("mine.jsonl.gz", "not plain JSONL"),
        ("jsonl:mine.json", "not plain JSONL"),
        ("packed.jsonl", "not plain JSONL"),
        ("nonsense", "unknown source"),
        ("nowhere/mine.jsonl", "cannot write"),
    ],
)
def test_a_format_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "packed.jsonl").write_bytes(gzip.compress(b"{}\n"))
    with pytest.raises(UsageError, match=words):
        fixable_file(source)

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.verdicts import TestResult
from tasks.schema import Problem
from trainer.cli import main
from trainer.explaining import MOST_CHARS, MOST_LINES, failures, program, summary
from trainer.wire import Learned, Result

if TYPE_CHECKING:
    from pathlib import Path

PROBLEMS: list[dict[str, Any]] = [
    {
        "id": "double",
        "tests": {
            "kind": "stdio",
            "cases": [{"stdin": "1\n", "stdout": "2\n"}, {"stdin": "", "stdout": "[red]a\nb\n"}],
        },
    },
    {
        "id": "add",
        "entry_point": "add",
        "tests": {
            "kind": "call",
            "cases": [{"args": [1, "x"], "raises": "TypeError"}, {"args": [1], "kwargs": {"b": 2}, "expected": 3}],
        },
    },
    {
        "id": "next",
        "tests": {
            "kind": "asserts",
            "source": "assert f(1) == 2\nassert f(2) == 3\nif f(1) > 5:\n    assert f(3) == 9",
        },
        "reference": "def f(x): return x + 1",
    },
]
ADD = "Here it is:\n```python\ndef add(a, b):\n    print('adding')\n    return a - b\n```\n"


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "problems.jsonl"
    path.write_text("\n".join(json.dumps(problem) for problem in PROBLEMS), encoding="utf-8")
    return str(path)


def explain(source: str, problem: str, file: Path, *options: str) -> int:
    return main(["explain", str(file), "--problems", source, "--problem", problem, "--backend", "embedded", *options])


@pytest.mark.sandbox
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("problem", "name", "text", "code", "shown"),
    [
        (
            "double",
            "x.py",
            "print(int(input()) * 2 + 1)",
            1,
            ["reward 0", "case 1: wrong_answer", "input: 1", "-2 +3", "-[red]a -b", "limit of each, at most"],
        ),
        ("double", "x.py", "import sys\nprint(2 if sys.stdin.read() else '[red]a\\nb')", 0, ["reward 1, passed"]),
        (
            "add",
            "x.md",
            ADD,
            1,
            ["2 | print('adding')", "call: add(1, b=2)", "expected: 3", "printed: adding", "returned -1"],
        ),
        (
            "next",
            "x.md",
            "```\ndef f(x): return 2\n```",
            1,
            ["test: assert f(2) == 3", "got 2 where 3 was expected", "not reach it: line 4"],
        ),
        (
            "next",
            "x.py",
            "def f(x):\n    return [][x]",
            1,
            ["IndexError: list index out of range (solution.py:2: return [][x])"],
        ),
        ("next", "x.md", "I do not know.", 1, ["no_code", "the program: none was found"]),
        ("next", "x.py", "def f(x) return 2", 1, ["compile_error", "1 | def f(x) return 2", "SyntaxError"]),
    ],
)
def test_a_submission_is_shown_with_each_test(
    source: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    problem: str,
    name: str,
    text: str,
    code: int,
    shown: list[str],
) -> None:
    (tmp_path / name).write_text(text)
    assert explain(source, problem, tmp_path / name) == code
    printed = " ".join(capsys.readouterr().out.split())
    assert [words for words in shown if words not in printed] == []


@pytest.mark.sandbox
@pytest.mark.timeout(60)
def test_json_holds_the_program_and_the_tests(source: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(ADD)
    assert explain(source, "add", tmp_path / "x", "--json", str(tmp_path / "told.json")) == 1
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["code"].startswith("def add")
    assert [test["verdict"] for test in told["tests"]] == ["passed", "wrong_answer"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--problem: name one of the 3 problems, such as double"),
        (["--problem", "ad"], "--problem: ad: no such problem; did you mean add?"),
        (["--problem", "add", "--code", "--completion"], "not allowed with"),
    ],
)
def test_what_cannot_be_explained_is_one_line(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    (tmp_path / "x.py").write_text("")
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(tmp_path / "x.py"), "--problems", source, *options])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def result(**fields: Any) -> Result:
    return Result(**{"reward": 0.0, "pass_rate": 0.0, "passed": 0, "total": 1, "verdict": "wrong_answer", **fields})


def test_long_texts_are_cut() -> None:
    problem = Problem.model_validate(PROBLEMS[0])
    printed = "".join(f"{number}\n" for number in range(100_000))
    test = TestResult("wrong_answer", stdout=printed, message="m" * 100_000, stderr="e\n" * 100_000)
    (text,) = failures(problem, result(tests=(test,)))
    assert len(text) < 8 * MOST_CHARS
    assert len(program(result(code="x\n" * 1000)).split("\n")) == MOST_LINES + 2


def test_the_summary_names_what_the_reward_rests_on_and_why_there_is_none() -> None:
    problem = Problem.model_validate(PROBLEMS[2])
    learned = Learned("objects", ("line 4",), 0.5, "")
    text = summary(problem, result(message="got 3", assurance="objects", suspicion=("exit",), calibration=learned))
    assert "why: got 3" in text
    assert "rests on: objects" in text
    assert "suspicion: exit" in text
    assert "needs objects, 0.500 s" in text
    lost = summary(problem, result(reward=None, verdict="sandbox_error", error="slot lost", assurance="values"))
    assert "no reward" in lost
    assert "why: slot lost" in lost
    assert "rests on" not in lost

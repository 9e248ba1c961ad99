"""What commands do with files of which some rows cannot be used: name them, go on, and end with exit code 1."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from trainer.cli import main
from trainer.inputs import read_problems, read_submissions
from trainer.parser import UsageError
from trainer.wire import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from trainer.wire import Submission

PROBLEM = {"id": "p", "tests": {"kind": "stdio", "cases": [{"stdout": "1"}]}}
GOOD, BAD = ("problems.jsonl", "completions.jsonl"), ("bad_problems.jsonl", "bad_completions.jsonl")
PASSED = Result(reward=1.0, pass_rate=1.0, passed=1, total=1, verdict="passed", assurance="values")
COMMANDS = {
    "score": "score --completions {1} --problems {0}",
    "eval": "eval --completions {1} --problems {0}",
    "explain": "explain answer.md --problem p --problems {0}",
}


class FixedClient:
    """Has every submission pass, and notes what it was asked."""

    def __init__(self) -> None:
        self.options: dict[str, object] = {}

    def score(self, submissions: Sequence[Submission], *_: object, **options: object) -> list[Result]:
        self.options = options
        return [PASSED for _ in submissions]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FixedClient:
    made = FixedClient()

    @contextlib.contextmanager
    def judging(*_: object) -> Iterator[tuple[FixedClient, Callable[[int, int], None]]]:
        yield made, lambda *_: None

    for command in ("score", "evaluate", "explain"):
        monkeypatch.setattr(f"trainer.{command}.judging", judging)
    return made


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    good: Any = {"problem": "p", "completion": "```python\nprint(1)\n```"}
    bad = [json.dumps(PROBLEM | {"id": "q", "test": 1}), '{"id": ', "[]", json.dumps(PROBLEM)]
    rows = {
        "problems.jsonl": [json.dumps(PROBLEM)],
        "completions.jsonl": [json.dumps(good)],
        "bad_problems.jsonl": [json.dumps(PROBLEM), *bad],
        "bad_completions.jsonl": ["{", json.dumps(good), "[]", json.dumps(good | {"problem": "q"}), '{"problem": "p"}'],
        "answer.md": ["```python", "print(1)", "```"],
    }
    for name, lines in rows.items():
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_each_row_that_cannot_be_used_is_named_and_the_others_are_read(folder: Path) -> None:
    complaints: list[str] = []
    assert [problem.id for problem in read_problems("bad_problems.jsonl", complaints)] == ["p"]
    assert [each.split(": ")[0] for each in complaints] == [f"bad_problems.jsonl, line {n}" for n in (2, 3, 4, 5)]
    complaints.clear()
    assert len(read_submissions("--completions", folder / "bad_completions.jsonl", {"p"}, complaints)) == 1
    assert [each.split(": ")[1][-6:] for each in complaints] == [f"line {n}" for n in (1, 3, 4, 5)]


def test_where_no_row_can_be_used_the_file_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"line 5: no problem 'p' in --problems"):
        read_submissions("--completions", folder / "bad_completions.jsonl", {"other"}, [])
    (folder / "bad_problems.jsonl").write_text("{")
    with pytest.raises(UsageError, match="line 1: not JSON"):
        read_problems("bad_problems.jsonl", [])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_row_is_named_on_stderr_and_does_not_stop_the_others(
    client: FixedClient, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """`explain` shows one submission: its exit code says whether that passes."""
    assert main(COMMANDS[command].format(*GOOD).split()) == 0
    assert capsys.readouterr().err == ""
    assert main(COMMANDS[command].format(*BAD).split()) == (0 if command == "explain" else 1)
    told = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"passrate {command}: left out: ") for line in told] == [True] * len(told)
    assert len(told) == (4 if command == "explain" else 8)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_judges_as_the_options_say(client: FixedClient, command: str) -> None:
    words = COMMANDS[command].format(*GOOD).split()
    for given, expected in (
        ([], {"unfenced": "no_code", "min_assurance": "shared"}),
        (["--unfenced", "code", "--min-assurance", "values"], {"unfenced": "code", "min_assurance": "values"}),
    ):
        assert main([*words, *given]) == 0
        assert {name: client.options[name] for name in expected} == expected

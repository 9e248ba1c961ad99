from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from trainer.cli import main
from trainer.client import SyncRewardClient
from trainer.data import read_pass_rates
from trainer.local_server import LocalServerFailed, local_server

if TYPE_CHECKING:
    from pathlib import Path

ADD = {
    "id": "add",
    "prompt": "Add.",
    "entry_point": "add",
    "tests": {"kind": "call", "cases": [{"args": [1, 2], "expected": 3}, {"args": [2, 2], "expected": 4}]},
    "reference": "def add(a, b): return a + b",
    "wrong": ["def add(a, b): return a * b"],
}


@pytest.fixture
def problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PASSRATE_URL", raising=False)
    path = tmp_path / "problems.jsonl"
    path.write_text(json.dumps(ADD) + "\n")
    return path


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_a_server_that_cannot_start_says_why() -> None:
    with pytest.raises(LocalServerFailed, match="slots"), local_server(slots=1_000_000):
        pass


@pytest.mark.sandbox
def test_the_server_judges_inside_the_block_and_is_gone_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSRATE_REWARD", "all_passed")  # the trainer's names are none of the server's
    with local_server(slots=1) as url, SyncRewardClient(url) as client:
        spec = {"p": {key: ADD[key] for key in ("entry_point", "tests")}}
        codes = ["def add(a, b): return a + b", "def add(a, b): return a * b", "def add("]
        results = client.score([{"problem": "p", "code": code} for code in codes], spec, detail="tests")
        assert [result.reward for result in results] == [1.0, 0.5, 0.0]
        assert [result.verdict for result in results] == ["passed", "wrong_answer", "compile_error"]
        assert [test.verdict for test in results[1].tests] == ["wrong_answer", "passed"]
    assert not answers(url)


@pytest.mark.sandbox
def test_the_server_does_not_outlive_a_parent_that_is_killed() -> None:
    """Else each crashed run leaves a server behind that keeps its sandboxes."""
    code = (
        "from trainer.local_server import local_server\nimport time\n"
        "with local_server(slots=1) as url:\n    print(url, flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert answers(url)
        os.kill(parent.pid, signal.SIGKILL)
    end = time.monotonic() + 20
    while answers(url):
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.sandbox
def test_score_writes_a_table_and_json(problems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    completions, report, rates = (tmp_path / name for name in ("completions.jsonl", "report.json", "rates.jsonl"))
    rows = [
        {"problem": "add", "completion": "```python\ndef add(a, b):\n    return a + b\n```"},
        {"problem": "add", "code": "def add(a, b): return a * b"},
        {"problem": "add", "completion": "I cannot."},
    ]
    completions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--problems", str(problems), "--completions", str(completions), "--json", str(report)]
    assert main(["score", *options, "--pass-rates", str(rates)]) == 0
    assert read_pass_rates(rates) == {"add": 0.5}
    assert read_pass_rates(rates, "all_passed") == {"add": pytest.approx(1 / 3)}
    found = json.loads(report.read_text())
    assert [result["reward"] for result in found["results"]] == [1.0, 0.5, 0.0]
    assert {result["assurance"] for result in found["results"]} == {"values"}
    assert found["all_passed"] == 1
    assert "no_code" in capsys.readouterr().out


@pytest.mark.sandbox
def test_validate_exits_with_1_where_a_problem_is_bad(
    problems: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    rows = [ADD, ADD | {"id": "bad", "reference": "def add(a, b): return 3", "wrong": [ADD["reference"]]}]
    bad.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["validate", "--problems", str(problems)]) == 0
    assert "1 problems: 1 good, 0 bad" in capsys.readouterr().out
    assert main(["validate", "--problems", str(bad)]) == 1
    assert "2 problems: 1 good, 1 bad" in capsys.readouterr().out


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("program", "code", "printed", "said"),
    [
        ("print(input()[::-1])", 0, "cba\n", "exit code 0"),
        ("import sys; sys.exit(3)", 1, "", "exit code 3"),
        ("while True: pass", 1, "", "limit of CPU time"),
        ("def f(", 1, "", "did not compile"),
    ],
)
def test_run_shows_what_a_program_prints_and_how_it_ends(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], *, program: str, code: int, printed: str, said: str
) -> None:
    (tmp_path / "p.py").write_text(program)
    (tmp_path / "in.txt").write_text("abc\n")
    options = ["--stdin", str(tmp_path / "in.txt"), "--cpu-s", "0.5"]
    assert main(["run", str(tmp_path / "p.py"), *options]) == code
    seen = capfd.readouterr()
    assert seen.out == printed
    assert said in seen.err

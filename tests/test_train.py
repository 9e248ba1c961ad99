"""Real GRPO steps on a model that is built here, against a server that is a stub or the real one."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.stub_server import served
from tests.tiny_model import build_model
from trainer.cli import main
from trainer.settings import SUMMED
from trainer.wire import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.train,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    # Third parties warn about one another here, and whether they do changes with every release.
    pytest.mark.filterwarnings("default"),
]

REFERENCE = "def f(a):\n    return a"


class StubHandler(BaseHTTPRequestHandler):
    """Rewards the reference by 1.0, and a completion by its share of even characters: that spreads."""

    contract = CONTRACT

    def do_GET(self) -> None:
        self._answer({"status": "ok", "contract": self.contract})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert set(asked["problems"]) == {one["problem"] for one in asked["submissions"]}
        self._answer({"results": [self._judged(one) for one in asked["submissions"]]})

    def log_message(self, *_: Any) -> None:
        pass

    def _judged(self, submission: dict[str, Any]) -> dict[str, Any]:
        text = submission.get("completion", "")
        reward = 1.0 if "code" in submission else sum(ord(char) % 2 == 0 for char in text) / max(1, len(text))
        verdict = "passed" if reward == 1.0 else "wrong_answer"
        return {"reward": reward, "pass_rate": reward, "passed": 0, "total": 1, "verdict": verdict, "cpu_s": 0.01}

    def _answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run says in the environment where its server is and what is added up: that ends with the test."""
    for name in ("PASSRATE_URL", "PASSRATE_REWARDS"):
        monkeypatch.setenv(name, "")


@pytest.fixture
def stub_url() -> Iterator[str]:
    with served(StubHandler) as url:
        yield url


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    path = tmp_path / "problems.jsonl"
    tests = {"kind": "call", "cases": [{"args": [number], "expected": number} for number in range(3)]}
    rows = [
        {"id": f"same/{number}", "prompt": "Give it back.", "entry_point": "f", "tests": tests, "reference": REFERENCE}
        for number in range(12)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def train(folder: Path, problems: Path, *options: str) -> list[dict[str, Any]]:
    """Train for two steps and return what was logged."""
    arguments = ["train", "--config", "trainer/configs/cpu-tiny.yaml", "--model_name_or_path", str(folder)]
    arguments += ["--problems", str(problems), "--output_dir", str(folder / "out"), "--max_steps", "2"]
    arguments += ["--per_device_train_batch_size", "8", "--num_generations", "4", "--max_completion_length", "12"]
    arguments += ["--save_strategy", "steps", "--save_steps", "2", *options]
    assert main(arguments) == 0
    state = json.loads((folder / "out" / "trainer_state.json").read_text())
    return [entry for entry in state["log_history"] if "reward" in entry]


@pytest.mark.parametrize("chat", [True, False])
def test_grpo_takes_steps_with_the_rewards_of_the_server(
    tmp_path: Path, problems: Path, stub_url: str, monkeypatch: pytest.MonkeyPatch, chat: bool
) -> None:
    """All that TRL does with a reward function happens here: calls, metrics, columns, both shapes of prompts."""
    monkeypatch.setenv("PASSRATE_URL", stub_url)
    folder = build_model(tmp_path / "model", chat=chat)
    monkeypatch.setenv("PASSRATE_REWARD_LENGTH_FREE", "1")
    monkeypatch.setenv("PASSRATE_REWARD_LENGTH_MAX", "13")
    more = ["--rewards", "code", "format", "length", "efficiency", "--reward_weights", "1", "0.1", "0.3", "0.5"]
    logged = train(folder, problems, *more, "--log_completions", "true", "--bf16", "false")
    for step in logged:
        parts = {name: step[f"passrate/reward/{name}"] for name in ("code", "format", "length", "efficiency")}
        assert 0 < parts["code"] < 1
        assert parts["length"] < 0
        assert parts["efficiency"] == 0.0
        assert step["passrate/pass_rate"] == pytest.approx(parts["code"], abs=1e-6)
        weighted = parts["code"] + 0.1 * parts["format"] + 0.3 * parts["length"] + 0.5 * parts["efficiency"]
        assert step["reward"] == step["rewards/summed_reward/mean"] == pytest.approx(weighted, abs=1e-5)
    first = logged[0]
    assert first["passrate/unscored"] == 0.0
    assert first["passrate/verdict/wrong_answer"] > 0.9
    assert (folder / "out" / "config.json").exists()


def test_a_bad_reference_stops_the_run_before_its_first_step(
    tmp_path: Path, problems: Path, stub_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PASSRATE_URL", stub_url)
    monkeypatch.setattr(
        StubHandler,
        "_judged",
        lambda *_: {
            "reward": 0.5,
            "pass_rate": 0.5,
            "passed": 1,
            "total": 2,
            "verdict": "wrong_answer",
        },
    )
    folder = build_model(tmp_path / "model", chat=False)
    with pytest.raises(SystemExit) as caught:
        train(folder, problems)
    assert caught.value.code == 2
    assert "the reference of same/0 scores 0.5" in capsys.readouterr().err


@pytest.mark.sandbox
def test_grpo_trains_against_a_real_server_that_it_starts_itself(
    tmp_path: Path, problems: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PASSRATE_URL", raising=False)
    logged = train(build_model(tmp_path / "model", chat=False), problems, "--held_out", "0")
    assert logged[0]["passrate/unscored"] == 0.0
    assert logged[0]["passrate/verdict/no_code"] > 0.5


def test_a_run_ends_with_held_out_pass_at_1_before_and_after_and_a_plot(
    tmp_path: Path, problems: Path, stub_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = build_model(tmp_path / "model", chat=False)
    train(folder, problems, "--url", stub_url, "--held_out", "0.4")
    printed = " ".join(capsys.readouterr().out.split())
    assert "- before" not in printed, printed[-400:]
    assert "- after" not in printed, printed[-400:]
    assert "by the server: " in printed
    assert (folder / "out" / "training.png").read_bytes().startswith(b"\x89PNG")
    logged = json.loads((folder / "out" / "trainer_state.json").read_text())["log_history"]
    assert [entry["step"] for entry in logged if "eval_passrate/all_passed" in entry] == [0, 2]
    assert [entry["step"] for entry in logged if "passrate/reward_share" in entry] == [2], "none across an evaluation"
    assert not any("eval_passrate/reward_share" in entry for entry in logged)


def test_a_run_that_was_cut_off_goes_on_from_its_last_checkpoint(tmp_path: Path, problems: Path, stub_url: str) -> None:
    """Steps 5 to 8 follow steps 1 to 4; the held-out problems are still compared with how the run began."""
    folder = build_model(tmp_path / "model", chat=False)
    options = ["--url", stub_url, "--held_out", "0.4", "--max_steps"]
    train(folder, problems, *options, "4")
    first = json.loads((folder / "out" / "checkpoint-4" / "trainer_state.json").read_text())["log_history"]
    logged = train(folder, problems, *options, "8", "--resume_from_checkpoint", "true")
    assert [entry["step"] for entry in logged] == list(range(1, 9))
    whole = json.loads((folder / "out" / "trainer_state.json").read_text())["log_history"]
    assert whole[: len(first)] == first
    assert [entry["step"] for entry in whole if "eval_passrate/all_passed" in entry] == [0, 8]


def test_lora_trains_an_adapter(tmp_path: Path, problems: Path, stub_url: str) -> None:
    pytest.importorskip("peft")
    folder = build_model(tmp_path / "model", chat=False)
    options = ["--use_peft", "true", "--lora_r", "4", "--lora_target_modules", "q_proj", "v_proj"]
    train(folder, problems, "--url", stub_url, *options)
    assert (folder / "out" / "adapter_model.safetensors").exists()


class LaterHandler(StubHandler):
    contract = CONTRACT + 1


@pytest.fixture
def later_url() -> Iterator[str]:
    with served(LaterHandler) as url:
        yield url


class RefusingHandler(StubHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(401)
        content = b'{"error": {"message": "no such key"}}'
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def refusing_url() -> Iterator[str]:
    with served(RefusingHandler) as url:
        yield url


@pytest.fixture
def bad(tmp_path: Path, problems: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that a table of bad input needs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("trainer.local_server.GIVEN_DEADLINE_S", 0.1)
    rows = [json.loads(line) for line in problems.read_text().splitlines()]
    changes: dict[str, dict[str, Any]] = {
        "untested.jsonl": {"tests": None},
        "caseless.jsonl": {"tests": {"kind": "call", "cases": []}},
        "texts.jsonl": {"tests": json.dumps(rows[1]["tests"])},
        "mixed.jsonl": {"prompt": 5},
        "mute.jsonl": {"prompt": ""},
        "long.jsonl": {"prompt": "x" * 2000},
    }
    for name, change in changes.items():
        lines = [json.dumps(row | change if number == 1 else row) for number, row in enumerate(rows)]
        (tmp_path / name).write_text("\n".join(lines))
    (tmp_path / "single.jsonl").write_text(json.dumps(rows[0]))
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    build_model(tmp_path / "model", chat=False)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("--problems untested.jsonl", ["--problems", "untested.jsonl", "tests"]),
        ("--problems caseless.jsonl", ["--problems", "line 2", "`tests.cases`"]),
        ("--problems texts.jsonl", ["--problems", "line 2", "`tests`"]),
        ("--problems mixed.jsonl", ["--problems", "mixed.jsonl", "prompt"]),
        ("--problems mute.jsonl", ["--problems", "same/1", "prompt"]),
        ("--problems long.jsonl --held_out 0", ["same/1", "--max_completion_length"]),
        ("--url localhost", ["--url", "localhost"]),
        ("--url http://127.0.0.1:9", ["--url", "127.0.0.1:9"]),
        ("--url REFUSING", ["--url", "401", "no such key"]),
        ("--url LATER", ["--url", "wire contract", "update passrate"]),
        ("--model_name_or_path models/nope", ["--model_name_or_path", "models/nope"]),
        ("--model_name_or_path ./empty", ["--model_name_or_path", "./empty"]),
        ("--num_generations 3", ["generation_batch_size", "--num_generations", "--per_device_train_batch_size"]),
        ("--num_generations 16", ["generation_batch_size", "--num_generations", "--per_device_train_batch_size"]),
        ("--num_generations 1", ["at least 2 generations"]),
        (
            "--problems single.jsonl --held_out 0 --per_device_train_batch_size 16",
            ["--problems: 1 to train on", "a step takes 2", "--per_device_train_batch_size"],
        ),
        ("--reward_weights 1 2", ["--reward_weights", "2 for 1"]),
        ("--num_generations_eval 3 --held_out 0.4", ["--per_device_eval_batch_size", "3 generations"]),
        ("--rewards nice", ["--rewards", "'nice'"]),
        ("--rewards code format code", ["--rewards", "code is there twice"]),
        ("--rewards code format --reward_weights 1 nan", ["--reward_weights", "nan", "numbers"]),
        ("--rewards code format --reward_weights 1", ["--reward_weights", "1 for 2"]),
        (
            "--rewards code format --multi_objective_aggregation normalize_then_sum",
            ["--multi_objective_aggregation", "without a verdict", "sum_then_normalize"],
        ),
        ("--output_dir file/out", ["--output_dir", "file/out"]),
        ("--resume_from_checkpoint true", ["--resume_from_checkpoint", "no checkpoint"]),
        ("--resume_from_checkpoint empty", ["--resume_from_checkpoint", "empty"]),
        ("--difficulties hardest", ["--difficulties", "'hardest'"]),
        ("--languages cobol", ["--languages", "none is left"]),
        ("--max_pass_rate 0.9", ["--max_pass_rate", "--pass_rates"]),
        ("--pass_rates nope.jsonl --max_pass_rate 0.9", ["nope.jsonl"]),
        ("--dataset_name rows", ["--dataset_name", "--problems"]),
        ("--report_to papyrus", ["--report_to", "papyrus"]),
        ("--report_to clearml", ["--report_to", "clearml", "pip install"]),
        ("--use_vllm true", ["--use_vllm", "vllm", "pip install"]),
        ("--use_peft true", ["--use_peft", "peft", "pip install"]),
    ],
)
def test_what_can_be_known_to_be_wrong_is_one_line_before_a_model_is_loaded(
    bad: Path,
    stub_url: str,
    refusing_url: str,
    later_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: str,
    names: list[str],
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    absent = {"peft", "vllm"}
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None if name in absent else find(name))
    loaded: list[Any] = []
    monkeypatch.setattr("trainer.train.GRPOTrainer", lambda **given: loaded.append(given))
    given = ["train", "--model_name_or_path", "./model", "--problems", "problems.jsonl", "--output_dir", "out"]
    given += [
        "--use_cpu",
        "true",
        "--url",
        stub_url,
        *options.replace("REFUSING", refusing_url).replace("LATER", later_url).split(),
    ]
    with pytest.raises(SystemExit) as caught:
        main(given)
    assert caught.value.code == 2
    assert not loaded
    printed = capsys.readouterr().err
    lines = [line for line in printed.splitlines() if line.startswith("passrate train: ")]
    assert len(lines) == 1
    assert "Traceback" not in printed
    for name in names:
        assert name in lines[0]


@pytest.mark.parametrize(
    ("options", "environment", "name", "given", "weights"),
    [
        ([], "", "code_reward", "", [1.0]),
        (["--rewards", "format", "--reward_weights", "0.5"], "code length", "format_reward", "code length", [0.5]),
        (["--rewards", "code", "format:0.1"], "", "summed_reward", "code:1.0 format:0.1", None),
        (
            ["--rewards", "code", "format", "--reward_weights", "1", "0.2"],
            "",
            "summed_reward",
            "code:1.0 format:0.2",
            None,
        ),
        ([], "code length:0.2", "summed_reward", "code:1.0 length:0.2", None),
    ],
)
def test_trl_is_given_one_function(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    environment: str,
    name: str,
    given: str,
    weights: list[float] | None,
) -> None:
    """Two would leave a completion without a verdict in its group. A reward alone keeps its name in logs."""
    from trainer.train import parse, reward_function

    monkeypatch.setenv("PASSRATE_REWARDS", environment)
    always = ["--model_name_or_path", "model", "--output_dir", str(tmp_path), "--use_cpu", "true"]
    script, training, _ = parse([*always, *options])
    assert reward_function(script, training).__name__ == name
    assert os.environ["PASSRATE_REWARDS"] == given
    assert training.reward_weights == weights


def test_every_part_of_a_sum_is_a_reward_of_its_own() -> None:
    from trainer.train import REWARDS

    assert set(REWARDS) == set(SUMMED)


CONFIGS = sorted((Path(__file__).parents[1] / "trainer" / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_is_parsed_by_the_classes_of_trl(path: Path) -> None:
    """On the CPU, where bf16 is refused unless asked for it; that needs neither vLLM nor peft."""
    from trainer.train import TrainParser

    script, training, _ = TrainParser().parse_args_and_config(["--config", str(path), "--use_cpu", "true"])
    assert script.rewards == ["code", "format"]
    assert training.reward_weights == [1.0, 0.1]
    generations = training.num_generations_eval or training.num_generations
    assert training.per_device_eval_batch_size % generations == 0


def test_pass_rates_choose_what_is_trained_on_and_not_what_is_held_out(tmp_path: Path, problems: Path) -> None:
    from trainer.train import CodeArguments, choose

    path = tmp_path / "rates.jsonl"
    rows = [{"problem": f"same/{n}", "samples": 8, "pass_rate": 0.0, "all_passed": 0.0} for n in range(12)]
    plain = CodeArguments(problems=str(problems), held_out=0.4)
    _, train, held_out = choose(plain)
    kept = train[0].id
    rated = [{**row, "pass_rate": 0.5} if row["problem"] == kept else row for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rated))
    chosen = CodeArguments(problems=str(problems), held_out=0.4, pass_rates=str(path), min_pass_rate=0.1)
    _, few, same = choose(chosen)
    assert [problem.id for problem in few] == [kept]
    assert same == held_out != []

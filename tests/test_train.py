"""Real GRPO steps on a model that is built here, against a server that is a stub or the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from trainer.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.train,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    # Third parties warn about one another here, and whether they do changes with every release.
    pytest.mark.filterwarnings("default"),
]

REFERENCE = "def f(a):\n    return a"
CHARACTERS = [chr(code) for code in range(32, 127)] + ["\n"]
CHAT_TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


class StubHandler(BaseHTTPRequestHandler):
    """Rewards the reference by 1.0, and a completion by its share of even characters: that spreads."""

    def do_GET(self) -> None:
        self._answer({"status": "ok", "contract": 1})

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


@pytest.fixture
def stub_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), StubHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


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


def build_model(folder: Path, *, chat: bool) -> Path:
    """Save a tiny model of random weights with a tokenizer of characters; nothing comes from a hub."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {token: place for place, token in enumerate(["<pad>", "<eos>", "<unk>", *CHARACTERS])}
    plain = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    plain.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )
    tokenizer.chat_template = CHAT_TEMPLATE if chat else None
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def train(folder: Path, problems: Path, *options: str) -> list[dict[str, Any]]:
    """Train for two steps and return what was logged."""
    arguments = ["train", "--config", "trainer/configs/cpu-tiny.yaml", "--model_name_or_path", str(folder)]
    arguments += ["--problems", str(problems), "--output_dir", str(folder / "out"), "--max_steps", "2"]
    arguments += ["--per_device_train_batch_size", "8", "--num_generations", "4", "--max_completion_length", "12"]
    arguments += ["--save_strategy", "steps", "--save_steps", "2", *options]
    assert main(arguments) == 0
    state = json.loads((folder / "out" / "checkpoint-2" / "trainer_state.json").read_text())
    logged: list[dict[str, Any]] = state["log_history"]
    return logged


@pytest.mark.parametrize("chat", [True, False])
def test_grpo_takes_steps_with_the_rewards_of_the_server(
    tmp_path: Path, problems: Path, stub_url: str, monkeypatch: pytest.MonkeyPatch, chat: bool
) -> None:
    """All that TRL does with a reward function happens here: calls, metrics, columns, both shapes of prompts."""
    monkeypatch.setenv("PASSRATE_URL", stub_url)
    folder = build_model(tmp_path / "model", chat=chat)
    more = ["--rewards", "code", "format", "length", "efficiency", "--reward_weights", "1", "0.1", "0.1", "0.1"]
    logged = train(folder, problems, *more, "--log_completions", "true", "--bf16", "false")
    first = logged[0]
    assert 0 < first["rewards/code_reward/mean"] < 1
    assert first["passrate/pass_rate"] == pytest.approx(first["rewards/code_reward/mean"], abs=1e-6)
    assert first["passrate/unscored"] == 0.0
    assert first["passrate/verdict/wrong_answer"] > 0.9
    assert first["rewards/efficiency_reward/mean"] == 0.0
    assert (folder / "out" / "config.json").exists()


def test_the_command_of_trl_finds_the_reward_by_its_path(tmp_path: Path, problems: Path, stub_url: str) -> None:
    """`trl grpo --reward_funcs trainer.rewards.code_reward` needs no code of ours around it."""
    from tasks.registry import load_problems
    from trainer.data import to_dataset

    folder = build_model(tmp_path / "model", chat=True)
    rows = tmp_path / "rows"
    rows.mkdir()
    to_dataset(load_problems(str(problems))).to_parquet(rows / "train.parquet")
    command = [sys.executable, "-m", "trl.scripts.grpo", "--dataset_name", str(rows)]
    command += ["--model_name_or_path", str(folder), "--reward_funcs", "trainer.rewards.code_reward"]
    command += ["--output_dir", str(folder / "out"), "--max_steps", "1", "--use_cpu", "true", "--bf16", "false"]
    command += ["--per_device_train_batch_size", "4", "--num_generations", "4", "--max_completion_length", "8"]
    command += ["--logging_steps", "1", "--report_to", "none"]
    environment = os.environ | {"PASSRATE_URL": stub_url, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "rewards/code_reward/mean" in ran.stdout
    assert "passrate/pass_rate" in ran.stdout


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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--min_pass_rate", "0.1"], "--pass_rates: give the file"),
        (["--pass_rates", "missing.jsonl"], "missing.jsonl"),
        (["--difficulties", "heavy"], "--difficulties: no 'heavy'"),
        (["--languages", "cobol"], "--problems: of 12 problems the other options leave none"),
        (["--max_prompt_chars", "3"], "leave none"),
        (["--use_vllm", "true"], "--use_vllm: vllm is not installed: pip install vllm"),
        (["--report_to", "wandb"], "--report_to wandb: wandb is not installed: pip install wandb"),
        (["--num_generations", "3"], "num_generations"),
    ],
)
def test_a_choice_of_problems_that_leaves_none_is_one_line_before_any_work(
    tmp_path: Path, problems: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    folder = build_model(tmp_path / "model", chat=False)
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        train(folder, problems, *options)
    assert caught.value.code == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error


@pytest.mark.parametrize("name", ["cpu-tiny", "single-gpu", "vllm", "multi-gpu"])
def test_every_configuration_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Here without a GPU, and so without bf16, and as if every package were installed."""
    from trainer import train as command

    monkeypatch.setattr(command, "_check_packages", lambda *_: None)
    folder = build_model(tmp_path / "model", chat=True)
    options = ["--model_name_or_path", str(folder), "--bf16", "false", "--use_cpu", "true"]
    options += ["--gradient_checkpointing", "false"]
    script, training, model = command.parse(["--config", f"trainer/configs/{name}.yaml", *options])
    assert script.problems == "bundled"
    assert training.output_dir == f"out/{name}"
    assert training.use_vllm == (name == "vllm")
    assert model.use_peft == (name == "single-gpu")


def test_lora_trains_an_adapter(tmp_path: Path, problems: Path, stub_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `trainer/configs/single-gpu.yaml` asks for."""
    monkeypatch.setenv("PASSRATE_URL", stub_url)
    folder = build_model(tmp_path / "model", chat=True)
    train(folder, problems, "--use_peft", "true", "--lora_r", "4", "--lora_target_modules", "all-linear")
    assert (folder / "out" / "adapter_config.json").is_file()


def test_problems_that_are_always_solved_are_left_out(
    tmp_path: Path,
    problems: Path,
    stub_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PASSRATE_URL", stub_url)
    rates = tmp_path / "rates.jsonl"
    names = [json.loads(line)["id"] for line in problems.read_text().splitlines()]
    rows = [{"problem": name, "samples": 8, "pass_rate": place / 11} for place, name in enumerate(names)]
    rates.write_text("".join(json.dumps(row) + "\n" for row in rows))
    bounds = ["--pass_rates", str(rates), "--min_pass_rate", "0.01", "--max_pass_rate", "0.99", "--held_out", "0"]
    train(build_model(tmp_path / "model", chat=False), problems, *bounds)
    assert "10 of 12 problems are chosen" in capsys.readouterr().out


def test_evaluation_samples_a_model_and_reports_pass_at_k(
    tmp_path: Path, problems: Path, stub_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = build_model(tmp_path / "model", chat=True)
    report, picture = tmp_path / "report.json", tmp_path / "plot.png"
    options = ["--model", str(folder), "--samples", "4", "--k", "1,2", "--max-new-tokens", "8", "--batch-size", "5"]
    wanted = ["--json", str(report), "--plot", str(picture), "--url", stub_url]
    assert main(["eval", "--problems", str(problems), *options, *wanted]) == 0
    found = json.loads(report.read_text())
    assert len(found["samples"]) == 48
    assert found["pass_at"]["1"] <= found["pass_at"]["2"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "pass@2" in capsys.readouterr().out


@pytest.mark.sandbox
def test_grpo_trains_against_a_real_server_that_it_starts_itself(
    tmp_path: Path, problems: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PASSRATE_URL", raising=False)
    logged = train(build_model(tmp_path / "model", chat=False), problems, "--held_out", "0")
    assert logged[0]["passrate/unscored"] == 0.0
    assert logged[0]["passrate/verdict/no_code"] > 0.5

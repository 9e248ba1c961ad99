"""Training against a real server: by TRL's own command, in two processes, and with a server that dies on the way."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.own_server import OwnServer
from tests.stub_server import served
from tests.tiny_model import build_model
from trainer.cli import main
from trainer.local_server import free_port, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = [
    pytest.mark.train,
    pytest.mark.slow,
    pytest.mark.sandbox,
    pytest.mark.timeout(300),
    # Third parties warn about one another here, and whether they do changes with every release.
    pytest.mark.filterwarnings("default"),
]

ROOT = Path(__file__).parents[1]
OUTAGE_S = float(os.environ.get("TEST_OUTAGE_S", "5"))
STEPS_BEFORE, STEPS = 4, int(os.environ.get("TEST_OUTAGE_STEPS", "10"))
REFUSED_SHARE = 0.1


def program(body: str) -> str:
    return f"```python\ndef f(a):\n    return {body}\n```"


PROGRAMS = [program(body) for body in ("a", "a + 1", "a * 2", "abs(a)", "a if a < 2 else 0", "a / 0")]
"""What the tiny model writes, one token each: some right, some in part."""


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    """Twelve problems with tests of their own: no two of them share a verdict in the cache."""
    path = tmp_path / "problems.jsonl"
    rows = []
    for number in range(12):
        cases = [{"args": [given], "expected": given} for given in (-number - 1, 0, 1, 100 + number)]
        rows.append(
            {
                "id": f"same/{number}",
                "prompt": "Give it back.",
                "entry_point": "f",
                "tests": {"kind": "call", "cases": cases},
                "reference": "def f(a):\n    return a",
            }
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def options(folder: Path, problems: Path) -> list[str]:
    given = ["--model_name_or_path", str(folder), "--problems", str(problems), "--held_out", "0"]
    given += ["--use_cpu", "true", "--max_completion_length", "2", "--num_generations", "8", "--logging_steps", "1"]
    return [*given, "--learning_rate", "1e-4", "--save_strategy", "no", "--output_dir", str(folder / "out")]


def environment(url: str, folder: Path) -> dict[str, str]:
    ours = {"PYTHONPATH": str(ROOT), "PASSRATE_URL": url, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf")}
    return os.environ | ours


@pytest.mark.parametrize("name", ["code_reward", "summed_reward"])
def test_the_command_of_trl_trains_on_a_data_set_in_files(tmp_path: Path, problems: Path, name: str) -> None:
    """`trl grpo --reward_funcs trainer.rewards.code_reward` needs no code of ours around it."""
    from tasks.registry import load_problems
    from trainer.data import to_dataset

    folder = build_model(tmp_path / "model", chat=False, words=PROGRAMS)
    rows = tmp_path / "rows"
    rows.mkdir()
    to_dataset(load_problems(str(problems)), chat=False).to_json(rows / "train.jsonl")
    command = [str(Path(sys.executable).parent / "trl"), "grpo", "--dataset_name", str(rows)]
    command += ["--model_name_or_path", str(folder), "--reward_funcs", f"trainer.rewards.{name}"]
    command += ["--output_dir", str(folder / "out"), "--max_steps", "2", "--use_cpu", "true", "--bf16", "false"]
    command += ["--per_device_train_batch_size", "8", "--num_generations", "8", "--max_completion_length", "2"]
    command += ["--logging_steps", "1", "--report_to", "none", "--save_strategy", "steps", "--save_steps", "2"]
    with local_server(backend="embedded") as url:
        env = environment(url, tmp_path) | {"PASSRATE_REWARDS": "code format:0.1"}
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert ran.returncode == 0, ran.stderr[-2000:]
    state = json.loads((folder / "out" / "checkpoint-2" / "trainer_state.json").read_text())
    logged = [entry for entry in state["log_history"] if "reward" in entry]
    assert len(logged) == 2
    assert all(entry["passrate/unscored"] == 0.0 for entry in logged)
    assert any(entry[f"rewards/{name}/mean"] > 0 for entry in logged)
    assert all(("passrate/reward/format" in entry) == (name == "summed_reward") for entry in logged)


@contextmanager
def server_here(port: int) -> Iterator[None]:
    """Serve from a thread of this process, so that a test sees what is run."""
    import uvicorn

    from reward_server.app import create_app
    from reward_server.settings import Settings

    app = create_app(Settings(backend="embedded", problems=""))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield
    finally:
        server.should_exit = True
        thread.join()


def test_what_two_ranks_ask_for_is_run_once(tmp_path: Path, problems: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group of 8 lies on two ranks with 4 each: both send the same programs at the same time."""
    from reward_server.batch import Evaluation
    from reward_server.scoring import Scorer

    asked: list[list[tuple[str, str]]] = []
    run: Counter[bytes] = Counter()
    begin, judge = Scorer.begin, Evaluation.run

    async def counted_begin(self: Scorer, request: Any, *client: Any) -> Any:
        asked.append([(one.problem, one.completion) for one in request.submissions if one.completion is not None])
        return await begin(self, request, *client)

    async def counted_run(self: Evaluation, slot: Any) -> Any:
        run[self.key] += 1
        return await judge(self, slot)

    monkeypatch.setattr(Scorer, "begin", counted_begin)
    monkeypatch.setattr(Evaluation, "run", counted_run)
    folder = build_model(tmp_path / "model", chat=False, words=PROGRAMS)
    port = free_port()
    # `accelerate launch --cpu` starts a second process only by MPI; torchrun sets the same variables.
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_addr", "127.0.0.1"]
    command += ["--master_port", str(free_port()), "-m", "trainer.cli", "train", *options(folder, problems)]
    command += ["--max_steps", "3", "--bf16", "false", "--ddp_backend", "gloo", "--per_device_train_batch_size", "4"]
    command += ["--rewards", "code", "format", "efficiency", "--reward_weights", "1", "0.1", "0.1"]
    loopback = {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    with server_here(port):
        ran = subprocess.run(
            command,
            env=environment(f"http://127.0.0.1:{port}", tmp_path) | loopback,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    assert ran.returncode == 0, ran.stderr[-3000:]
    calls = [set(call) for call in asked if call]  # the references, which come as code, are left out
    assert [len(call) for call in asked if call] == [4] * 6, "two ranks, three steps"
    assert any(one & other for place, one in enumerate(calls) for other in calls[place + 1 :]), "both sent the same"
    assert run
    assert set(run.values()) == {1}
    state = json.loads((folder / "out" / "trainer_state.json").read_text())
    assert state["global_step"] == 3
    assert [entry["passrate/reward/format"] for entry in state["log_history"] if "reward" in entry]


class Unreliable(BaseHTTPRequestHandler):
    """Hands requests on to the server, and answers a tenth of those for verdicts with 503."""

    protocol_version = "HTTP/1.1"
    target = ""
    rng = random.Random(0)
    refused = 0

    def do_GET(self) -> None:
        self._hand_on(b"")

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.rng.random() < REFUSED_SHARE:
            type(self).refused += 1
            self._answer(503, "application/json", b'{"error": {"message": "not now"}}')
        else:
            self._hand_on(content)

    def log_message(self, *_: Any) -> None:
        pass

    def _hand_on(self, content: bytes) -> None:
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept") if name in self.headers}
        try:
            with httpx.Client(trust_env=False, timeout=60) as client:
                answer = client.request(self.command, self.target + self.path, content=content, headers=headers)
        except httpx.TransportError:
            self.close_connection = True  # as a server that is gone
            return
        self._answer(answer.status_code, answer.headers.get("Content-Type", ""), answer.content)

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.mark.parametrize("deadline_s", [120, 2], ids=["patient", "impatient"])
def test_no_reward_is_wrong_though_the_server_is_killed_on_the_way(
    tmp_path: Path, problems: Path, monkeypatch: pytest.MonkeyPatch, deadline_s: int
) -> None:
    """Killed, away for seconds and started again, with a tenth of all requests refused: what comes of it is either the
    reward that the completion gets from a server that nothing happens to, or None, and counted.
    """
    from tasks.registry import load_problems
    from trainer import rewards, train
    from trainer.client import SyncRewardClient
    from trainer.wire import judging_spec

    seen: list[tuple[list[str], list[str], list[float | None]]] = []
    server = OwnServer()
    killer: list[threading.Thread] = []

    def outage() -> None:
        server.end()
        time.sleep(OUTAGE_S)
        server.start()

    async def code_reward(completions: Sequence[str], **columns: Any) -> list[float | None]:
        if len(seen) == STEPS_BEFORE:  # while this very batch is judged
            killer.append(threading.Thread(target=outage))
            killer[0].start()
        found = await rewards.code_reward(completions, **columns)
        seen.append((list(columns["problem_id"]), list(completions), found))
        return found

    monkeypatch.setitem(train.REWARDS, "code", code_reward)
    monkeypatch.setattr(rewards, "_unscored", rewards.UnscoredShare())
    monkeypatch.setenv("PASSRATE_REWARD_DEADLINE_S", str(deadline_s))
    monkeypatch.setenv("PASSRATE_REWARD_MAX_UNSCORED", "1")
    monkeypatch.setattr(Unreliable, "target", server.url)
    monkeypatch.setattr(Unreliable, "refused", 0)
    monkeypatch.setattr(Unreliable, "rng", random.Random(1))
    folder = build_model(tmp_path / "model", chat=False, words=PROGRAMS)
    began = time.monotonic()
    with served(Unreliable) as url:
        try:
            server.wait_ready()
            monkeypatch.setenv("PASSRATE_URL", url)
            given = ["train", *options(folder, problems), "--max_steps", str(STEPS), "--bf16", "false"]
            assert main([*given, "--per_device_train_batch_size", "16", "--report_to", "none"]) == 0
        finally:
            for thread in killer:
                thread.join()
            server.end()
    assert server.starts == 2
    assert len(seen) == STEPS
    assert Unreliable.refused > 0
    assert time.monotonic() - began > OUTAGE_S

    specs = {problem.id: judging_spec(problem) for problem in load_problems(str(problems))}
    flat = [one for ids, texts, found in seen for one in zip(ids, texts, found, strict=True)]
    with local_server(backend="embedded") as url, SyncRewardClient(url) as client:
        direct = client.score([{"problem": name, "completion": text} for name, text, _ in flat], specs)
    scored = [(got, told.reward) for (_, _, got), told in zip(flat, direct, strict=True) if got is not None]
    assert all(got == told for got, told in scored)
    assert len({got for got, _ in scored}) > 2, "there was something to get wrong"

    missing = sum(got is None for _, _, got in flat)
    assert (missing == 0) == (deadline_s > OUTAGE_S)
    logged = json.loads((folder / "out" / "trainer_state.json").read_text())["log_history"]
    shares = [entry["passrate/unscored"] for entry in logged if "passrate/unscored" in entry]
    assert sum(shares) * 16 == pytest.approx(missing, abs=1e-3)
    sys.stdout.write(
        f"\n{len(flat)} completions, {missing} without a verdict, {Unreliable.refused} requests refused, "
        f"{time.monotonic() - began:.1f} s\n"
    )

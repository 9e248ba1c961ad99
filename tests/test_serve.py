from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
import urllib.request
from typing import Any

import pytest

from reward_server import app, backends, json_log, serve
from reward_server.backends.fake import FakeBackend
from reward_server.errors import BackendUnavailable
from reward_server.settings import Settings


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_log, "set_up", lambda settings: None)


def use(monkeypatch: pytest.MonkeyPatch, backend: FakeBackend) -> None:
    monkeypatch.setattr(app, "choose_backend", lambda settings: backend)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_port_in_use_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert serve.serve(Settings(port=other.getsockname()[1])) == 1
    assert "is in use: give another one by --port" in one_line(capsys)


def test_an_address_of_another_machine_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.serve(Settings(host="192.0.2.1", port=0, allow_anonymous=True)) == 1
    assert "cannot listen on 192.0.2.1" in one_line(capsys)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1"])
def test_an_address_that_others_reach_needs_keys(capsys: pytest.CaptureFixture[str], host: str) -> None:
    assert serve.serve(Settings(host=host, port=0)) == 1
    line = one_line(capsys)
    assert "passrate keys add" in line
    assert "PASSRATE_ALLOW_ANONYMOUS" in line


def test_a_backend_that_cannot_start_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, FakeBackend(failing_opens=1000))
    assert serve.serve(Settings(port=0, problems="", slots=1)) == 1
    assert "no sandbox here" in one_line(capsys)


def test_a_missing_problem_set_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    use(monkeypatch, FakeBackend())
    assert serve.serve(Settings(port=0, problems="none.jsonl")) == 1
    assert "there is no file none.jsonl" in one_line(capsys)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("unix:///none/docker.sock", "no Docker daemon answers at unix:///none/docker.sock: start it"),
        ("nonsense://", "the Docker daemon at nonsense:// does not work"),
    ],
)
def test_a_named_backend_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch, host: str, cause: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(BackendUnavailable, match=cause):
        backends.choose_backend(Settings(backend="docker"))
    gc.collect()  # the docker package leaves its socket to the collector


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_and_closes_its_slots(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    backend = FakeBackend()
    use(monkeypatch, backend)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answers: list[Any] = []

    def ask_and_stop() -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                    answers.append(answer.status)
                    break
            except OSError:
                time.sleep(0.02)
        os.kill(os.getpid(), number)

    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    asker = threading.Thread(target=ask_and_stop)
    asker.start()
    try:
        assert serve.serve(Settings(port=port, problems="", slots=2)) == 0
    finally:
        asker.join()
        for each, handler in handlers.items():
            signal.signal(each, handler)
    assert answers == [200]
    assert backend.open_slots == []
    assert backend.closed
    assert (
        f"passrate: fake sandbox (nothing: it runs nothing), 2 slots, http://127.0.0.1:{port}\n"
        in capsys.readouterr().out
    )


def test_a_connection_does_not_wait_to_send() -> None:
    """Without TCP_NODELAY a reply in two pieces takes 40 ms; a loop may set it by itself or not."""
    with serve._listen(Settings(port=0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

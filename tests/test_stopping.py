"""A server that is told to stop: what it has begun it ends, what is new it sends away, and it says so."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_server import FakeServer, fake_server, request_of

if TYPE_CHECKING:
    import socket
    from pathlib import Path

pytestmark = pytest.mark.timeout(60)


def read_answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """Read to the end of the connection. Returns: head and body."""
    seen = b""
    while piece := connection.recv(65536):
        seen += piece
    head, _, body = seen.partition(b"\r\n\r\n")
    return head, body


def results_of(body: bytes, accept: str) -> list[dict[str, Any]]:
    if accept == "application/json":
        results: list[dict[str, Any]] = json.loads(body)["results"]
        return results
    assert body.endswith(b"0\r\n\r\n"), "the stream has no end"
    return [json.loads(line) for line in body.splitlines() if line.startswith(b"{")]


def stop(server: FakeServer) -> None:
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_what_was_begun_is_answered_and_what_is_new_is_sent_away(tmp_path: Path, accept: str) -> None:
    with fake_server(tmp_path) as server, server.connect() as begun, server.connect() as early:
        begun.sendall(request_of("good", "sleep 2 good", accept=accept))
        server.until_queued(1)
        stop(server)
        assert server.get("/healthz").status_code == 200
        ready = server.get("/readyz")
        assert (ready.status_code, ready.json()["error"]["type"]) == (503, "stopping")
        early.sendall(request_of("good"))
        head, body = read_answer(early)
        assert head.startswith(b"HTTP/1.1 503")
        assert b"\r\nretry-after: " in head
        assert b"\r\nconnection: close" in head
        assert json.loads(body)["error"]["type"] == "stopping"
        head, body = read_answer(begun)
        assert head.startswith(b"HTTP/1.1 200")
        assert sorted(str(result["reward"]) for result in results_of(body, accept)) == ["0.0", "1.0"]
        assert server.process.wait(10) == 0


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("how", ["deadline", "second signal"])
def test_what_is_not_judged_in_time_is_answered_without_a_reward(tmp_path: Path, accept: str, how: str) -> None:
    """Never with a 0, nor with a 500."""
    with fake_server(tmp_path, drain_s=0.5 if how == "deadline" else 40) as server, server.connect() as begun:
        begun.sendall(request_of("good", "sleep 30", "sleep 31", "sleep 32", accept=accept))
        server.until_queued(3)
        began = time.monotonic()
        stop(server)
        if how == "second signal":
            server.process.send_signal(signal.SIGTERM)
        head, body = read_answer(begun)
        assert head.startswith(b"HTTP/1.1 200")
        results = results_of(body, accept)
        assert [result["reward"] for result in results if result["reward"] is not None] == [1.0]
        assert {result["error"] for result in results if result["reward"] is None} == {"the server is stopping"}
        assert server.process.wait(20) == 0
        assert time.monotonic() - began < 25


def test_an_idle_server_stops_at_once(tmp_path: Path) -> None:
    with fake_server(tmp_path, drain_s=40) as server, server.connect():
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(15) == 0


def test_the_log_of_a_whole_run_has_no_code_no_test_and_no_key(tmp_path: Path) -> None:
    """Also where something fails: of an exception there is its type and its place, never what it says."""
    secret = "xSECRETx"
    problem = {"tests": {"kind": "stdio", "cases": [{"stdin": secret, "stdout": secret}]}}
    with fake_server(tmp_path, drain_s=0.2) as server:
        for codes in ([f"raise {secret}"], [f"print('{secret}')", "lost"], [f"sleep 9 {secret}"]):
            with server.connect() as connection:
                connection.sendall(request_of(*codes, problems={"p": problem}))
                time.sleep(0.5)
        for body in (
            f'{{"{secret}": 1}}',
            f'"{secret}',
            json.dumps({"submissions": [{"problem": secret, "code": ""}]}),
        ):
            with server.connect() as connection:
                head = f"POST /v1/score HTTP/1.1\r\nAuthorization: Bearer {secret}\r\nContent-Length: {len(body)}\r\n"
                connection.sendall(f"{head}Connection: close\r\n\r\n{body}".encode())
                assert read_answer(connection)[0].startswith(b"HTTP/1.1 4")
        with server.connect() as connection:
            connection.sendall(f"{secret}\r\n\r\n".encode())
            read_answer(connection)
        with server.connect() as torn:
            torn.sendall(f"POST /v1/score HTTP/1.1\r\nContent-Length: 100\r\n\r\n{secret}".encode())
        stop(server)
        assert server.process.wait(15) == 0
        log = server.log.read_text()
    assert "work_failed" in log
    assert "ValueError" in log
    assert '"status": 499' in log
    assert "Exception in ASGI application" not in log
    assert secret not in log

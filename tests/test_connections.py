"""Clients that are slow, gone or too many: against the real server, by real sockets."""

from __future__ import annotations

import contextlib
import resource
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from reward_server import connections, serve
from reward_server.settings import Settings
from tests.fake_server import FakeServer, fake_server, request_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(60)

MOST = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    with fake_server(
        tmp_path_factory.mktemp("server"), slow_client_s=1, max_connections=MOST, max_body_bytes="16MiB"
    ) as started:
        yield started


def is_cut_off(connection: socket.socket, within_s: float = 15) -> bool:
    """Tell whether the server ends the connection, whatever it says before."""
    connection.settimeout(within_s)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def trickle(connection: socket.socket, pieces: int) -> bool:
    """Send a byte at a time. Returns: whether the server ended the connection before all were sent."""
    try:
        for _ in range(pieces):
            connection.sendall(b"x")
            time.sleep(0.1)
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"\r\n"])
def test_a_head_that_does_not_end_is_cut_off(server: FakeServer, sent: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(sent)
        assert is_cut_off(connection)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\nX-Slow: ",
        b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
        b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
    ],
    ids=["head", "body", "answered"],
)
def test_a_request_that_trickles_is_cut_off(server: FakeServer, sent: bytes) -> None:
    """Each byte starts no new patience: or else a thousand such clients hold a thousand requests for ever."""
    with server.connect() as connection:
        connection.sendall(sent)
        assert trickle(connection, 100)


def test_a_body_that_comes_at_a_bearable_pace_is_awaited(server: FakeServer) -> None:
    """Longer than the patience with a client that sends nothing."""
    request = request_of("good", "x" * 60_000)
    with server.connect() as connection:
        for at in range(0, len(request), 3000):
            connection.sendall(request[at : at + 3000])
            time.sleep(0.08)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_request_in_line_behind_a_long_one_is_not_slow(server: FakeServer) -> None:
    """The second of two on one connection is not read on while the first is at work: that is our doing."""
    with server.connect() as connection:
        connection.sendall(request_of("sleep 2.5 good") + request_of("good", "y" * 300_000))
        seen = b""
        while seen.count(b"HTTP/1.1 200") < 2:
            piece = connection.recv(65536)
            assert piece, seen
            seen += piece


def test_a_client_that_does_not_read_is_cut_off_and_its_work_removed(server: FakeServer) -> None:
    codes = [f"{number} " + "x" * 10_000 for number in range(400)]
    before = server.logged("slow_client_cut_off")
    with server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(request_of(*codes, "sleep 40", "sleep 41", accept="application/x-ndjson", detail="output"))
        server.until_logged("slow_client_cut_off", before + 1)
        server.until_queued(0)


def test_an_answer_that_is_not_read_is_given_up(server: FakeServer) -> None:
    """All of it is known and waits in memory for a reader."""
    codes = [f"{number} " + "x" * 10_000 for number in range(900)]
    before = server.logged("slow_client_cut_off")
    with server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(request_of(*codes, detail="output"))
        server.until_logged("slow_client_cut_off", before + 1)


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_a_client_that_closes_takes_its_work_along(server: FakeServer, accept: str) -> None:
    with server.connect() as connection:
        connection.sendall(request_of("sleep 50", "sleep 51", "sleep 52", accept=accept))
        server.until_queued(3)
    server.until_queued(0)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET /healthz?" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Many: x\r\n" * 200 + b"\r\n",
    ],
    ids=["header", "url", "headers"],
)
def test_a_large_head_is_refused(server: FakeServer, head: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(head)
        connection.settimeout(10)
        seen = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65536):
                seen += piece
    assert b" 200 " not in seen
    assert not seen or b" 431 " in seen or b" 400 " in seen  # the parser has a limit of its own for paths


def test_a_head_without_end_is_not_kept(server: FakeServer) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: ")
        with pytest.raises(ConnectionError):
            connection.sendall(b"x" * 50_000_000)


def test_a_new_connection_gets_in_whoever_else_is_connected(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        # Patient with slow clients: here it is for want of room that they are closed.
        server = stack.enter_context(fake_server(tmp_path, slow_client_s=50, max_connections=MOST))
        idle = [stack.enter_context(server.connect()) for _ in range(3 * MOST)]
        busy = stack.enter_context(server.connect())
        busy.sendall(request_of("sleep 1 good"))
        server.until_queued(1)
        idle += [stack.enter_context(server.connect()) for _ in range(2 * MOST)]
        assert server.get("/healthz").status_code == 200
        assert is_cut_off(idle[0], 5)
        assert busy.recv(65536).startswith(b"HTTP/1.1 200")


def test_every_answer_has_the_headers_and_names_no_software(server: FakeServer) -> None:
    for path in ("/healthz", "/docs", "/nowhere", "/v1/problems", "/metrics"):
        headers = server.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers
    with server.connect() as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert b"nosniff" in connection.recv(65536)


def test_the_document_may_load_what_it_is_made_of(server: FakeServer) -> None:
    """What it loads, from where, and by what kind of tag, must stand in the policy."""
    page = server.get("/docs").text
    told = connections.POLICY
    assert page.count("https://cdn.jsdelivr.net/") == 2
    assert "script-src 'unsafe-inline' https://cdn.jsdelivr.net" in told
    assert "style-src 'unsafe-inline' https://cdn.jsdelivr.net" in told
    loaded = {word.split("/")[2] for word in page.replace("'", '"').split('"') if word.startswith("https://")}
    assert {f"https://{host}" for host in loaded} <= set(told.replace(";", "").split())


def test_the_kernel_looks_for_clients_that_vanished() -> None:
    with serve._listen(Settings(port=0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == connections.VANISHED_S // 2
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == connections.VANISHED_S * 1000


def test_there_are_no_more_connections_than_descriptors() -> None:
    code = (
        "import resource\nfrom reward_server.connections import connections_here\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (400, 1000))\n"
        "print(connections_here(10_000, 4), connections_here(50, 4), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    wide, narrow, soft = map(int, ran.stdout.split())
    assert soft == 1000
    assert narrow == 50
    assert 600 < wide < 1000
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 1

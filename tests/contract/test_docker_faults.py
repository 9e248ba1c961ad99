"""What becomes of a batch, and of the server, when containers and daemons fail under them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reward_server.backends import docker_daemon
from reward_server.errors import BackendUnavailable
from tests.contract.own_daemon import OwnDaemon, own_daemon
from tests.contract.support import IMAGE, REPOSITORY
from trainer.client import SyncRewardClient
from trainer.local_server import LocalServerFailed, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trainer.wire import Result

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(240)]

SOON_S = 20.0
"""It takes 1 to 3 s; how long exactly is for the bench, not for a machine that does other things too."""
PROBLEMS = {"p": {"tests": {"kind": "stdio", "cases": [{"stdout": "good"}]}, "limits": {"wall_s": 20}}}


@pytest.fixture(scope="module")
def daemon() -> Iterator[OwnDaemon]:
    with own_daemon() as started:
        yield started


@pytest.fixture
def url(daemon: OwnDaemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("DOCKER_HOST", daemon.host)
    monkeypatch.setenv("PASSRATE_IMAGE", IMAGE)
    with local_server(backend="docker", slots=2) as served:
        yield served


class Batch:
    """Forty programs of which every fifth is wrong, about six seconds of work, sent by a thread."""

    def __init__(self, url: str, seconds: float = 0.3) -> None:
        self.url, self.results = url, list[Any]()
        self.codes = [
            f"import time\ntime.sleep({seconds})\nprint({'bad' if number % 5 == 0 else 'good'!r})  # {number}"
            for number in range(40)
        ]
        self.thread = threading.Thread(target=self.send)
        self.thread.start()

    def send(self) -> None:
        with SyncRewardClient(self.url) as client:
            self.results = client.score([{"problem": "p", "code": code} for code in self.codes], PROBLEMS)

    def answers(self) -> list[Result]:
        """Wait for the results; all are there, and none is wrong."""
        self.thread.join(120)
        assert not self.thread.is_alive(), "the batch was not answered"
        assert len(self.results) == len(self.codes)
        for number, result in enumerate(self.results):
            right = 0.0 if number % 5 == 0 else 1.0
            assert result.reward in (None, right), (number, result)
            assert (result.reward is None) == (result.verdict == "sandbox_error") == bool(result.error), result
        return self.results


def containers(daemon: OwnDaemon) -> list[str]:
    return daemon.docker("ps", "--quiet", "--no-trunc").stdout.decode().split()


def ready(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{url}/readyz", timeout=30).json()
    return answer


def until(condition: Any, within_s: float) -> float:
    """Wait until it holds. Returns: the seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s
        time.sleep(0.05)
    return time.monotonic() - began


def test_killed_containers_cost_no_reward(daemon: OwnDaemon, url: str) -> None:
    """One after the other, each mid-run: its submission is judged in another slot, and the slot is replaced."""
    batch = Batch(url)
    for _ in range(4):
        time.sleep(1.0)
        daemon.docker("kill", containers(daemon)[0])
    assert [result for result in batch.answers() if result.reward is None] == []
    until(lambda: (now := ready(url))["slots"] == 2 and now["spares"] == 1, SOON_S)


@pytest.mark.parametrize("idle", [False, True])
def test_a_lost_container_is_replaced_also_an_idle_one(daemon: OwnDaemon, url: str, idle: bool) -> None:
    until(lambda: len(containers(daemon)) == 3, SOON_S)
    batch = None if idle else Batch(url, seconds=0.1)
    time.sleep(0.3)
    before = set(containers(daemon))
    daemon.docker("kill", *before)
    until(lambda: len(set(containers(daemon)) - before) == 3 and ready(url).get("slots") == 2, SOON_S)
    if batch is not None:
        batch.answers()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_daemon_that_is_restarted_mid_batch_costs_no_wrong_reward(daemon: OwnDaemon, url: str, number: int) -> None:
    batch = Batch(url)
    time.sleep(1.5)
    daemon.stop(number)
    time.sleep(1.0)
    daemon.start()
    results = batch.answers()
    assert sum(result.reward is not None for result in results) >= 30
    assert all(result.reward is not None for result in Batch(url, seconds=0.01).answers())


def test_a_daemon_that_hangs_mid_batch_costs_no_reward(daemon: OwnDaemon, url: str) -> None:
    """It takes requests and says nothing for some seconds, in which a container is lost and cannot be replaced."""
    assert daemon.process is not None
    batch = Batch(url)
    time.sleep(1.0)
    first = daemon.docker("inspect", "--format", "{{.State.Pid}}", containers(daemon)[0]).stdout
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        os.kill(int(first), signal.SIGKILL)
        time.sleep(4.0)
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert [result for result in batch.answers() if result.reward is None] == []
    until(lambda: (now := ready(url)).get("slots") == 2 and now["spares"] == 1, SOON_S)


def test_a_daemon_that_stays_away_is_named_by_readyz_and_forgiven_when_it_is_back(daemon: OwnDaemon, url: str) -> None:
    daemon.stop()
    try:
        until(lambda: "error" in ready(url), SOON_S)
        assert f"no Docker daemon answers at {daemon.host}: start it" in ready(url)["error"]["message"]
        assert httpx.get(f"{url}/healthz").status_code == 200
    finally:
        daemon.start()
    until(lambda: ready(url).get("slots") == 2, 20.0)


def test_an_image_that_is_removed_is_named_by_readyz(daemon: OwnDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", daemon.host)
    daemon.docker("tag", IMAGE, "passrate-test:gone")
    monkeypatch.setenv("PASSRATE_IMAGE", "passrate-test:gone")
    monkeypatch.setenv("PASSRATE_SPARES", "0")
    with local_server(backend="docker", slots=1) as url:
        daemon.docker("rmi", "--force", "--no-prune", "passrate-test:gone")
        daemon.docker("kill", *containers(daemon))
        until(lambda: "error" in ready(url), SOON_S)
        told = ready(url)["error"]["message"]
    assert told.startswith("the image passrate-test:gone is not there: build it with `passrate images build`")


def test_a_full_disk_is_one_line_with_its_fix_and_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    with own_daemon(size_mb=400) as small:
        monkeypatch.setenv("DOCKER_HOST", small.host)
        monkeypatch.setenv("PASSRATE_IMAGE", IMAGE)
        filler = small.folder / "data" / "filler"
        said = "the Docker daemon's disk is full: `docker system prune` frees some"
        with local_server(backend="docker", slots=2) as url:
            fill(filler)
            with pytest.raises(LocalServerFailed, match=re.escape(said)), local_server(backend="docker", slots=1):
                pass
            batch = Batch(url, seconds=0.05)
            for _ in range(5):  # what a killed container held goes to the next one, or to the filler
                small.docker("kill", *containers(small))
                fill(filler)
                time.sleep(0.2)
            filler.unlink()
            batch.answers()
            until(lambda: ready(url).get("slots") == 2, SOON_S)
            assert [result for result in Batch(url, seconds=0.01).answers() if result.reward is None] == []


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_user_who_may_not_use_the_socket_is_told_so(daemon: OwnDaemon) -> None:
    code = f"import os; os.environ['DOCKER_HOST'] = {daemon.host!r}; os.chdir('/')\n"
    code += "from reward_server.backends import docker_daemon\n"
    code += "from reward_server.errors import BackendUnavailable\n"
    code += "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
    code += "try: docker_daemon.connect()\nexcept BackendUnavailable as error: print(error)"
    daemon.folder.chmod(0o755)
    told = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert told.stdout.startswith(f"this user may not use Docker's socket {daemon.host}: add it to"), told


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"ApiVersion": "1.30"}, "the Docker daemon 17.06 is too old: passrate needs 19.03 or later"),
        ({"OSType": "windows"}, "the Docker daemon runs no Linux containers"),
        (
            {"MemoryLimit": False, "PidsLimit": False, "CgroupVersion": "1", "CgroupDriver": "none"},
            r"the Docker daemon cannot limit memory and processes \(cgroup v1, driver none\): a rootless daemon needs",
        ),
    ],
)
def test_a_daemon_that_will_not_do_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, facts: dict[str, Any], told: str
) -> None:
    """By a daemon that is none: no such one can be had here."""
    with daemon_that_says({"Version": "17.06", "ApiVersion": "1.41", "OSType": "linux"} | facts) as port:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        with pytest.raises(BackendUnavailable, match=told):
            docker_daemon.connect(IMAGE)


@contextlib.contextmanager
def daemon_that_says(facts: dict[str, Any]) -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = httpx.Response(200, json=facts).content
            self.send_response(200)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()

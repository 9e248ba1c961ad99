"""`docker compose up` serves: the real file, the real images, a trainer's client and a server that is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reward_server.backends import docker_daemon
from tests.contract.support import REPOSITORY, docker_here, without_docker
from trainer.client import ServerUnavailable, SyncRewardClient
from trainer.local_server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

IMAGE = "passrate-python:latest"
CERTIFICATES = REPOSITORY / "ca.crt"


def compose_command() -> list[str]:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose") is None:
        without_docker("there is neither `docker compose` nor docker-compose")
    return ["docker-compose"]


class Project:
    """The services of compose.yaml under a name and a port of the test's own."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.name = f"passrate-test-{os.getpid()}"
        self.command = [*compose_command(), "--project-name", self.name]
        self.environment = {**os.environ, "PASSRATE_PUBLISH": f"127.0.0.1:{port}"}

    def run(self, *words: str) -> str:
        ran = subprocess.run(
            [*self.command, *words], cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
        return ran.stdout

    def await_ready(self) -> None:
        try:
            with SyncRewardClient(self.url) as client:
                client.wait_ready(60)
        except ServerUnavailable:
            raise AssertionError(self.run("logs")) from None


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    docker_here().close()
    made = Project(free_port())
    proxy = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    brought = proxy is not None and not CERTIFICATES.exists()
    if brought and proxy is not None:  # the build reaches the package index as this machine does
        shutil.copyfile(proxy, CERTIFICATES)
    try:
        made.run("build", "server", "images")
        yield made
    finally:
        made.run("down", "--volumes")
        if brought:
            CERTIFICATES.unlink()


@pytest.fixture
def client() -> Iterator[Any]:
    client = docker_here()
    yield client
    client.close()


def sandboxes(client: Any) -> set[str]:
    """Those of servers in containers: other tests have theirs meanwhile."""
    ours = str(Path("/proc/self/ns/pid").readlink())
    found = client.containers(filters={"ancestor": IMAGE, "label": docker_daemon.OWNER})
    return {row["Id"] for row in found if ours not in row["Labels"][docker_daemon.OWNER]}


def test_compose_serves_judges_and_comes_back(project: Project, client: Any) -> None:
    others = sandboxes(client)
    project.run("up", "--detach")
    project.await_ready()
    problem = {"entry_point": "add", "tests": {"kind": "call", "cases": [{"args": [1, 2], "expected": 3}]}}
    submissions: list[Any] = [
        {"problem": "p", "completion": "```python\ndef add(a, b): return a + b\n```"},
        {"problem": "p", "code": "def add(a, b): return a - b"},
    ]
    with SyncRewardClient(project.url) as reward_client:
        assert [result.reward for result in reward_client.score(submissions, {"p": problem})] == [1.0, 0.0]
    assert httpx.get(f"{project.url}/readyz").json()["backend"] == "docker"

    ours = sandboxes(client) - others
    assert ours
    server = client.inspect_container(project.run("ps", "-q", "server").strip())
    process = Path(f"/proc/{server['State']['Pid']}")
    (uids,) = [line for line in (process / "status").read_text().splitlines() if line.startswith("Uid:")]
    assert uids.split()[1:] == ["990"] * 4  # root is left behind
    if os.geteuid() != 0:
        return  # to `docker kill` it would count as a stop that was wished for
    os.kill(int(process.name), signal.SIGKILL)
    ended = time.monotonic() + 15
    while sandboxes(client) & ours:
        assert time.monotonic() < ended, "a container of the killed server lives on"
        time.sleep(0.05)
    project.await_ready()
    with SyncRewardClient(project.url) as reward_client:
        assert reward_client.score(submissions, {"p": problem})[0].reward == 1.0

    project.run("stop", "server")
    assert sandboxes(client) <= others


def test_the_file_is_valid_with_every_profile(project: Project) -> None:
    told = project.run("--profile", "trainer", "--profile", "metrics", "config")
    assert all(name in told for name in ("images:", "server:", "trainer:", "prometheus:", "grafana:"))
    gpu = ["-f", "compose.yaml", "-f", "trainer/compose.gpu.yaml", "--profile", "trainer"]
    assert "nvidia" in project.run(*gpu, "config")

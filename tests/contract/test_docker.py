"""What holds of containers alone: they end with their server, and a lost one costs nothing but itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.backends import docker_daemon
from reward_server.backends.docker import DockerBackend
from reward_server.backends.docker_channels import SocketChannel
from reward_server.errors import BackendUnavailable, SandboxLost
from reward_server.judging import plan
from reward_server.settings import Settings
from tests.contract.support import IMAGE, REPOSITORY, ROOMY, Sandbox, docker_here, stdio

if TYPE_CHECKING:
    from collections.abc import Iterator

SLEEP = plan(stdio(("", ""), limits=ROOMY), "import time\ntime.sleep(10)")
HOLDER = """
import asyncio, sys
from tests.contract.test_docker import SLEEP, backend
async def hold():
    slot = await backend(transport=sys.argv[1]).open_slot()
    print("running", flush=True)
    if sys.argv[2] == "busy":
        await slot.run(SLEEP)
    await asyncio.sleep(60)
asyncio.run(hold())
"""


def backend(**settings: Any) -> DockerBackend:
    return DockerBackend(Settings(image=IMAGE, **settings))


@pytest.fixture
def client() -> Iterator[Any]:
    client = docker_here()
    yield client
    client.close()


def containers_of(client: Any, pid: int) -> list[str]:
    owner = docker_daemon.identity(pid)
    found = client.containers(all=True, filters={"label": docker_daemon.OWNER})
    return [row["Id"] for row in found if row["Labels"][docker_daemon.OWNER] == owner]


def await_end_of(client: Any, pid: int) -> None:
    """A container that the daemon is removing is listed a moment longer."""
    until = time.monotonic() + 5
    while left := containers_of(client, pid):
        assert time.monotonic() < until, left
        time.sleep(0.05)


@pytest.fixture(params=["socket", "attach"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("state", ["busy", "idle"])
def test_a_killed_server_takes_its_containers_along(client: Any, transport: str, state: str) -> None:
    """Seen red, for the busy one: without the channel in `supervision.Loop` it ran on to the end of its job."""
    command = [sys.executable, "-c", HOLDER, transport, state]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "running\n"
            assert len(containers_of(client, server.pid)) == 1
            time.sleep(0.5)
        finally:
            server.kill()
    await_end_of(client, server.pid)


def test_a_container_that_is_killed_is_lost_and_no_verdict(client: Any, transport: str) -> None:
    async def lose() -> None:
        slots = backend(transport=transport)
        slot = await slots.open_slot()
        running = asyncio.create_task(slot.run(SLEEP))
        await asyncio.sleep(0.5)
        (container,) = containers_of(client, os.getpid())
        await asyncio.to_thread(client.kill, container)
        with pytest.raises(SandboxLost):
            await running
        assert slot.spent
        await slot.close()
        await slots.close()

    asyncio.run(lose())
    await_end_of(client, os.getpid())


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.1, 0.2])
def test_a_cancelled_start_leaves_no_container(client: Any, transport: str, after_s: float) -> None:
    async def cancel() -> None:
        slots = backend(transport=transport)
        opening = asyncio.create_task(slots.open_slot())
        await asyncio.sleep(after_s)
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await opening).close()  # it was faster
        await slots.close()

    asyncio.run(cancel())
    await_end_of(client, os.getpid())


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("size", [0, 1, 65536, 5_000_000])
def test_bytes_of_any_size_cross_by_either_way(transport: str, size: int) -> None:
    """Docker's attach stream comes in frames of its own, which do not end where ours do."""
    sandbox = Sandbox(backend(transport=transport))
    text = "".join(random.Random(size).choices("abc\n", k=size))
    try:
        assert sandbox.output("import sys\nsys.stdout.write(sys.stdin.read())", text, limits=ROOMY) == text
        assert sandbox.output("print(1)") == "1\n"
    finally:
        sandbox.close()


@pytest.mark.usefixtures("client")
def test_a_daemon_that_sees_other_files_is_talked_to_by_its_attach_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """As from within a container: the folder of the socket is none of the daemon's machine."""
    listen = SocketChannel.__init__

    def elsewhere(channel: SocketChannel) -> None:
        listen(channel)
        channel.host_options["mounts"][0]["Source"] += "-elsewhere"

    monkeypatch.setattr(SocketChannel, "__init__", elsewhere)
    sandbox = Sandbox(slots := backend())
    try:
        assert sandbox.output("print(1)") == "1\n"
    finally:
        sandbox.close()
    assert slots.transport == "attach"


@pytest.mark.usefixtures("client")
def test_fresh_gives_every_submission_a_new_container() -> None:
    sandbox = Sandbox(backend(fresh=True))
    try:
        for _ in range(3):
            assert sandbox.verdicts(stdio(("", "1"), limits=ROOMY), "print(1)") == ["passed"]
    finally:
        sandbox.close()
    assert sandbox.replaced == 2


@pytest.mark.usefixtures("client")
def test_an_unknown_runtime_is_refused_with_those_there_are() -> None:
    with pytest.raises(BackendUnavailable, match=r"the Docker daemon knows no 'runscc', but .*runc"):
        backend(runtime="runscc")


def test_a_missing_image_names_the_command(client: Any) -> None:
    assert client.ping()
    with pytest.raises(BackendUnavailable, match="image none:none is not there: build it with `passrate images build`"):
        docker_daemon.connect("none:none")

"""What holds of containers alone: they end with their server, and a lost one costs nothing but itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.backends import docker
from reward_server.errors import BackendUnavailable, SandboxLost
from reward_server.judging import plan
from reward_server.settings import Settings
from tests.contract.support import IMAGE, ROOMY, Sandbox, stdio

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SLEEP = plan(stdio(("", ""), limits=ROOMY), "import time\ntime.sleep(10)")
HOLDER = """
import asyncio, sys
from tests.contract.test_docker import SLEEP, backend
async def hold():
    slot = await backend().open_slot()
    print("running", flush=True)
    if sys.argv[1] == "busy":
        await slot.run(SLEEP)
    await asyncio.sleep(60)
asyncio.run(hold())
"""


def backend(**settings: Any) -> docker.DockerBackend:
    return docker.DockerBackend(Settings(image=IMAGE, **settings))


@pytest.fixture
def client() -> Iterator[Any]:
    try:
        client = docker.connect(IMAGE)
    except BackendUnavailable as error:
        pytest.skip(f"NOT TESTED ON DOCKER: {error}")
    yield client
    client.close()


def containers_of(client: Any, pid: int) -> list[str]:
    owner = docker.identity(pid)
    found = client.containers(all=True, filters={"label": docker.OWNER})
    return [row["Id"] for row in found if row["Labels"][docker.OWNER] == owner]


@pytest.mark.parametrize("state", ["busy", "idle"])
def test_a_killed_server_takes_its_containers_along(client: Any, state: str) -> None:
    """Seen red, for the busy one: without the channel in `supervision.Loop` it ran on to the end of its job."""
    command = [sys.executable, "-c", HOLDER, state]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "running\n"
            (container,) = containers_of(client, server.pid)
            time.sleep(0.5)
        finally:
            server.kill()
    until = time.monotonic() + 5
    while alive := [row for row in client.containers(all=True) if row["Id"] == container]:
        assert time.monotonic() < until, alive
        time.sleep(0.1)


def test_a_container_that_is_killed_is_lost_and_no_verdict(client: Any) -> None:
    async def lose() -> None:
        slots = backend()
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
    assert not containers_of(client, os.getpid())


def test_a_cancelled_start_leaves_no_container(client: Any) -> None:
    async def cancel() -> None:
        slots = backend()
        opening = asyncio.create_task(slots.open_slot())
        await asyncio.sleep(0.05)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await slots.close()

    asyncio.run(cancel())
    assert not containers_of(client, os.getpid())


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
    with pytest.raises(BackendUnavailable, match="the image none:none is not there: build it with `make images`"):
        docker.connect("none:none")

"""A server that runs out of something goes on with what it has, says what is missing, and is whole when it is back."""

from __future__ import annotations

import contextlib
import fcntl
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from reward_server.backends import docker_channels
from tests.faults import strikes
from tests.faults.fire import Batch, is_whole, only_as_root, under_fire, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FILES = 100
"""A server with two slots and a spare has some 30 to 50 open. Only its own limit: sandboxes raise theirs."""


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.parametrize("backend", ["embedded", "docker"])
def test_a_server_without_descriptors_judges_what_it_has_and_comes_back(backend: str) -> None:
    """A crowd takes all of them, and all sandboxes end: none can be opened, nor a connection taken, until it leaves."""
    with under_fire(backend, before=("prlimit", f"--nofile={FILES}:4096")) as target:
        until(lambda: is_whole(target))
        before = descriptors(target.server.pid)
        batch = Batch(target.relay.url)
        time.sleep(0.7)
        with crowd(target.server.port):
            until(lambda: descriptors(target.server.pid) >= FILES - 1)
            strikes.kill_all_sandboxes(target)
            time.sleep(1.5)
            assert descriptors(target.server.pid) >= FILES - 10
        assert batch.check() == []
        until(lambda: is_whole(target))
        assert Batch(target.relay.url, 6).check() == []
        until(lambda: descriptors(target.server.pid) <= before + 10)


@contextlib.contextmanager
def crowd(port: int) -> Iterator[None]:
    """Connections that say nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(2 * FILES):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        yield


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose sockets have names of less than 108 bytes, which `tmp_path` of several processes has not.

    Its name is one that `leftovers` takes for that of another test.
    """
    with tempfile.TemporaryDirectory(prefix="daemon-") as folder:
        yield Path(folder)


@pytest.mark.docker
def test_a_full_folder_for_sockets_is_named_and_forgiven(short_path: Path) -> None:
    """Red where what was made before the failure is not taken back: nothing fits in there any more."""
    only_as_root()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=16", "tmpfs", str(short_path)], check=True)
    try:
        with under_fire("docker", env={"TMPDIR": str(short_path), "PASSRATE_TRANSPORT": "socket"}) as target:
            until(lambda: is_whole(target))
            filler: list[Path] = []

            def is_out_of_room() -> bool:
                strikes.kill_all_sandboxes(target)  # each held some
                filler.extend(fill(short_path))
                return "TMPDIR" in said(target)

            until(is_out_of_room)
            assert re.match(f"no socket can be made in {short_path} .*: name another folder in TMPDIR", said(target))
            assert httpx.get(f"{target.server.url}/healthz", trust_env=False).status_code == httpx.codes.OK
            batch = Batch(target.relay.url, 6)
            time.sleep(1.0)
            for path in filler:
                path.unlink()
            assert batch.check() == []
            until(lambda: is_whole(target))
    finally:
        subprocess.run(["umount", str(short_path)], check=True)


def fill(folder: Path) -> list[Path]:
    """With files, until no more can be made."""
    made: list[Path] = []
    with contextlib.suppress(OSError):
        while True:
            path = folder / f"filler-{time.monotonic_ns()}"
            path.touch()
            made.append(path)
    return made


def said(target: strikes.Target) -> str:
    told = httpx.get(f"{target.server.url}/readyz", trust_env=False, timeout=30).json()
    return str(told.get("error", {}).get("message", ""))


def test_the_folder_of_a_killed_server_is_removed_and_that_of_a_living_one_is_not(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_path))
    living, killed = docker_channels.SocketChannel(), docker_channels.SocketChannel()
    fcntl.flock(killed.lock, fcntl.LOCK_UN)  # as the kernel does
    docker_channels.reap_folders()
    assert [str(left) for left in short_path.iterdir()] == [living.private]
    living.close()
    killed.close()
    assert list(short_path.iterdir()) == []

"""What can be done to a server from outside: its sandboxes killed, stopped and paused, itself killed, its wires cut."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import docker
import docker.errors

from reward_server.backends import docker_daemon
from tests.bench import serving
from tests.bench.processes import tree
from tests.bench.serving import CONTROL_DEPTH, ZYGOTE_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.relay import Relay
    from tests.own_server import OwnServer

PAUSE_S = 2.0
"""Longer than a submission may sleep."""
DOWN_S = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """A server, the wire to it, and the daemon of its sandboxes."""

    server: OwnServer
    relay: Relay
    daemon: docker.APIClient | None = None

    @property
    def seen(self) -> serving.Server:
        return serving.Server(self.server.url, self.server.pid, self.daemon)

    def at(self, depth: int) -> list[int]:
        """Processes of its sandboxes, by how deep they stand below the server."""
        try:
            return [each.pid for each in self.seen.processes() if each.depth == depth]
        except (StopIteration, docker.errors.DockerException):  # a container ended while it was looked at
            return []

    def containers(self) -> list[str]:
        if self.daemon is None:
            return []
        owner = f"{docker_daemon.OWNER}={self.server.owners[-1]}"
        return [found["Id"] for found in self.daemon.containers(filters={"label": owner})]


def kill_a_sandbox(target: Target) -> None:
    if target.daemon is None:
        send(signal.SIGKILL, target.at(CONTROL_DEPTH)[:1])
    for container in target.containers()[:1]:
        kill_container(target, container)


def kill_all_sandboxes(target: Target) -> None:
    """At once, the spare included."""
    if target.daemon is None:
        send(signal.SIGKILL, target.at(CONTROL_DEPTH))
    for container in target.containers():
        kill_container(target, container)


def kill_container(target: Target, container: str) -> None:
    assert target.daemon is not None
    with contextlib.suppress(docker.errors.DockerException):
        target.daemon.kill(container)


def kill_a_control_process(target: Target) -> None:
    send(signal.SIGKILL, target.at(CONTROL_DEPTH)[-1:])


def kill_all_zygotes(target: Target) -> None:
    send(signal.SIGKILL, target.at(ZYGOTE_DEPTH))


def stop_a_control_process(target: Target) -> None:
    """It hangs, and whoever waits for it must find out."""
    send(signal.SIGSTOP, target.at(CONTROL_DEPTH)[:1])


def stop_a_zygote(target: Target) -> None:
    send(signal.SIGSTOP, target.at(ZYGOTE_DEPTH)[:1])


def kill_a_zygote(target: Target) -> None:
    send(signal.SIGKILL, target.at(ZYGOTE_DEPTH)[:1])


def pause_all_sandboxes(target: Target) -> None:
    """All their processes stand still for longer than a submission may take, and go on."""
    if target.daemon is not None:
        paused = target.containers()
        for container in paused:
            with contextlib.suppress(docker.errors.DockerException):
                target.daemon.pause(container)
        time.sleep(PAUSE_S)
        for container in paused:
            with contextlib.suppress(docker.errors.DockerException):
                target.daemon.unpause(container)
        return
    stopped = [each for pid in target.at(CONTROL_DEPTH) for each in descendants(pid)]
    send(signal.SIGSTOP, stopped)
    time.sleep(PAUSE_S)
    send(signal.SIGCONT, stopped[::-1])


def kill_the_server(target: Target) -> None:
    """It is started again after a moment, at the same port."""
    target.server.end(signal.SIGKILL)
    time.sleep(DOWN_S)
    target.server.start()


def cut_the_wires(target: Target) -> None:
    target.relay.cut()


STRIKES: list[Callable[[Target], None]] = [
    kill_a_sandbox,
    pause_all_sandboxes,
    stop_a_control_process,
    cut_the_wires,
    kill_a_zygote,
    kill_all_sandboxes,
    stop_a_zygote,
    kill_a_control_process,
    kill_the_server,
]


def send(number: int, pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def descendants(pid: int) -> list[int]:
    """A process and all that it started, parents first."""
    with contextlib.suppress(StopIteration):  # it ended meanwhile
        return [each.pid for each in tree(pid)]
    return []

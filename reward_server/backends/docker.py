"""Runs submissions in Docker containers: each slot is one warm container that holds the runner.

Covered: what the embedded backend covers, and memory, processes and processors by a control group of each slot's own.
Not covered: a kernel exploit, unless the daemon offers a runtime with a kernel of its own. Whoever may talk to the
daemon is root on its machine: give its socket to the server alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING, Any, Literal

import docker.errors

from reward_server.backends import docker_daemon
from reward_server.backends.contents import ENVIRONMENT, TMPFS_BYTES, RunnerConfigs
from reward_server.backends.docker_channels import AttachChannel, SocketChannel, reap_folders
from reward_server.backends.sandboxed import SandboxedSlot
from reward_server.errors import BackendUnavailable
from reward_server.runner import boot, containment
from reward_server.runs import Runs

if TYPE_CHECKING:
    import socket

    import docker

    from reward_server.backends.docker_channels import Channel
    from reward_server.settings import Settings

START_S = 20.0
LOOK_S = 1.0
"""How often a container that has not connected yet is looked at."""
TMPFS_OPTIONS = f"rw,exec,nosuid,nodev,size={TMPFS_BYTES},nr_inodes=65536,mode=1777"
RUNNER_BYTES = 512 << 20
"""Memory that the runner, packages that it has loaded, and the judge may take beside a submission."""
MAX_PROCESSES = 1024
FORBIDDEN = {"kernel.shmmni": "0", "kernel.msgmni": "0", "kernel.sem": "0 0 0 0", "fs.mqueue.queues_max": "0"}
"""System V and POSIX message queues, semaphores and shared memory, of which a submission may make none."""


class Container:
    """One started container: killed and removed with all that is in it."""

    def __init__(self, client: docker.APIClient, name: str, channel: Channel) -> None:
        self.client, self.name, self.channel = client, name, channel
        self.ended = False

    async def end(self) -> None:
        if not self.ended:
            self.ended = True
            await asyncio.to_thread(docker_daemon.remove, self.client, self.name)


class DockerBackend:
    """Opens containers at the daemon that DOCKER_HOST names."""

    name = "docker"

    def __init__(self, settings: Settings) -> None:
        """Find the daemon and the image. Raises: BackendUnavailable."""
        self.settings = settings
        daemon = docker_daemon.connect(settings.image, settings.runtime)
        self.client = daemon.client
        self.version = daemon.version
        self.runs_in = f"docker {daemon.image_id} {settings.runtime or ''}"
        self.configs = RunnerConfigs(settings, "uid")
        self.transport = settings.transport
        self.runs = Runs()
        docker_daemon.reap(self.client)
        reap_folders()

    @property
    def covers(self) -> str:
        runtime = self.settings.runtime or "the default runtime"
        return (
            f"{'a fresh container' if self.settings.fresh else 'a user id of its own'} for each submission, containers "
            f"of {self.settings.image} by daemon {self.version} under {runtime}, with control groups, a seccomp filter "
            "and no network; not against kernel exploits, unless the runtime is"
        )

    @property
    def memory_mb(self) -> int:
        return self.settings.container_memory_mb

    async def open_slot(self) -> SandboxedSlot:
        """Raises: BackendUnavailable."""
        if self.transport == "auto":  # until one way has worked: a slot that fails later says nothing about its way
            with contextlib.suppress(BackendUnavailable):
                return await self.open_by("socket")
            return await self.open_by("attach")
        return await self.open_by(self.transport)

    async def open_by(self, transport: Literal["socket", "attach"]) -> SandboxedSlot:
        """Raises: BackendUnavailable."""
        channel: Channel = SocketChannel() if transport == "socket" else AttachChannel()
        starting = asyncio.ensure_future(asyncio.to_thread(self.start_container, channel))
        slot: SandboxedSlot | None = None
        try:
            container = Container(self.client, await asyncio.shield(starting), channel)
            async with asyncio.timeout(START_S):
                connected = await self.connect(container)
            uses = 1 if self.settings.fresh else self.settings.slot_uses
            age_s, silence_s = self.settings.slot_age_s, self.settings.silence_s
            slot = SandboxedSlot(connected, container, self.runs, uses=uses, age_s=age_s, silence_s=silence_s)
            await slot.start(boot.bundle(self.configs.next()), START_S)
        except BaseException as error:
            if slot is not None:
                await slot.close()
            with contextlib.suppress(*docker_daemon.FAILURES):  # a cancelled opening leaves no container either
                await asyncio.to_thread(docker_daemon.remove, self.client, await starting)
            # With a slot, and with a time that has passed, it is the container that fell silent.
            of_daemon = slot is None and not isinstance(error, TimeoutError)
            if of_daemon and isinstance(error, docker_daemon.FAILURES):
                raise BackendUnavailable(docker_daemon.why_not_started(error, self.settings.image)) from None
            if isinstance(error, (OSError, EOFError, ValueError)):
                raise BackendUnavailable(
                    f"the runner did not start in a container of {self.settings.image} "
                    f"({str(error) or type(error).__name__}): the container was killed, or the image is broken: build "
                    "it anew with `passrate images build`"
                ) from None
            raise
        finally:
            channel.close()
        self.transport = transport
        return slot

    async def connect(self, container: Container) -> socket.socket:
        """Wait until a started container has connected. Raises: EOFError where it ended before: that makes no sound."""
        connecting = asyncio.ensure_future(container.channel.connect())
        try:
            while not (await asyncio.wait([connecting], timeout=LOOK_S))[0]:
                if not await asyncio.to_thread(docker_daemon.is_running, self.client, container.name):
                    raise EOFError("the container ended before it connected")
            return await connecting
        finally:
            connecting.cancel()

    def start_container(self, channel: Channel) -> str:
        """Returns the container's id. Raises: docker_daemon.FAILURES."""
        made: str = self.client.create_container(
            self.settings.image,
            name=f"passrate-{uuid.uuid4().hex[:12]}",
            entrypoint=["python3", "-I", "-B", "-X", "utf8", "-c", channel.prelude + START],
            user="0:0",
            working_dir="/",
            hostname="sandbox",
            environment=ENVIRONMENT,
            use_config_proxy=False,
            network_disabled=True,
            healthcheck={"test": ["NONE"]},
            labels=docker_daemon.labels(),
            host_config=self.client.create_host_config(**self.host_options(), **channel.host_options),
            **channel.options,
        )["Id"]
        try:
            channel.prepare(self.client, made)
            self.client.start(made)
        except BaseException:
            docker_daemon.remove(self.client, made)
            raise
        return made

    def host_options(self) -> dict[str, Any]:
        folders = (*containment.WRITABLE, containment.JUDGE_BOX)
        memory = (self.settings.container_memory_mb << 20) + len(folders) * TMPFS_BYTES + RUNNER_BYTES
        return {
            "network_mode": "none",
            "ipc_mode": "none",
            "read_only": True,
            "cap_drop": ["ALL"],
            "cap_add": ["SETUID", "SETGID"],
            "security_opt": ["no-new-privileges"],
            "log_config": {"Type": "none"},
            "auto_remove": True,
            "pids_limit": MAX_PROCESSES,
            "mem_limit": memory,
            "memswap_limit": memory,
            "nano_cpus": 1_000_000_000,
            "cpuset_cpus": self.settings.cpuset,
            "runtime": self.settings.runtime,
            "sysctls": FORBIDDEN,
            "tmpfs": dict.fromkeys(folders, TMPFS_OPTIONS),
        }

    async def close(self) -> None:
        self.client.close()


START = "import os\nos.environ.pop('HOSTNAME', None)\n" + boot.BOOTSTRAP

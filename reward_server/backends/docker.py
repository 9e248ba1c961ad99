"""Runs submissions in Docker containers: each slot is one warm container that holds the runner.

Covered: what the embedded backend covers, and memory, processes and processors by a control group of each slot's own.
Not covered: a kernel exploit, unless the daemon offers a runtime such as gVisor's. Whoever may talk to the daemon is
root on its machine: give its socket to the server alone.

The server and the control process talk over a unix socket in a folder that only this server and the container see. One
connection is taken, then the socket is gone: no submission can ever reach it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import docker.errors
import requests

from reward_server.backends.embedded import ENVIRONMENT, UID_BLOCKS, UIDS_FROM, UIDS_PER_SLOT, Processors
from reward_server.backends.sandboxed import SandboxedSlot
from reward_server.errors import BackendUnavailable
from reward_server.runner import boot, containment

if TYPE_CHECKING:
    from collections.abc import Callable

    from reward_server.settings import Settings

OLDEST_API = "1.40"
DAEMON_TIMEOUT_S = 30
START_S = 20.0
TMPFS_BYTES = 128 << 20
TMPFS_OPTIONS = f"rw,exec,nosuid,nodev,size={TMPFS_BYTES},nr_inodes=65536,mode=1777"
MAX_PROCESSES = 1024
OWNER = "passrate.owner"
LIBRARY = "/opt/judge"
CHANNEL_FOLDER = "/run/passrate"
CONNECT = f"""
import os, socket
channel = socket.socket(socket.AF_UNIX)
channel.connect("{CHANNEL_FOLDER}/channel")
os.dup2(channel.fileno(), 0)
channel.close()
os.environ.pop("HOSTNAME", None)
"""
FORBIDDEN = {"kernel.shmmni": "0", "kernel.msgmni": "0", "kernel.sem": "0 0 0 0", "fs.mqueue.queues_max": "0"}
"""System V and POSIX message queues, semaphores and shared memory, of which a submission may make none."""


def connect(image: str | None = None) -> docker.APIClient:
    """A client of the daemon that DOCKER_HOST names, if it has that image. Raises: BackendUnavailable."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    client = None
    try:
        client = docker.APIClient(
            version="auto", timeout=DAEMON_TIMEOUT_S, **docker.utils.kwargs_from_env(environment=os.environ)
        )
        if image is not None:
            client.inspect_image(image)
        if not docker.utils.version_lt(client.api_version, OLDEST_API):
            return client
        cause = f"the Docker daemon is too old (API {client.api_version}): passrate needs Docker 19.03"
    except docker.errors.ImageNotFound:
        cause = f"the image {image} is not there: build it with `make images`"
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        cause = why_not(host, str(error))
    if client is not None:
        client.close()
    raise BackendUnavailable(cause)


def why_not(host: str, text: str) -> str:
    """Why there is no daemon, in one line, with the fix."""
    if "Permission denied" in text or "PermissionError" in text:
        return f"this user may not use Docker's socket {host}: add it to the group `docker`, or run as root"
    if "No such file" in text or "FileNotFoundError" in text or "Connection refused" in text:
        return f"no Docker daemon answers at {host}: start it (`systemctl start docker`), or name it in DOCKER_HOST"
    return f"the Docker daemon at {host} does not work: {text.splitlines()[0][:300] if text else 'it says nothing'}"


def identity(pid: int) -> str | None:
    """What tells a process of this machine, boot and pid namespace from all others; None when there is none."""
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        started = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
        return f"{boot_id} {Path('/proc/self/ns/pid').readlink()} {pid} {started}"
    except OSError:
        return None


def is_dead(owner: str) -> bool:
    """True when the owner of a container lived in this pid namespace and lives no more."""
    ours = identity(os.getpid())
    parts = owner.rsplit(" ", 2)
    if ours is None or len(parts) != 3 or parts[0] != ours.rsplit(" ", 2)[0] or not parts[1].isdecimal():
        return False
    return identity(int(parts[1])) != owner


class Container:
    """One started container: removed with all that is in it."""

    def __init__(self, client: docker.APIClient, name: str, folder: Path, on_end: Callable[[], None]) -> None:
        self.client, self.name, self.folder = client, name, folder
        self.on_end: Callable[[], None] | None = on_end

    async def end(self) -> None:
        on_end, self.on_end = self.on_end, None
        if on_end is None:
            return
        on_end()
        await asyncio.to_thread(self.remove)

    def remove(self) -> None:
        """A daemon that is gone has taken its containers along, or they end with their channel."""
        with contextlib.suppress(docker.errors.DockerException, requests.RequestException, OSError):
            self.client.remove_container(self.name, force=True)
        with contextlib.suppress(OSError):
            (self.folder / "channel").unlink(missing_ok=True)
            self.folder.rmdir()


class DockerBackend:
    """Opens containers at a Docker daemon of this machine."""

    name = "docker"
    covers = (
        "files, network, processes, CPU and memory, each slot a container with a control group of its own; not kernel "
        "exploits, unless under a runtime such as gVisor's"
    )
    rest_s = 30.0

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client = connect(settings.image)
        known = self.client.info().get("Runtimes", {})
        if settings.runtime is not None and settings.runtime not in known:
            self.client.close()
            raise BackendUnavailable(
                f"runtime: the Docker daemon knows no {settings.runtime!r}, but {', '.join(sorted(known))}"
            )
        self.owner = identity(os.getpid()) or ""
        self.private = tempfile.TemporaryDirectory(prefix="passrate-")
        self.next_block = random.SystemRandom().randrange(UID_BLOCKS)
        self.processors = Processors(settings.slots)
        self.reap()

    def reap(self) -> None:
        """Remove containers whose server is dead. They end by themselves; this is for what never began."""
        for found in self.client.containers(all=True, filters={"label": OWNER}):
            if is_dead(found["Labels"].get(OWNER, "")):
                with contextlib.suppress(docker.errors.APIError):
                    self.client.remove_container(found["Id"], force=True)

    async def open_slot(self) -> SandboxedSlot:
        """Raises: BackendUnavailable."""
        self.next_block = (self.next_block + 1) % UID_BLOCKS
        processor = self.processors.take()
        config = {
            "containment": "uid",
            "uid_base": UIDS_FROM + self.next_block * UIDS_PER_SLOT,
            "uid_count": UIDS_PER_SLOT,
            "library": LIBRARY,
            "processor": processor,
            "rest_s": self.rest_s,
        }
        listener, folder = self.listen()
        starting = asyncio.ensure_future(asyncio.to_thread(self.start_container, folder))
        container = Container(self.client, "", folder, lambda: self.processors.give_back(processor))
        try:
            try:
                container.name = await asyncio.shield(starting)
                async with asyncio.timeout(START_S):
                    channel, _ = await asyncio.get_running_loop().sock_accept(listener)
            finally:
                listener.close()
                (folder / "channel").unlink(missing_ok=True)
            uses = 1 if self.settings.fresh else self.settings.slot_uses
            slot = SandboxedSlot(channel, container, uses=uses, age_s=self.settings.slot_age_s)
            await slot.start(boot.bundle(config), START_S)
        except BaseException as error:
            with contextlib.suppress(docker.errors.DockerException, requests.RequestException, OSError):
                container.name = await starting  # a cancelled open leaves no container either
            await container.end()
            if isinstance(error, (docker.errors.DockerException, requests.RequestException)):
                raise BackendUnavailable(why_not_started(error)) from None
            if isinstance(error, (OSError, EOFError, TimeoutError, ValueError)):
                raise BackendUnavailable(
                    f"the runner did not start in a container of {self.settings.image}: {error or type(error).__name__}"
                ) from None
            raise
        return slot

    def listen(self) -> tuple[socket.socket, Path]:
        """A socket that only the container will see. The folder above it is this server's alone."""
        folder = Path(tempfile.mkdtemp(dir=self.private.name))
        folder.chmod(0o755)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / "channel"))
        (folder / "channel").chmod(0o666)
        listener.listen(1)
        listener.setblocking(False)
        return listener, folder

    def start_container(self, folder: Path) -> str:
        """Returns the container's id. Raises: docker.errors.APIError, requests.RequestException."""
        made: str = self.client.create_container(
            self.settings.image,
            ["/usr/bin/python3", "-I", "-B", "-X", "utf8", "-c", CONNECT + boot.BOOTSTRAP],
            user="0:0",
            working_dir="/",
            hostname="sandbox",
            environment=ENVIRONMENT,
            network_disabled=True,
            labels={OWNER: self.owner},
            host_config=self.client.create_host_config(**self.host_options(folder)),
        )["Id"]
        try:
            self.client.start(made)
        except BaseException:
            with contextlib.suppress(docker.errors.DockerException, requests.RequestException):
                self.client.remove_container(made, force=True)
            raise
        return made

    def host_options(self, folder: Path) -> dict[str, Any]:
        folders = (*containment.WRITABLE, containment.JUDGE_BOX)
        memory = (self.settings.container_memory_mb << 20) + len(folders) * TMPFS_BYTES
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
            "binds": {str(folder): {"bind": CHANNEL_FOLDER, "mode": "ro"}},
        }

    async def close(self) -> None:
        self.client.close()
        with contextlib.suppress(OSError):
            self.private.cleanup()


def why_not_started(error: Exception) -> str:
    text = str(getattr(error, "explanation", None) or error).replace("\n", " ")
    if "no space left" in text.lower():
        return f"the Docker daemon's disk is full ({text[:200]}): `docker system prune` frees some"
    return f"Docker could not start a container: {text[:300]}"

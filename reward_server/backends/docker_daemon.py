"""The Docker daemon: finding it, saying why it will not do, and what becomes of the containers of dead servers.

Promises: each cause is one line that says how to mend it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import docker
import docker.errors
import requests

from reward_server.errors import BackendUnavailable

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
OLDEST_API: Final = "1.40"
TIMEOUT_S: Final = 30
OWNER: Final = "passrate.owner"
"""The label of a container that says whose it is: boot id, pid namespace, pid and start of the server."""
BEGUN: Final = "passrate.begun"
"""The label that says when it was made: seconds since 1970."""
UNSTARTED_S: Final = 120.0
"""A container that is not running so long after it was made belongs to nobody."""

FAILURES = (docker.errors.DockerException, requests.RequestException, OSError)
"""What a call of the daemon may raise."""


def host() -> str:
    return os.environ.get("DOCKER_HOST") or DEFAULT_HOST


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that answers, and can contain what it runs."""

    client: docker.APIClient
    version: str
    info: dict[str, Any]
    image_id: str = ""
    """Of the image that was asked for."""

    @property
    def runtimes(self) -> list[str]:
        return sorted(self.info.get("Runtimes") or {})


def connect(image: str | None = None, runtime: str | None = None) -> Daemon:
    """Return the daemon that DOCKER_HOST names, if it has this image and runtime. Raises: BackendUnavailable."""
    client = None
    try:
        knock()
        with contextlib.closing(api_client(OLDEST_API)) as asking:
            known = asking.version(api_version=False)
        client = api_client(known["ApiVersion"])
        daemon = Daemon(client, known["Version"], client.info())
        cause = lacks(daemon, runtime)
        if cause is None and image is not None:
            daemon = replace(daemon, image_id=client.inspect_image(image)["Id"])
        if cause is None:
            return daemon
    except docker.errors.ImageNotFound:
        cause = missing(image)
    except FAILURES as error:
        cause = why_silent(str(error))
    if client is not None:
        client.close()
    raise BackendUnavailable(cause)


def api_client(version: str) -> docker.APIClient:
    """Make a client for the daemon that DOCKER_HOST names; it has not asked anything yet."""
    options = docker.utils.kwargs_from_env(environment=os.environ)
    client = docker.APIClient(version=version, timeout=TIMEOUT_S, **options)
    # Or REQUESTS_CA_BUNDLE would be believed where DOCKER_CERT_PATH says whom to trust, and a proxy asked for the way.
    client.trust_env = False
    return client


def knock() -> None:
    """Connect to the daemon's socket and leave. Raises: OSError. The package leaks a socket where this fails."""
    scheme, _, path = host().partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(TIMEOUT_S)
            probe.connect(path)


def lacks(daemon: Daemon, runtime: str | None) -> str | None:
    """Say why a daemon that answers will not do; None if it will."""
    info = daemon.info
    if docker.utils.version_lt(daemon.client.api_version, OLDEST_API):
        return f"the Docker daemon {daemon.version} is too old: passrate needs 19.03 or later"
    if info.get("OSType", "linux") != "linux":
        return "the Docker daemon runs no Linux containers: switch it to them"
    cannot = [what for what, key in (("memory", "MemoryLimit"), ("processes", "PidsLimit")) if info.get(key) is False]
    if cannot:
        groups = f"cgroup v{info.get('CgroupVersion', '?')}, driver {info.get('CgroupDriver', '?')}"
        return (
            f"the Docker daemon cannot limit {' and '.join(cannot)} ({groups}): a rootless daemon needs cgroup v2 with "
            "the driver systemd and delegation; a rootful one the kernel's memory and pids controllers"
        )
    if runtime is not None and runtime not in daemon.runtimes:
        return f"runtime: the Docker daemon knows no {runtime!r}, but {', '.join(daemon.runtimes)}"
    return None


def missing(image: object) -> str:
    return f"the image {image} is not there: build it with `passrate images build`, or name another in PASSRATE_IMAGE"


def why_silent(text: str) -> str:
    """Say why there is no daemon, from what a call of it raised."""
    at = host()
    if "Permission denied" in text or "PermissionError" in text:
        return f"this user may not use Docker's socket {at}: add it to the socket's group (`docker`), or run as root"
    if any(words in text for words in ("No such file", "FileNotFoundError", "Connection refused", "ConnectionRefused")):
        return f"no Docker daemon answers at {at}: start it (`systemctl start docker`), or name it in DOCKER_HOST"
    if "timed out" in text.lower():
        return f"the Docker daemon at {at} does not answer within {TIMEOUT_S} s: restart it"
    return f"the Docker daemon at {at} does not work: {text.splitlines()[0][:300] if text else 'it says nothing'}"


def why_not_started(error: Exception, image: str) -> str:
    """Say why a container could not be made or started."""
    if isinstance(error, docker.errors.ImageNotFound):
        return missing(image)
    text = " ".join(str(getattr(error, "explanation", None) or error).split())
    if not isinstance(error, docker.errors.APIError):
        return why_silent(text)
    if "no space left" in text.lower():
        return f"the Docker daemon's disk is full: `docker system prune` frees some ({text[:200]})"
    if "unknown or invalid runtime" in text.lower():
        return f"runtime: the Docker daemon does not know it ({text[:200]}): set PASSRATE_RUNTIME to one that it knows"
    if "cpuset" in text.lower() or "requested cpus" in text.lower():
        return f"cpuset: the Docker daemon refuses it ({text[:200]}): correct PASSRATE_CPUSET"
    return f"Docker could not start a container: {text[:300]}"


def identity(pid: int) -> str | None:
    """Return what tells a process of this machine, boot and pid namespace from all others; None if there is none."""
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        started = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
        return f"{boot_id} {Path('/proc/self/ns/pid').readlink()} {pid} {started}"
    except OSError:
        return None


def is_dead(owner: str) -> bool:
    """Tell whether the owner of a container lived in this pid namespace and lives no more."""
    ours = identity(os.getpid())
    parts = owner.rsplit(" ", 2)
    if ours is None or len(parts) != 3 or parts[0] != ours.rsplit(" ", 2)[0] or not parts[1].isdecimal():
        return False
    return identity(int(parts[1])) != owner


def labels() -> dict[str, str]:
    """Return what a new container of this server is marked with."""
    return {OWNER: identity(os.getpid()) or "", BEGUN: str(int(time.time()))}


def reap(client: docker.APIClient) -> None:
    """Remove the containers of dead servers. They end by themselves; this is for what never began. Never raises."""
    with contextlib.suppress(*FAILURES):
        for found in client.containers(all=True, filters={"label": OWNER}):
            begun = found["Labels"].get(BEGUN, "")
            unstarted = found["State"] != "running" and time.time() - float(begun or 0) > UNSTARTED_S
            if unstarted or is_dead(found["Labels"][OWNER]):
                remove(client, found["Id"])


def is_running(client: docker.APIClient, name: str) -> bool:
    """Tell whether a container is there and runs. Raises: FAILURES, but for NotFound."""
    try:
        return bool(client.inspect_container(name)["State"]["Running"])
    except docker.errors.NotFound:
        return False


def remove(client: docker.APIClient, name: str) -> None:
    """Kill and remove a container, if it is still there. Never raises: a daemon that is gone took it along."""
    with contextlib.suppress(*FAILURES):
        client.remove_container(name, force=True)

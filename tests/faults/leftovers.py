"""What a server leaves on the machine when it is gone: containers, processes, mounts, files. There must be nothing.

Each is told apart from what others do on the same machine: containers by their owner, processes because orphans become
this process's children, files because the server's temporary folder is its own. Linux.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import docker.errors

from reward_server.backends import docker_daemon
from tests.bench.processes import tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


PR_SET_CHILD_SUBREAPER = 36
GONE_S = 20.0
"""For so long what is still there may be on its way out."""


class Traces:
    """What was there before, and the folder for the server's own files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """TMPDIR of the server."""
        self.mounts = mounts()
        self.processes = {process.pid for process in tree(os.getpid())}
        """Sandboxes of other tests, too, which go on."""

    def left(self, owners: Sequence[str], daemon: docker.APIClient | None) -> list[str]:
        """What is left of the servers that were these owners, once what is ending has ended."""
        ends = time.monotonic() + GONE_S
        while (found := self.now(owners, daemon)) and time.monotonic() < ends:
            time.sleep(0.2)
        return found

    def now(self, owners: Sequence[str], daemon: docker.APIClient | None) -> list[str]:
        found = [f"process {pid}: {what}" for pid, what in orphans() if pid not in self.processes]
        found += [f"file {path}" for path in self.folder.rglob("*")]
        new = {mount for mount in mounts() - self.mounts if "/daemon-" not in mount}  # those are of other tests
        if daemon is not None:
            for owner in owners:
                labelled = daemon.containers(all=True, filters={"label": f"{docker_daemon.OWNER}={owner}"})
                found += [f"container {each['Id'][:12]} ({each['Status']})" for each in labelled]
            new -= mounted_by_containers(daemon) if new else set()
        else:
            new = {mount for mount in new if "docker" not in mount}  # another's containers
        return found + [f"mount {mount}" for mount in sorted(new)]


@contextlib.contextmanager
def traces() -> Iterator[Traces]:
    """Take note of what is there. In the block, what descends from this process and is orphaned becomes its child."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield Traces(folder)
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        shutil.rmtree(folder, ignore_errors=True)


def orphans() -> list[tuple[int, str]]:
    """Descendants that are no children of ours by birth and still run; those that ended are reaped here."""
    found = []
    for process in tree(os.getpid())[1:]:
        with contextlib.suppress(OSError):  # it ended meanwhile
            command = Path(f"/proc/{process.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if command:
                found.append((process.pid, command[:80]))
            elif process.depth == 1:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
    return found


def mounts() -> set[str]:
    return {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def mounted_by_containers(daemon: docker.APIClient) -> set[str]:
    """Of containers that exist, whoever's they are."""
    found: set[str] = set()
    for each in daemon.containers(all=True):
        with contextlib.suppress(docker.errors.DockerException):
            told = daemon.inspect_container(each["Id"])
            found |= {str((told["GraphDriver"]["Data"] or {}).get("MergedDir")), told["NetworkSettings"]["SandboxKey"]}
            found |= {str(Path(told["ResolvConfPath"]).parent / "mounts" / "shm")}
    return {path.replace("/var/run/", "/run/") for path in found} | found

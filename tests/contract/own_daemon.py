"""A Docker daemon of a test's own, which it may stop, kill and fill: the machine's is nobody's to break."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.support import IMAGE, without_docker

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 60.0


class OwnDaemon:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # In a network of its own: another daemon on this one would take the bridge of the machine's daemon away.
        command = ["unshare", "--net", "dockerd", "--host", self.host, "--data-root", str(self.folder / "data")]
        command += ["--exec-root", str(self.folder / "exec"), "--pidfile", str(self.folder / "pid")]
        command += ["--iptables=false", "--ip6tables=false"]
        # Where the machine runs a containerd, this daemon's containers are apart from those of the machine's own.
        command += ["--containerd-namespace", "passrate-test", "--containerd-plugins-namespace", "passrate-plugins"]
        for left in ("pid", "exec/containerd/containerd.pid"):  # by one that was killed
            (self.folder / left).unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        ended = time.monotonic() + START_S
        while self.docker("version").returncode:
            if time.monotonic() > ended or self.process.poll() is not None:
                pytest.fail(f"no daemon of our own: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(30)

    def docker(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["docker", "--host", self.host, *words], capture_output=True, check=False, timeout=120)


@contextlib.contextmanager
def own_daemon(*, size_mb: int | None = None) -> Iterator[OwnDaemon]:
    """Start a daemon that has the contract's image. With `size_mb` its disk holds no more."""
    if os.geteuid() != 0:
        without_docker("only root can start a daemon of its own")
    if shutil.which("dockerd") is None:
        without_docker("there is no dockerd here to start another one of")
    folder = Path(tempfile.mkdtemp(prefix="daemon-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "data").mkdir()
        if size_mb is not None:
            options = ["-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder / "data")]
            subprocess.run(["mount", *options], check=True)
        # A daemon mounts its own data on itself, and one that was killed leaves that behind.
        unmount = ["umount", "--recursive", "--lazy", str(folder / "data")]
        stack.callback(subprocess.run, unmount, capture_output=True, check=False)
        daemon = OwnDaemon(folder)
        daemon.start()
        stack.callback(daemon.stop)
        saved = subprocess.Popen(["docker", "save", IMAGE], stdout=subprocess.PIPE)
        with saved:
            subprocess.run(
                ["docker", "--host", daemon.host, "load"], stdin=saved.stdout, capture_output=True, check=True
            )
        yield daemon

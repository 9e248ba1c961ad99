"""How the server and the control process of a container talk: by a socket in a folder, or by Docker's attach stream.

The socket is the faster way; it needs a folder that the daemon sees as well. One connection is taken, then the socket
is gone: no submission can ever reach it. The attach stream works with any daemon, also a remote one, and from within a
container. Either ends with the server, and the control process ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import select
import shutil
import socket
import ssl
import struct
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from docker.types import Mount

from reward_server.errors import BackendUnavailable

if TYPE_CHECKING:
    import docker

FOLDER: Final = "/run/passrate"
"""Where the container finds the socket."""
PIECE_BYTES: Final = 1 << 18
PREFIX: Final = "passrate-channel-"
"""Of the folder of a socket."""


class Channel(Protocol):
    """The way to one container."""

    prelude: str
    """Python that makes the channel descriptors 0 and 1 of the control process."""
    options: dict[str, Any]
    """What the container is created with."""
    host_options: dict[str, Any]

    def prepare(self, client: docker.APIClient, container: str) -> None:
        """Do what must be done before the container starts; blocks."""
        ...

    async def connect(self) -> socket.socket:
        """Wait for the started container. Returns: the server's end."""
        ...

    def close(self) -> None:
        """Forget the container. The socket that `connect` returned is its taker's to close."""
        ...


class SocketChannel:
    """A Unix socket in a folder that only this server and one container see."""

    prelude = f"""
import os, socket
channel = socket.socket(socket.AF_UNIX)
channel.connect("{FOLDER}/channel")
os.dup2(channel.fileno(), 0)
os.dup2(channel.fileno(), 1)
channel.close()
"""

    def __init__(self) -> None:
        """Listen in a new folder. Raises: BackendUnavailable."""
        with contextlib.ExitStack() as made:
            try:
                self.private = tempfile.mkdtemp(prefix=PREFIX)  # which nobody else may enter
                self.folder = Path(self.private, "shared")
                self.path = self.folder / "channel"
                made.callback(self.remove)
                # Locked as long as it is in use, also by a server that is killed: see `reap_folders`.
                self.lock = os.open(self.private, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                made.callback(os.close, self.lock)
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.folder.mkdir()
                self.listener = made.enter_context(socket.socket(socket.AF_UNIX))
                self.listener.bind(str(self.path))
                self.path.chmod(0o666)
            except OSError as error:
                cause = f"no socket can be made in {tempfile.gettempdir()} ({error}): name another folder in TMPDIR"
                raise BackendUnavailable(cause) from None
            self.listener.listen(1)
            self.listener.setblocking(False)
            self.made = made.pop_all()
        self.options: dict[str, Any] = {"detach": True}
        self.host_options: dict[str, Any] = {"mounts": [Mount(FOLDER, str(self.folder), "bind", read_only=True)]}

    def remove(self) -> None:
        """By name, not by `rmtree`: that needs a descriptor, and there may be none."""
        for remove in (self.path.unlink, self.folder.rmdir, Path(self.private).rmdir):
            with contextlib.suppress(OSError):
                remove()

    def prepare(self, client: docker.APIClient, container: str) -> None:
        pass

    async def connect(self) -> socket.socket:
        channel, _ = await asyncio.get_running_loop().sock_accept(self.listener)
        self.close()
        return channel

    def close(self) -> None:
        self.made.close()


def reap_folders() -> None:
    """Remove the folders of servers that were killed while a container started. Never raises."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            folder = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(folder)


class AttachChannel:
    """The container's stdin and stdout, carried by the daemon. A thread of its own takes Docker's framing off."""

    prelude = ""

    def __init__(self) -> None:
        # Not detached, stdin closes for good when this attachment ends: a killed server takes its containers along.
        self.options: dict[str, Any] = {"stdin_open": True, "detach": False}
        self.host_options: dict[str, Any] = {}
        self.stream: Any = None
        self.reader: Any = None
        """The package's reader of the stream. The stream is closed only when both are."""

    def prepare(self, client: docker.APIClient, container: str) -> None:
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        self.reader = client.attach_socket(container, params=wanted)
        self.stream = getattr(self.reader, "_sock", self.reader)
        self.stream.settimeout(None)

    async def connect(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        carried = (self.stream, self.reader, theirs)
        self.stream = self.reader = None
        threading.Thread(target=relay, args=carried, name="docker-attach", daemon=True).start()
        return ours

    def close(self) -> None:
        if self.stream is not None:
            self.reader.close()
            self.stream.close()


class Demultiplexer:
    """Takes the frames apart in which Docker sends what a container prints."""

    HEADER: Final = struct.Struct(">BxxxL")
    STDOUT: Final = 1

    def __init__(self) -> None:
        self.header = bytearray()
        self.stream = 0
        self.left = 0

    def feed(self, piece: bytes) -> bytes:
        """Returns: what is of stdout."""
        out = []
        view = memoryview(piece)
        while view:
            if not self.left:
                missing = self.HEADER.size - len(self.header)
                self.header += view[:missing]
                view = view[missing:]
                if len(self.header) == self.HEADER.size:
                    self.stream, self.left = self.HEADER.unpack(self.header)
                    self.header.clear()
                continue
            now = view[: self.left]
            if self.stream == self.STDOUT:
                out.append(now)
            self.left -= len(now)
            view = view[len(now) :]
        return b"".join(out)


def receive(stream: Any) -> bytes | None:
    """What there is to read, b"" at the end; None for nothing, also where TLS has talked to itself only."""
    stream.setblocking(False)
    try:
        piece: bytes = stream.recv(PIECE_BYTES)
    except (BlockingIOError, ssl.SSLWantReadError):
        return None
    finally:
        stream.setblocking(True)
    return piece


def relay(stream: Any, reader: Any, local: socket.socket) -> None:
    """Carry bytes both ways until either side closes, then close both."""
    printed = Demultiplexer()
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    poll.register(local, select.POLLIN)
    with contextlib.suppress(OSError), contextlib.closing(stream), contextlib.closing(reader), local:
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == local.fileno():
                    piece = local.recv(PIECE_BYTES)
                    if not piece:
                        return
                    stream.sendall(piece)
                    continue
                while (told := receive(stream)) is not None:  # TLS may hold more than the poll sees
                    if not told:
                        return
                    local.sendall(printed.feed(told))

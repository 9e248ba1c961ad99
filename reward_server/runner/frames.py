"""Frames between the server and the control process: a JSON header and bytes behind it.

Layout: two unsigned 32-bit big-endian lengths (header, body), the header, the body. The header's `parts` gives the
lengths of the parts that the body consists of. The control process reads a body straight into a memory file
(`receive_sealed`): what a submission is made of never lies in its heap.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LENGTHS = struct.Struct(">II")
SEALS = 0x0008 | 0x0004 | 0x0002 | 0x0001  # F_SEAL_WRITE, _GROW, _SHRINK, _SEAL
F_ADD_SEALS = 1033


ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def dumps(header: dict[str, Any]) -> bytes:
    """Write `?` for lone surrogates, which the server could not read: texts of a submission may hold them."""
    return ENCODER.encode(header).encode(errors="replace")


def pack(
    header: dict[str, Any], parts: Sequence[bytes] = (), dumps: Callable[[dict[str, Any]], bytes] = dumps
) -> bytes:
    """Make a frame. The server has a faster `dumps` than what any Python brings."""
    lengths = list(map(len, parts))
    head = dumps({**header, "parts": lengths})
    return b"".join((LENGTHS.pack(len(head), sum(lengths)), head, *parts))


def split(body: bytes, lengths: Sequence[int]) -> list[bytes]:
    """Cut a body into its parts. Raises: ValueError when the lengths do not add up."""
    if sum(lengths) != len(body) or any(length < 0 for length in lengths):
        raise ValueError("the parts of a frame do not add up to its body")
    parts, at = [], 0
    for length in lengths:
        parts.append(body[at : at + length])
        at += length
    return parts


class Channel:
    """The control process's way to the server: one socket, or a pipe each way."""

    def __init__(self, reader: int, writer: int) -> None:
        self.reader, self.writer = reader, writer

    def fileno(self) -> int:
        return self.reader

    def send(self, frame: bytes) -> None:
        """Raises: OSError."""
        left = memoryview(frame)
        while left:
            left = left[os.write(self.writer, left) :]

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


def receive_exactly(channel: Channel, size: int) -> bytes:
    """Raises: EOFError when the other side has closed."""
    received = bytearray(size)
    receive_into(channel, memoryview(received))
    return bytes(received)


def receive_into(channel: Channel, view: memoryview) -> None:
    while view:
        count = os.readv(channel.reader, [view])
        if not count:
            raise EOFError
        view = view[count:]


def receive_sealed(channel: Channel) -> tuple[dict[str, Any], int]:
    """Receive one frame. Returns the header and a descriptor of the body, which the caller closes."""
    head_size, body_size = LENGTHS.unpack(receive_exactly(channel, LENGTHS.size))
    header: dict[str, Any] = json.loads(receive_exactly(channel, head_size).decode())
    body = os.memfd_create("body", os.MFD_CLOEXEC)
    if body_size:
        os.ftruncate(body, body_size)
        with mmap.mmap(body, body_size) as memory, memoryview(memory) as view:
            receive_into(channel, view)
    return header, body


def slice_of(body: int, start: int, size: int) -> int:
    """Copy a part of a memory file into a sealed one of its own. Returns its descriptor, which the caller closes."""
    copy = os.memfd_create("part", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    while size:
        count = os.sendfile(copy, body, start, size)
        if not count:
            raise EOFError
        start, size = start + count, size - count
    os.lseek(copy, 0, os.SEEK_SET)
    fcntl.fcntl(copy, F_ADD_SEALS, SEALS)
    return copy


def read_into(descriptor: int, view: memoryview, start: int) -> None:
    """Read as much of a file as the view holds. Raises: EOFError."""
    while view:
        count = os.preadv(descriptor, [view], start)
        if not count:
            raise EOFError
        view, start = view[count:], start + count


def read_all(descriptor: int) -> bytes:
    """Read a sealed part to its end and close it."""
    text = read_at(descriptor, 0, os.fstat(descriptor).st_size)
    os.close(descriptor)
    return text


def read_at(descriptor: int, start: int, size: int) -> bytes:
    """Read a piece of a sealed part."""
    text = os.pread(descriptor, size, start)
    while len(text) < size:  # one call returns 2 GiB at most
        text += os.pread(descriptor, size - len(text), start + len(text))
    return text

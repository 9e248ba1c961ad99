"""Frames between the server and the control process."""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from reward_server.runner import frames

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, frames.Channel]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, frames.Channel(theirs.fileno(), theirs.fileno())


def test_a_frame_arrives_as_it_was_sent(pair: tuple[socket.socket, frames.Channel]) -> None:
    ours, theirs = pair
    parts = [b"", b"one", bytes(range(256)) * 50]
    ours.sendall(frames.pack({"kind": "call"}, parts))
    header, body = frames.receive_sealed(theirs)
    text = os.pread(body, 1 << 20, 0)
    os.close(body)
    assert header == {"kind": "call", "parts": [0, 3, 12800]}
    assert frames.split(text, header["parts"]) == parts


def test_a_frame_without_a_body_arrives(pair: tuple[socket.socket, frames.Channel]) -> None:
    ours, theirs = pair
    ours.sendall(frames.pack({"a": 1}))
    header, body = frames.receive_sealed(theirs)
    assert os.fstat(body).st_size == 0
    os.close(body)
    assert header == {"a": 1, "parts": []}


@pytest.mark.parametrize("cut", [0, 4, 9, 20])
def test_a_frame_that_ends_early_is_an_error(pair: tuple[socket.socket, frames.Channel], cut: int) -> None:
    ours, theirs = pair
    ours.sendall(frames.pack({"kind": "call"}, [b"abcdef"])[:cut])
    ours.close()
    with pytest.raises(EOFError):
        frames.receive_sealed(theirs)


@pytest.mark.parametrize("lengths", [[1], [7], [3, 4], [7, -1], [-1, 7]])
def test_parts_that_do_not_add_up_are_an_error(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match="add up"):
        frames.split(b"abcdef", lengths)


def test_a_part_is_a_sealed_copy() -> None:
    """A submission that gets one can neither change what another reads, nor read beyond its own."""
    body = os.memfd_create("body")
    os.write(body, b"secret" + b"mine" + b"secret")
    part = frames.slice_of(body, 6, 4)
    with pytest.raises(PermissionError):
        os.write(part, b"x")
    with pytest.raises(PermissionError):
        os.ftruncate(part, 100)
    assert os.fstat(part).st_size == 4
    assert frames.read_all(part) == b"mine"
    with pytest.raises(EOFError):
        frames.slice_of(body, 12, 400)
    os.close(body)


def test_headers_are_plain_json() -> None:
    packed = frames.pack({"kind": "call"}, [b"x"])
    head, size = frames.LENGTHS.unpack_from(packed)
    assert size == 1
    assert json.loads(packed[frames.LENGTHS.size :][:head]) == {"kind": "call", "parts": [1]}


@pytest.mark.parametrize("way", ["socket", "pipes"])
def test_what_is_sent_arrives_by_a_socket_and_by_pipes(way: str) -> None:
    """A container's attach stream is a pipe each way. A frame larger than what a pipe holds is sent in pieces."""
    if way == "socket":
        ours, theirs = socket.socketpair()
        reader, writer = ours.detach(), theirs.detach()
    else:
        reader, writer = os.pipe()
    text = os.urandom(1 << 20)
    sender = threading.Thread(target=frames.Channel(reader, writer).send, args=(frames.pack({}, [text]),))
    sender.start()
    channel = frames.Channel(reader, writer)
    _, body = frames.receive_sealed(channel)
    sender.join()
    assert frames.read_all(body) == text
    channel.close()

"""`passrate images build`: the images that the Docker backend's containers are made from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import docker
import docker.errors

from reward_server.backends import docker_daemon
from reward_server.images import VARIANTS, build
from trainer.display import show
from trainer.parser import UsageError, meant

if TYPE_CHECKING:
    import argparse


def main(arguments: argparse.Namespace) -> int:
    try:
        ca = b"" if arguments.ca is None else arguments.ca.read_bytes()
    except OSError as error:
        raise UsageError(f"--ca: {arguments.ca}: {error.strerror}") from None
    client = docker_daemon.connect().client
    try:
        for tag in arguments.images or VARIANTS:
            if tag not in VARIANTS:
                show(f"{tag}: {_own_image(client, tag)}")
                continue
            options = {"base": arguments.base, "network": arguments.network}
            built = build(client, tag, ca=ca, **options, on_line=_tell if arguments.verbose else _tell_steps)
            show(f"{tag}: {'built' if built else 'is up to date'}")
    finally:
        client.close()
    return 0


def _own_image(client: docker.APIClient, tag: str) -> str:
    """Say of an image that is none of ours that it is there. Raises: UsageError where it is not."""
    try:
        client.inspect_image(tag)
    except docker.errors.ImageNotFound:
        raise UsageError(f"{tag}: no such image, neither ours nor at the daemon; {meant(tag, VARIANTS)}") from None
    return "is your own, and there"


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _tell_steps(line: str) -> None:
    if line.startswith("Step "):
        _tell(line[:160])

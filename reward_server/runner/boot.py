"""Packs the runner's source for a sandbox that holds nothing but Python, and the few lines that unpack it there."""

from __future__ import annotations

import json
import struct
from functools import cache
from importlib import resources
from typing import Any

PACKAGE = "reward_server.runner"

BOOTSTRAP = """
import importlib.abc, importlib.util, json, os, struct, sys
def read(size):
    data = b""
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece: raise SystemExit(1)
        data += piece
    return data
bundle = json.loads(read(*struct.unpack(">I", read(4))))
class Sent(importlib.abc.InspectLoader, importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in bundle["modules"]:
            return importlib.util.spec_from_loader(name, self, is_package=name in bundle["packages"])
    def get_source(self, name):
        return bundle["modules"][name]
    def is_package(self, name):
        return name in bundle["packages"]
sys.meta_path.insert(0, Sent())
from reward_server.runner import control
become = lambda: control.main(bundle["config"])
while True:
    become = become()
"""
"""Runs as `python -I -c BOOTSTRAP`. The channel is descriptors 0 (what the server says) and 1 (what it is told): one
socket, or a pipe each way. The loop lets a fork shed its parent's frames."""


@cache
def _sources() -> dict[str, str]:
    folder = resources.files(PACKAGE)
    names = sorted(entry.name.removesuffix(".py") for entry in folder.iterdir() if entry.name.endswith(".py"))
    return {
        f"{PACKAGE}.{name}": folder.joinpath(f"{name}.py").read_text(encoding="utf-8")
        for name in names
        if name not in ("__init__", "boot")
    }


def bundle(config: dict[str, Any]) -> bytes:
    """What is sent first over a new sandbox's channel: a length, and JSON of the runner's modules and its settings."""
    packages = ["reward_server", PACKAGE]
    text = json.dumps(
        {"modules": {**dict.fromkeys(packages, ""), **_sources()}, "packages": packages, "config": config}
    ).encode()
    return struct.pack(">I", len(text)) + text

"""Packs the runner's source for a sandbox that holds nothing but Python, and the few lines that unpack it there."""

from __future__ import annotations

import json
import struct
from functools import cache
from importlib import resources
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

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
def source() -> tuple[dict[str, str], list[str]]:
    """Return the source of each module by its dotted name, and which of them are packages."""
    modules, packages = {PACKAGE.partition(".")[0]: ""}, [PACKAGE.partition(".")[0]]

    def add(package: str, folder: Traversable) -> None:
        packages.append(package)
        for entry in sorted(folder.iterdir(), key=attrgetter("name")):
            name = entry.name.removesuffix(".py")
            if name == "__init__":
                modules[package] = entry.read_text(encoding="utf-8")
            elif name != entry.name:
                modules[f"{package}.{name}"] = entry.read_text(encoding="utf-8")
            elif entry.joinpath("__init__.py").is_file():
                add(f"{package}.{name}", entry)

    add(PACKAGE, resources.files(PACKAGE))
    del modules[f"{PACKAGE}.boot"]
    return modules, packages


def bundle(config: dict[str, Any]) -> bytes:
    """What is sent first over a new sandbox's channel: a length, and JSON of the runner's modules and its settings."""
    modules, packages = source()
    text = json.dumps({"modules": modules, "packages": packages, "config": config}).encode()
    return struct.pack(">I", len(text)) + text

"""`importlib.reload(solution)`, and an import after `del sys.modules["solution"]`: the submission's code runs again.

Runs in the judge's process. What stands for the submission's module stays the same; its names are looked up anew.
"""

from __future__ import annotations

import importlib.machinery
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types

    from reward_server.runner.wall import Wall


class Finder:
    """Finds the submission's module by its name, once the test has taken it out of `sys.modules` or reloads it."""

    def __init__(self, wall: Wall, module: types.ModuleType) -> None:
        self.wall, self.module = wall, module

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name == self.module.__name__ else None  # type: ignore[arg-type]

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return self.module

    def exec_module(self, _module: types.ModuleType) -> None:
        self.wall.ask("reload")


def watch(wall: Wall, module: types.ModuleType) -> None:
    sys.meta_path.append(Finder(wall, module))

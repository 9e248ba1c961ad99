"""Modules that the submission has imported, as the test sees them: `solution.time`, or `np` by a star import.

The test reads the judge's own module there. The name that the test asked for decides which one, never the submission,
which could give a module of its own as `np`, whose `allclose` says yes. What the test sets there is set in the
submission's process, as `patch("solution.time.sleep")` means it.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

from reward_server.runner import values

if TYPE_CHECKING:
    from reward_server.runner.wall import Wall

ALIASES = {
    "np": "numpy",
    "pd": "pandas",
    "nx": "networkx",
    "sp": "scipy",
    "dt": "datetime",
    "plt": "matplotlib.pyplot",
    "osp": "os.path",
    "req": "requests",
    "mp": "multiprocessing",
    "ET": "xml.etree.ElementTree",
}
PACKAGES = frozenset({"numpy", "pandas", "scipy", "sympy", "networkx", "requests", "httpx"})
MISSING = object()


class Submodule(types.ModuleType):
    """The judge's own module for reading; what is set goes to the submission's."""

    def __init__(self, wall: Wall, number: int, own: types.ModuleType) -> None:
        super().__init__(own.__name__)
        self.__dict__["__doc__"] = own.__doc__
        object.__setattr__(self, "__state__", (wall, number, own, {}))

    def __getattr__(self, name: str) -> Any:
        wall, number, own, replaced = object.__getattribute__(self, "__state__")
        if name in replaced:
            return replaced[name]
        held = getattr(own, name)
        if not isinstance(held, types.ModuleType):
            return held
        match wall.ask("get", number, name):
            case ["h", int(inner), "module", None]:
                replaced[name] = Submodule(wall, inner, held)
                return replaced[name]
        return held

    def __dir__(self) -> list[str]:
        return dir(object.__getattribute__(self, "__state__")[2])

    def __setattr__(self, name: str, value: Any) -> None:
        wall, number, own, replaced = object.__getattribute__(self, "__state__")
        if value is getattr(own, name, MISSING):  # a patch puts back what it found
            delattr(self, name)
            return
        wall.ask("set", number, name, wall.encode(value))
        replaced[name] = value

    def __delattr__(self, name: str) -> None:
        wall, number, _, replaced = object.__getattribute__(self, "__state__")
        if name not in replaced:
            raise AttributeError(name)
        wall.ask("delete", number, name)
        del replaced[name]


Submodule.__name__ = Submodule.__qualname__ = "module"


def number_of(module: Submodule) -> int:
    number: int = object.__getattribute__(module, "__state__")[1]
    return number


def own_module(name: str) -> types.ModuleType | None:
    """The judge's module for this name, if it is a known one."""
    path = ALIASES.get(name, name)
    if path.partition(".")[0] not in sys.stdlib_module_names | PACKAGES or path in ("antigravity", "this"):
        return None
    try:
        return importlib.import_module(path)
    except Exception:
        return None


def submodule(wall: Wall, name: str, encoded: Any) -> Submodule | None:
    """What stands for a module that the submission holds under this name; None for anything else. Raises: Unfit."""
    match encoded:
        case ["h", int(number), "module", None]:
            own = own_module(name)
            if own is None:
                raise values.Unfit(f"the module {name} of the submission cannot be passed between test and submission")
            return Submodule(wall, number, own)
    return None

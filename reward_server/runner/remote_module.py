"""The submission's module, as test code imports it in the judge's process."""

from __future__ import annotations

import builtins
import contextlib
import os
import types
from typing import TYPE_CHECKING, Any, Final

from reward_server.runner import keeper, values

if TYPE_CHECKING:
    from reward_server.runner import judge

ASKED_OF_ALL: Final = frozenset({"_mock_name", "_pytestfixturefunction"})
"""What pytest asks of every object in a test file: no question of the test's to the submission."""


class RemoteModule(types.ModuleType):
    # What test files import in the submission's place. No docstring: `__doc__` is the submission's.

    def __init__(self, owner: judge.Judge, payload: dict[str, Any]) -> None:
        super().__init__(payload["module"])
        super().__setattr__("__state__", (owner, payload))

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self.__state__[0].wall.names(["__doc__"]).get("__doc__")

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        """What the submission defines. No builtin: what looks names up there would find it before Python's own."""
        found = {"__name__": self.__name__}
        for name in dir(self):
            if name not in vars(builtins):
                with contextlib.suppress(values.Unfit):
                    found[name] = getattr(self, name)
        return found

    def __getattr__(self, name: str) -> Any:
        owner, payload = self.__state__
        if name == "__file__":
            return f"{os.getcwd()}/{self.__name__}.py"
        if name == "__all__" and payload["star"]:
            public = owner.wall.ask("public")
            return [
                *payload["library"],
                *[name for name in payload["star_names"] if name in public or name in owner.setup],
            ]
        if name in owner.setup and not name.startswith("__"):
            return owner.setup[name]
        if name in payload["library"]:
            return keeper.library({name: payload["library"][name]})[name]
        if name in ASKED_OF_ALL or (name.startswith("__") and name not in payload["dunders"]):
            raise AttributeError(name)
        found = owner.wall.names([name])
        if name not in found:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return found[name]

    def __dir__(self) -> list[str]:
        return sorted(map(str, self.__state__[0].wall.ask("public")))

    def __setattr__(self, name: str, value: Any) -> None:
        """As `monkeypatch.setattr` does: the submission's own code is to see it."""
        if name.startswith("__"):
            super().__setattr__(name, value)
            return
        wall = self.__state__[0].wall
        wall.ask("set_name", name, wall.encode(value))

    def __delattr__(self, name: str) -> None:
        self.__state__[0].wall.ask("delete_name", name)


RemoteModule.__name__ = RemoteModule.__qualname__ = "module"

"""Turns a submission's payload into a running program or a loaded module. Runs in the submission's own process."""

from __future__ import annotations

import builtins
import io
import linecache
import os
import sys
import types
from importlib.machinery import ModuleSpec, SourceFileLoader
from typing import Any

from reward_server.runner import frames, tracebacks, values

READS_ITSELF = ("__file__", "argv[0]", "spawn", "forkserver", "import solution", "from solution")
"""Words of programs that may want their own file. For all others there is none: an empty folder needs no cleaning."""


class Payload:
    """What the server sends for the submission's process."""

    def __init__(
        self,
        code: str,
        setup: str,
        files: dict[str, str],
        entry_point: str | None,
        module: str | None,
        *,
        prelude: str = "",
        objects: bool = True,
        on_disk: bool = False,
    ) -> None:
        self.code, self.setup, self.files, self.entry_point, self.module = code, setup, files, entry_point, module
        self.prelude = prelude
        """Imports whose names the submission finds as it finds builtins."""
        self.objects = objects
        """Whether objects of the submission may cross to the test."""
        self.on_disk = on_disk
        """Whether the submission lies in its folder, where tests in the same process can read and start it."""
        self.models: dict[str, type] = {}
        """The classes that the setup defines, once it has run."""
        self.given: dict[str, Any] = {}
        """What the setup has defined, once it has run: none of it is the submission's."""

    @classmethod
    def read(cls, descriptor: int) -> Payload:
        held = values.loads(frames.read_all(descriptor))
        return cls(
            held["code"],
            held["setup"],
            held["files"],
            held["entry_point"],
            held["module"],
            prelude=held.get("prelude", ""),
            objects=held.get("objects", True),
            on_disk=held.get("on_disk", False),
        )


class Uncompiled(Exception):
    """The submission is not a Python program; holds what the compiler said."""


def open_standard_streams() -> None:
    """Make the streams over descriptors 0, 1 and 2 as a new interpreter has them when these are no terminal.

    Called in the zygote: what the descriptors stand for may change before the first use.
    """
    # A stream asks once whether it can seek: of a pipe, as theirs will be, and not of what stands here now.
    reader, writer = os.pipe()
    for number, end in ((0, reader), (1, writer), (2, writer)):
        held = os.dup(number)
        os.dup2(end, number)
        open_stream(number)
        os.dup2(held, number)
        os.close(held)
    os.close(reader)
    os.close(writer)


def open_stream(number: int) -> None:
    name, mode = (("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb"))[number]
    buffer = open(number, mode, closefd=False)  # noqa: SIM115 - lives as long as the process
    buffer.raw.name = f"<{name}>"  # type: ignore[attr-defined]
    stream = io.TextIOWrapper(
        buffer,
        encoding="utf-8",
        errors="backslashreplace" if number == 2 else "surrogateescape",
        newline="\n",  # the interpreter translates no line ends here, in contrast to `open(0)`
        line_buffering=number == 2,
    )
    stream.mode = mode[0]  # type: ignore[misc]
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def compiled(source: str, name: str) -> types.CodeType:
    """Raises: Uncompiled."""
    source = source.removeprefix("\ufeff")  # as the interpreter does with a file
    # A function in the place of an entry: linecache asks it when it first needs a line for a traceback.
    linecache.cache[name] = (lambda: source,)
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        where = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        raise Uncompiled(f"{type(error).__name__}: {text}{where}") from None


def prepare(payload: Payload, name: str, file: str) -> tuple[types.ModuleType, types.CodeType]:
    """Lay out the files and an empty module that has run the setup. Raises: Uncompiled, and what the setup raises."""
    for given, text in payload.files.items():
        with open(given, "w", encoding="utf-8") as out:
            out.write(text)
    module = types.ModuleType(name)
    module.__file__ = path = os.path.join(os.getcwd(), file)
    module.__dict__["__builtins__"] = builtins if name == "__main__" else builtins.__dict__
    if payload.on_disk:
        module.__spec__ = ModuleSpec(name, SourceFileLoader(name, path), origin=path)  # `runpy` asks for it
    if payload.on_disk or any(word in payload.code for word in READS_ITSELF):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", errors="surrogatepass") as out:
            out.write(payload.code)
    put(name, module)
    sys.path.insert(0, os.getcwd())
    if payload.setup:
        exec(compiled(payload.setup, "setup.py"), module.__dict__)
        payload.models = models_of(module.__dict__)
        payload.given = module.__dict__.copy()
    if payload.prelude:
        more = builtins_with(payload.prelude)
        module.__dict__["__builtins__"] = more if name == "__main__" else more.__dict__
    return module, compiled(payload.code, path)


def put(name: str, module: types.ModuleType) -> None:
    """Have it imported by this name, with the packages around it."""
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    if package:
        module.__package__ = package
        around = sys.modules.get(package) or types.ModuleType(package)
        around.__path__ = []
        setattr(around, last, module)
        put(package, around)


def builtins_with(prelude: str) -> types.ModuleType:
    """The builtins and what a prelude imports: none of it is in the module, which must define what is tested."""
    module = types.ModuleType("builtins")
    exec(compiled(prelude, "prelude.py"), module.__dict__)
    module.__dict__.update(vars(builtins))
    return module


def models_of(namespace: dict[str, Any]) -> dict[str, type]:
    """The classes that a setup has defined in its namespace: their instances cross the wall by value."""
    own = namespace["__name__"]
    return {name: kind for name, kind in namespace.items() if isinstance(kind, type) and kind.__module__ == own}


def describe(error: BaseException, file: str = "") -> dict[str, Any]:
    """An exception as plain text: module and name of its types, most derived first, its message, its line in a file."""
    types = [[kind.__module__, kind.__name__] for kind in type(error).__mro__ if kind not in (object, BaseException)]
    try:
        text = str(error)[:2000]
    except BaseException:
        text = "an exception whose text could not be had"
    return {"types": types, "text": text, "line": tracebacks.line_of(error, file)}

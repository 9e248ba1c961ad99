"""A submission as a whole program: runs as `__main__`, reads stdin, prints, exits.

Nothing that it says decides anything: the server compares what it printed. The one message that goes out on the
channel, that the program does not compile, can only fail it.
"""

from __future__ import annotations

import atexit
import gc
import os
import socket
import stat
import sys
import threading
import traceback
from typing import Any, NoReturn

from reward_server.runner import modules

CHANNEL, PAYLOAD = 3, 4
FINALIZES = ("open(", "Wrapper(", "Writer(", "__del__", "yield")
"""Words of programs whose objects may write something when they are finalized. For all others that is left out."""


def run(_: dict[str, Any]) -> NoReturn:
    sys.argv = ["solution.py"]
    sys.orig_argv = ["python", *sys.argv]
    if stat.S_ISREG(os.fstat(0).st_mode):
        modules.open_stream(0)  # anew: the stream that was there reads a pipe, and does not seek
    payload = modules.Payload.read(PAYLOAD)
    finalizes = any(word in payload.code for word in FINALIZES)
    status = execute(*load(payload))
    payload.models.clear()  # nothing here may refer to the program's globals, or they would not be finalized
    finish(status, finalizes=finalizes)


def load(payload: modules.Payload) -> tuple[Any, dict[str, Any]]:
    """The program's code and its globals, which hold the setup's. Ends the process where there are none."""
    try:
        module, code = modules.prepare(payload, "__main__", "solution.py")
    except modules.Uncompiled as error:
        with socket.socket(fileno=CHANNEL) as channel:
            channel.send(str(error).encode(errors="backslashreplace")[:2000])
        os._exit(1)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os.close(CHANNEL)
    return code, module.__dict__


def execute(code: Any, namespace: dict[str, Any]) -> int:
    """Run a program to its end. Returns the exit code that the interpreter would give."""
    try:
        exec(code, namespace)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        print(error.code, file=sys.stderr)
        return 1
    except BaseException as error:
        # From the submission's own frame on: this module's is of no interest to anyone.
        traceback.print_exception(type(error), error, error.__traceback__ and error.__traceback__.tb_next)
        return 1
    return 0


def finish(code: int, *, finalizes: bool) -> NoReturn:
    """End as the interpreter does: wait for threads, run exit handlers, flush, finalize objects, flush again."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        flush()
        if finalizes:
            gc.collect()  # puts a file's layers in order: the second collection finalizes the outer one first
            sys.modules.pop("__main__", None)
            gc.collect()
            flush()
    except BaseException:
        code = code or 120
    try:
        if not getattr(sys.stderr, "closed", True):
            sys.stderr.flush()
    finally:
        os._exit(code)


def flush() -> None:
    if not getattr(sys.stdout, "closed", True):
        sys.stdout.flush()

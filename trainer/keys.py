"""`passrate keys`: make, list and remove the keys that open a server. A running server takes them up within a second.

Promises: a key is shown once, when it is made; the file holds its digest. The file is replaced as a whole, and stays as
it was for whom it may be read.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from reward_server.errors import BadSetting
from reward_server.keys import NAME, Key, digest_of, new_key, read_keys
from trainer.display import show
from trainer.parser import UsageError, meant

if TYPE_CHECKING:
    import argparse

HEADER = "# Keys of passrate: NAME sha256:DIGEST [max_queued=N] [max_requests=N]\n"


def main(arguments: argparse.Namespace) -> int:
    path = arguments.file or (
        Path(os.environ["PASSRATE_API_KEYS_FILE"]) if "PASSRATE_API_KEYS_FILE" in os.environ else None
    )
    if path is None:
        raise UsageError("--file: which file? Give it, or set PASSRATE_API_KEYS_FILE")
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        keys = read_keys(text) if text.strip() else ()
        if arguments.action == "list":
            for key in keys:
                show(key.line())
        elif arguments.action == "add":
            _add(path, text, keys, arguments)
        else:
            _remove(path, text, keys, arguments.name)
    except (BadSetting, UnicodeDecodeError) as error:
        raise UsageError(f"--file: {path}: {error}") from None
    except OSError as error:
        raise UsageError(f"--file: {path}: {error.strerror}") from None
    return 0


def _add(path: Path, text: str, keys: tuple[Key, ...], arguments: argparse.Namespace) -> None:
    if not NAME.fullmatch(arguments.name):
        raise UsageError(f"invalid name {arguments.name!r}: must be at most 64 letters, digits and . _ @ -")
    if any(key.name == arguments.name for key in keys):
        raise UsageError(f"{arguments.name}: there is one of this name; remove it first, or choose another")
    secret = new_key()
    key = Key(arguments.name, digest_of(secret), arguments.max_queued, arguments.max_requests)
    before = text if text.endswith("\n") or not text else text + "\n"
    _replace(path, (before or HEADER) + key.line() + "\n")
    sys.stdout.write(f"{secret}\n")
    sys.stderr.write("This key is not shown again. Clients send it as PASSRATE_API_KEY.\n")


def _remove(path: Path, text: str, keys: tuple[Key, ...], name: str) -> None:
    if all(key.name != name for key in keys):
        raise UsageError(f"{name}: no such key; {meant(name, [key.name for key in keys])}")
    left = [line for line in text.splitlines(keepends=True) if line.partition("#")[0].split()[:1] != [name]]
    # Not empty, or the server takes it for a file that is just being written, and keeps the keys that it has.
    _replace(path, "".join(left) if "".join(left).strip() else HEADER)


def _replace(path: Path, text: str) -> None:
    """Write a file at once, readable by its owner alone where it is new. Raises: OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            if path.exists():
                was = path.stat()
                os.fchmod(file.fileno(), stat.S_IMODE(was.st_mode))
                with contextlib.suppress(PermissionError):
                    os.fchown(file.fileno(), was.st_uid, was.st_gid)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

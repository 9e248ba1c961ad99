"""Writes what `passrate validate` has found into the file of a problem set: JSONL of our own schema, and no other.

Promises: a line that needs no fix stays as it is, byte for byte; the file is replaced as a whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.errors import ProblemSetError
from tasks.registry import GZIP_MAGIC, split_source
from trainer.inputs import check_writable
from trainer.parser import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

BOM: Final = b"\xef\xbb\xbf"
INSTEAD: Final = "give a .jsonl file of passrate's own schema"


def fixable_file(source: str) -> Path:
    """Find the file of a problem set that can be written. Raises: UsageError that says why there is none."""
    try:
        name, given = split_source(source)
    except ProblemSetError as error:
        raise UsageError(f"--problems: {error}") from None
    if name == "bundled":
        raise UsageError(f"--fix: the bundled problems come with passrate and stay as they are; {INSTEAD}")
    if name != "jsonl" or given is None:
        raise UsageError(f"--fix: the format of {source} has no field for it; {INSTEAD}")
    path = Path(given).resolve()
    if path.suffix != ".jsonl" or _is_packed(path):
        raise UsageError(f"--fix: {given} is not plain JSONL; {INSTEAD}")
    check_writable("--fix", path)
    return path


def mend(path: Path, fixes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write values into problems: by problem, the value of each field, such as `limits.cpu_s`.

    Raises: UsageError where the file cannot be written.
    """
    if not fixes:
        return
    try:
        lines = path.read_bytes().split(b"\n")
        _replace(path, b"\n".join(_mended(line, fixes) for line in lines))
    except OSError as error:
        raise UsageError(f"--fix: cannot write {path}: {error.strerror}") from None


def _mended(line: bytes, fixes: Mapping[str, Mapping[str, Any]]) -> bytes:
    text = line.removeprefix(BOM)
    row = json.loads(text) if text.strip() else {}
    if not isinstance(row, dict) or row.get("id") not in fixes:
        return line
    for field, value in fixes[row["id"]].items():
        *outer, name = field.split(".")
        at = row
        for step in outer:
            at = at.setdefault(step, {})
        at[name] = value
    written = json.dumps(row, ensure_ascii=text.isascii()).encode()
    return line[: len(line) - len(text)] + written + (b"\r" if line.endswith(b"\r") else b"")


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        shutil.copymode(path, name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _is_packed(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    except OSError:
        return False  # whoever reads the set says so

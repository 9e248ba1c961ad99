"""What a submission prints while it answers, for a test that looks at it. Runs in the submission's process."""

from __future__ import annotations

import os
import sys
from typing import Any

MOST_BYTES = 8 << 20


class Tee:
    """Stands for a stream, and keeps what is printed to it besides, also through its `buffer`."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.kept: list[str] = []
        self.buffer = BinaryTee(real, self.kept)

    def write(self, text: str) -> int:
        written: int = self.real.write(text)
        self.kept.append(text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class BinaryTee:
    def __init__(self, real: Any, kept: list[str]) -> None:
        self.real, self.kept = real, kept

    def write(self, content: Any) -> int:
        self.real.flush()
        written: int = self.real.buffer.write(content)
        self.kept.append(bytes(content).decode("utf-8", "replace"))
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real.buffer, name)


class Streams:
    """Keeps what goes through `sys.stdout` and `sys.stderr`, until `end`."""

    def __init__(self) -> None:
        self.tees = Tee(sys.stdout), Tee(sys.stderr)
        sys.stdout, sys.stderr = self.tees

    def take(self) -> tuple[str, str]:
        """What was printed since the last call."""
        out, err = ("".join(tee.kept) for tee in self.tees)
        for tee in self.tees:
            tee.kept.clear()
        return out, err

    def end(self) -> None:
        sys.stdout, sys.stderr = (tee.real for tee in self.tees)


class Descriptors:
    """Keeps what goes through descriptors 1 and 2, also of processes that the submission starts, until `end`."""

    def __init__(self) -> None:
        self.real = os.dup(1), os.dup(2)
        flags = os.O_TMPFILE | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        self.files = tuple(os.open("/tmp", flags, 0o600) for _ in self.real)
        self.read = [0, 0]
        for number, file in zip((1, 2), self.files, strict=True):
            os.dup2(file, number)

    def take(self) -> tuple[str, str]:
        out, err = (self.rest(at) for at in (0, 1))
        return out, err

    def rest(self, at: int) -> str:
        (sys.stdout, sys.stderr)[at].flush()
        content = os.pread(self.files[at], MOST_BYTES, self.read[at])
        self.read[at] += len(content)
        view = memoryview(content)
        while view:
            view = view[os.write(self.real[at], view) :]
        return content.decode("utf-8", "replace")

    def end(self) -> None:
        self.take()
        for number, real, file in zip((1, 2), self.real, self.files, strict=True):
            os.dup2(real, number)
            os.close(real)
            os.close(file)

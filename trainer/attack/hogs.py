"""Processes of the machine that spin beside a sandbox, for a while."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_S: Final = 60
"""After which they end by themselves, should nobody be left to end them."""
SPIN: Final = f"import time\nuntil = time.monotonic() + {MAX_S}\nwhile time.monotonic() < until: pass"


@contextlib.contextmanager
def spinning(count: int) -> Iterator[None]:
    """Keep the first two processors busy, on which an attack's slots sit."""
    processors = sorted(os.sched_getaffinity(0))[:2]
    hogs = [subprocess.Popen([sys.executable, "-I", "-S", "-c", SPIN]) for _ in range(count)]  # noqa: S603 our own
    try:
        for hog in hogs:
            os.sched_setaffinity(hog.pid, processors)
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()

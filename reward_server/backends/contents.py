"""What every sandbox is filled with, whatever isolates it: its environment, its user ids, the judge's library."""

from __future__ import annotations

import importlib.util
import random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from reward_server.settings import Settings

ENVIRONMENT: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/box",
    "TMPDIR": "/tmp",  # noqa: S108 inside the sandbox
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
TMPFS_BYTES: Final = 128 << 20
"""Of each writable folder."""
LIBRARY: Final = "/opt/judge"
LIBRARY_PACKAGES: Final = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
"""What the judge needs for tests of kind `pytest`: the server's own installation, so that backends do not differ."""
REST_S: Final = 30.0
"""Seconds without a job after which a slot lets go of what it can start anew: it then holds half the memory."""
UIDS_FROM, UIDS_PER_SLOT, UID_BLOCKS = 0x7000_0000, 4096, 0x0FFF_FFFF // 4096
"""User ids that no distribution, container engine or systemd gives out; each slot takes a block of them."""


class RunnerConfigs:
    """Makes what each new slot's runner is told: above all, user ids that no other slot of this machine has."""

    def __init__(self, settings: Settings, containment: str) -> None:
        self._settings, self._containment = settings, containment
        self._block = random.SystemRandom().randrange(UID_BLOCKS)
        self.rest_s = REST_S

    def next(self) -> dict[str, Any]:
        self._block = (self._block + 1) % UID_BLOCKS
        return {
            "containment": self._containment,
            "uid_base": UIDS_FROM + self._block * UIDS_PER_SLOT,
            "uid_count": UIDS_PER_SLOT,
            "library": LIBRARY,
            "slots": self._settings.slots,
            "rest_s": self.rest_s,
        }


def library_packages() -> list[tuple[str, str]]:
    """File name and path of each package or module that the judge needs."""
    found = []
    for name in LIBRARY_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            found.append((name, spec.submodule_search_locations[0]))
        elif spec is not None and spec.origin is not None:
            found.append((f"{name}.py", spec.origin))
    return found

"""How much memory a submission's processes hold together, where the sum of what is resident in each says too much.

A fork shares its parent's pages until one of the two writes, and a child of `subprocess` is in its parent's memory
itself until its exec. Promises: what several have counts once, as far as the kernel shows it; nothing is left out.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from reward_server.runner import processes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

TOLD: Final = os.path.exists("/proc/self/smaps_rollup")
"""Whether this kernel divides a page among those that have it: gVisor's does not."""
MARKS: Final = 8
"""So many must cross, one after another: who copies them, from another processor, comes too late for one."""


def discounted(resident: Mapping[int, int], shared_bytes: int) -> int:
    """The sum of what is resident, if each has `shared_bytes` in common with all others."""
    return shared_bytes + sum(max(0, held - shared_bytes) for held in resident.values())


def held_together(resident: Mapping[int, int], shared_bytes: int, uid: int | None) -> int:
    """What processes hold, of each of which so much is resident. They run as `uid`, or as this process does."""
    if not TOLD:
        return discounted(resident, shared_bytes)
    with processes.reading_as(uid):
        # First who shares, then how much: who leaves its parent's memory in between counts with what it has then.
        apart = [pid for pid in sorted(resident) if not is_in_its_parents_memory(pid, resident)]
        parts = {pid: proportional_bytes(pid) for pid in apart}
    # What has ended since has nothing. Who hides counts in full, but for the first process of a namespace, which has
    # what the zygote has.
    unseen = sum(processes.resident_bytes(pid) for pid, part in parts.items() if part is None)
    seen = sum(part for part in parts.values() if part is not None)
    return max(seen + max(0, unseen - shared_bytes), *resident.values())


def proportional_bytes(pid: int) -> int | None:
    """Resident bytes of a process, each page divided among those that have it; None where that cannot be read."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith(b"Pss:"))
    except (OSError, StopIteration):
        return None


def is_in_its_parents_memory(pid: int, among: Collection[int]) -> bool:
    """Whether it has its parent's address space, not merely the same pages: from vfork(2) until exec(2).

    What tells is a setting of an address space: what is written as the parent's is read as the child's. It says what
    goes into a core file, and none is made here.
    """
    parent = processes.parent(pid)
    if parent not in among:
        return False
    with contextlib.suppress(OSError), open(f"/proc/{parent}/coredump_filter", "r+b", 0) as setting:
        before = os.pread(setting.fileno(), 16, 0)
        try:
            return all(crosses(setting.fileno(), pid) for _ in range(MARKS))
        finally:
            os.pwrite(setting.fileno(), b"0x" + before, 0)
    return False


def crosses(setting: int, pid: int) -> bool:
    """Write something into the open setting, and see whether that process has it as well."""
    mark = int.from_bytes(os.urandom(2)) & 0x1FF
    os.pwrite(setting, b"%d" % mark, 0)
    with open(f"/proc/{pid}/coredump_filter", "rb", 0) as other:
        return int(other.read(16) or b"-1", 16) == mark

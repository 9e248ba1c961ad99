"""All payloads, by section, in the order in which they are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.attack import (
    cpu_and_time,
    filesystem,
    judging,
    kernel_surface,
    leaks,
    memory,
    output_and_protocol,
    phrases,
    processes,
)

if TYPE_CHECKING:
    from trainer.attack.payload import Payload

PAYLOADS: Final[dict[str, tuple[Payload, ...]]] = {
    phrases.CPU: cpu_and_time.PAYLOADS,
    phrases.MEMORY: memory.PAYLOADS,
    phrases.PROCESSES: processes.PAYLOADS,
    phrases.FILESYSTEM: filesystem.PAYLOADS,
    phrases.OUTPUT: output_and_protocol.PAYLOADS,
    phrases.LEAKS: leaks.PAYLOADS,
    phrases.KERNEL: kernel_surface.PAYLOADS,
    phrases.ANSWERS: judging.ANSWERS,
    phrases.OTHERS: judging.OTHERS,
    phrases.NULLS: judging.NULLS,
    phrases.UNCHECKED: judging.UNCHECKED,
}

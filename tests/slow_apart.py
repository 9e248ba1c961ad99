"""A process as `reward_server.apart` starts it, that takes too long for one answer and too much memory for another."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from reward_server import apart

LONG = 200_000


def judge(*seen: Any) -> bytes:
    size = apart.answer_bytes(seen[1:])
    while size < LONG:
        pass
    return bytes(apart.MEMORY_BYTES)


if __name__ == "__main__":
    apart.BASE_CPU_S = 1  # type: ignore[misc]
    import_module("reward_server.judging.judge").judge = judge  # type: ignore[attr-defined]
    apart.main()

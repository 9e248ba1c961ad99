"""A process as `reward_server.apart` starts it, that takes too long for one answer and too much memory for another."""

from __future__ import annotations

from typing import Any

from reward_server import apart, judging

LONG = 200_000


def judge(*seen: Any) -> bytes:
    size = apart.answer_bytes(seen[1:])
    while size < LONG:
        pass
    return bytes(apart.MEMORY_BYTES)


if __name__ == "__main__":
    apart.BASE_CPU_S = 1  # type: ignore[misc]
    judging.judge = judge  # type: ignore[assignment]
    apart.main()

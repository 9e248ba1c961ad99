"""What the client itself costs: batches against a server that answers at once, with lines made beforehand."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import httpx

from trainer.client import NDJSON, RewardClient

if TYPE_CHECKING:
    from trainer.wire import Submission

BATCH, CHARS = 512, 1000
SPEC = {"entry_point": "f", "tests": {"kind": "asserts", "source": "assert f() == 1\n" * 10}}
RESULT = {
    "reward": 1.0,
    "pass_rate": 1.0,
    "passed": 10,
    "total": 10,
    "verdict": "passed",
    "message": "",
    "tests": [],
    "assurance": "objects",
    "suspicion": [],
    "queue_s": 0.01,
    "cpu_s": 0.01,
    "cached": False,
    "error": None,
}


def overheads_s(rounds: int) -> list[float]:
    """CPU seconds of the client for each completion, in each round."""
    lines = b"".join(json.dumps({"index": place, **RESULT}).encode() + b"\n" for place in range(BATCH))
    answer = {"headers": {"Content-Type": NDJSON}, "content": lines}
    batch: list[Submission] = [
        {"problem": f"p{place % 32}", "completion": f"{place:0{CHARS}}"} for place in range(BATCH)
    ]
    problems = {f"p{number}": SPEC for number in range(32)}

    async def run() -> list[float]:
        taken = []
        transport = httpx.MockTransport(lambda _: httpx.Response(200, **answer))  # type: ignore[arg-type]
        async with RewardClient(transport=transport) as client:
            await client.score(batch, problems)
            for _ in range(rounds):
                began = time.process_time()
                results = await client.score(batch, problems)
                taken.append((time.process_time() - began) / BATCH)
                assert all(result.reward == 1.0 for result in results)
        return taken

    return asyncio.run(run())

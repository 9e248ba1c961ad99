"""The embedded backend's hold on its sandboxes."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from pathlib import Path

from reward_server.backends.embedded import BubblewrapProcess, EmbeddedBackend
from reward_server.judging import plan
from reward_server.settings import Settings
from tests.contract.support import stdio


def test_a_sandbox_that_hangs_ends_with_its_slot() -> None:
    """Its first process does not read its channel then. Red with a kill of bwrap alone: as root, it lived on."""
    with asyncio.Runner() as runner:
        slot = runner.run(EmbeddedBackend(Settings()).open_slot())
        assert isinstance(slot.process, BubblewrapProcess)
        bwrap = slot.process.process.pid
        (first,) = map(int, Path(f"/proc/{bwrap}/task/{bwrap}/children").read_text().split())
        runner.run(slot.run(plan(stdio(("", "")), "pass")))
        watched = os.pidfd_open(first)
        os.kill(first, signal.SIGSTOP)
        try:
            runner.run(asyncio.wait_for(slot.close(), 10))
            assert select.select([watched], [], [], 10)[0]
        finally:
            signal.pidfd_send_signal(watched, signal.SIGKILL)
            os.close(watched)

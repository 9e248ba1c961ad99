"""Is the server ready? A real program through a real slot says so.

The answer is kept for a second, but for that of a server without a slot or that stops, which says so at once. A server
whose slots are all busy with long programs is ready: it counts that one of them has ended lately. A slot that has taken
the small program and does not end it is not: it is replaced.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from reward_server.errors import RewardServerError
from reward_server.models import RunRequest
from reward_server.programs import program_job, run_of

if TYPE_CHECKING:
    from reward_server.backends.base import Slot
    from reward_server.dispatch import Dispatcher
    from reward_server.jobs import Observations

TIMEOUT_S: Final = 10.0
KEPT_S: Final = 1.0
BUSY_S: Final = 60.0
"""A slot that has finished work within this time counts as alive while the canary waits."""

EXPECTED: Final = "ok"
PROGRAM: Final = f"print({EXPECTED!r})"

log = logging.getLogger(__name__)


class Canary:
    def __init__(self, dispatcher: Dispatcher, *, timeout_s: float = TIMEOUT_S) -> None:
        self._dispatcher = dispatcher
        self._timeout_s = timeout_s
        self._job = program_job(RunRequest(code=PROGRAM))
        self._lock = asyncio.Lock()
        self._cause: str | None = None
        self._asked_at = float("-inf")
        self._slot: Slot | None = None
        """That which has taken the program."""
        self.ready: bool | None = None
        """The last answer; None before the first."""
        self.asked = self.failed = 0

    async def cause(self) -> str | None:
        """Say why the server is not ready; None if it is."""
        async with self._lock:
            if time.monotonic() - self._asked_at > KEPT_S or self._dispatcher.why_no_slot is not None:
                self._note(await self._ask())
            return self._cause

    def _note(self, cause: str | None) -> None:
        self._asked_at = time.monotonic()
        self._cause, self.ready = cause, cause is None
        self.asked += 1
        if cause is not None:
            self.failed += 1
            log.warning("not_ready", extra={"cause": cause})

    async def _ask(self) -> str | None:
        if (why := self._dispatcher.why_no_slot) is not None:
            return why
        self._slot = None
        try:
            async with asyncio.timeout(self._timeout_s):
                seen = run_of(await self._dispatcher.run(self._run, urgent=True))
        except TimeoutError:
            if self._slot is not None:
                return f"a slot has taken a program that prints ok, and not ended it within {self._timeout_s:g} s"
            if self._dispatcher.open_slots and time.monotonic() - self._dispatcher.last_finished_at < BUSY_S:
                return None
            return self._dispatcher.why_no_slot or f"no slot has run a program within {self._timeout_s:g} s"
        except RewardServerError as error:
            return str(error)
        if seen.stdout.decode(errors="replace").strip() != EXPECTED:
            return f"a program that prints ok did not: {seen.ending} {seen.message}".strip()
        return None

    async def _run(self, slot: Slot) -> Observations:
        self._slot = slot
        return await slot.run(self._job)

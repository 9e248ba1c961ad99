"""Opens slots, again and again where that fails, keeps spares, and knows whether any slot is in use.

Promises: an attempt to open ends after `OPEN_TIMEOUT_S`; attempts back off up to `MAX_DELAY_S`; slots open side by
side; a spare that has ended meanwhile is never handed out; when no slot has been in use for `patience_s`, `cause` says
why, and `on_down` is called after each further failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, get_args

from reward_server.backends.base import Wear
from reward_server.errors import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from reward_server.backends.base import Backend, Slot

OPEN_TIMEOUT_S: Final = 60.0
FIRST_DELAY_S: Final = 0.1
MAX_DELAY_S: Final = 5.0
PATIENCE_S: Final = 30.0
"""Longer than one start may take: what is queued is not given up for a single one that hangs."""
LOOK_S: Final = 1.0
"""How often a spare is looked at."""

TROUBLE: Final = frozenset[Wear]({"dirty", "lost", "ended", "failed"})
"""Ends of a slot that nobody planned."""

log = logging.getLogger(__name__)


class Pool:
    def __init__(
        self,
        backend: Backend,
        size: int,
        on_down: Callable[[str], None],
        *,
        spares: int = 0,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._backend = backend
        self._untried = size
        self._on_down = on_down
        self._patience_s = patience_s
        self._open = 0
        self.opened = self.failed = 0
        """Attempts so far."""
        self.closed: Counter[Wear] = Counter(dict.fromkeys(get_args(Wear), 0))
        """Slots that were closed so far, spares included, by why."""
        self._error = ""
        self._none_since = time.monotonic()
        self._settled = asyncio.Event()
        self._spares: dict[Slot, asyncio.Event] = {}
        """With each spare, what is set when it is taken."""
        self._wanted_spares = spares
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def open_slots(self) -> int:
        return self._open

    @property
    def spares(self) -> int:
        return len(self._spares)

    @property
    def error(self) -> str | None:
        """Why the last attempt to open a slot failed, while there is none."""
        return None if self._open else self._error or None

    @property
    def cause(self) -> str | None:
        """Why there is no slot; None while there is one, or while one may still come."""
        return None if time.monotonic() - self._none_since < self._patience_s else self.error

    async def first_slot(self) -> None:
        """Wait until one slot is open. Raises: BackendUnavailable when every first attempt has failed."""
        await self._settled.wait()
        if not self._open and self._error:
            raise BackendUnavailable(self._error)

    def keep_spares(self) -> None:
        """Begin to open the spares, and go on until `close_spares`."""
        self._keepers = [asyncio.create_task(self._keep_a_spare()) for _ in range(self._wanted_spares)]

    async def close_spares(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def open(self, seat: int) -> Slot:
        """Take a spare or open a slot, however many attempts it takes; it sits down on that seat."""
        slot = self._take_spare()
        if slot is None:
            slot = await self._open_at_last(first=True)
        slot.sit(seat)
        self._open += 1
        self._settled.set()
        return slot

    async def close(self, slot: Slot, wear: Wear) -> None:
        """Close a slot that was in use. `wear`: why it is not any more."""
        self._open -= 1
        if not self._open:
            self._none_since = time.monotonic()
        await self._end(slot, wear)

    def _take_spare(self) -> Slot | None:
        spare = next((spare for spare in self._spares if not spare.spent), None)  # its keeper will close a spent one
        if spare is not None:
            self._spares.pop(spare).set()
        return spare

    async def _keep_a_spare(self) -> None:
        """Open a slot, wait until it is taken or ends, and again."""
        while True:
            spare = await self._open_at_last(first=False)
            taken = self._spares[spare] = asyncio.Event()
            try:
                while not taken.is_set() and not spare.spent:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_S):
                            await taken.wait()
            finally:
                if self._spares.pop(spare, None) is not None:
                    await self._end(spare, spare.wear or "closed")

    async def _open_at_last(self, *, first: bool) -> Slot:
        """Open a slot. `first`: a worker waits for it, and with all of them whoever starts the server."""
        delay = FIRST_DELAY_S
        while True:
            try:
                async with asyncio.timeout(OPEN_TIMEOUT_S):
                    slot = await self._backend.open_slot()
            except TimeoutError:
                self._note_failure(f"a sandbox did not start within {OPEN_TIMEOUT_S:.0f} s")
            except Exception as error:  # noqa: BLE001 whatever it is: back off, try again, and tell who asks
                self._note_failure(str(error) or type(error).__name__)
            else:
                self.opened += 1
                return slot
            if first:
                self._untried -= 1
                first = False
            if self._untried <= 0:
                self._settled.set()
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311 spreads the attempts, no secret
            delay = min(2 * delay, MAX_DELAY_S)

    async def _end(self, slot: Slot, wear: Wear) -> None:
        self.closed[wear] += 1
        if wear in TROUBLE:
            log.warning("slot_replaced", extra={"why": wear})
        try:
            await slot.close()
        except Exception:  # close() never raises; if it does, the others must go on
            log.exception("slot_close_failed")

    def _note_failure(self, cause: str) -> None:
        self._error = cause
        self.failed += 1
        log.warning("slot_open_failed", extra={"cause": cause})
        if self.cause is not None:
            self._on_down(cause)

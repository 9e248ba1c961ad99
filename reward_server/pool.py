"""Opens slots, again and again where that fails, and knows whether any is open.

Promises: an attempt to open ends after `OPEN_TIMEOUT_S`; attempts back off up to `MAX_DELAY_S`; when no slot has been
open for `patience_s`, `cause` says why, and `on_down` is called after each further failure.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING, Final

from reward_server.errors import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from reward_server.backends.base import Backend, Slot

OPEN_TIMEOUT_S: Final = 60.0
FIRST_DELAY_S: Final = 0.1
MAX_DELAY_S: Final = 5.0
PATIENCE_S: Final = 20.0

log = logging.getLogger(__name__)


class Pool:
    def __init__(
        self, backend: Backend, size: int, on_down: Callable[[str], None], *, patience_s: float = PATIENCE_S
    ) -> None:
        self._backend = backend
        self._untried = size
        self._on_down = on_down
        self._patience_s = patience_s
        self._open = 0
        self._error = ""
        self._none_since = time.monotonic()
        self._settled = asyncio.Event()

    @property
    def open_slots(self) -> int:
        return self._open

    @property
    def cause(self) -> str | None:
        """Why there is no slot; None while there is one, or while one may still come."""
        if self._open or not self._error or time.monotonic() - self._none_since < self._patience_s:
            return None
        return self._error

    async def first_slot(self) -> None:
        """Wait until one slot is open. Raises: BackendUnavailable when every first attempt has failed."""
        await self._settled.wait()
        if not self._open and self._error:
            raise BackendUnavailable(self._error)

    async def open(self) -> Slot:
        """Open a slot, however many attempts it takes."""
        delay = FIRST_DELAY_S
        first = True
        while True:
            try:
                async with asyncio.timeout(OPEN_TIMEOUT_S):
                    slot = await self._backend.open_slot()
            except TimeoutError:
                self._note_failure(f"a sandbox did not start within {OPEN_TIMEOUT_S:.0f} s")
            except Exception as error:  # noqa: BLE001 whatever it is: back off, try again, and tell who asks
                self._note_failure(str(error) or type(error).__name__)
            else:
                self._open += 1
                self._settled.set()
                return slot
            if first:
                self._untried -= 1
                first = False
            if self._untried <= 0:
                self._settled.set()
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311 spreads the attempts, no secret
            delay = min(2 * delay, MAX_DELAY_S)

    async def close(self, slot: Slot) -> None:
        self._open -= 1
        if not self._open:
            self._none_since = time.monotonic()
        try:
            await slot.close()
        except Exception:  # close() never raises; if it does, the others must go on
            log.exception("slot_close_failed")

    def _note_failure(self, cause: str) -> None:
        self._error = cause
        log.warning("slot_open_failed", extra={"cause": cause})
        if self.cause is not None:
            self._on_down(cause)

"""A wire that can be cut: carries TCP connections to a port of this machine until told to drop them all at once."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Self


class Relay:
    """Runs on a thread of its own. Use it as a context manager."""

    def __init__(self, port: int) -> None:
        self.url = ""
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listener = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._carry, "127.0.0.1", 0), self._loop
        ).result()
        self.url = f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> int:
        """Reset every connection, in the midst of whatever crosses it. Returns: how many there were."""

        async def abort() -> int:
            for writer in self._writers:
                writer.transport.abort()
            return len(self._writers) // 2

        return asyncio.run_coroutine_threadsafe(abort(), self._loop).result()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, back}
        self._writers |= ends
        try:
            with contextlib.suppress(asyncio.CancelledError):  # which asyncio would print
                await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _close(self) -> None:
        self._listener.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        await self._listener.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    # Not a half-close: whoever ends one way has ended, and the other side must hear of it at once.
    writer.close()

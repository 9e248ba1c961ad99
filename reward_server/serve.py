"""Runs the server until it is told to stop. Whatever keeps it from starting is one line and exit code 1.

The first signal: nothing new is let in, /readyz says so, and what was begun has `drain_s` to be answered. What is not
judged by then is answered without a reward. A second signal ends that wait.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Final

import uvicorn
import uvloop

from reward_server import json_log
from reward_server.app import create_app
from reward_server.connections import Watch, connections_here, headers_of_every_answer, keep_alive
from reward_server.door import is_loopback
from reward_server.errors import BackendUnavailable, BadSetting
from reward_server.interpreter import tuned

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

    from reward_server.service import Service
    from reward_server.settings import Settings

BACKLOG: Final = 2048
LAST_BYTES_S: Final = 3
"""For answers to leave, when all of them are known."""
OPEN_TO_ALL: Final = (
    "--host {host}: other machines could run programs here. Give it keys (`passrate keys add NAME --file FILE`, "
    "PASSRATE_API_KEYS_FILE=FILE), or say PASSRATE_ALLOW_ANONYMOUS=true"
)


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Returns: the exit code."""
    json_log.set_up(settings)
    if settings.api_keys_file is None and not settings.allow_anonymous and not is_loopback(settings.host):
        return _fail(OPEN_TO_ALL.format(host=settings.host))
    try:
        listener = _listen(settings)
    except OSError as error:
        return _fail(_why_not_listening(settings, error))
    with listener:
        try:
            settings = _within_reach(settings)
            app = create_app(settings)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(app, settings, listener))
        except (BackendUnavailable, BadSetting) as error:
            return _fail(str(error))
        except KeyboardInterrupt:
            return 130
    return 0


class _Server(uvicorn.Server):
    """Goes on listening while it ends what it has begun: who asks is told so, and /readyz answers."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._draining: asyncio.Task[None] | None = None
        self._signals = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 of uvicorn's
        """Take a signal. uvicorn's own raises it again after its stop, before the slots are closed."""
        self._signals += 1
        self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if not self.started:
            self.should_exit = True
        elif self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        elif self._signals > 1:
            self._service.dispatcher.hurry()

    async def _drain(self) -> None:
        await self._service.drain()
        self.should_exit = True


async def _serve(app: FastAPI, settings: Settings, listener: socket.socket) -> None:
    watch = Watch(settings.max_connections, settings.slow_client_s)
    config = uvicorn.Config(
        app,
        http=watch.protocol(),
        ws="none",
        lifespan="off",  # entered here, so that a backend that cannot start is an exception and not a logged traceback
        log_config=None,
        access_log=False,
        proxy_headers=False,  # whoever is told apart by address could name another one
        server_header=False,
        headers=headers_of_every_answer(),
        timeout_graceful_shutdown=LAST_BYTES_S,
    )
    server = _Server(config, app.state.service)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, server.handle_exit)
    async with app.router.lifespan_context(app), watch.running(), tuned():
        _announce(app, settings, listener)
        await server.serve(sockets=[listener])


def _within_reach(settings: Settings) -> Settings:
    """Bound connections by what this process may open, and requests so that there is always an idle connection."""
    connections = connections_here(settings.max_connections, settings.slots)
    requests = min(settings.max_requests, max(1, connections * 3 // 4))
    return settings.model_copy(update={"max_connections": connections, "max_requests": requests})


def _announce(app: FastAPI, settings: Settings, listener: socket.socket) -> None:
    backend = app.state.service.backend
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    slots = f"{settings.slots} slot{'s' if settings.slots > 1 else ''}"
    url = f"http://{host}:{listener.getsockname()[1]}"
    sys.stdout.write(f"passrate: {backend.name} sandbox ({backend.covers}), {slots}, {url}\n")
    sys.stdout.flush()


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    # Connections inherit it. A loop may leave it out; without it a reply waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    keep_alive(listener)
    return listener


def _why_not_listening(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {settings.port} on {settings.host} is in use: give another one by --port"
    return f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}"


def _fail(message: str) -> int:
    sys.stderr.write(f"passrate: {message}\n")
    return 1

"""Runs the server until it is told to stop. Whatever keeps it from starting is one line and exit code 1."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Final

import uvicorn
import uvloop

from reward_server import json_log
from reward_server.app import create_app
from reward_server.errors import BackendUnavailable, BadSetting

if TYPE_CHECKING:
    from fastapi import FastAPI

    from reward_server.settings import Settings

BACKLOG: Final = 2048


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Returns: the exit code."""
    json_log.set_up(settings)
    try:
        listener = _listen(settings)
    except OSError as error:
        return _fail(_why_not_listening(settings, error))
    with listener:
        try:
            app = create_app(settings)
            gc.freeze()  # what is here now stays: a full collection need not look through it, with all else waiting
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(app, settings, listener))
        except (BackendUnavailable, BadSetting) as error:
            return _fail(str(error))
        except KeyboardInterrupt:
            return 130
    return 0


async def _serve(app: FastAPI, settings: Settings, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        lifespan="off",  # entered here, so that a backend that cannot start is an exception and not a logged traceback
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
    )
    server = uvicorn.Server(config)
    if threading.current_thread() is threading.main_thread():
        # uvicorn raises the signal again after its own stop: that must not kill the process before the slots close.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, server.handle_exit)
    async with app.router.lifespan_context(app):
        _announce(app, settings, listener)
        await server.serve(sockets=[listener])


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
    return listener


def _why_not_listening(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {settings.port} on {settings.host} is in use: give another one by --port"
    return f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}"


def _fail(message: str) -> int:
    sys.stderr.write(f"passrate: {message}\n")
    return 1

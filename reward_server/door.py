"""The door before the endpoints: who asks, whether they may, and how much at once.

Promises: with keys, nothing but the health of the server and its document is told to those who have none; what is
refused is refused before its body is read; no load of work refuses those who ask for the server's health.
Who has no key is told apart by address, where the server asks for none.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from starlette.requests import Request

from reward_server.answers import answer_to
from reward_server.clients import Client
from reward_server.errors import ForeignPage, Overloaded, RewardServerError, Stopping, TooLarge, Unauthorized
from reward_server.request_log import note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from reward_server.keys import KeyRing
    from reward_server.settings import Settings

HEALTH: Final = frozenset({"/healthz", "/readyz"})
WITHOUT_KEY: Final = HEALTH | {"/docs", "/openapi.json"}
"""The document is the same for all servers. `/metrics` is not here: behind a proxy everybody would have its address."""
WATCHING: Final = frozenset({"/readyz", "/metrics"})
"""Counted apart, so that no load of work keeps anyone from asking how the server does. `/healthz` is not counted."""
MAX_WATCHING: Final = 64
VISIT: Final = "passrate.visit"
BUSY_RETRY_S: Final = 1.0
"""Nobody knows when a request ends that is in flight now."""
HOLD_RETRY_S: Final = 2.0


class Held:
    """The memory that the bodies of all requests in flight take, about."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0


class Visit:
    """One request that was let in."""

    def __init__(self, client: Client, held: Held) -> None:
        self.client = client
        self._held = held
        self._own = 0

    def hold(self, size: int) -> None:
        """Count bytes to what this request holds, until its end. Raises: Overloaded; TooLarge where it never fits."""
        if self._own + size > self._held.limit:
            raise TooLarge("body", f"it takes more than {self._held.limit} bytes of memory: split the batch")
        if self._held.size + size > self._held.limit:
            raise Overloaded(f"requests in flight hold {self._held.size} bytes already", HOLD_RETRY_S)
        self._own += size
        self._held.size += size

    def end(self) -> None:
        self._held.size -= self._own
        self._own = 0


class Door:
    """Lets requests in, or says why not."""

    def __init__(self, settings: Settings, keys: KeyRing | None) -> None:
        self._settings = settings
        self._keys = keys
        self._inside: Counter[str] = Counter()
        self.requests = 0
        """In flight."""
        self._watching = 0
        self.held = Held(settings.max_held_bytes)
        self.closed = False
        """Set when the server stops: then nothing new is let in."""

    @property
    def asks_for_keys(self) -> bool:
        return self._keys is not None

    def enter(self, path: str, headers: Mapping[str, str], peer: str) -> Visit:
        """Let a request in; `leave` follows. Raises: Unauthorized, ForeignPage, Overloaded, Stopping."""
        client = self._client(path, headers, peer)
        if path in WATCHING:
            if self._watching >= MAX_WATCHING:
                raise Overloaded(f"{self._watching} requests for {path} are in flight, and at most that", BUSY_RETRY_S)
            self._watching += 1
        elif path != "/healthz":
            if self.closed:
                raise Stopping
            self._count_in(client)
        return Visit(client, self.held)

    def leave(self, path: str, visit: Visit) -> None:
        visit.end()
        name = visit.client.name
        if path in WATCHING:
            self._watching -= 1
        elif path != "/healthz":
            self.requests -= 1
            self._inside[name] -= 1
            if not self._inside[name]:
                del self._inside[name]

    def _client(self, path: str, headers: Mapping[str, str], peer: str) -> Client:
        most_queued, most_requests = self._settings.max_queued_per_client, self._settings.max_requests_per_client
        if path in WITHOUT_KEY:
            return Client(peer, most_queued, most_requests)
        if self._keys is None:
            self._refuse_foreign_page(headers)
            return Client(peer, most_queued, most_requests)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        key = self._keys.find(given.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            wrong = "the key is not known here" if given else "this server asks for a key"
            raise Unauthorized(
                f"{wrong}: set PASSRATE_API_KEY, or send `Authorization: Bearer KEY` (made by `passrate keys add NAME`)"
            )
        most_queued, most_requests = key.max_queued or most_queued, key.max_requests or most_requests
        return Client(key.name, most_queued, most_requests, owner=key.name)

    def _refuse_foreign_page(self, headers: Mapping[str, str]) -> None:
        """Without keys, whoever reaches the server may use it; a page that their browser shows may not.

        A browser says in `Origin` whose page it is. That it is ours says nothing where the name in it was made to lead
        here, so on a loopback address it must be a loopback name.
        """
        origin = headers.get("origin")
        if origin is None:
            return
        page = urlsplit(origin)
        ours = page.netloc == headers.get("host") and (
            not is_loopback(self._settings.host) or is_loopback(page.hostname or "")
        )
        if not ours:
            raise ForeignPage("a page of another site may not use this server: ask without a browser, or set up keys")

    def _count_in(self, client: Client) -> None:
        inside = self._inside[client.name]
        if inside >= client.max_requests:
            raise Overloaded(f"{inside} requests of this client are in flight, and at most that", BUSY_RETRY_S)
        if self.requests >= self._settings.max_requests:
            raise Overloaded(f"{self.requests} requests are in flight, and at most that", BUSY_RETRY_S)
        self.requests += 1
        self._inside[client.name] += 1


class DoorKeeper:
    """ASGI middleware that asks the door."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the start and the end of the server
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        peer = (scope.get("client") or ("",))[0]
        try:
            visit = self._door.enter(path, headers, peer)
        except RewardServerError as error:
            await answer_to(error)(scope, receive, send)
            return
        scope[VISIT] = visit
        if self._door.asks_for_keys:
            note(Request(scope), client=visit.client.name)
        try:
            await self._app(scope, receive, send)
        finally:
            self._door.leave(path, visit)


def visit_of(request: Request) -> Visit:
    return cast("Visit", request.scope[VISIT])


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address or a name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

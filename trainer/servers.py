"""The servers of a client: which one gets the next request, and which ones are left out for now.

Promises: the next request goes to the server with the least in flight; one that fails is left out for a while, twice as
long with each further failure; then one request shows whether it is back, and its answer brings in the others. One 5xx
between good answers leaves nothing out: it may be that request's own fault.
Requests are served in the order in which they come.
Not covered: a server that takes a request and then says nothing. The deadline of the call ends that.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import math
import random
from collections import deque
from typing import TYPE_CHECKING, Any

import httpx

from reward_server import request_id
from trainer.answers import TryAgain, connection_trouble, failure_of, parsed
from trainer.settings import DEFAULT_URL

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

CONNECT_S = 10.0
BACKOFF_S, LONGEST_BACKOFF_S = 0.25, 5.0


class Server:
    """One server, and what is known of it."""

    def __init__(
        self, url: str, changed: asyncio.Event, *, api_key: str | None, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self.name = str(httpx.URL(url).copy_with(userinfo=b"")).rstrip("/")
        """Its URL without a password."""
        self.http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(None, connect=CONNECT_S),  # the deadline of the call bounds the rest
            verify=_tls(),
            trust_env=not _is_loopback(url),  # no proxy stands between a machine and itself
            transport=transport,
            event_hooks={"request": [_name]},
        )
        self.trouble = "it did not answer"
        """What went wrong last."""
        self.requests = self.load = self.served = 0
        """Requests in flight, submissions in them, and requests so far."""
        self.failures = 0
        """In a row."""
        self.left_out = False
        """Since a failure, until it answers."""
        self.back_at = self._failed_at = -math.inf
        self._changed = changed

    async def ask(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask once. Raises: TryAgain, RequestRejected, UnexpectedAnswer."""
        with connection_trouble():
            response = await self.http.request(method, path, json=content)
        if response.status_code != httpx.codes.OK:
            raise failure_of(response)
        self.answered()
        return parsed(response.content)

    async def is_ok(self, path: str) -> bool:
        try:
            return (await self.http.get(path, timeout=CONNECT_S)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def answered(self) -> None:
        self.failures = 0
        self.left_out = False
        self._changed.set()

    def failed(self, failure: TryAgain, asked_at: float) -> float:
        """Leave it out for a while, unless this may be one request's own failure. Returns: seconds to wait."""
        self.trouble = str(failure)
        now = _now()
        if asked_at >= self._failed_at:  # requests that were under way together fail together: that is one failure
            self._failed_at = now
            self.failures += 1
            longest = min(LONGEST_BACKOFF_S, BACKOFF_S * 2 ** min(self.failures - 1, 10))
            # With jitter: clients that failed together do not come back together. `Retry-After` comes on top.
            after_s = failure.after_s + random.uniform(longest / 2, longest)  # noqa: S311
            if failure.may_be_alone and self.failures == 1:
                return after_s  # if it is the server, the next request fails as well
            self.left_out = True
            self.back_at = now + after_s
        return max(0.0, self.back_at - now)


class Servers:
    def __init__(
        self,
        urls: str | Sequence[str],
        concurrency: int,
        *,
        api_key: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`concurrency`: requests in flight at once to each. Raises: ValueError where a URL is none."""
        self._concurrency = concurrency
        self._changed = asyncio.Event()
        self._line: deque[object] = deque()
        given = [urls] if isinstance(urls, str) else urls
        split = [url.strip().rstrip("/") for several in given for url in several.split(",")]
        known = dict.fromkeys(filter(None, split)) or [""]
        self._servers = [
            Server(url, self._changed, api_key=api_key, transport=transport) for url in map(_checked, known)
        ]
        random.shuffle(self._servers)  # many clients with one request each must not all take the first

    def __iter__(self) -> Iterator[Server]:
        return iter(self._servers)

    def __len__(self) -> int:
        return len(self._servers)

    @property
    def troubles(self) -> str:
        """What went wrong last with each."""
        return "; ".join(f"{server.name}: {server.trouble}" for server in self._servers)

    async def close(self) -> None:
        await asyncio.gather(*(server.http.aclose() for server in self._servers))

    @contextlib.asynccontextmanager
    async def lend(self, load: int = 1) -> AsyncIterator[Server]:
        """Wait for a server that may take a request of so many submissions.

        Raises: TryAgain, as it leaves the block, with the seconds after which the same request may be sent again.
        """
        server = await self._next()
        asked_at = _now()
        server.requests += 1
        server.load += load
        server.served += 1
        try:
            yield server
        except TryAgain as failure:
            after_s = server.failed(failure, asked_at)
            # A server that is left out is waited for in line, where another one may come first.
            after_s = 0.0 if server.left_out else after_s
            raise TryAgain(f"{server.name}: {failure}", after_s, unanswered=failure.unanswered) from failure
        finally:
            server.requests -= 1
            server.load -= load
            self._changed.set()

    async def _next(self) -> Server:
        """Wait in line: a request that failed waits behind the others, so that it cannot keep a server from them."""
        place = object()
        self._line.append(place)
        try:
            while True:
                now = _now()
                # One request is enough to see whether a server that failed is back.
                free = [each for each in self._servers if each.requests < (1 if each.left_out else self._concurrency)]
                back = [each for each in free if each.back_at <= now]
                first = self._line[0] is place
                if back and first:
                    return min(back, key=lambda each: (each.load, each.served))
                self._changed.clear()
                until = min((each.back_at for each in free), default=None) if first else None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(until):
                        await self._changed.wait()
        finally:
            self._line.remove(place)
            self._changed.set()


async def _name(request: httpx.Request) -> None:
    """Give a request an id of its own, also where it repeats another, by which the server's log has it."""
    request.headers[request_id.HEADER] = request_id.request_id_for(None)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _checked(url: str) -> str:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL()
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ValueError(f"{url!r} is not the URL of a server; give one such as {DEFAULT_URL}, or several by comma")
    return url


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@functools.cache
def _tls() -> ssl.SSLContext:
    """Load the certificates once: that takes 40 ms, and reward functions open a client for each batch."""
    return httpx.create_ssl_context()

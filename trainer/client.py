"""The client of the reward server: one call for a batch of any size, over one server or several.

Promises: results come in order, one each; what could not be had by the deadline is a result without a reward, never a
wrong one; only what is missing is sent again, to whichever server can take it; everything ends by the deadline.
No torch here.
Not covered: problems stored by `PUT /v1/problems` are known to the server that took them; several servers must all have
them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack, cast

import httpx

from trainer.answers import TryAgain, check_contract, connection_trouble, failure_of, named, parsed
from trainer.batch import Batch
from trainer.errors import RequestRejected, RewardClientError, ServerUnavailable, UnexpectedAnswer
from trainer.servers import Servers
from trainer.settings import DEFAULT_DEADLINE_S, DEFAULT_URL, TrainerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence

    from tasks.assurance import Assurance
    from trainer.servers import Server
    from trainer.wire import Detail, Result, RewardScheme, Submission, Unfenced

    Progress = Callable[[int, int], None]
    """Called with the number of submissions done and their total."""

__all__ = [
    "RequestRejected",
    "RewardClient",
    "RewardClientError",
    "ServerUnavailable",
    "SyncRewardClient",
    "UnexpectedAnswer",
]

CHUNK_ITEMS = 512
CONCURRENCY = 4
ANSWER_S = 2.0
"""A server that is up says so sooner: nothing is judged for that."""
LAST_WORDS_S, SHORTEST_S = 1.0, 0.01
"""A server is to answer so much before the deadline of the call, what is not judged by then without a reward."""
NDJSON = "application/x-ndjson"
WARN_EVERY_S = 60.0
"""While a server does not answer."""

log = logging.getLogger(__name__)


class ScoreOptions(TypedDict, total=False):
    """How a batch is judged; what is left out is as `RewardClient.stream` has it."""

    reward: RewardScheme
    """How verdicts become a reward."""
    detail: Detail
    """Whether results carry their tests, and those what was printed."""
    stop_on_failure: bool
    """Skip the tests that follow one that did not pass."""
    min_assurance: Assurance
    """No reward from problems whose results rest on less."""
    strict: bool
    """Raise RequestRejected for a wrong problem, rather than leave its submissions without a reward."""
    unfenced: Unfenced
    """What a completion without a fenced block is: `no_code`, or `code` if it parses as Python."""


class RewardClient:
    """Talks to one reward server or several. Close it, or use it as a context manager; it belongs to one event loop."""

    def __init__(
        self,
        url: str | Sequence[str] = DEFAULT_URL,
        *,
        api_key: str | None = None,
        deadline_s: float = DEFAULT_DEADLINE_S,
        chunk_items: int = CHUNK_ITEMS,
        concurrency: int = CONCURRENCY,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet. Raises: ValueError where a URL is none.

        Args:
            url: where the server answers, with `http://` or `https://`; several as a sequence, or by comma.
            api_key: sent as a bearer key, to each.
            deadline_s: seconds that one call may take, retries included.
            chunk_items: submissions in one request.
            concurrency: requests in flight at once to each server.
            transport: stands in for the network, in tests.
        """
        self._servers = Servers(url, concurrency, api_key=api_key, transport=transport)
        self.deadline_s = deadline_s
        self._chunk_items = chunk_items
        self._next_warning = 0.0

    @classmethod
    def from_settings(cls, settings: TrainerSettings) -> RewardClient:
        return cls(settings.url, api_key=settings.api_key, deadline_s=settings.deadline_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._servers.close()

    async def score(
        self,
        submissions: Sequence[Submission],
        problems: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        on_progress: Progress | None = None,
        **options: Unpack[ScoreOptions],
    ) -> list[Result]:
        """Judge submissions, in chunks of which each carries only its own problems.

        Args:
            submissions: each names its problem, by a key of `problems` or by the id of a problem that the server holds.
            problems: what the server needs to judge (`trainer.wire.judging_spec`), by key.
            on_progress: told of every result.
            **options: see `ScoreOptions`.

        Returns: one result each, in order. `reward` is None where no verdict could be had by the deadline.
        Raises: RequestRejected, and UnexpectedAnswer; then nothing of the batch is returned.
        """
        stream = self.stream(submissions, problems, **options)
        results: list[Result | None] = [None] * len(submissions)
        done = 0
        async with contextlib.aclosing(stream):
            async for place, result in stream:
                results[place] = result
                done += 1
                if on_progress is not None:
                    on_progress(done, len(results))
        return cast("list[Result]", results)

    async def stream(
        self,
        submissions: Sequence[Submission],
        problems: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        reward: RewardScheme = "pass_rate",
        detail: Detail = "none",
        stop_on_failure: bool = False,
        min_assurance: Assurance = "shared",
        strict: bool = False,
        unfenced: Unfenced = "no_code",
    ) -> AsyncGenerator[tuple[int, Result], None]:
        """Judge submissions as `score` does, and yield each one's place and result as it comes.

        Every place comes once; those without a verdict last, at the deadline. Leaving the loop early ends the requests
        when the generator is closed. Raises: RequestRejected, and UnexpectedAnswer.
        """
        options = {
            "reward": reward,
            "detail": detail,
            "stop_on_failure": stop_on_failure,
            "min_assurance": min_assurance,
            "unfenced": unfenced,
        } | ({"strict": True} if strict else {})
        batch = Batch(submissions, problems or {}, options)
        deadline = asyncio.get_running_loop().time() + self.deadline_s
        share = -(-len(submissions) // len(self._servers))
        chunks = [
            asyncio.ensure_future(self._score_chunk(batch, places, deadline))
            for places in batch.chunks(min(self._chunk_items, share))
        ]
        work = asyncio.gather(*chunks)
        work.add_done_callback(lambda _: batch.end())
        try:
            async for place, result in batch.come():
                yield place, result
            await work
            for place, result in batch.lost():
                yield place, result
        finally:
            await _end([*chunks, work])

    async def run(self, program: Mapping[str, Any]) -> dict[str, Any]:
        """Run a program without judging it (`POST /v1/run`). Raises: RewardClientError."""
        return await self._ask("POST", "/v1/run", program)

    async def problems(self, offset: int = 0) -> dict[str, Any]:
        """List a page of the problems that the server holds; its `next_offset` begins the next one."""
        return await self._ask("GET", f"/v1/problems?offset={offset}")

    async def healthz(self) -> bool:
        """Whether a server is up. One attempt; never raises."""
        return any(await asyncio.gather(*(server.is_ok("/healthz") for server in self._servers)))

    async def readyz(self) -> bool:
        """Whether a server can judge: a real program went through a sandbox. One attempt; never raises."""
        return any(await asyncio.gather(*(server.is_ok("/readyz") for server in self._servers)))

    async def wait_ready(self, deadline_s: float = 30.0) -> None:
        """Wait until a server can judge, and check the wire contract of every other one that answers by then.

        Raises: ServerUnavailable, with what each said last; RequestRejected; UnexpectedAnswer, with its URL, where one
        that answers speaks another wire contract or is no passrate server.
        """
        looks = {asyncio.ensure_future(_until_ready(server)): server for server in self._servers}
        checks: list[asyncio.Future[None]] = []
        try:
            done, others = await asyncio.wait(looks, timeout=deadline_s, return_when=asyncio.FIRST_COMPLETED)
            for look in done:
                look.result()
            if not done:
                raise ServerUnavailable(f"no server was ready within {deadline_s:g} s: {self._servers.troubles}")
            checks += [asyncio.ensure_future(_check_if_up(looks[look])) for look in others]
            await asyncio.gather(*checks)
        finally:
            await _end([*looks, *checks])

    async def _score_chunk(self, batch: Batch, places: list[int], deadline: float) -> None:
        """Fill in the results at these places, asking again for what is missing until the deadline."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                while missing := batch.missing(places):
                    try:
                        async with self._servers.lend(len(missing)) as server:
                            await _fetch(server, batch, missing, deadline)
                    except TryAgain as failure:
                        batch.note(missing, str(failure))
                        self._warn(failure)
                        await asyncio.sleep(failure.after_s)

    def _warn(self, failure: TryAgain) -> None:
        """Tell the user of a server that does not answer before the deadline does; one that answers is only busy."""
        now = time.monotonic()
        if failure.unanswered and now >= self._next_warning:
            self._next_warning = now + WARN_EVERY_S
            log.warning("%s; the client retries for up to %g s", failure, self.deadline_s)

    async def _ask(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self.deadline_s):
                while True:
                    with contextlib.suppress(TryAgain):
                        async with self._servers.lend() as server:
                            return await server.ask(method, path, content)
        except TimeoutError:
            raise ServerUnavailable(
                f"no answer to {path} within {self.deadline_s:g} s: {self._servers.troubles}"
            ) from None


class SyncRewardClient:
    """The same for code without an event loop. Not for use inside one: there, await `RewardClient`."""

    def __init__(self, url: str | Sequence[str] = DEFAULT_URL, **options: Any) -> None:
        """Prepare a client. Takes the options of `RewardClient`."""
        self._client = RewardClient(url, **options)
        self._runner = asyncio.Runner()

    @classmethod
    def from_env(cls) -> SyncRewardClient:
        settings = TrainerSettings.from_env(os.environ)
        return cls(settings.url, api_key=settings.api_key, deadline_s=settings.deadline_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._runner.run(self._client.close())
        self._runner.close()

    def score(
        self,
        submissions: Sequence[Submission],
        problems: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        on_progress: Progress | None = None,
        **options: Unpack[ScoreOptions],
    ) -> list[Result]:
        """See `RewardClient.score`."""
        return self._runner.run(self._client.score(submissions, problems, on_progress=on_progress, **options))

    def stream(
        self,
        submissions: Sequence[Submission],
        problems: Mapping[str, Mapping[str, Any]] | None = None,
        **options: Unpack[ScoreOptions],
    ) -> Iterator[tuple[int, Result]]:
        """See `RewardClient.stream`. Nothing is read from the network while the loop's body works."""
        results = self._client.stream(submissions, problems, **options)

        async def following() -> tuple[int, Result] | None:
            return await anext(results, None)

        try:
            while (one := self._runner.run(following())) is not None:
                yield one
        finally:
            self._runner.run(results.aclose())

    def run(self, program: Mapping[str, Any]) -> dict[str, Any]:
        return self._runner.run(self._client.run(program))

    def problems(self, offset: int = 0) -> dict[str, Any]:
        return self._runner.run(self._client.problems(offset))

    def healthz(self) -> bool:
        return self._runner.run(self._client.healthz())

    def readyz(self) -> bool:
        return self._runner.run(self._client.readyz())

    def wait_ready(self, deadline_s: float = 30.0) -> None:
        self._runner.run(self._client.wait_ready(deadline_s))


async def _fetch(server: Server, batch: Batch, places: list[int], deadline: float) -> None:
    """Ask once for these places and fill in what comes, in either of the two ways a server may answer."""
    left_s = deadline - asyncio.get_running_loop().time()
    deadline_s = max(SHORTEST_S, left_s - min(LAST_WORDS_S, left_s / 10))
    headers = {"Content-Type": "application/json", "Accept": f"{NDJSON}, application/json;q=0.5"}
    request = server.http.stream("POST", "/v1/score", content=batch.body(places, deadline_s), headers=headers)
    with connection_trouble():
        async with request as response:
            if response.status_code != httpx.codes.OK:
                await response.aread()
                raise failure_of(response)
            server.answered()
            if response.headers.get("Content-Type", "").startswith(NDJSON):
                async for line in response.aiter_lines():
                    answer = parsed(line)
                    if "index" not in answer:  # the server gave up half-way and says why
                        raise TryAgain(f"{answer.get('error') or answer}{named(response.request)}")
                    batch.fill(places, answer["index"], answer)
            else:
                for index, answer in enumerate(parsed(await response.aread()).get("results") or ()):
                    batch.fill(places, index, answer)
    if batch.missing(places):
        raise TryAgain(f"the answer ended early{named(response.request)}")


async def _until_ready(server: Server) -> None:
    """Ask until it can judge, and whether it speaks our contract."""
    while True:
        asked_at = asyncio.get_running_loop().time()
        try:
            await _check(server)
            await server.ask("GET", "/readyz")
        except TryAgain as failure:
            await asyncio.sleep(server.failed(failure, asked_at))
        else:
            return


async def _check_if_up(server: Server) -> None:
    """Check the contract of a server that answers; one that does not is left out, as it is when it goes away later."""
    with contextlib.suppress(TryAgain, TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            await _check(server)


async def _check(server: Server) -> None:
    """Ask once which contract it speaks. Raises: TryAgain, and what `wait_ready` raises, with its URL."""
    try:
        health = await server.ask("GET", "/healthz")
    except (RequestRejected, UnexpectedAnswer) as error:
        raise UnexpectedAnswer(f"{server.name} is no passrate server: {error}") from error
    check_contract(server.name, health)


async def _end(work: Collection[asyncio.Future[Any]]) -> None:
    for each in work:
        each.cancel()
    await asyncio.gather(*work, return_exceptions=True)

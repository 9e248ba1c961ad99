"""The client of the reward server: one call for a batch of any size.

Promises: results come in order, one each; what could not be had by the deadline is a result without a reward, never a
wrong one; only what is missing is sent again; everything ends by the deadline. No torch here.
Not covered: more than one server URL.

RewardClientError
├── RequestRejected    a 4xx: the request is wrong, and sending it again would not help
├── ServerUnavailable  no answer within the deadline (never from `score`)
└── UnexpectedAnswer   the server speaks something else than this client
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import json
import os
import random
import re
from typing import TYPE_CHECKING, Any, Self

import httpx

from trainer.settings import DEFAULT_DEADLINE_S, DEFAULT_URL, TrainerSettings
from trainer.wire import result_from, unscored

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from trainer.wire import Detail, Result, RewardScheme, Submission

    Progress = Callable[[int, int], None]
    """Called with the number of submissions done and their total."""

CHUNK_ITEMS = 512
CHUNK_CHARS = 4 << 20
CONCURRENCY = 4
CONNECT_S = 10.0
BACKOFF_S, LONGEST_BACKOFF_S = 0.25, 5.0
TRY_AGAIN = {408, 425, 429}
"""The 4xx that are about the moment, not about the request."""
NDJSON = "application/x-ndjson"
SURROGATE = re.compile("[\ud800-\udfff]")


class RewardClientError(Exception):
    pass


class RequestRejected(RewardClientError):
    """The server refused the request: it names the field and the fix."""

    def __init__(self, status: int, field: str, message: str) -> None:
        super().__init__(f"the server refused the request ({status}): {f'{field}: ' if field else ''}{message}")
        self.status = status
        self.field = field
        self.message = message


class ServerUnavailable(RewardClientError):
    pass


class UnexpectedAnswer(RewardClientError):
    pass


class _TryAgain(Exception):
    """Nothing came back, and the next attempt may fare better."""

    def __init__(self, reason: str, after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.after_s = after_s


class RewardClient:
    """Talks to one reward server. Close it, or use it as a context manager; it belongs to one event loop."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        deadline_s: float = DEFAULT_DEADLINE_S,
        chunk_items: int = CHUNK_ITEMS,
        concurrency: int = CONCURRENCY,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet. Raises: ValueError where the URL is none.

        Args:
            url: where the server answers, with `http://` or `https://`.
            api_key: sent as a bearer key.
            deadline_s: seconds that one call may take, retries included.
            chunk_items: submissions in one request.
            concurrency: requests in flight at once.
            transport: stands in for the network, in tests.
        """
        self.url = _checked(url)
        self.deadline_s = deadline_s
        self._chunk_items = chunk_items
        self._gate = asyncio.Semaphore(concurrency)
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(None, connect=CONNECT_S),  # the deadline of the call bounds the rest
            verify=_tls(),
            trust_env=not _is_loopback(self.url),  # no proxy stands between a machine and itself
            transport=transport,
        )

    @classmethod
    def from_settings(cls, settings: TrainerSettings) -> RewardClient:
        return cls(settings.url, api_key=settings.api_key, deadline_s=settings.deadline_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def score(
        self,
        submissions: Sequence[Submission],
        problems: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        reward: RewardScheme = "pass_rate",
        detail: Detail = "none",
        stop_on_failure: bool = False,
        on_progress: Progress | None = None,
    ) -> list[Result]:
        """Judge submissions, in chunks of which each carries only its own problems.

        Args:
            submissions: each names its problem, by a key of `problems` or by the id of a problem that the server holds.
            problems: what the server needs to judge (`trainer.wire.judging_spec`), by key.
            reward: how verdicts become a reward.
            detail: whether results carry their tests, and those what was printed.
            stop_on_failure: skip the tests that follow one that did not pass.
            on_progress: told of every answer.

        Returns: one result each, in order. `reward` is None where no verdict could be had by the deadline.
        Raises: RequestRejected, and UnexpectedAnswer; then nothing of the batch is returned.
        """
        options = {"reward": reward, "detail": detail, "stop_on_failure": stop_on_failure}
        batch = _Batch(submissions, problems or {}, options, on_progress)
        deadline = asyncio.get_running_loop().time() + self.deadline_s
        chunks = [self._score_chunk(batch, places, deadline) for places in batch.chunks(self._chunk_items)]
        await _all_or_first_error(chunks)
        return batch.results()

    async def run(self, program: Mapping[str, Any]) -> dict[str, Any]:
        """Run a program without judging it (`POST /v1/run`). Raises: RewardClientError."""
        return await self._ask("POST", "/v1/run", program)

    async def problems(self, offset: int = 0) -> dict[str, Any]:
        """List a page of the problems that the server holds; its `next_offset` begins the next one."""
        return await self._ask("GET", f"/v1/problems?offset={offset}")

    async def healthz(self) -> bool:
        """Whether the server is up. One attempt; never raises."""
        return await self._is_ok("/healthz")

    async def readyz(self) -> bool:
        """Whether the server can judge: a real program went through a sandbox. One attempt; never raises."""
        return await self._is_ok("/readyz")

    async def wait_ready(self, deadline_s: float = 30.0) -> None:
        """Wait until the server can judge. Raises: ServerUnavailable, with what it said last; RequestRejected."""
        await self._ask("GET", "/readyz", deadline_s=deadline_s)

    async def _score_chunk(self, batch: _Batch, places: list[int], deadline: float) -> None:
        """Fill in the results at these places, asking again for what is missing until the deadline."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline), self._gate:
                attempt = 0
                while missing := batch.missing(places):
                    try:
                        await self._fetch(batch, missing)
                    except _TryAgain as failure:
                        batch.note(missing, str(failure))
                        await asyncio.sleep(_wait_s(attempt, failure.after_s))
                        attempt += 1

    async def _fetch(self, batch: _Batch, places: list[int]) -> None:
        """Ask once for these places and fill in what comes, in either of the two ways a server may answer."""
        headers = {"Content-Type": "application/json", "Accept": f"{NDJSON}, application/json;q=0.5"}
        request = self._http.stream("POST", "/v1/score", content=batch.body(places), headers=headers)
        with _connection_trouble():
            async with request as response:
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                    raise _failure(response)
                if response.headers.get("Content-Type", "").startswith(NDJSON):
                    async for line in response.aiter_lines():
                        answer = _parsed(line)
                        if "index" not in answer:  # the server gave up half-way and says why
                            raise _TryAgain(str(answer.get("error") or answer))
                        batch.fill(places, answer["index"], answer)
                else:
                    for index, answer in enumerate(_parsed(await response.aread()).get("results") or ()):
                        batch.fill(places, index, answer)
        if batch.missing(places):
            raise _TryAgain("the answer ended early")

    async def _ask(
        self, method: str, path: str, content: Mapping[str, Any] | None = None, deadline_s: float | None = None
    ) -> dict[str, Any]:
        allowed_s = self.deadline_s if deadline_s is None else deadline_s
        reason = "it did not answer"
        attempt = 0
        try:
            async with asyncio.timeout(allowed_s):
                while True:
                    try:
                        with _connection_trouble():
                            response = await self._http.request(method, path, json=content)
                        if response.status_code == httpx.codes.OK:
                            return _parsed(response.content)
                        raise _failure(response)
                    except _TryAgain as failure:
                        reason = str(failure)
                        await asyncio.sleep(_wait_s(attempt, failure.after_s))
                        attempt += 1
        except TimeoutError:
            raise ServerUnavailable(f"no answer from {self.url}{path} within {allowed_s:g} s: {reason}") from None

    async def _is_ok(self, path: str) -> bool:
        try:
            return (await self._http.get(path, timeout=CONNECT_S)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


class SyncRewardClient:
    """The same for code without an event loop. Not for use inside one: there, await `RewardClient`."""

    def __init__(self, url: str = DEFAULT_URL, **options: Any) -> None:
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
        reward: RewardScheme = "pass_rate",
        detail: Detail = "none",
        stop_on_failure: bool = False,
        on_progress: Progress | None = None,
    ) -> list[Result]:
        """See `RewardClient.score`."""
        return self._runner.run(
            self._client.score(
                submissions,
                problems,
                reward=reward,
                detail=detail,
                stop_on_failure=stop_on_failure,
                on_progress=on_progress,
            )
        )

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


class _Batch:
    """The submissions of one call and what has come back for them."""

    def __init__(
        self,
        submissions: Sequence[Submission],
        problems: Mapping[str, Mapping[str, Any]],
        options: Mapping[str, Any],
        on_progress: Progress | None,
    ) -> None:
        self._submissions = [_without_lone_surrogates(submission) for submission in submissions]
        self._problems = problems
        self._options = options
        self._on_progress = on_progress
        self._filled: list[Result | None] = [None] * len(submissions)
        self._reasons: dict[int, str] = {}
        self._done = 0

    def chunks(self, items: int) -> Iterator[list[int]]:
        """Cut the places of the batch into runs of at most `items`, and of about `CHUNK_CHARS` of text."""
        chunk: list[int] = []
        chars = 0
        for place, submission in enumerate(self._submissions):
            size = len(submission.get("completion") or submission.get("code") or "")
            if chunk and (len(chunk) >= items or chars + size > CHUNK_CHARS):
                yield chunk
                chunk, chars = [], 0
            chunk.append(place)
            chars += size
        if chunk:
            yield chunk

    def body(self, places: Sequence[int]) -> bytes:
        submissions = [self._submissions[place] for place in places]
        named = {submission["problem"] for submission in submissions}
        problems = {key: self._problems[key] for key in sorted(named) if key in self._problems}
        return json.dumps({"problems": problems, "submissions": submissions, **self._options}).encode()

    def missing(self, places: Sequence[int]) -> list[int]:
        return [place for place in places if self._filled[place] is None]

    def fill(self, places: Sequence[int], index: int, answer: Mapping[str, Any]) -> None:
        """Keep the answer to the submission at `places[index]`."""
        try:
            place, result = places[index], result_from(answer)
        except (KeyError, TypeError, IndexError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise UnexpectedAnswer(
                f"the server's result cannot be read ({reason}); is it of another version?"
            ) from error
        self._done += self._filled[place] is None
        self._filled[place] = result
        if self._on_progress is not None:
            self._on_progress(self._done, len(self._submissions))

    def note(self, places: Sequence[int], reason: str) -> None:
        """Keep why these are still missing."""
        self._reasons.update(dict.fromkeys(places, reason))

    def results(self) -> list[Result]:
        return [
            result or unscored(f"no answer by the deadline: {self._reasons.get(place, 'the server was still at work')}")
            for place, result in enumerate(self._filled)
        ]


def _without_lone_surrogates(submission: Submission) -> Submission:
    """Replace what no JSON parser would take: one odd completion must not sink the batch."""
    for key in ("completion", "code"):
        text = submission.get(key)
        if isinstance(text, str) and SURROGATE.search(text):
            return {**submission, key: text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")}  # type: ignore[misc]
    return submission


async def _all_or_first_error(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Await all; where one fails, cancel the rest and raise its error bare."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def _connection_trouble() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise _TryAgain(f"{type(error).__name__}: {error}") from error


def _failure(response: httpx.Response) -> _TryAgain | RequestRejected | UnexpectedAnswer:
    """Say what an answer other than 200 means."""
    status = response.status_code
    field, message = _complaint(response)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in TRY_AGAIN:
        return _TryAgain(f"{status}: {message}", _seconds(response.headers.get("Retry-After")))
    if status >= httpx.codes.BAD_REQUEST:
        return RequestRejected(status, field, message)
    return UnexpectedAnswer(f"the server answered {status} to {response.request.url}")


def _complaint(response: httpx.Response) -> tuple[str, str]:
    """Find the field and the message in an error of ours, of FastAPI, or of a proxy."""
    try:
        said = response.json()
    except ValueError:
        return "", response.text[:200].strip() or response.reason_phrase
    for key in ("error", "detail"):
        if isinstance(said, dict) and isinstance(said.get(key), dict | list):
            said = said[key]
    if isinstance(said, list) and said and isinstance(said[0], dict):
        first = said[0]
        return ".".join(str(part) for part in first.get("loc", ())), str(first.get("msg", first))
    if isinstance(said, dict):
        message = said.get("message") or said.get("detail") or said.get("error") or said
        return str(said.get("field") or ""), str(message)
    return "", str(said)


def _parsed(text: str | bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UnexpectedAnswer(f"the server's answer is not a JSON object: {text[:80]!r}")
    return answer


def _wait_s(attempt: int, after_s: float) -> float:
    """Full jitter: clients that failed together do not come back together. `Retry-After` comes on top."""
    return after_s + random.uniform(0, min(LONGEST_BACKOFF_S, BACKOFF_S * 2 ** min(attempt, 10)))  # noqa: S311


def _seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header or 0))
    except ValueError:  # a date: back off as usual
        return 0.0


def _checked(url: str) -> str:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL()
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ValueError(f"{url!r} is not the URL of a server; give one such as {DEFAULT_URL}")
    return url.rstrip("/")


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

"""The submissions of one call and what has come back for them. No I/O."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from trainer.errors import UnexpectedAnswer
from trainer.wire import result_from, unscored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from trainer.wire import Result, Submission

CHUNK_CHARS = 4 << 20
SURROGATE = re.compile("[\ud800-\udfff]")


class Batch:
    def __init__(
        self,
        submissions: Sequence[Submission],
        problems: Mapping[str, Mapping[str, Any]],
        options: Mapping[str, Any],
    ) -> None:
        self._submissions = [_without_lone_surrogates(submission) for submission in submissions]
        self._problems = problems
        self._options = options
        self._come: list[tuple[int, Result]] = []
        """Places and results, in the order in which they came."""
        self._filled: set[int] = set()
        self._reasons: dict[int, str] = {}
        self._news = asyncio.Event()
        self._ended = False

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

    def body(self, places: Sequence[int], deadline_s: float) -> bytes:
        """Write the request for these places, to be answered within so many seconds."""
        submissions = [self._submissions[place] for place in places]
        named = {submission["problem"] for submission in submissions}
        problems = {key: self._problems[key] for key in sorted(named) if key in self._problems}
        return json.dumps(
            {"problems": problems, "submissions": submissions, **self._options, "deadline_s": deadline_s}
        ).encode()

    def missing(self, places: Sequence[int]) -> list[int]:
        return [place for place in places if place not in self._filled]

    def fill(self, places: Sequence[int], index: int, answer: Mapping[str, Any]) -> None:
        """Keep the answer to the submission at `places[index]`; the first one stands."""
        try:
            place, result = places[range(len(places)).index(index)], result_from(answer)
        except (KeyError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise UnexpectedAnswer(
                f"the server's result cannot be read ({reason}); is it of another version?"
            ) from error
        if place not in self._filled:
            self._filled.add(place)
            self._come.append((place, result))
            self._news.set()

    def note(self, places: Sequence[int], reason: str) -> None:
        """Keep why these are still missing."""
        self._reasons.update(dict.fromkeys(places, reason))

    def end(self) -> None:
        """Say that nothing more will come."""
        self._ended = True
        self._news.set()

    async def come(self) -> AsyncIterator[tuple[int, Result]]:
        """Yield each place with its result as it comes, until the end."""
        sent = 0
        while True:
            while sent < len(self._come):
                sent += 1
                yield self._come[sent - 1]
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()

    def lost(self) -> Iterator[tuple[int, Result]]:
        """Yield each place for which nothing came, with a result that says why."""
        for place in self.missing(range(len(self._submissions))):
            reason = self._reasons.get(place, "the server was still at work")
            yield place, unscored(f"no answer by the deadline: {reason}")


def _without_lone_surrogates(submission: Submission) -> Submission:
    """Replace what no JSON parser would take: one odd completion must not sink the batch."""
    for key in ("completion", "code"):
        text = submission.get(key)
        if isinstance(text, str) and SURROGATE.search(text):
            return {**submission, key: text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")}  # type: ignore[misc]
    return submission

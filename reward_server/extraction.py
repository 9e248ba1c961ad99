"""Finds the code in what a model wrote. Pure.

The code is the last fenced block in the problem's language, after the last `</think>`. Blocks without a language count
only where none names it, because models show a program's output in such blocks. Fences are those of CommonMark
(backticks or tildes, closed by at least as many, indented at most 3 deeper), under any indentation; one that is never
closed reaches to the end, as in a truncated completion. Blank blocks do not count, nor does a `</think>` in a block.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LANGUAGE_TAGS: Final = {"python": frozenset({"python", "py", "python3"})}
"""The words after a fence, in lower case, that name each language."""

FENCE: Final = re.compile(
    r"^(?P<indent>[ \t]*+)(?P<before>[^`~\n]*?)(?P<fence>`{3,}|~{3,})(?P<after>[^\n]*)$", re.MULTILINE
)
TAG: Final = re.compile(r"[{.\s]*([\w+#-]*)")
MOST_DEEPER: Final = 3
"""A fence that is indented further than the opening one belongs to the code: an example in a docstring, say."""
MOST_THOUGHTS: Final = 8
THINK_OPEN: Final = "<think>"
THINK_CLOSE: Final = "</think>"


def extract_code(completion: str, language: str = "python") -> str | None:
    """Return the code of a completion; None where it has none, or where its thinking never ends."""
    tags = LANGUAGE_TAGS[language]
    answer = _after_thinking(completion, tags)
    tagged = untagged = None
    prose = []  # what lies outside of the blocks: only there does a tag of thinking mean thinking
    at = 0
    for start, end, tag, code in _blocks(answer, tags):
        prose.append(answer[at:start])
        at = end
        if not code.strip():
            continue
        if tag in tags:
            tagged = code
        elif not tag:
            untagged = code
    prose.append(answer[at:])
    if THINK_OPEN in answer and any(THINK_OPEN in text for text in prose):
        return None
    return tagged if tagged is not None else untagged


def _after_thinking(text: str, tags: frozenset[str]) -> str:
    """Return what follows the last end of thinking that is not part of a block of the answer."""
    for _ in range(MOST_THOUGHTS):
        if THINK_CLOSE not in text:
            return text
        at, closed, opened = 0, -1, False
        for start, end, _tag, _code in (*_blocks(text, tags), (len(text), len(text), "", "")):
            closed = max(closed, text.rfind(THINK_CLOSE, at, start))
            opened = opened or text.find(THINK_OPEN, at, start) >= 0
            at = end
        if closed < 0 and not opened:
            return text
        # Thinking may leave a fence open: then its end seems to lie in a block.
        text = text[(closed if closed >= 0 else text.find(THINK_CLOSE)) + len(THINK_CLOSE) :]
    return text[text.rfind(THINK_CLOSE) + len(THINK_CLOSE) :] if THINK_CLOSE in text else text


def _blocks(text: str, tags: frozenset[str]) -> Iterator[tuple[int, int, str, str]]:
    """Yield start, end, language tag and content of each fenced block."""
    opened: re.Match[str] | None = None
    tag = ""
    for line in FENCE.finditer(text):
        if opened is None:
            found = _tag_that_opens(line, tags)
            if found is not None:
                opened, tag = line, found
        elif not line["before"] and not line["after"].strip() and _closes(line, opened):
            yield (
                opened.start("fence"),
                line.end(),
                tag,
                _content(text[opened.end() + 1 : line.start()], opened["indent"]),
            )
            opened = None
    if opened is not None:
        yield opened.start("fence"), len(text), tag, _content(text[opened.end() + 1 :], opened["indent"])


def _tag_that_opens(line: re.Match[str], tags: frozenset[str]) -> str | None:
    """Return the language tag (maybe empty) if this line opens a block."""
    after = line["after"]
    if line["fence"].startswith("`") and "`" in after:
        return None  # code within the line
    if line["before"]:
        # "Answer: ```python" is not Markdown, but models write it. It must name the language and nothing else.
        bare = after.strip().lower()
        return bare if bare in tags and line["fence"].startswith("`") else None
    match = TAG.match(after)
    return match[1].lower() if match else ""


def _closes(line: re.Match[str], opened: re.Match[str]) -> bool:
    fence, opening = line["fence"], opened["fence"]
    deeper = len(line["indent"].expandtabs(4)) - len(opened["indent"].expandtabs(4))
    return fence[0] == opening[0] and len(fence) >= len(opening) and deeper <= MOST_DEEPER


def _content(lines: str, indent: str) -> str:
    """Return the lines of a block with plain line ends and without the indentation of its fence."""
    lines = lines.replace("\r\n", "\n")
    if not indent:
        return lines
    return "\n".join(_outdent(line, len(indent)) for line in lines.split("\n"))


def _outdent(line: str, width: int) -> str:
    return line[width:] if not line[:width].strip() else line

"""Reads the fenced blocks of what a model wrote, as its author meant them. Pure; time grows with the text's length.

1. Thinking is dropped: what lies between its tags, and all that comes before a closing tag. In a block of Python, too,
   a closing tag ends the thinking; within a string or a comment it is text. A tag in quotes, in inline code or in the
   midst of a sentence is only spoken of, and so is a closing one behind it on its line.
2. A fence opens a block at the start of its line, after marks of lists or quotes and after tags. After other words it
   does only if it names the language and nothing else.
3. In a block of Python or of no named language, three backticks outside of strings and comments close it wherever they
   stand, as they are no Python. In a block of Python, so does a closing tag or `<|`.
4. Within a triple-quoted string, fences in pairs are text. Others close the block as in Markdown: on a line of their
   own, indented at most 3 deeper than the opening one.
5. A block of another language, or between tildes, closes as in Markdown, whatever stands behind the fence.
6. A fence that names the language ends the block before it and opens the next one.
7. A block that is never closed reaches to the end, less the end tokens there.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

LANGUAGE_TAGS: Final = {
    "python": frozenset(
        {"python", "py", "python3", "py3", "python2", "py2", "pypy", "pypy2", "pypy3", "cpython", "ipython", "ipython3"}
    )
}
"""The words after a fence, in lower case, that name each language."""
UNNAMED: Final = frozenset({"", "code", "program", "solution", "answer"})
"""Words after a fence that name no language."""
MOST_FENCES: Final = 4096
"""A text with more is not read: each fence takes some microseconds."""
MOST_DEEPER: Final = 3

_SPACE: Final = r"[ \t\r\u200b\ufeff]"
_THINKING: Final = r"think(?:ing)?|thoughts?|reasoning|scratchpad"
_THINK_OPEN: Final = rf"<(?:{_THINKING})>|\[THINK\]|◁think▷|<\|begin_of_thought\|>"
_THINK_CLOSE: Final = rf"</(?:{_THINKING})>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>"
THINK_CLOSE: Final = re.compile(_THINK_CLOSE, re.IGNORECASE)
_SPAN: Final = r"(?<!`)`[^`\n]++`(?!`)"
_MARK: Final = (
    rf"(?:(?<!(?<!``)`)(?:(?P<thinks>{_THINK_OPEN})|(?P<thought>{_THINK_CLOSE})|(?P<answers><answer>)|(?P<answered></answer>))"
    r"|(?<!`)(?P<ticks>`{3,}+)(?P<info>[^`\n]*+)$"
    r"|(?<!~)(?P<tildes>~{3,}+)(?P<words>[^~\n]*+)$)"
)
MARK: Final = re.compile(
    rf"(?:[^`~<\[◁]++|{_SPAN}|(?!{re.sub('[?]P<[a-z]+>', '?:', _MARK)})[`~<\[◁])*+{_MARK}", re.IGNORECASE | re.MULTILINE
)
"""Text up to the next thing that means something outside of blocks, and that. Inline code is only text."""
QUOTE_BEFORE: Final = re.compile(r"[\"'\u201c\u2018(*]$")
WORD_BEFORE: Final = re.compile(r"\b[a-z]+,? $")
"""A word that begins no sentence."""
SAME_LINE_BEFORE: Final = re.compile(r"[^\n] $")
QUOTE_AFTER: Final = re.compile(r"[\"'\u201d\u2019)*]")
SENTENCE_AFTER: Final = re.compile(r"[,.;:!?]| [a-z]")
NOUN_AFTER: Final = re.compile(r" (?:tags?|tokens?)\b")
LONGEST_WORD: Final = 40
CONTAINER: Final = re.compile(rf"{_SPACE}*+(?:(?:(?:[-*+]|\d{{1,9}}[.)])[ \t]|>|</?\w{{1,20}}>){_SPACE}*+)*+", re.ASCII)
"""What may stand before a fence on its line."""
TAG: Final = re.compile(r"[{.\s\u200b\ufeff]*+([\w+#-]*+)")
LINE: Final = re.compile(
    r"^(?P<lead>[ \t>\u200b\ufeff]*+)(?P<fence>`{3,}+(?=[^`\n]*+$)|~{3,}+)(?P<info>[^\n]*+)$", re.MULTILINE
)
"""A line within a block that begins with a fence."""
GLUED: Final = re.compile(r"#[^`\n]*+(?<![\s`])(?P<ticks>`{3,}+)(?:\s|<[^\n]*)*+$")
"""A comment with a closing fence right behind its last word."""
QUOTED: Final = re.compile(r"^[ \t]*+>[ \t]?", re.MULTILINE)
INDENT: Final = re.compile(r"^[ \t]*+(?=\S)", re.MULTILINE)
TAIL: Final = re.compile(
    rf"(?!{_THINK_CLOSE})(?:<\|[^|<>\n]{{1,40}}\|>|</\w{{1,20}}>|<(?:eos|end_of_turn)>|[\u200b\ufeff])$", re.IGNORECASE
)
TAIL_CHARS: Final = 50
MOST_END_TOKENS: Final = 64


def _parts(tags: str) -> re.Pattern[str]:
    """Match Python up to the next place at which a block may end. `tags`: what ends it besides fences."""
    return re.compile(
        r'(?:[^"\'#\\`<◁\[]++|\\.'
        r'|"""(?:[^"\\`]++|\\.|"(?!"")|`(?!``))*+"""'
        r"|'''(?:[^'\\`]++|\\.|'(?!'')|`(?!``))*+'''"
        r'|(?!""")"(?:[^"\\\n]++|\\.)*+"|(?!\'\'\')\'(?:[^\'\\\n]++|\\.)*+\''
        r'|(?!"""|\'\'\')["\']'
        r"|\#(?:[^`\n]++|`(?!``))*+(?!`)"
        rf"|`(?!``)|(?!{tags})[<◁\[])*+"
        r"(?:(?P<comment>\#[^\n]*+)"
        r'|(?P<string>"""(?:[^"\\]++|\\.|"(?!""))*+(?P<ended>""")?+|\'\'\'(?:[^\'\\]++|\\.|\'(?!\'\'))*+(?P<ended_too>\'\'\')?+)'
        r"|(?P<ticks>`{3,}+)"
        rf"|(?P<thought>{_THINK_CLOSE})|(?P<tag>{tags}))",
        re.DOTALL | re.IGNORECASE,
    )


PYTHON: Final = _parts(rf"{_THINK_CLOSE}|</[a-z]|<\|")
UNKNOWN: Final = _parts(r"(?!)")


class Block(NamedTuple):
    """A fenced block that is not blank."""

    opens: int
    """Where its fence begins."""
    start: int
    """Where its content begins."""
    end: int
    closed: int | None
    """Where the closing fence ends; None where the block has none of its own."""
    lead: str
    """What stands before the fence on its line."""
    fence: str
    tag: str
    """The first word behind the fence, in lower case."""

    def code(self, text: str) -> str:
        """Return the content with plain line ends, less what a list or a quote puts before its lines."""
        lines = text[self.start : self.end].replace("\r\n", "\n")
        if QUOTED.match(self.lead):
            lines = QUOTED.sub("", lines)
        elif self.lead and not self.lead.strip():
            width = len(self.lead)
            lines = "\n".join(line if line[:width].strip() else line[width:] for line in lines.split("\n"))
        margin = min(INDENT.findall(lines), key=len, default="") if lines[:1].isspace() else ""
        return re.sub(f"^{margin}", "", lines, flags=re.MULTILINE) if margin else lines


class Reading(NamedTuple):
    """What an answer consists of."""

    blocks: list[Block]
    start: int = 0
    """Where the answer begins: behind the thinking."""
    thinking: bool = False
    """The thinking never ends."""
    bare: int | None = None
    """Where the first fence stands, if nothing else stands on its line."""
    ragged: bool = False
    """Some block has no closing fence of its own."""
    answer: tuple[int, int] | None = None
    """Where the content of the last `<answer>` lies."""


def trimmed(text: str) -> str:
    """Return the text less the end tokens and closing tags at its end."""
    for _ in range(MOST_END_TOKENS):
        text = text.rstrip()
        found = TAIL.search(text, max(0, len(text) - TAIL_CHARS))
        if found is None:
            break
        text = text[: found.start()]
    return text


def has_too_many(text: str) -> bool:
    return text.count("```") + text.count("~~~") > MOST_FENCES


def read(text: str, language: str = "python") -> Reading:
    """Read the blocks of a trimmed text, which has not too many fences."""
    tags = LANGUAGE_TAGS[language]
    reading = Reading([])
    at = spoken = 0
    while mark := MARK.match(text, at):
        at = mark.end()
        if (mark["thinks"] or mark["thought"]) and _is_spoken_of(text, mark, spoken):
            spoken = at
            continue
        if mark["thinks"]:
            closing = THINK_CLOSE.search(text, at)
            if closing is None:
                return Reading([], at, thinking=True)
            at = closing.end()
        elif mark["answers"]:
            reading = reading._replace(answer=(at, len(text)))
            continue
        elif mark["answered"]:
            begin = reading.answer[0] if reading.answer else reading.start
            reading = reading._replace(answer=(begin, mark.start("answered")))
            continue
        elif not mark["thought"]:
            opened = _opened(text, mark, reading.start, tags)
            if opened is None:
                at = mark.end("ticks" if mark["ticks"] else "tildes")
                continue
            block, at, thought = _closed(text, opened, tags)
            if not thought:
                reading = _with(reading, text, block)
                continue
        spoken = 0
        reading = Reading([], at)
    return reading


def _is_spoken_of(text: str, mark: re.Match[str], spoken: int) -> bool:
    """Tell whether a tag is only mentioned. `spoken`: where the last such one ends, or 0."""
    kind = "thinks" if mark["thinks"] else "thought"
    start, end = mark.span(kind)
    before = text[max(0, start - LONGEST_WORD) : start]
    quoted = QUOTE_BEFORE.search(before) is not None
    if NOUN_AFTER.match(text, end) and SAME_LINE_BEFORE.search(before):
        return True
    if kind == "thought":
        return (quoted and QUOTE_AFTER.match(text, end) is not None) or (spoken > 0 and "\n" not in text[spoken:start])
    return quoted or (WORD_BEFORE.search(before) is not None and SENTENCE_AFTER.match(text, end) is not None)


def _with(reading: Reading, text: str, block: Block) -> Reading:
    """Return the reading with one more block."""
    is_first = reading.bare is None and not reading.ragged and not reading.blocks
    if is_first and not (block.lead + text[block.opens : block.start]).strip("` \t\r\n"):
        reading = reading._replace(bare=block.opens)
    if text[block.start : block.end].strip():
        reading.blocks.append(block)
    return reading._replace(ragged=True) if block.closed is None else reading


def _opened(text: str, mark: re.Match[str], start: int, tags: frozenset[str]) -> Block | None:
    """Return the block that a fence opens, reaching to the end; None where the fence is only text.

    `start`: where the answer begins, which counts as the start of a line.
    """
    kind, behind = ("ticks", "info") if mark["ticks"] else ("tildes", "words")
    opens = mark.start(kind)
    lead = text[max(start, text.rfind("\n", 0, opens) + 1) : opens]
    if not CONTAINER.fullmatch(lead) and (kind == "tildes" or mark[behind].strip().lower() not in tags):
        return None
    return Block(opens, min(mark.end() + 1, len(text)), len(text), None, lead, mark[kind], _tag(mark[behind]))


def _closed(text: str, block: Block, tags: frozenset[str]) -> tuple[Block, int, bool]:
    """Return the block with its end, where to read on, and whether it turned out to be thinking."""
    if block.fence[0] == "~" or (block.tag not in tags and block.tag not in UNNAMED):
        lines = LINE.finditer(text, block.start)
        line = next((line for line in lines if _closes(line, block)), None)
        return (*_ended(block, line, tags), False) if line else (block, len(text), False)
    parts = PYTHON if block.tag in tags else UNKNOWN
    at = block.start
    while part := parts.match(text, at):
        at = part.end()
        if part["string"]:
            line = _closing_line(text, block, part, tags)
            if line is not None:
                return *_ended(block, line, tags), False
        elif part["comment"]:
            glued = GLUED.match(part["comment"])
            if glued is not None:
                end = part.start("comment") + glued.end("ticks")
                return block._replace(end=end - len(glued["ticks"]), closed=end), end, False
        elif part["ticks"]:
            line = LINE.match(text, text.rfind("\n", 0, part.start("ticks")) + 1)
            if line is not None and line.end("fence") == at:
                return *_ended(block, line, tags), False
            return block._replace(end=part.start("ticks"), closed=at), at, False
        else:
            thought = part["thought"] is not None
            end = part.start("thought" if thought else "tag")
            return block._replace(end=end), at if thought else end, thought
    return block, len(text), False


def _ended(block: Block, line: re.Match[str], tags: frozenset[str]) -> tuple[Block, int]:
    """Return the block that ends before this line, and where to read on."""
    if _tag(line["info"]) in tags:
        return block._replace(end=line.start()), line.start()
    return block._replace(end=line.start(), closed=line.end("fence")), line.end("fence")


def _closing_line(text: str, block: Block, part: re.Match[str], tags: frozenset[str]) -> re.Match[str] | None:
    """Return the line within a triple-quoted string that ends the block."""
    lines = list(LINE.finditer(text, part.start("string"), part.end("string")))
    ended = part["ended"] or part["ended_too"]
    if ended and len(lines) % 2 == 0 and not any(line["info"].strip() for line in lines[1::2]):
        return None
    return next(
        (line for line in lines if _closes(line, block) and (not line["info"].strip() or _tag(line["info"]) in tags)),
        None,
    )


def _closes(line: re.Match[str], block: Block) -> bool:
    """Tell whether this line closes the block by the rules of Markdown."""
    deeper = len(line["lead"].expandtabs(4)) - len(block.lead.expandtabs(4))
    return line["fence"].startswith(block.fence) and deeper <= MOST_DEEPER


def _tag(info: str) -> str:
    found = TAG.match(info)
    return found[1].lower() if found else ""

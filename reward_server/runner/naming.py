"""Which files of the test the submission knows: those that the test has named to it.

A name that the submission says first does not count: otherwise it could make the test say the name of any file. Nor is
such a file opened on its behalf. The test has said a name first if it stands in a message or in a file that was shown.

Runs in the judge's process.
"""

from __future__ import annotations

import json
import re
from os import fsdecode, fsencode
from posixpath import basename, dirname, join, normpath, splitext
from typing import TYPE_CHECKING, Any

from reward_server.runner import containment, scratch, values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

TEMPORARY = f"{scratch.ROOT}/tmp"
"""Where `tmp_path` and `tempfile` lie."""
WHOLE = frozenset({scratch.ROOT, TEMPORARY})
"""Folders that are never shown as a whole."""
PATHS = re.compile(re.escape(scratch.ROOT.encode()) + rb'[^"]*')
HEX = re.compile("(?:[0-9a-f]{2})*")
END_OF_PATH = re.compile(r"[\s,:;'=|&]")


class Names:
    """The files of the test, by absolute path."""

    def __init__(self, own: Collection[str]) -> None:
        """`own`: the names of the problem's data files."""
        self.own = {f"{scratch.ROOT}/{name}": name.encode() for name in own}
        self.told: set[str] = set()
        """Files and folders that the test has named to the submission."""
        self.unshown: set[str] = set()
        """Files that the submission had not been shown when its turn began."""
        self.folders: set[str] = set()
        """Those that hold such files."""
        self.spoken: set[str] = set()
        """Such files whose name stands in something that the test has said."""
        self.guessed: set[str] = set()
        """Such files and folders that the submission has named first, in the current test."""
        self.given: set[str] = set()
        """Paths of such files that it has given the current test."""
        self.made: set[str] = set()
        """Files that the test's code has created on behalf of the submission."""

    def begin_test(self) -> None:
        self.guessed.clear()
        self.given.clear()

    def tell(self, text: bytes) -> None:
        """Note what a message of the test names."""
        found = paths_in(text) | {path for path, name in self.own.items() if name in text}
        self.told |= {path for path in found if not self.is_closed(path)}

    def is_told(self, path: str) -> bool:
        """Whether the test has named this file, or a folder that holds it; of its data files, the file itself."""
        if path in self.told or path in self.own:
            return path in self.told
        folder = dirname(path)
        while folder not in WHOLE:
            if folder in self.told:
                return True
            folder = dirname(folder)
        return False

    def withhold(self, unshown: set[str], said: Iterable[bytes]) -> None:
        """These files are not shown in the submission's next turn. `said`: what the test has said to begin it."""
        self.unshown = unshown - self.made
        self.folders = {folder for path in self.unshown for folder in folders_of(path)}
        names = {path: name_of(path) for path in self.unshown - self.spoken - self.guessed}
        for text in said if names else ():
            self.spoken |= {path for path, name in names.items() if has_word(text, name)}

    def hear(self, message: list[Any], here: str, theirs: Collection[str] = ()) -> None:
        """Note which files a message of the submission names that it does not know.

        `here`: the working folder. `theirs`: the files that the submission has made: a bare name may mean one.
        """
        if not self.unshown:
            return
        text = values.dumps(message)
        self.guessed |= (paths_in(text) & (self.unshown | self.folders)) - self.told - self.spoken
        names = {path: name_of(path) for path in self.unshown - self.spoken}
        found = {path: name for path, name in names.items() if may_hold(text, name)}
        if found:
            self.hear_strings(message, found, here, {basename(path) for path in theirs})

    def hear_strings(self, message: list[Any], found: dict[str, str], here: str, theirs: set[str]) -> None:
        """Look for these names, by path, in the strings of a message."""
        for said in strings_in(message):
            last = basename(normpath(said))
            named = {
                path for path, name in found.items() if last in (name, basename(path)) or self.is_own_in(path, said)
            }
            self.guessed |= named
            place = normpath(join(here, said))
            if (said.startswith("/") or last not in theirs) and any(self.is_place(place, path) for path in named):
                self.given.add(place)

    def is_own_in(self, path: str, said: str) -> bool:
        """Whether a text holds the name of a data file, by which `tell` would take it as named."""
        return path in self.own and basename(path) in said

    def is_place(self, place: str, path: str) -> bool:
        """Whether a place is that of a file. Data files also lie beside the test code."""
        beside = path in self.own and place.startswith(f"{containment.JUDGE_BOX}/")
        return place == path or (beside and basename(place) == basename(path))

    def is_closed(self, path: str) -> bool:
        """Whether it is, or holds, what the submission has named first."""
        return path in self.guessed and (path in self.unshown or path in self.folders)

    def is_kept(self, path: str) -> bool:
        """Whether a file or folder is closed, or a file lies in a folder that is."""
        within = self.guessed.intersection(folders_of(path)) if path in self.unshown - self.spoken else ()
        return self.is_closed(path) or bool(within)


def paths_in(text: bytes) -> set[str]:
    """The paths below the root that a message holds."""
    found = set()
    for each in PATHS.findall(text):
        try:
            path = json.loads(b'"' + each + b'"')
        except ValueError:
            continue
        found |= {normpath(path), normpath(END_OF_PATH.split(path)[0])}
    return found


def folders_of(path: str) -> Iterator[str]:
    while path != scratch.ROOT:
        path = dirname(path)
        yield path


def name_of(path: str) -> str:
    return splitext(basename(path))[0]


def has_word(text: bytes, name: str) -> bool:
    """Whether the name stands in a text as a word of its own."""
    word = fsencode(name)
    return word in text and re.search(rb"(?<!\w)" + re.escape(word) + rb"(?!\w)", text) is not None


def may_hold(text: bytes, name: str) -> bool:
    """Whether the name may be part of a string, or of bytes, in a message."""
    return json.dumps(name)[1:-1].encode() in text or fsencode(name).hex().encode() in text


def strings_in(message: list[Any]) -> Iterator[str]:
    """The strings of a message, and its bytes as names of files."""
    queue: list[Any] = [message]
    while queue:
        match queue.pop():
            case ["b", str(digits)] if HEX.fullmatch(digits):
                yield fsdecode(bytes.fromhex(digits))
            case str(text):
                yield text
            case list(parts):
                queue += parts

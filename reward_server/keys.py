"""The keys that open the server, as a file that people edit.

One key a line, `#` begins a comment:

    alice  sha256:4f5e...  max_queued=2000 max_requests=16

Promises: the file holds no key, only digests; a change is seen within a second, without a restart; a file that is
broken or gone changes nothing, and is logged; how long a look-up takes tells nothing about the keys.

Why no slow hash: it is for words that people choose. A key is 256 random bits; nobody finds one by trying.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reward_server.errors import BadSetting

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
LIMIT: Final = re.compile(r"(max_queued|max_requests)=([1-9][0-9]{0,8})")
KEY_BYTES: Final = 32
LOOK_S: Final = 1.0
"""How often the file is looked at."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key: not the key."""

    name: str
    digest: bytes
    max_queued: int | None = None
    """None where the settings decide."""
    max_requests: int | None = None

    def line(self) -> str:
        limits = {"max_queued": self.max_queued, "max_requests": self.max_requests}
        told = [f"{name}={value}" for name, value in limits.items() if value is not None]
        return "  ".join([self.name, f"sha256:{self.digest.hex()}", *told])


def new_key() -> str:
    return f"passrate_{secrets.token_urlsafe(KEY_BYTES)}"


def digest_of(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def read_keys(text: str) -> tuple[Key, ...]:
    """Read the text of a keys file. Raises: BadSetting that names the line, and repeats nothing of it."""
    keys: dict[str, Key] = {}
    if not text.strip():
        # An editor empties a file before it writes it. To shut everybody out, leave a comment in it.
        raise BadSetting("it is empty: `passrate keys add NAME` makes a key")
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        digest = DIGEST.fullmatch(words[1]) if len(words) > 1 else None
        limits = [LIMIT.fullmatch(word) for word in words[2:]]
        if not NAME.fullmatch(words[0]) or digest is None or not all(limits):
            raise BadSetting(f"line {number} is not `NAME sha256:DIGEST [max_queued=N] [max_requests=N]`")
        if words[0] in keys:
            raise BadSetting(f"line {number} has the name of an earlier one")
        given = {limit[1]: int(limit[2]) for limit in limits if limit}
        keys[words[0]] = Key(words[0], bytes.fromhex(digest[1]), **given)
    return tuple(keys.values())


class KeyRing:
    """The keys of a file, as they are now."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises: BadSetting."""
        self._path = path
        self._state = self._look()
        try:
            self._keys = read_keys(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, BadSetting) as error:
            raise BadSetting(f"PASSRATE_API_KEYS_FILE: {path}: {_cause(error)}") from None
        self._looked_at = time.monotonic()

    def find(self, key: str) -> Key | None:
        """Return what is known of a key; None if it opens nothing here."""
        self._refresh()
        digest, found = digest_of(key), None
        for known in self._keys:  # all of them, whichever it is
            if hmac.compare_digest(known.digest, digest):
                found = known
        return found

    def names(self) -> list[str]:
        """The names of all keys, as they are now."""
        self._refresh()
        return self._names()

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        state = self._look()
        if state == self._state:
            return
        self._state = state
        try:
            self._keys = read_keys(self._path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, BadSetting) as error:
            log.error("keys_unreadable", extra={"file": str(self._path), "cause": _cause(error), "kept": self._names()})  # noqa: TRY400
        else:
            log.warning("keys_changed", extra={"file": str(self._path), "keys": self._names()})

    def _look(self) -> tuple[int, ...] | None:
        try:
            seen = self._path.stat()
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino

    def _names(self) -> list[str]:
        return [key.name for key in self._keys]


def _cause(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)

"""Argument parsers that say what is wrong in one line, and which option was meant."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

NEGATIVE_NUMBER = re.compile(r"-\.?\d")


class UsageError(Exception):
    """What was asked for makes no sense: the message names the option and the fix."""


class OneLineParser(argparse.ArgumentParser):
    """Also a mixin for parsers that derive from argparse's."""

    def error(self, message: str) -> NoReturn:
        fail(self.prog, message)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        # Before argparse looks: it would complain first of the required option that the misspelt one was to be.
        self._refuse_unknown(sys.argv[1:] if args is None else args)
        parsed: tuple[Any, list[str]] = super().parse_known_args(args, namespace)
        return parsed

    def _refuse_unknown(self, args: Sequence[str]) -> None:
        for arg in args:
            if arg == "--" or (self._subparsers is not None and not arg.startswith("-")):
                return  # what follows are no options, or those of a command
            name = arg.partition("=")[0]
            if not name.startswith("-") or name == "-" or NEGATIVE_NUMBER.match(name):
                continue
            if name not in self._option_string_actions:
                self.error(f"{name}: no such option; {meant(name, self._option_string_actions)}")


def meant(name: str, known: Sequence[str] | dict[str, Any]) -> str:
    """Say which name was meant, or where none is close, point to the help."""
    closest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {closest[0]}?" if closest else "see --help"


def fail(program: str, message: object, code: int = 2) -> NoReturn:
    """Print one line to stderr and exit."""
    sys.stderr.write(f"{program}: {one_line(message)}\n")
    raise SystemExit(code)


def one_line(text: object) -> str:
    return " ".join(str(text).split())


def whole_number(text: str) -> int:
    """Read a number of at least 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: must be an integer >= 1")
    return int(text)


def whole_numbers(text: str) -> tuple[int, ...]:
    """Read numbers of at least 1, by comma."""
    return tuple(sorted({whole_number(part.strip()) for part in text.split(",")}))


def server_url(text: str) -> str:
    """Read the URL of a server, or several by comma."""
    for url in text.split(","):
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            message = f"{url!r} is not the URL of a server; give one such as http://127.0.0.1:8000"
            raise argparse.ArgumentTypeError(message)
    return text


def seconds(text: str) -> float:
    """Read a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: must be a number above 0")
    return value


def temperature(text: str) -> float:
    """Read a number of at least 0."""
    return 0.0 if text in ("0", "0.0") else seconds(text)


def share(text: str) -> float:
    """Read a number above 0 and of at most 1."""
    value = seconds(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: must be a number above 0 and at most 1")
    return value

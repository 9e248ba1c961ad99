"""numpy's arrays and scalars as plain values: a type, a shape and bytes. Loads numpy only to make one that arrives.

Covered: booleans, numbers, text, bytes, dates and spans of time, in any shape. Not covered: arrays of objects or of
records, masked arrays and matrices: they stay where they are, as other objects do.
"""

from __future__ import annotations

import binascii
import contextlib
import importlib
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = frozenset("biufcSUMm")
NAME = re.compile(r"[<>|][biufcSUMm]\d{1,9}(\[\d{0,9}[A-Za-z]{1,2}\])?")
"""What the text of such a type looks like."""


class Unarranged(ValueError):
    """What arrived is no array."""


def is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is getattr(numpy, "ndarray", None) and value.dtype.kind in KINDS


def is_scalar(value: Any) -> bool:
    if type(value).__module__ != "numpy":
        return False
    generic: Any = getattr(sys.modules.get("numpy"), "generic", ())
    return isinstance(value, generic) and value.dtype.kind in KINDS


def crosses(value: Any) -> bool:
    """Whether it is one of numpy's values that go as plain ones."""
    return is_array(value) or is_scalar(value)


def encode(value: Any) -> list[Any]:
    """What stands for an array, or a scalar, of one of our kinds."""
    data = binascii.b2a_base64(value.tobytes(), newline=False).decode("ascii")
    if is_scalar(value):
        return ["ns", value.dtype.str, data]
    return ["na", value.dtype.str, list(value.shape), data]


def decode(name: str, shape: list[int], data: str) -> Any:
    """Make an array. Raises: Unarranged."""
    numpy, kind = numpy_type(name)
    with arriving():
        raw = binascii.a2b_base64(data, strict_mode=True)
        flat = numpy.frombuffer(raw, kind) if raw else numpy.empty(0, kind)
        if kind.kind == "b":  # a byte of 2 would be neither equal to True nor false
            flat = flat.view("u1") != 0
        return numpy.broadcast_to(flat.reshape(shape), shape).copy()  # which, unlike reshape, takes no -1


def decode_scalar(name: str, data: str) -> Any:
    """Make a scalar. Raises: Unarranged."""
    return decode(name, [], data)[()]


def fill(value: Any, new: Any) -> None:
    """Make an array hold what another one holds. Raises: ValueError where it cannot.

    Its memory stays where it is, as views of the test may look at it.
    """
    if value.dtype != new.dtype or value.size != new.size:
        raise ValueError("an array of another type or size than it was")
    if value.shape != new.shape:
        value.shape = new.shape
    value[...] = new


def numpy_type(name: str) -> tuple[Any, Any]:
    """Raises: Unarranged for a type that is none of ours, or without numpy."""
    if NAME.fullmatch(name) is None:
        raise Unarranged("an array of a type that does not cross")
    with arriving():
        numpy = importlib.import_module("numpy")
        return numpy, numpy.dtype(name)


@contextlib.contextmanager
def arriving() -> Iterator[None]:
    """What goes wrong in the block is Unarranged."""
    try:
        yield
    except (ImportError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise Unarranged(f"an array did not arrive in one piece: {type(error).__name__}") from None

"""The special methods that may be called across the wall, by what they are."""

from __future__ import annotations

ARITHMETIC = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow", "matmul"),
    *("and", "or", "xor", "lshift", "rshift"),
)
COMPARISONS = frozenset(("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__"))
OPERATORS = COMPARISONS | {f"__{prefix}{name}__" for prefix in ("", "r", "i") for name in ARITHMETIC}
"""Those between an object and another value, which may be what a test expects."""
FORWARDED = OPERATORS | frozenset(
    f"__{name}__"
    for name in (
        *("len", "iter", "next", "bool", "int", "float", "complex", "index", "str", "repr", "bytes", "format", "hash"),
        *("neg", "pos", "abs", "invert", "round", "trunc", "floor", "ceil", "reversed", "enter", "exit", "call"),
        *("getitem", "setitem", "delitem", "aenter", "aexit", "aiter", "anext", "await"),
    )
)

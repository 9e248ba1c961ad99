"""The special methods that may be called across the wall, by what they are."""

from __future__ import annotations

import decimal

ARITHMETIC = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow", "matmul"),
    *("and", "or", "xor", "lshift", "rshift"),
)
COMPARISONS = frozenset(("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__"))
OPERATORS = COMPARISONS | {f"__{prefix}{name}__" for prefix in ("", "r", "i") for name in ARITHMETIC}
"""Those between an object and another value, which may be what a test expects."""
UNDECIDING = frozenset(
    (
        *("__lt__", "__le__", "__gt__", "__ge__"),
        *(f"__{prefix}{name}__" for prefix in ("", "r", "i") for name in ("add", "mul", "pow", "matmul", "lshift")),
    )
)
"""Those whose plain operand is hardly what the test expects: what equals or contains it is not among them, nor what
gives 0 for the expected value, such as a difference or a remainder."""
FORWARDED = OPERATORS | frozenset(
    f"__{name}__"
    for name in (
        *("len", "iter", "next", "bool", "int", "float", "complex", "index", "str", "repr", "bytes", "format", "hash"),
        *("neg", "pos", "abs", "invert", "round", "trunc", "floor", "ceil", "reversed", "enter", "exit", "call"),
        *("getitem", "setitem", "delitem", "aenter", "aexit", "aiter", "anext", "await"),
    )
)
DESCRIPTORS = frozenset({"__get__", "__set__", "__delete__", "__set_name__"})
"""What a class of the test asks of an object of the submission that it holds."""

PREDICATES = (
    {name for kind in (str, bytes) for name in dir(kind) if name.startswith(("is", "startswith", "endswith"))}
    | {name for kind in (set, int, float, complex, decimal.Decimal) for name in dir(kind) if name.startswith("is")}
    | {"all", "any", "equals", "isin", "isna", "isnull", "notna", "notnull", "empty", "array_equal", "allclose"}
    | {"is_unique", "is_monotonic_increasing", "is_monotonic_decreasing", "is_relative_to", "between"}
    | {f"is_{kind}" for kind in ("absolute", "file", "dir", "private", "global", "loopback", "multicast")}
)
"""Methods and attributes by which plain values say yes or no: an object in their place could always say yes."""
ASKING = frozenset(
    (
        *("compare", "count", "difference", "find", "index", "intersection", "removeprefix", "removesuffix", "rfind"),
        *("rindex", "setdefault", "symmetric_difference", "union"),
    )
)
"""Methods by which a plain value answers a question, whose argument may tell an object what is expected."""
LIBRARY_BASES = {
    "collections.abc": frozenset(
        (
            *("Mapping", "MutableMapping", "Sequence", "MutableSequence", "Set", "MutableSet", "Iterable", "Iterator"),
            *("Collection", "Container", "Sized", "Hashable", "Reversible", "Callable", "Generator", "Awaitable"),
            *("Coroutine", "AsyncIterable", "AsyncIterator"),
        )
    ),
    "numbers": frozenset({"Number", "Complex", "Real", "Rational", "Integral"}),
}
"""Abstract classes of the library, by module: a proxy class is registered with those that its class derives from."""
LIBRARY_HOMES = {("collections.abc", name) for name in ("Mapping", "MutableMapping", "Sequence", "Set")} | {
    ("collections", name) for name in ("UserDict", "UserList", "UserString")
}
"""Classes of the library whose methods need nothing but the items of an object, and are the same on both sides."""
OF_EXCEPTIONS = COMPARISONS - {"__contains__"} | frozenset(
    f"__{name}__" for name in ("str", "repr", "format", "hash", "len", "iter", "getitem", "bool", "int", "float")
)
"""Those that an exception of the submission may have."""

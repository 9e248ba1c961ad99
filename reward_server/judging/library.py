"""Names of Python's library that test code uses without an import: the judge imports them itself."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reward_server.judging.asserts import Check

ALIASES: Final = {
    "np": "numpy",
    "numpy": "numpy",
    "pd": "pandas",
    "pandas": "pandas",
    "sympy": "sympy",
    "scipy": "scipy",
}
ALWAYS: Final = {
    "collections": ("ChainMap", "Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"),
    "copy": ("deepcopy",),
    "dataclasses": ("dataclass",),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "math": ("isclose", "isinf", "isnan"),
    "types": ("SimpleNamespace",),
}
"""Names that are the library's wherever the test also uses another name of the submission."""
CONSTANTS: Final = frozenset({"inf", "nan", "pi"})
"""Of `math`, where they are not called."""
OFTEN: Final = (
    "math",
    "itertools",
    "functools",
    "heapq",
    "bisect",
    "statistics",
    "operator",
    "random",
    "string",
    "datetime",
)
"""Modules whose other names are the library's where it is known what else the submission defines."""
NUMPY: Final = {
    **dict.fromkeys(("allclose", "array_equal"), "numpy"),
    **dict.fromkeys(
        ("assert_allclose", "assert_almost_equal", "assert_array_almost_equal", "assert_array_equal"), "numpy.testing"
    ),
}
"""Names that are numpy's under the same condition."""
DISTINCT: Final = frozenset(
    (
        *("atan2", "ceil", "cos", "factorial", "floor", "gcd", "hypot", "isqrt", "lcm", "log10", "log2", "radians"),
        *("sin", "sqrt", "tan", "accumulate", "groupby", "islice", "product", "zip_longest", "cmp_to_key", "lru_cache"),
        *("partial", "reduce", "wraps", "bisect_left", "bisect_right", "insort", "heapify", "heappop", "heappush"),
        *("nlargest", "nsmallest", "fmean", "mean", "median", "pstdev", "stdev", "itemgetter", "randint"),
        *("ascii_letters", "ascii_lowercase", "ascii_uppercase", "date", "datetime", "timedelta", "timezone", *NUMPY),
    )
)
"""Those of these names that hardly mean anything else, unlike `merge` or `repeat`: they need no entry point."""


def homes(
    names: frozenset[str],
    looked_into: frozenset[str],
    called: frozenset[str],
    entry_point: str | None,
    checks: Iterable[Check] = (),
) -> dict[str, tuple[str, str]]:
    """Module and attribute of the names that come from the library; an empty attribute stands for the module itself.

    `names`: what the test code uses, neither defines nor imports, and the setup does not define. Without an entry
    point, a name is the submission's where the library alone would leave it nothing to define, and where a check calls
    it by no other name than the library's: `assert gcd(4, 6) == 2` tests `gcd`.
    """
    entry = (entry_point or "").partition(".")[0]
    certain = {name: home for name in names - {entry} if (home := certain_home(name, name in looked_into)) is not None}
    certain |= {name: ("math", name) for name in (CONSTANTS & names) - called - {entry}}
    left = names - {entry} - certain.keys() - CONSTANTS
    often = {name: home for name in left if (home := often_home(name)) is not None}
    if entry_point:
        return {**certain, **often}
    often = {name: home for name, home in often.items() if name in DISTINCT}
    if left - often.keys():
        found = {**certain, **often}
    else:
        found = certain if left else {name: home for name, home in certain.items() if not home[1]}
    tested = {name for check in checks if check.names <= found.keys() for name in check.called}
    return {name: home for name, home in found.items() if name not in tested}


def certain_home(name: str, looked_into: bool) -> tuple[str, str] | None:
    if name in ALIASES:
        return ALIASES[name], ""
    if looked_into and name in sys.stdlib_module_names:
        return name, ""
    return certain_names().get(name)


@cache
def certain_names() -> dict[str, tuple[str, str]]:
    typing = {name: ("typing", name) for name in importlib.import_module("typing").__all__ if name[0].isupper()}
    return {**typing, **{name: (module, name) for module, names in ALWAYS.items() for name in names}}


@cache
def often_names() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for module in OFTEN:
        held = vars(importlib.import_module(module))
        public = held.get("__all__") or [name for name in held if not name.startswith("_")]
        for name in public:
            if type(held[name]) is not type(sys):
                found.setdefault(name, (module, name))
    return {**{name: (module, name) for name, module in NUMPY.items()}, **found}


def often_home(name: str) -> tuple[str, str] | None:
    return often_names().get(name)

"""Which package that takes long to import a program or its tests ask for: they run from a process that has it already.

Only time depends on it. A package that the text names and the program does not import is loaded and not to be seen; one
that is imported in another way, or is not here, is imported as always.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

SLOW: Final = {"pandas": ("pandas",), "sympy": ("sympy",), "numpy": ("numpy", "scipy")}
"""By package, the names whose import takes long without it. Of two that are named the first is taken: it loads more."""
IMPORTS: Final = {
    package: re.compile(
        rf"^[ \t\f]*+(?:import\s[^#\n]*\b(?:{'|'.join(names)})\b|from\s+(?:{'|'.join(names)})\b)", re.MULTILINE
    )
    for package, names in SLOW.items()
}


def slow_package(code: str, *of_problem: str) -> str:
    """Name the package of a submission and its problem's sources; empty where there is none."""
    named = {package_of(code), *map(known_package_of, of_problem)}
    return next((package for package in SLOW if package in named), "")


def package_of(source: str) -> str:
    for package, names in SLOW.items():
        for name in names:
            if name in source and IMPORTS[package].search(source):
                return package
    return ""


known_package_of: Final = lru_cache(maxsize=1024)(package_of)
"""The same for what many submissions share."""

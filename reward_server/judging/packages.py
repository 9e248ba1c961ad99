"""Which package that takes long to import a program or its tests ask for: they run from a process that has it already.

Only time depends on it. A package that the text names and the program does not import is loaded and not to be seen; one
that is imported in another way, or is not here, is imported as always.
"""

from __future__ import annotations

import re
from typing import Final

SLOW: Final = {"pandas": ("pandas",), "sympy": ("sympy",), "numpy": ("numpy", "scipy")}
"""By package, the names whose import takes long without it. Of two that are named the first is taken: it loads more."""
IMPORTS: Final = {
    package: re.compile(
        rf"^[ \t\f]*+(?:import\s[^#\n]*\b(?:{'|'.join(names)})\b|from\s+(?:{'|'.join(names)})\b)", re.MULTILINE
    )
    for package, names in SLOW.items()
}


def slow_package(*sources: str) -> str:
    """Name the package of these sources; empty where there is none."""
    for package, names in SLOW.items():
        for name in names:
            for source in sources:
                if name in source and IMPORTS[package].search(source):
                    return package
    return ""

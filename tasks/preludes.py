"""Names that a judging site imports for every program, and that its users' programs therefore do not."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal

Prelude = Literal["leetcode"]

# `collections` after `typing`, whose `Counter` is an alias. Modules after names: people write `bisect.bisect_left`.
LEETCODE: Final = """\
from typing import *
from bisect import *
from collections import *
from functools import *
from heapq import *
from itertools import *
from operator import *
from math import *
from string import *
import bisect, collections, copy, datetime, functools, heapq, itertools, math, operator, random, re, string, sys
"""
PRELUDES: Final[dict[Prelude, str]] = {"leetcode": LEETCODE}


@cache
def names_of(prelude: Prelude | None) -> frozenset[str]:
    """The names that a prelude imports."""
    namespace: dict[str, Any] = {}
    exec(PRELUDES[prelude] if prelude is not None else "", namespace)  # noqa: S102 - the text above
    return frozenset(namespace) - {"__builtins__"}

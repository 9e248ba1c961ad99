"""Twelve little problems of whole programs, of 20 cases each: what starts a program for each case pays 20 times.

Promises: the same cases in every run; what is expected is what the reference prints.
"""

from __future__ import annotations

import contextlib
import io
import sys
from random import Random
from typing import TYPE_CHECKING

from tasks.schema import Problem, StdioCase, StdioTests

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = 20
LETTERS = "abcdefghij"


def numbers(rng: Random) -> str:
    return " ".join(str(rng.randint(-99, 99)) for _ in range(rng.randint(3, 40)))


def whole(rng: Random) -> str:
    return str(rng.randint(1, 5000))


def pair(rng: Random) -> str:
    return f"{rng.randint(1, 10**6)} {rng.randint(1, 10**6)}"


def words(rng: Random) -> str:
    return " ".join("".join(rng.choices(LETTERS, k=rng.randint(1, 6))) for _ in range(rng.randint(2, 30)))


def grid(rng: Random) -> str:
    width = rng.randint(2, 8)
    return "\n".join("".join(rng.choices(".#", k=width)) for _ in range(rng.randint(2, 8)))


REFERENCES: dict[str, tuple[Callable[[Random], str], str]] = {
    "sum-and-spread": (
        numbers,
        """
xs = list(map(int, input().split()))
print(sum(xs), max(xs) - min(xs))
""",
    ),
    "running-maxima": (
        numbers,
        """
best = None
for x in map(int, input().split()):
    best = x if best is None else max(best, x)
    print(best)
""",
    ),
    "distinct-in-order": (
        numbers,
        """
print(*dict.fromkeys(input().split()))
""",
    ),
    "best-slice": (
        numbers,
        """
best = here = None
for x in map(int, input().split()):
    here = x if here is None else max(x, here + x)
    best = here if best is None else max(best, here)
print(best)
""",
    ),
    "inversions": (
        numbers,
        """
xs = list(map(int, input().split()))
print(sum(xs[i] > xs[j] for i in range(len(xs)) for j in range(i + 1, len(xs))))
""",
    ),
    "prime-factors": (
        whole,
        """
n, d, found = int(input()), 2, []
while d * d <= n:
    while n % d == 0:
        found.append(d)
        n //= d
    d += 1
print(*found, *([n] if n > 1 else []))
""",
    ),
    "collatz-steps": (
        whole,
        """
n, steps = int(input()), 0
while n != 1:
    n = n // 2 if n % 2 == 0 else 3 * n + 1
    steps += 1
print(steps)
""",
    ),
    "common-divisor": (
        pair,
        """
import math
a, b = map(int, input().split())
print(math.gcd(a, b), a * b // math.gcd(a, b))
""",
    ),
    "in-base-seven": (
        whole,
        """
n, digits = int(input()), ''
while n:
    n, digit = divmod(n, 7)
    digits = str(digit) + digits
print(digits)
""",
    ),
    "word-tally": (
        words,
        """
from collections import Counter
for word, count in sorted(Counter(input().split()).items()):
    print(word, count)
""",
    ),
    "longest-word": (
        words,
        """
print(max(input().split(), key=len).capitalize())
""",
    ),
    "islands": (
        grid,
        """
import sys
rows = sys.stdin.read().split()
left = {(r, c) for r, row in enumerate(rows) for c, cell in enumerate(row) if cell == '#'}
islands = 0
while left:
    islands += 1
    reached = [left.pop()]
    while reached:
        r, c = reached.pop()
        for near in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
            if near in left:
                left.remove(near)
                reached.append(near)
print(islands)
""",
    ),
}
"""By name: what makes an input, and the program."""


def stdio_problems() -> list[Problem]:
    made = []
    for name, (make_input, reference) in REFERENCES.items():
        rng = Random(name)
        stdins = [make_input(rng) + "\n" for _ in range(CASES)]
        cases = tuple(StdioCase(stdin=stdin, stdout=printed(reference, stdin)) for stdin in stdins)
        made.append(Problem(id=name, tests=StdioTests(kind="stdio", cases=cases), reference=reference))
    return made


def printed(source: str, stdin: str) -> str:
    """What a program of ours prints. It runs here, in this process."""
    output, before = io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(stdin)
    try:
        with contextlib.redirect_stdout(output):
            exec(compile(source, "reference", "exec"), {"__name__": "__main__"})
    finally:
        sys.stdin = before
    return output.getvalue()

"""Plain values, whatever their type, size or nesting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case members_that_are_numbers_and_texts]
from enum import Enum, IntEnum
class Level(IntEnum):
    LOW = 1
    HIGH = 3
    def other(self): return Level.LOW if self is Level.HIGH else Level.HIGH
class Mode(str, Enum):
    READ = "r"
    WRITE = "w"
def level(n): return Level.HIGH if n > 5 else Level.LOW
def mode(writes): return Mode.WRITE if writes else Mode.READ
[tests]
assert level(9) == 3 and level(1) == Level.LOW and level(9) is Level.HIGH
assert level(9) > 2 and 2 < level(9) and level(1) != 3 and level(9) == 3.0
assert level(1) + 1 == 2 and 1 + level(1) == 2 and 2.5 * level(9) == 7.5
assert [level(9), level(1)] == [3, 1] and {3: "c"}[level(9)] == "c"
assert level(1).other().name == "HIGH"
assert mode(True) == "w" and mode(False).value == "r" and mode(True) in ("w", "x") and "w" in mode(True)
assert mode(False) is Mode.READ and Mode("w") == Mode.WRITE and Mode.READ + "w" == "rw"
[case special_numbers]
def nan(): return float("nan")
def signed_zero(x): return -0.0 * x
def inf(): return [float("inf"), float("-inf")]
def huge(n): return 7 ** n
def third(): return 1 / 3
def z(): return complex(1, -0.0)
[tests]
import math
assert nan() != nan() and math.isnan(nan())
assert math.copysign(1, signed_zero(1)) == -1.0
assert inf() == [math.inf, -math.inf]
assert huge(6000) == 7 ** 6000
assert huge(20000) % 10 ** 9 == pow(7, 20000, 10 ** 9)
assert abs(third() - 0.3333333333) < 1e-9
assert round(third(), 3) == 0.333
assert math.isclose(third() * 3, 1, rel_tol=1e-9)
assert z() == 1 and type(z()) is complex
[case truth_is_not_one]
def positive(x): return x > 0
def count(xs): return sum(x > 0 for x in xs)
def nothing(): pass
[tests]
assert positive(1) is True
assert positive(-1) is False
assert type(count([1, 2])) is int and count([1]) == 1
assert nothing() is None
assert isinstance(positive(1), bool) and not isinstance(count([1]), bool)
[case text_of_every_kind]
def same(s): return s
def upper(s): return s.upper()
def raw(s): return s.encode("utf-8", "surrogatepass")
def joined(*parts): return "".join(parts)
[tests]
assert same("\ud800 \x00 \u2028") == "\ud800 \x00 \u2028"
assert upper("straße") == "STRASSE"
assert raw("é\U0001f600") == b"\xc3\xa9\xf0\x9f\x98\x80"
assert joined("a\r\n", "\t\f", "'\"\\") == "a\r\n\t\f'\"\\"
assert same("ﬁ") != "fi" and len(same("e\u0301")) == 2
assert same(bytes(range(256))) == bytes(range(256))
assert type(same(bytearray(b"x"))) is bytearray
[case sets_tuples_and_keys]
def pairs(n): return {(i, j) for i in range(n) for j in range(i)}
def groups(words):
    out = {}
    for w in words: out.setdefault(frozenset(w), []).append(w)
    return out
def nested(): return ((1, (2, [3, {4}])), {None: {(1, 2): frozenset({3})}})
def ordered(): return {"z": 1, "a": 2, "m": 3}
[tests]
assert pairs(3) == {(1, 0), (2, 0), (2, 1)}
assert groups(["ab", "ba", "c"])[frozenset("ab")] == ["ab", "ba"]
assert nested() == ((1, (2, [3, {4}])), {None: {(1, 2): frozenset({3})}})
assert isinstance(nested(), tuple) and isinstance(nested()[1][None][(1, 2)], frozenset)
assert list(ordered()) == ["z", "a", "m"]
assert list(ordered().items())[0] == ("z", 1)
assert {1: "i", 1.5: "f", "1": "s", b"1": "b"} == {**{1: "i", 1.5: "f"}, "1": "s", b"1": "b"}
[case large_values]
def text(n): return "é" * n
def numbers(n): return list(range(n))
def total(xs): return sum(xs)
def table(n): return {i: str(i) for i in range(n)}
def blob(n): return bytes(n)
[tests]
assert len(text(5_000_000)) == 5_000_000
assert numbers(10 ** 6)[-1] == 10 ** 6 - 1
assert total(list(range(10 ** 6))) == 499999500000
assert len(table(100_000)) == 100_000
assert blob(10_000_000) == bytes(10_000_000)
[case deep_values]
def nest(n):
    out = []
    for _ in range(n): out = [out]
    return out
def depth(x):
    n = 0
    while x: x, n = x[0], n + 1
    return n
def flatten(x): return [z for y in x for z in (flatten(y) if isinstance(y, list) else [y])]
[tests]
assert depth([[[[]]]]) == 3
assert depth(nest(80)) == 80
assert flatten(nest(80)) == []
[case very_deep_values]
def nest(n):
    out = []
    for _ in range(n): out = [out]
    return out
def depth(x):
    n = 0
    while x: x, n = x[0], n + 1
    return n
[tests]
deep = nest(400)
assert depth(deep) == 400
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_value_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

"""Objects of the standard library, as results and as arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case collections_of_the_library]
from collections import Counter, OrderedDict, defaultdict, deque, ChainMap
def tally(s): return Counter(s)
def index(ws):
    d = defaultdict(list)
    for w in ws: d[w[0]].append(w)
    return d
def window(xs, n): return deque(xs, maxlen=n)
def ordered(): return OrderedDict([("b", 1), ("a", 2)])
def settings(): return ChainMap({"a": 1}, {"b": 2})
[tests]
from collections import Counter, OrderedDict, defaultdict, deque
assert tally("abca") == Counter("abca") and tally("aab").most_common(1) == [("a", 2)]
assert tally("a")["zzz"] == 0
assert index(["ab", "ac"]) == {"a": ["ab", "ac"]}
assert window(range(5), 2) == deque([3, 4]) and window([1], 3).maxlen == 3
assert ordered() != OrderedDict([("a", 2), ("b", 1)])
assert settings()["b"] == 2 and dict(settings()) == {"a": 1, "b": 2}
[case default_dict_keeps_its_default]
from collections import defaultdict
def index(ws):
    d = defaultdict(list)
    for w in ws: d[w[0]].append(w)
    return d
[tests]
from collections import defaultdict
assert index(["ab"])["a"] == ["ab"]
assert index(["ab"])["missing"] == []
assert isinstance(index([]), defaultdict)
[case view_of_keys_as_a_set]
def keys(d): return d.keys()
[tests]
assert keys({"a": 1}) == {"a"}
assert keys({"a": 1, "b": 2}) & {"a"} == {"a"}
[case views_ranges_and_buffers]
import array
def keys(d): return d.keys()
def items(d): return d.items()
def span(n): return range(0, n, 2)
def packed(xs): return array.array("i", xs)
def part(b): return memoryview(b)[1:3]
[tests]
assert span(10)[2] == 4 and 6 in span(10) and span(10) == range(0, 10, 2)
assert list(items({"a": 1})) == [("a", 1)]
assert sorted(keys({"b": 1, "a": 1})) == ["a", "b"]
assert list(packed([1, 2])) == [1, 2] and len(packed([1])) == 1
assert bytes(part(b"abcd")) == b"bc"
[case exact_numbers]
from decimal import Decimal
from fractions import Fraction
def vat(x): return (Decimal(x) * Decimal("1.20")).quantize(Decimal("0.01"))
def harmonic(n): return sum(Fraction(1, i) for i in range(1, n + 1))
[tests]
from decimal import Decimal
from fractions import Fraction
assert vat("9.99") == Decimal("11.99") and str(vat("10")) == "12.00"
assert vat("1").as_tuple().exponent == -2
assert harmonic(4) == Fraction(25, 12)
assert harmonic(2) == 1.5 and harmonic(3).numerator == 11
assert Decimal("NaN").is_nan() and vat("0.001") == 0
[case dates_and_times]
import datetime as dt
def next_month(d): return (d.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
def utc(y): return dt.datetime(y, 1, 1, 12, tzinfo=dt.timezone.utc)
def age(a, b): return b - a
def clock(): return dt.time(23, 59, 59, 999999)
[tests]
from datetime import date, datetime, time, timedelta, timezone
assert next_month(date(2024, 1, 31)) == date(2024, 2, 1)
assert utc(2024) == datetime(2024, 1, 1, 12, tzinfo=timezone.utc)
assert utc(2024).utcoffset() == timedelta(0) and utc(2024).isoformat().endswith("+00:00")
assert age(date(2024, 1, 1), date(2024, 3, 1)) == timedelta(days=60)
assert age(datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 1)).total_seconds() == 1
assert clock() == time.max
assert utc(2024).astimezone(timezone(timedelta(hours=2))).hour == 14
[case time_zone_itself]
import datetime as dt
def zone(hours): return dt.timezone(dt.timedelta(hours=hours))
[tests]
from datetime import datetime, timedelta, timezone
assert zone(2) == timezone(timedelta(hours=2))
assert datetime(2024, 1, 1, 12, tzinfo=timezone.utc).astimezone(zone(2)).hour == 14
[case objects_of_the_library]
import pathlib, re, types
def folder(p): return pathlib.PurePosixPath(p).parent
def first_word(s): return re.match(r"(?P<word>\w+)", s)
def pattern(): return re.compile(r"\d+")
def settings(): return types.SimpleNamespace(a=1, b=[2])
[tests]
assert first_word("hello you").group("word") == "hello"
assert first_word("?") is None
assert first_word("ab c").span() == (0, 2)
assert pattern().findall("a1b22") == ["1", "22"]
assert settings().a == 1 and settings().b == [2]
assert str(folder("/a/b")) == "/a"
[case library_objects_compared]
import ipaddress, pathlib, uuid
def folder(p): return pathlib.PurePosixPath(p).parent
def named(): return uuid.uuid5(uuid.NAMESPACE_DNS, "example.org")
def host(): return ipaddress.ip_address("10.0.0.1")
[tests]
import ipaddress, pathlib, uuid
assert folder("/a/b") == pathlib.PurePosixPath("/a")
assert str(named()) == str(uuid.uuid5(uuid.NAMESPACE_DNS, "example.org"))
assert named() == uuid.uuid5(uuid.NAMESPACE_DNS, "example.org")
assert host() == ipaddress.ip_address("10.0.0.1")
[case paths_and_patterns_as_arguments]
def words(path): return path.name.split(".")
def digits(pattern, text): return pattern.findall(text)
[tests]
import pathlib, re
assert digits(re.compile(r"\d"), "a1b2") == ["1", "2"]
assert words(pathlib.PurePosixPath("/x/a.txt")) == ["a", "txt"]
[case streams_as_arguments]
def lines(stream): return [line.strip() for line in stream]
def whole(stream): return stream.read().upper()
def emit(stream): stream.write("written")
[tests]
import io
assert lines(io.StringIO("a\nb\n")) == ["a", "b"]
assert whole(io.StringIO("abc")) == "ABC"
out = io.StringIO()
emit(out)
assert out.getvalue() == "written"
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_library_object_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

"""What catches or lets pass: context managers, exits and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case groups_of_exceptions]
def several(): raise ExceptionGroup("many", [ValueError("a"), KeyError("b")])
[tests]
seen = []
try:
    several()
except* ValueError as group:
    seen += [type(e).__name__ for e in group.exceptions]
except* KeyError as group:
    seen += [type(e).__name__ for e in group.exceptions]
assert seen == ["ValueError", "KeyError"]
[case context_managers]
from contextlib import contextmanager, suppress, closing, ExitStack
class Timer:
    def __enter__(self):
        self.state = "in"
        return self
    def __exit__(self, *exc):
        self.state = "out"
class Ignore:
    def __init__(self, *kinds): self.kinds = kinds
    def __enter__(self): return self
    def __exit__(self, kind, error, tb):
        self.error = error
        return kind is not None and issubclass(kind, self.kinds)
LOG = []
@contextmanager
def transaction():
    LOG.append("begin")
    try:
        yield "tx"
        LOG.append("commit")
    except ValueError:
        LOG.append("rollback")
def log(): return LOG
[tests]
with Timer() as t:
    assert t.state == "in"
assert t.state == "out"
with transaction() as tx:
    assert tx == "tx"
assert log() == ["begin", "commit"]
with transaction():
    raise ValueError("no")
assert log()[2:] == ["begin", "rollback"]
with Ignore(KeyError) as i:
    {}["k"]
assert isinstance(i.error, KeyError)
leaked = False
try:
    with Ignore(KeyError):
        raise ValueError
except ValueError:
    leaked = True
assert leaked
[case recursion_caught]
import sys
def forever(n): return forever(n + 1)
def safe():
    try:
        forever(0)
    except RecursionError:
        return "caught"
[tests]
assert safe() == "caught"
try:
    forever(0)
    assert False
except RecursionError:
    pass
assert safe() == "caught"
[case exits_and_ends]
import sys
def stop(code): sys.exit(code)
def end(): raise StopIteration("x")
[tests]
try:
    stop(3)
    assert False
except SystemExit as e:
    assert e.code == 3
try:
    end()
    assert False
except StopIteration as e:
    assert e.value == "x"
[case keyboard_interrupt]
def interrupt(): raise KeyboardInterrupt
[tests]
try:
    interrupt()
    assert False
except KeyboardInterrupt:
    pass
[case notes_and_library_details]
import json, subprocess
def noted():
    e = ValueError("x")
    e.add_note("more")
    raise e
def broken(): return json.loads("[1, }")
def missing(): return open("/no/such/file")
def decoded(): return b"\xff".decode("utf-8")
def key(): return {}["k"]
[tests]
import json
try:
    broken()
    assert False
except json.JSONDecodeError as e:
    assert e.pos == 4 and e.lineno == 1
try:
    missing()
    assert False
except FileNotFoundError as e:
    assert e.errno == 2 and e.filename == "/no/such/file"
try:
    decoded()
    assert False
except UnicodeDecodeError as e:
    assert e.start == 0 and e.encoding == "utf-8"
try:
    key()
    assert False
except LookupError as e:
    assert repr(e) == "KeyError('k')"
try:
    noted()
    assert False
except ValueError as e:
    assert e.__notes__ == ["more"]
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_what_is_raised_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

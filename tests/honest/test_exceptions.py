"""Exceptions: those of the submission, of the library and of the test, caught on either side and looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r'''
[case own_look_up_error]
class NotFound(KeyError): pass
class Shelf:
    def __init__(self): self.books = {}
    def find(self, name):
        if name not in self.books: raise NotFound(name)
        return self.books[name]
[tests]
s = Shelf()
try:
    s.find("x")
    assert False
except NotFound as e:
    assert e.args == ("x",)
def found(name):
    try: return s.find(name)
    except NotFound: return None
assert [found(n) for n in "ab"] == [None, None]
[case own_exception_with_attributes]
class BankError(Exception):
    """Base."""
class Overdrawn(BankError):
    def __init__(self, balance, amount):
        super().__init__(f"balance {balance} below {amount}")
        self.balance, self.amount = balance, amount
    @property
    def missing(self): return self.amount - self.balance
def withdraw(balance, amount):
    if amount > balance: raise Overdrawn(balance, amount)
    return balance - amount
[tests]
assert withdraw(5, 3) == 2
try:
    withdraw(5, 8)
    assert False, "nothing was raised"
except Overdrawn as e:
    assert e.balance == 5 and e.missing == 3
    assert str(e) == "balance 5 below 8"
    assert isinstance(e, BankError) and type(e) is Overdrawn
caught = False
try:
    withdraw(0, 1)
except BankError:
    caught = True
assert caught
[case own_exception_with_its_own_text]
class Failure(Exception):
    def __init__(self, code): self.code = code
    def __str__(self): return f"failure no. {self.code}"
def fail(): raise Failure(7)
[tests]
try:
    fail()
    assert False
except Failure as e:
    assert e.code == 7
    assert str(e) == "failure no. 7"
    assert f"{e}" == "failure no. 7"
[case cause_and_context]
class ParseError(ValueError): pass
def parse(s):
    try:
        return int(s)
    except ValueError as e:
        raise ParseError(f"bad {s!r}") from e
def quiet(s):
    try:
        return {}[s]
    except KeyError:
        raise ParseError("quiet") from None
[tests]
try:
    parse("x")
    assert False
except ParseError as e:
    assert isinstance(e.__cause__, ValueError)
    assert "invalid literal" in str(e.__cause__)
try:
    quiet("k")
    assert False
except ParseError as e:
    assert e.__cause__ is None
    assert e.__suppress_context__
[case exception_made_by_the_test]
class Stop(Exception):
    def __init__(self, why="none"):
        super().__init__(why)
        self.why = why
def reraise(e): raise e
def kind(e): return type(e).__name__
[tests]
e = Stop("now")
assert e.why == "now" and e.args == ("now",)
try:
    raise Stop("later")
except Stop as caught:
    assert caught.why == "later"
try:
    reraise(Stop("again"))
    assert False
except Stop as caught:
    assert caught.why == "again"
assert kind(ValueError("x")) == "ValueError"
[case exceptions_as_values]
def attempt(f):
    try:
        return f(), None
    except Exception as e:
        return None, e
def errors(xs):
    out = []
    for x in xs:
        try: out.append(int(x))
        except ValueError as e: out.append(e)
    return out
[tests]
value, error = attempt(lambda: 1 / 0)
assert value is None and isinstance(error, ZeroDivisionError)
assert attempt(lambda: 5) == (5, None)
good, bad = errors(["1", "x"])
assert good == 1 and isinstance(bad, ValueError)
assert "invalid literal" in str(bad)
[case exception_of_the_test_passes_through]
def call(f):
    try:
        return f()
    finally:
        done.append(1)
done = []
def count(): return len(done)
[tests]
class Boom(Exception): pass
def bad(): raise Boom("mine")
try:
    call(bad)
    assert False
except Boom as e:
    assert str(e) == "mine"
assert count() == 1
def key(): return {}["k"]
try:
    call(key)
    assert False
except KeyError as e:
    assert e.args == ("k",)
[case own_exception_of_a_callback]
class Retry(Exception): pass
def run(f, n=3):
    for _ in range(n):
        try:
            return f()
        except Retry:
            continue
    return "gave up"
[tests]
tries = []
def flaky():
    tries.append(1)
    if len(tries) < 3: raise Retry()
    return "ok"
assert run(flaky) == "ok"
assert run(flaky, 1) == "ok"
def never(): raise Retry("no")
assert run(never) == "gave up"
[case own_base_and_one_of_the_language]
class AppError(Exception): pass
class NotFound(AppError, KeyError): pass
class BadField(AppError, ValueError):
    def __init__(self, field):
        super().__init__(f"bad {field}")
        self.field = field
class BadType(ValueError, TypeError): pass
class Closed(AppError, OSError): pass
class StillClosed(Closed): pass
def fail(kind):
    raise {"n": NotFound("n"), "f": BadField("age"), "t": BadType("t"), "c": StillClosed("c")}[kind]
[tests]
def caught(expected, kind):
    try: fail(kind)
    except expected as error: return error
assert caught(KeyError, "n").args == ("n",)
assert isinstance(caught(AppError, "n"), LookupError)
assert caught(ValueError, "f").field == "age"
assert str(caught(AppError, "f")) == "bad age"
assert isinstance(caught(TypeError, "t"), ValueError)
assert isinstance(caught(OSError, "c"), Closed) and isinstance(caught(Closed, "c"), AppError)
assert issubclass(NotFound, KeyError) and issubclass(BadField, ValueError) and not issubclass(BadField, KeyError)
''')


@pytest.mark.parametrize("case", rows(CASES))
def test_an_exception_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

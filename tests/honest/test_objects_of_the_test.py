"""Objects, classes and functions of the test's own, as arguments of the submission."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import cases, failures, problem, rows

if TYPE_CHECKING:
    from tests.contract.support import Sandbox
    from tests.honest.cases import Case

CASES = cases(r"""
[case operators_in_expressions]
def total(items, start): return sum(items, start)
def scale(v, k): return k * v, v * k, -v
def within(lo, x, hi): return lo <= x <= hi
[tests]
class V:
    def __init__(self, *xs): self.xs = xs
    def __add__(self, o): return V(*[a + b for a, b in zip(self.xs, o.xs)])
    def __mul__(self, k): return V(*[a * k for a in self.xs])
    __rmul__ = __mul__
    def __neg__(self): return self * -1
    def __eq__(self, o): return isinstance(o, V) and self.xs == o.xs
    def __le__(self, o): return self.xs <= o.xs
assert total([V(1, 2), V(3, 4)], V(0, 0)) == V(4, 6)
assert scale(V(1, 2), 3) == (V(3, 6), V(3, 6), V(-1, -2))
assert within(V(1), V(2), V(3)) and not within(V(3), V(2), V(1))
[case objects_in_sets_and_as_keys]
def unique(xs): return list(dict.fromkeys(xs))
def groups(xs, key):
    held = {}
    for x in xs: held.setdefault(key(x), []).append(x)
    return held
[tests]
class Tag:
    def __init__(self, name): self.name = name
    def __eq__(self, o): return isinstance(o, Tag) and self.name == o.name
    def __hash__(self): return hash(self.name)
    def __repr__(self): return f"<{self.name}>"
a, b, c = Tag("a"), Tag("b"), Tag("a")
assert unique([a, b, c]) == [a, b] and unique([a, c])[0] is a
assert groups([a, b, c], lambda t: t.name) == {"a": [a, c], "b": [b]}
[case what_a_class_is_called]
def named(x): return type(x).__name__, type(x).__qualname__, type(x).__doc__
def describe(cls): return cls.__name__, [n for n in vars(cls) if not n.startswith("_")], cls.__mro__[1].__name__
[tests]
class Base:
    '''The base.'''
    def go(self): pass
class Leaf(Base):
    def stop(self): pass
assert named(Base()) == ("Base", "Base", "The base.")
assert describe(Leaf) == ("Leaf", ["stop"], "Base")
[case generic_dispatch]
from functools import singledispatch
def renderer(kinds):
    @singledispatch
    def render(x): return "?"
    for kind, text in kinds.items(): render.register(kind, lambda x, text=text: text)
    return render
[tests]
class Dog: pass
class Puppy(Dog): pass
class Cat: pass
render = renderer({Dog: "woof", Cat: "meow"})
assert [render(x) for x in (Dog(), Puppy(), Cat(), 3)] == ["woof", "woof", "meow", "?"]
[case subclass_of_a_class_of_the_test]
def loud(cls):
    class Loud(cls):
        def speak(self): return super().speak().upper()
    return Loud
def voice(cls, name): return loud(cls)(name).speak()
[tests]
class Animal:
    def __init__(self, name): self.name = name
    def speak(self): return "i am " + self.name
assert voice(Animal, "bo") == "I AM BO"
[case decorators_of_functions]
import functools, inspect, time
def timed(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        begun = time.perf_counter()
        try: return f(*args, **kwargs)
        finally: wrapper.seconds = time.perf_counter() - begun
    return wrapper
def required(*names):
    def decorate(f):
        bound = inspect.signature(f)
        @functools.wraps(f)
        def wrapper(*args, **kwargs):
            given = bound.bind(*args, **kwargs).arguments
            missing = [n for n in names if given.get(n) is None]
            if missing: raise ValueError(", ".join(missing))
            return f(*args, **kwargs)
        return wrapper
    return decorate
def mark(f):
    f.marked = True
    return f
[tests]
@timed
def add(a, b=2):
    '''Adds.'''
    return a + b
assert add(1) == 3 and add.seconds >= 0 and (add.__name__, add.__doc__) == ("add", "Adds.")
@required("a")
def show(a, b=None): return f"{a}{b}"
assert show(1, b=2) == "12"
try: show(None)
except ValueError as error: assert str(error) == "a"
else: assert False
@mark
def plain(): return 1
assert plain.marked and plain() == 1
[case decorators_of_methods_and_classes]
import functools
def logged(f):
    @functools.wraps(f)
    def wrapper(self, *args, **kwargs):
        self.log.append((f.__name__, args, kwargs))
        return f(self, *args, **kwargs)
    return wrapper
def comparable(cls):
    cls.__eq__ = lambda self, other: vars(self) == vars(other)
    cls.__repr__ = lambda self: f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"
    return cls
def add_method(name):
    def decorate(cls):
        setattr(cls, name, lambda self: name)
        return cls
    return decorate
[tests]
class Account:
    def __init__(self): self.total, self.log = 0, []
    @logged
    def pay(self, amount, *, note=""): self.total += amount; return self.total
account = Account()
assert account.pay(5) == 5 and account.pay(2, note="x") == 7
assert account.log == [("pay", (5,), {}), ("pay", (2,), {"note": "x"})]
@comparable
class Point:
    def __init__(self, x, y): self.x, self.y = x, y
assert Point(1, 2) == Point(1, 2) and not Point(1, 2) == Point(1, 3)
assert repr(Point(1, "a")) == "Point(x=1, y='a')"
@add_method("greet")
class Empty: pass
assert Empty().greet() == "greet"
[case streams_of_the_test]
import csv, json
def report(rows, out):
    writer = csv.writer(out)
    for row in rows: writer.writerow(row)
    print("done", file=out, end="")
def first_line(stream):
    with stream: return next(stream).rstrip()
def load(stream): return json.load(stream)
[tests]
import io
out = io.StringIO()
report([[1, "a"], [2, "b"]], out)
assert out.getvalue() == "1,a\r\n2,b\r\ndone"
stream = io.StringIO("x\ny\n")
assert first_line(stream) == "x" and stream.closed
assert load(io.BytesIO(b'{"a": 1}')) == {"a": 1}
[case library_objects_that_change]
import xml.etree.ElementTree as ET
def shuffled(xs, rng): rng.shuffle(xs); return xs
def retag(root):
    for each in root.iter("a"): each.tag = "b"
    ET.SubElement(root, "c", {"n": "1"})
def bump(ns): ns.count += 1; ns.seen.append(ns.count)
def doubled(numbers):
    for i, n in enumerate(numbers): numbers[i] = 2 * n
def fill(d): d["x"] += 1; d["y"].append(2) if isinstance(d["y"], list) else None
[tests]
import array, random, types, collections
import xml.etree.ElementTree as ET
mine, theirs = random.Random(3), random.Random(3)
want = [1, 2, 3, 4, 5]; theirs.shuffle(want)
assert shuffled([1, 2, 3, 4, 5], mine) == want and mine.random() == theirs.random()
root = ET.fromstring("<r><a/><d><a>t</a></d></r>"); inner = root[1][0]
retag(root)
assert ET.tostring(root) == b'<r><b /><d><b>t</b></d><c n="1" /></r>' and root[1][0] is inner
ns = types.SimpleNamespace(count=0, seen=[])
bump(ns); bump(ns)
assert ns == types.SimpleNamespace(count=2, seen=[1, 2])
numbers = array.array("d", [1.5, 2])
doubled(numbers)
assert numbers == array.array("d", [3, 4])
made = []
def factory(): made.append(1); return 0
d = collections.defaultdict(factory)
fill(d)
assert d == {"x": 1, "y": 0} and len(made) == 2
[case containers_of_the_tests_classes]
def push_all(stack, xs):
    for x in xs: stack.push(x)
    stack.limit = 9
    return stack
def lookup(d, *keys): return [d[k] for k in keys]
def spell(word): return word.shout(), len(word), word + "?"
[tests]
class Stack(list):
    limit = 3
    def push(self, x): self.append(x)
class Doubling(dict):
    def __missing__(self, key): return key * 2
class Word(str):
    def shout(self): return self.upper()
stack = Stack([0])
assert push_all(stack, [1, 2]) is stack and stack == [0, 1, 2] and stack.limit == 9 and type(stack) is Stack
assert lookup(Doubling(a=1), "a", "b") == [1, "bb"]
assert spell(Word("ab")) == ("AB", 2, "ab?")
[case exceptions_of_the_test]
def attempt(f, kinds, default):
    try: return f()
    except kinds as error: return default, type(error).__name__, error.args
def fail(kind, *args): raise kind(*args)
[tests]
class Problem(Exception): pass
class Harder(Problem):
    def __init__(self, level): super().__init__(f"level {level}"); self.level = level
def hard(): raise Harder(3)
def soft(): return 1
assert attempt(hard, Problem, 0) == (0, "Harder", ("level 3",))
assert attempt(hard, (ValueError, Harder), 0)[0] == 0 and attempt(soft, Problem, 0) == 1
try: fail(Harder, 4)
except Problem as error: assert type(error) is Harder and error.level == 4
else: assert False
[case generators_of_the_test]
def average(gen, xs): next(gen); return [gen.send(x) for x in xs]
def stop(gen):
    next(gen)
    gen.close()
    return list(gen)
def through(gen): return (yield from gen)
[tests]
closed = []
def averager():
    total = count = 0
    value = None
    try:
        while True:
            x = yield value
            total, count = total + x, count + 1
            value = total / count
    finally: closed.append(1)
assert average(averager(), [2, 4, 9]) == [2, 3, 5]
closed.clear()
assert stop(averager()) == [] and closed == [1]
assert list(through(iter([1, 2]))) == [1, 2]
[case waiting_for_the_test]
import asyncio
async def relay(source, sink):
    while (item := await source.get()) is not None: await sink.put(item * 2)
async def first(*awaitables):
    tasks = [asyncio.ensure_future(a) for a in awaitables]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for each in pending: each.cancel()
    return done.pop().result()
async def wait_for(event): await event.wait(); return "set"
[tests]
import asyncio
async def main():
    source, sink = asyncio.Queue(), asyncio.Queue()
    task = asyncio.create_task(relay(source, sink))
    for x in (1, 2, None): await source.put(x); await asyncio.sleep(0)
    await task
    return [sink.get_nowait(), sink.get_nowait()]
assert asyncio.run(main()) == [2, 4]
cancelled = []
async def slow():
    try: await asyncio.sleep(30)
    except asyncio.CancelledError: cancelled.append(1); raise
async def fast(): await asyncio.sleep(0.01); return "fast"
assert asyncio.run(first(slow(), fast())) == "fast" and cancelled == [1]
async def signal():
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, event.set)
    return await asyncio.wait_for(wait_for(event), 5)
assert asyncio.run(signal()) == "set"
[case waiting_side_by_side]
import asyncio
log = []
async def work(name):
    for i in range(2):
        log.append((name, i))
        await asyncio.sleep(0.01)
    return name
def logged(): return list(log)
async def forever(): await asyncio.sleep(60)
[tests]
import asyncio
async def main(): return await asyncio.gather(work("a"), work("b"))
assert asyncio.run(main()) == ["a", "b"]
assert logged() == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
async def impatient():
    try: await asyncio.wait_for(forever(), 0.01)
    except asyncio.TimeoutError: return "late"
assert asyncio.run(impatient()) == "late"
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_an_object_of_the_test_works(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(problem(case), case.code)
    assert results
    assert not failures(results)

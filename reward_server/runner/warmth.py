"""Makes forks of the zygote cheap: whatever Python sets up at first use (parser, importer, codecs) is used before.

Measured: a first `compile` and `exec` in a child took 400 page faults and 3.5 ms, after this 190 and 2.1 ms.
"""

from __future__ import annotations

import json
import linecache
import socket
import sys
import types

from reward_server.runner import modules, served, values
from reward_server.runner.evidence import Evidence
from reward_server.runner.wall import Wall

ROUNDS = 20
SAMPLE = '''
import math, sys
from typing import Dict, List, Optional, Tuple
from collections import defaultdict

class Point:
    """A class with a method."""

    def __init__(self, x: int, y: int = 0) -> None:
        self.x, self.y = x, y

def solve(numbers: List[int], *rest, key=None, **named) -> Optional[int]:
    """A function with most of what functions hold."""
    seen: Dict[int, int] = defaultdict(int)
    for index, number in enumerate(sorted(numbers, reverse=True)):
        if number % 2 == 0 and (index > 1 or not number):
            seen[number] += index ** 2
        elif number in seen:
            continue
        else:
            try:
                seen[len(str(number))] -= 1
            except KeyError as error:
                raise ValueError(f"no {error!r:>10}") from error
    while len(seen) > 10:
        seen.popitem()
    return max([value for value in seen.values()], default=None) or math.gcd(*map(abs, numbers[:2] or [1]))

def count(n):
    yield from (i for i in range(n) if i)

with open("/dev/null") as file:
    text = "".join(x.upper() for x in file.read().split())
assert solve([1, 2, 3, 4]) is not None, "message"
x = {1: (2, [3]), "a": {4}, None: lambda v: -v}[1]
list(count(3)); Point(1, y=2); sys.stdout
'''


def warm_up() -> None:
    """Do what every run does, often enough for the interpreter to have specialised its code."""
    for _ in range(ROUNDS):
        do_all()


def do_all() -> None:
    exec(modules.compiled(SAMPLE, "sample.py"), types.ModuleType("sample").__dict__)
    for text in ("def broken(:", "1/0"):
        try:
            exec(modules.compiled(text, "sample.py"), {})
        except Exception as error:
            modules.describe(error)
    print("text", file=sys.stdout, flush=True)
    sample = [1, 2.5, "a", None, [1, "b"], ("c", {"d": {1, 2}}), {3: b"x"}]
    values.decode(values.loads(values.dumps(values.encode(sample))))
    json.loads(json.dumps({"text": SAMPLE, "numbers": [1, 2.0]}))
    load_and_serve()
    linecache.cache.clear()


def load_and_serve() -> None:
    """Load a submission, and answer a judge as far as one thread can: each message is sent before it is waited for."""
    held, folders = dict(sys.modules), list(sys.path)
    payload = modules.Payload("def solve(numbers):\n    return numbers\n", "", {}, "solve", None)
    module, code = modules.prepare(payload, served.DEFAULT_MODULE, "solution.py")
    exec(code, module.__dict__)
    ours, theirs = socket.socketpair()
    wall, submission = Wall(ours, Evidence()), served.Served(theirs, module, modules.Payload("", "", {}, None, None))
    with ours, theirs:
        for request in (["names", ["solve"]], ["call", 1, [wall.encode([1, [2]])], []], ["call", 1, [3], []]):
            wall.send_bytes(wall.framed("?", *request))
            submission.answer(submission.receive())
            wall.receive()
        submission.send_bytes(submission.framed("=", [[["h", 1, "function", None]]]))
        wall.names(["solve"])
        submission.send_bytes(submission.framed("=", submission.encode([1, {"a": 2}])))
        wall.call(1, ([1],), {})
    sys.modules.clear()
    sys.modules.update(held)
    sys.path[:] = folders

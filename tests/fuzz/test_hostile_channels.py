"""A submission that speaks the wall's protocol itself, and badly: it earns its 0, the sandbox stays or is replaced.

Each program writes messages of its own to its channel and garbage into every other descriptor, in a real sandbox. It is
the submission's doing, whatever comes of it: no test passes, and none is without a verdict
(`tests/contract/test_channels.py` says why). After each an honest program passes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_server.backends import sandboxed
from reward_server.backends.embedded import EmbeddedBackend
from reward_server.runner import values
from reward_server.settings import Settings
from tasks.schema import Limits
from tests.contract.support import Sandbox, asserts, call, pytest_files, returns
from tests.fuzz.budget import fuzzed, tried

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.sandbox

LIMITS = Limits(cpu_s=1, wall_s=0.5, memory_mb=256)
SECRET = "what no message holds"
PROBLEMS = {
    "call": call(*[returns(SECRET, number) for number in range(2)], limits=LIMITS),
    "standing": asserts(f"assert solve(0) == {SECRET!r}\nassert solve(solve) == {SECRET!r}", limits=LIMITS),
    "forked": asserts(f"import os\nassert solve([1]) == {SECRET!r}\nassert Solve(1).a == {SECRET!r}", limits=LIMITS),
    "pytest": pytest_files(
        f"from solution import solve\ndef test_it():\n    assert solve(1) == {SECRET!r}", limits=LIMITS
    ),
    "shared": asserts(f"assert solve(0) == {SECRET!r}", isolation="shared", limits=LIMITS),
}
HONEST = f"def solve(*_): return {SECRET!r}\nclass Solve:\n    a = {SECRET!r}\n    def __init__(self, _): pass"
PROGRAM = """
import os, socket, struct, time
MESSAGES = {messages!r}
GARBAGE = {garbage!r}
def spray():
    for n in range(4, 256):
        try: os.set_blocking(n, False); os.write(n, GARBAGE)
        except OSError: pass
def speak():
    s = socket.socket(fileno=os.dup(3))
    s.settimeout(0.02)
    for m in MESSAGES:
        try: s.sendall(m)
        except OSError: pass
        try: {reads}
        except OSError: pass
def solve(*_):
    spray(); speak()
    {then}
class Solve:
    def __init__(self, _): solve()
{now}
"""
ROWS = [
    ["builtins", name]
    for name in ("SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException", "StopIteration")
]
DRESS: list[Any] = [None, False, [], []]
EXCEPTIONS = [["x", [row], ["T", [0]], None, None, None, DRESS] for row in ROWS]

numbers = st.integers(-3, 5) | st.sampled_from([2**31, 2**70, -(2**70), 1.5, 1e308, True])
encoded = st.recursive(
    st.none() | numbers | st.text(max_size=6) | st.sampled_from(EXCEPTIONS),
    lambda inner: (
        st.builds(
            lambda tag, rest: [tag, *rest],
            st.sampled_from([*values.DECODERS, *"hrkx", "nt", "re", "na", "ns"]),
            st.lists(inner, max_size=4),
        )
        | st.builds(
            lambda number, kind, of: ["h", number, kind, of],
            numbers,
            st.sampled_from(
                ["function", "class", "object", "generator", "coroutine", "async_generator", "iterator", "module", "x"]
            ),
            st.none() | numbers,
        )
        | st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=8,
)
accounts = (
    st.just(0) | st.tuples(st.lists(numbers, max_size=2), st.lists(st.tuples(numbers, encoded), max_size=2)) | encoded
)
described = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=5) | encoded,
        "doc": encoded,
        "bases": st.lists(numbers, max_size=2) | encoded,
        "known": st.lists(st.sampled_from(ROWS), max_size=2) | encoded,
        "exception": st.booleans() | encoded,
        "special": st.lists(
            st.sampled_from(["__eq__", "__del__", "__hash__", "__getattribute__", "__bool__", "__len__"])
        )
        | encoded,
        "methods": st.lists(st.text(max_size=3)) | encoded,
        "hashable": st.booleans(),
        "fields": st.lists(st.text(max_size=3)),
        "defaults": st.lists(encoded, max_size=2),
        "properties": st.lists(st.text(max_size=3)),
        "types": encoded,
        "text": encoded,
    },
)
messages = (
    st.builds(
        lambda mark, account, rest: [mark, account, *rest],
        st.sampled_from(["=", "!", "~", "?", "?c", "p"]),
        accounts,
        st.lists(encoded, max_size=5),
    )
    | st.builds(
        lambda account, value: ["=", account, value], accounts, encoded | st.lists(encoded, max_size=3) | described
    )
    | st.builds(lambda value: ["!", 0, value[1:]], st.sampled_from(EXCEPTIONS))
    | st.builds(
        lambda operation, rest: ["?", 0, operation, *rest],
        st.sampled_from(["call", "get", "set", "next", "await", "about"]),
        st.lists(encoded | numbers, max_size=4),
    )
    | st.builds(lambda told: ["failed", told], described | encoded)
    | st.sampled_from([["loaded", True], ["failed", {}], [], {}, 5, "x"])
    | encoded
)


def framed(message: Any) -> bytes:
    text = json.dumps(message).encode()
    return len(text).to_bytes(4, "big") + text


def nested(depth: int) -> bytes:
    """Text as deep as that, which one side may read and the next one not."""
    text = b'["failed", ' + b'{"text":' * depth + b"1" + b"}" * depth + b"]"
    return len(text).to_bytes(4, "big") + text


spoken = (
    messages.map(framed)
    | st.binary(max_size=30)
    | st.sampled_from(
        [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x04\x00\x00\x00[", b"\x00\x00\x00\x02=1", b"\x00\x00\x00\x01L"]
    )
    | st.binary(max_size=20).map(lambda rest: (len(rest) + 1).to_bytes(4, "big") + b"=" + rest)
    | st.integers(900, 1000).map(nested)
)
LOADED = framed(["loaded", True])
programs = st.builds(
    lambda head, told, garbage, reads, then, now: PROGRAM.format(
        messages=[*head, *told], garbage=garbage, reads=reads, then=then, now=now
    ),
    st.sampled_from(
        [[], [LOADED], [b"\x00\x00\x00\x05Lnull"], [LOADED, framed(["=", 0, [["h", 1, "function", None]]])]]
    ),
    st.lists(spoken, max_size=6),
    st.binary(max_size=40) | st.just(b"\x00\x00\x00\x10" + b'{"report": [[1]]}'),
    st.sampled_from(["s.recv(65536)", "pass"]),
    st.sampled_from(["return None", "os._exit(0)", "os.close(3)", "time.sleep(9)", "1 / 0"]),
    st.sampled_from(
        ["spray(); speak(); os._exit(0)", "spray(); speak()", "speak(); os.close(3)", "", "speak(); time.sleep(9)"]
    ),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(EmbeddedBackend(Settings()))
    yield sandbox
    sandbox.close()


@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_submission_that_speaks_for_itself_fails(sandbox: Sandbox, kind: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandboxed, "longest_s", lambda _: 30.0)  # what hangs is lost, and is no verdict

        @fuzzed(0.006)
        @given(programs)
        def fails(code: str) -> None:
            tried("hostile channels")
            verdicts = sandbox.verdicts(PROBLEMS[kind], code)
            assert not {"passed", "sandbox_error"} & {*verdicts}, verdicts
            assert set(sandbox.verdicts(PROBLEMS[kind], HONEST)) == {"passed"}

        fails()

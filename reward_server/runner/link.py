"""The wall between judge and submission: requests, replies and handles over a socket pair.

Both sides speak the same protocol. A message is a length and a JSON list: `["?", account, operation, ...]` asks,
`["=", account, value]` answers, `["!", account, exception]` answers with an exception, `["~", account, reason]`
refuses. The account says what has become of the lists, dicts and sets that both sides hold (`containers.py`). While a
side waits for its answer it serves the other's requests, so that calls may nest in both directions. What has no plain
form stays where it is; a handle `["h", number, kind, type]` stands for it, and `["r", number]` is a handle on its way
home. `["x", ...]` is an exception as a value, `["nt", ...]` a tuple with names. A request `"?c"` asks for what is
printed meanwhile: it comes as `["p", stdout, stderr]` before the answer.

What each side makes of a handle, and what it lets the other do to its own objects, is for the subclasses to say.
"""

from __future__ import annotations

import builtins
import contextlib
import struct
import sys
import threading
from typing import TYPE_CHECKING, Any

from reward_server.runner import arrays, containers, values

if TYPE_CHECKING:
    import asyncio
    import socket

LENGTH = struct.Struct(">I")
MAX_FRAME = 64 << 20
DETAILS = ("filename", "filename2", "errno", "strerror", "name", "lineno", "offset", "text", "msg")
"""What exceptions of the language hold beside their arguments."""


class Gone(BaseException):
    """The other side has closed. Not an Exception: no test's `except Exception` may swallow it."""


class Refused(Exception):
    """The other side would not or could not answer."""


class Link:
    def __init__(self, channel: socket.socket, held: containers.Containers) -> None:
        self.channel, self.containers = channel, held
        self.buffered = bytearray()
        self.exported: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.lock = threading.RLock()
        self.loop: asyncio.AbstractEventLoop | None = None

    # What subclasses decide.

    def describe(self, value: Any) -> list[Any]:
        """The handle that stands for one of our objects. Raises: values.Unfit when it must stay at home."""
        raise values.Unfit(f"a value of type {type(value).__name__} cannot cross the sandbox's wall")

    def resolve(self, number: int, kind: str, type_number: int | None) -> Any:
        """What stands for one of their objects."""
        raise values.Unfit("an unexpected handle")

    def home_number(self, value: Any) -> int | None:
        """The number of their object when `value` stands for one."""
        return None

    def perform(self, operation: str, operands: list[Any]) -> Any:
        """Carry out their request. Returns the encoded result."""
        raise Refused(f"no operation {operation!r}")

    def describe_exception(self, error: BaseException) -> Any:
        """Its types, its arguments, its number and that of its type on the submission's side, its number on the test's,
        and what hangs on it: cause, whether the context is hidden, notes, plain attributes.
        """
        arguments = getattr(error, "args", ())
        try:
            encoded = self.encode(tuple(arguments))
        except values.Unfit:
            encoded = ["T", [str(error)]]
        cause = error.__cause__ and self.describe_exception(error.__cause__)
        notes = [str(note) for note in getattr(error, "__notes__", ())]
        rows = [[kind.__module__, kind.__name__] for kind in type(error).__mro__]
        held = {**{name: getattr(error, name, None) for name in DETAILS}, **vars(error)}
        details = [
            [name, value]
            for name, value in held.items()
            if type(value) in values.ATOMS and value is not None and name[0] != "_"
        ]
        return [rows, encoded, None, None, None, [cause, error.__suppress_context__, notes, details]]

    def dress(self, error: BaseException, dress: Any) -> BaseException:
        """Hang on an exception what hung on it on the other side."""
        cause, hidden, notes, details = dress
        error.__cause__ = self.exception(cause) if cause is not None else None
        error.__suppress_context__ = hidden is True
        for note in notes:
            error.add_note(str(note))
        for name, value in details:
            if type(name) is str and name.isidentifier() and name[0] != "_" and type(value) in values.ATOMS:
                with contextlib.suppress(AttributeError, TypeError):  # some cannot be set
                    setattr(error, name, value)
        return error

    def exception(self, described: Any) -> BaseException:
        """The exception that the other side has described."""
        raise Refused("an exception that was not understood")

    def named_tuple(self, type_number: int | None, name: str, fields: list[Any], items: list[Any]) -> Any:
        """A tuple whose fields have names, of their type where that has a number."""
        raise values.Unfit("an unexpected tuple")

    def pattern(self, pattern: str, flags: int) -> Any:
        """A regular expression of the test."""
        raise values.Unfit("an unexpected pattern")

    def question(self) -> str:
        """What begins a request: `?c` asks for what is printed meanwhile."""
        return "?"

    def take_printed(self, out: str, err: str) -> None:
        """What the other side has printed while it answered."""

    # What all share.

    def export(self, value: Any) -> int:
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.exported) + 1
            self.exported[number] = value
        return number

    def encode(self, value: Any) -> Any:
        """Raises: values.Unfit."""
        before = len(self.containers.new)
        try:
            return values.encode(value, self._handle)
        except values.Unfit:
            self.containers.unname(before)
            raise

    def stays(self, value: Any) -> bool:
        """Whether a value of a builtin type's subclass is more than its plain form: it goes by `describe`."""
        return isinstance(value, tuple) and hasattr(type(value), "_fields")

    def decode(self, encoded: Any) -> Any:
        self.containers.decoding += 1
        try:
            return values.decode(encoded, self._resolve)
        finally:
            self.containers.decoding -= 1

    def _handle(self, value: Any, plain: bool = False) -> Any:
        if type(value) in values.CONTAINERS or (arrays.is_array(value) and value.flags.writeable):
            return self.containers.name(value)
        if plain and not self.stays(value):
            return None
        number = self.home_number(value)
        return self.describe(value) if number is None else ["r", number]

    def _resolve(self, encoded: list[Any]) -> Any:
        match encoded:
            case ["k", int(number)]:
                return self.containers.find(number)
            case ["r", int(number)]:
                return self.exported[number]
            case ["x", *described]:
                return self.exception(described)
            case ["re", str(pattern), int(flags)]:
                return self.pattern(pattern, flags)
            case ["na", str(name), list(shape), str(data)]:
                return arrays.decode(name, shape, data)
            case ["ns", str(name), str(data)]:
                return arrays.decode_scalar(name, data)
            case ["nt", type_number, str(name), list(fields), list(items)]:
                return self.named_tuple(type_number, name, fields, [self.decode(item) for item in items])
            case ["h", int(number), str(kind), type_number] if type_number is None or type(type_number) is int:
                return self.resolve(number, kind, type_number)
        raise values.Unfit("a value of no known kind")

    def ask(self, operation: str, *operands: Any) -> Any:
        """Returns the encoded result. Raises: what the other side raised; Gone; Refused; values.Unfit."""
        with self.lock:
            self.send_bytes(self.framed(self.question(), operation, *operands))
            while True:
                message = self.receive()
                if message[0] in ("?", "?c"):
                    self.answer(message)
                elif message[0] == "p":
                    self.take_printed(*map(str, message[1:3]))
                else:
                    self.unpack(message[1])
                    if message[0] == "=":
                        return message[2]
                    if message[0] == "!":
                        raise self.exception(message[2])
                    raise Refused(str(message[2])[:500])

    def answer(self, message: list[Any]) -> None:
        try:
            try:
                self.unpack(message[1])
                reply = self.framed("=", self.perform(message[2], message[3:]))
            except Gone:
                raise
            except (values.Unfit, Refused) as error:
                reply = self.framed("~", str(error))
            except BaseException as error:
                reply = self.framed("!", self.describe_exception(error))
        except values.Unfit as error:
            reply = values.dumps(["~", containers.NOTHING, str(error)])
        self.send_bytes(reply)

    def unpack(self, account: Any) -> None:
        self.containers.unpack(account, self.decode, self.contents)

    def contents(self, value: Any) -> Any:
        return values.contents(value, self._handle)

    def framed(self, mark: str, *parts: Any) -> bytes:
        """A message with its account. Raises: values.Unfit."""
        try:
            text = short(values.dumps([mark, self.containers.pack(self.contents), *parts]))
        except values.Unfit:
            self.containers.undo()
            raise
        self.containers.sent()
        return text

    def send_bytes(self, text: bytes) -> None:
        try:
            self.channel.sendall(LENGTH.pack(len(text)) + text)
        except OSError:
            raise Gone from None

    def receive(self) -> list[Any]:
        """Raises: Gone when the other side closed or broke the protocol."""
        self._fill(LENGTH.size)
        (size,) = LENGTH.unpack_from(self.buffered)
        if size > MAX_FRAME:
            raise Gone
        self._fill(LENGTH.size + size)
        text = bytes(self.buffered[LENGTH.size : LENGTH.size + size])
        del self.buffered[: LENGTH.size + size]
        try:
            message = values.loads(text)
        except values.Unfit:
            raise Gone from None
        if type(message) is not list or not 2 <= len(message) <= 8 or type(message[0]) is not str:
            raise Gone
        if message[0] in ("=", "!", "~") and len(message) != 3:
            raise Gone
        if message[0] in ("?", "?c") and len(message) < 3:
            raise Gone
        return message

    def _fill(self, size: int) -> None:
        """Read until that many bytes are there. Raises: Gone."""
        while len(self.buffered) < size:
            try:
                piece = self.channel.recv(max(1 << 16, size - len(self.buffered)))
            except OSError:
                piece = b""
            if not piece:
                raise Gone
            self.buffered += piece

    def complete(self, awaitable: Any) -> Any:
        """Run an awaitable of ours to its end, also where a loop of ours waits for the other side."""
        import asyncio  # what few tests need

        running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
        loop = asyncio.new_event_loop() if self.loop.is_running() else self.loop
        try:
            return loop.run_until_complete(awaitable)
        finally:
            if loop is not self.loop:
                loop.close()
            asyncio._set_running_loop(running)

    def encode_arguments(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        return [self.encode(value) for value in arguments], [
            [name, self.encode(value)] for name, value in keywords.items()
        ]

    def decode_arguments(self, arguments: Any, keywords: Any) -> tuple[list[Any], dict[str, Any]]:
        return [self.decode(value) for value in arguments], {name: self.decode(value) for name, value in keywords}


def take(received: bytearray) -> bytes | None:
    """The first message off what was received; None while it is not all there."""
    if len(received) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack_from(received)
    if len(received) < LENGTH.size + size:
        return None
    text = bytes(received[LENGTH.size : LENGTH.size + size])
    del received[: LENGTH.size + size]
    return text


def short(text: bytes) -> bytes:
    """Raises: values.Unfit."""
    if len(text) > MAX_FRAME:
        raise values.Unfit(f"a value of {len(text)} bytes is too large to cross the sandbox's wall")
    return text


def known_exception(types: Any) -> type[BaseException]:
    """The most derived exception type of these `[module, name]` rows that this process knows. Never imports."""
    for module, name in types:
        if type(module) is not str or type(name) is not str:
            break
        if name == "SkipTest" or name.startswith("_"):  # a test runner takes these for a reason not to fail
            continue
        home = (
            builtins
            if module == "builtins"
            else sys.modules.get(module)
            if module.partition(".")[0] in sys.stdlib_module_names
            else None
        )
        kind = getattr(home, name, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            return kind
    return Exception


def make_exception(kind: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    try:
        return kind(*arguments)
    except Exception:
        error = kind.__new__(kind)
        error.args = arguments
        return error

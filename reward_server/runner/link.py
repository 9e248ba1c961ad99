"""The wall between judge and submission: requests, replies and handles over a socket pair.

Both sides speak the same protocol. A message is a length and a JSON list: `["?", account, operation, ...]` asks,
`["=", account, value]` answers, `["!", account, exception]` answers with an exception, `["~", account, reason]`
refuses. The account says what has become of the lists, dicts and sets that both sides hold (`containers.py`). While a
side waits for its answer it serves the other's requests, so that calls may nest in both directions. What has no plain
form stays where it is; a handle `["h", number, kind, type]` stands for it, and `["r", number]` is a handle on its way
home. `["x", ...]` is an exception as a value, `["nt", ...]` a tuple with names. A request `"?c"` asks for what is
printed meanwhile, `"?f"` also for what is written to descriptors 1 and 2: it comes as `["p", stdout, stderr]` before
the answer. `["s", ...]` says ahead of a message what has changed around the processes (`mirrored.py`).

What each side makes of a handle, and what it lets the other do to its own objects, is for the subclasses to say.
"""

from __future__ import annotations

import builtins
import contextlib
import struct
import sys
import threading
import types
from builtins import max  # noqa: A004, UP029 a test may patch the builtin
from typing import TYPE_CHECKING, Any, NoReturn

from reward_server.runner import arrays, containers, library_values, values

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Mapping, Sequence

LENGTH = struct.Struct(">I")
MAX_FRAME = 64 << 20
QUESTIONS = frozenset({"?", "?c", "?f"})
ANSWERS = frozenset({"=", "!"})
MAX_BASES = 30
"""So many types of an exception are looked at."""
MOST_BASES = 2
"""An exception that claims to be more kinds of known exceptions than this is none of the rest."""
EXPECTED_EXITS = frozenset({"SystemExit", "GeneratorExit", "CancelledError"})
"""What a test may expect beside `Exception`. Others would end more than one test where nobody expects them."""
DETAILS = ("filename", "filename2", "errno", "strerror", "name", "lineno", "offset", "text", "msg")
"""What exceptions of the language hold beside their arguments."""


class Gone(BaseException):
    """The other side has closed. Not an Exception: no test's `except Exception` may swallow it."""


class Refused(Exception):
    """The other side would not or could not answer."""


class Exported(dict[int, Any]):
    """Objects by number."""

    def __missing__(self, number: int) -> Any:
        raise values.Unfit("an object that is not there: that of a submission which has ended, say")


class Link:
    def __init__(self, channel: socket.socket, held: containers.Containers) -> None:
        self.channel, self.containers = channel, held
        self.gone = False
        """Whether the other side has closed."""
        self.exception_types: dict[tuple[tuple[str, str], ...], type[BaseException]] = {}
        self.buffered = bytearray()
        self.exported: dict[int, Any] = Exported()
        self.numbers: dict[int, int] = {}
        self.lock = threading.RLock()
        self.loop: asyncio.AbstractEventLoop | None = None

    # What subclasses decide.

    def describe(self, value: Any) -> list[Any]:
        """The handle that stands for one of our objects. Raises: values.Unfit when it must stay at home."""
        raise values.Unfit(f"a value of type {type(value).__name__} cannot be passed between test and submission")

    def resolve(self, number: int, kind: str, type_number: int | None, plain: Any = None) -> Any:
        """What stands for one of their objects. `plain`: the number or text that it is as well."""
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
            encoded = None
        if encoded is None or (
            encoded[0] == "t" and any(type(part) is list and part[0] == "op" for part in encoded[1:])
        ):
            encoded = ["T", [str(error)]]  # of an object no more would cross than whether it is true
        cause = error.__cause__ and self.describe_exception(error.__cause__)
        notes = [str(note) for note in getattr(error, "__notes__", ())]
        rows = type_rows(type(error))
        held = {**{name: getattr(error, name, None) for name in DETAILS}, **vars(error)}
        details = [
            [name, value]
            for name, value in held.items()
            if type(value) in values.ATOMS and value is not None and name[0] != "_"
        ]
        return [rows, encoded, None, None, None, [cause, error.__suppress_context__, notes, details]]

    def describe_descriptor(self, value: Any) -> Any:
        """A property, a class method or a static method; None for anything else. Raises: values.Unfit."""
        parts: tuple[Any, ...]
        if type(value) is property:
            parts = value.fget, value.fset, value.fdel
        elif type(value) in (classmethod, staticmethod):
            parts = (value.__func__,)
        else:
            return None
        return ["ds", type(value).__name__, [self.encode(part) for part in parts]]

    def exception_type(self, rows: Any) -> type[BaseException]:
        """The exception type of these `[module, name]` rows, most derived first: one that is known here, or one made of
        the known types among them, the same for the same rows.
        """
        key = tuple((str(module), str(name)) for module, name in rows[:MAX_BASES])
        kind = self.exception_types.get(key)
        if kind is None:
            kind = self.exception_types[key] = make_exception_type(key, self.containers.models)
        return kind

    def exception_class(self, rows: Any, number: int) -> type[BaseException]:
        """An exception class as a value, of that number on the test's side."""
        raise values.Unfit("an unexpected class")

    def dress(self, error: BaseException, dress: Any) -> BaseException:
        """Hang on an exception what hung on it on the other side."""
        cause, hidden, notes, details, *more = dress
        error.__cause__ = self.exception(cause) if cause is not None else None
        error.__suppress_context__ = hidden is True
        for note in notes:
            error.add_note(str(note))
        for name, value in details:
            if type(name) is str and name.isidentifier() and name[0] != "_" and type(value) in values.ATOMS:
                with contextlib.suppress(AttributeError, TypeError):  # some cannot be set
                    setattr(error, name, value)
        if more:
            self.place(error, *more)
        return error

    def place(self, error: BaseException, context: Any, rows: Any) -> None:
        """Say of an exception of the submission what was handled when it was raised, and where that was."""

    def exception(self, described: Any) -> BaseException:
        """The exception that the other side has described."""
        raise Refused("an exception that was not understood")

    def named_tuple(self, type_number: int | None, name: str, fields: list[Any], items: list[Any]) -> Any:
        """A tuple whose fields have names, of their type where that has a number."""
        raise values.Unfit("an unexpected tuple")

    def opaque(self, name: str, truth: bool) -> Any:
        """An object of a class of that name, of which the other side says no more than its truth value."""
        raise values.Unfit("an unexpected object")

    def attributes(self, held: dict[str, Any]) -> dict[str, Any]:
        """What a namespace is to hold. Raises: values.Unfit for what it must not."""
        return held

    def pattern(self, pattern: str, flags: int) -> Any:
        """A regular expression of the test."""
        raise values.Unfit("an unexpected pattern")

    def question(self) -> str:
        """What begins a request: see above."""
        return "?"

    def take_printed(self, out: str, err: str) -> None:
        """What the other side has printed while it answered."""

    def is_of_the_test(self, value: Any) -> bool:
        """Whether it is a list, dict or the like of a class that the test code defines."""
        return False

    def numbers_of(self, value: Any) -> tuple[int, int]:
        """The numbers of its class and of itself, on the test's side."""
        raise values.Unfit("an unexpected container")

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
        return values.is_named_tuple(type(value))

    def decode(self, encoded: Any) -> Any:
        self.containers.decoding += 1
        try:
            return values.decode(encoded, self._resolve)
        finally:
            self.containers.decoding -= 1

    def _handle(self, value: Any, plain: bool = False) -> Any:
        if is_container(value) or self.is_of_the_test(value):
            return self.containers.name(value)
        if (model := self.containers.model_of(value)) is not None:
            named = getattr(type(value), "__members__", {}).get(getattr(value, "_name_", None)) is value
            return ["en", model, value._name_] if named else self.containers.name(value)
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
            case ["sn" | "an" as tag, attributes]:
                return library_values.make(tag, [self.attributes(self.decode(attributes))])
            case ["en", str(model), str(name)]:
                return self.containers.models[model].__members__[name]  # type: ignore[attr-defined]
            case ["ds", ("property" | "classmethod" | "staticmethod") as kind, list(parts)]:
                return getattr(builtins, kind)(*map(self.decode, parts))
            case ["xt", list(rows), int(number)]:
                return self.exception_class(rows, number)
            case ["re", str(pattern), int(flags)]:
                return self.pattern(pattern, flags)
            case ["na", str(name), list(shape), str(data)]:
                return arrays.decode(name, shape, data)
            case ["ns", str(name), str(data)]:
                return arrays.decode_scalar(name, data)
            case ["op", str(name), bool(truth)]:
                return self.opaque(name, truth)
            case ["nt", type_number, str(name), list(fields), list(items)]:
                return self.named_tuple(type_number, name, fields, [self.decode(item) for item in items])
            case ["h", int(number), str(kind), type_number, *plain] if type_number is None or type(type_number) is int:
                return self.resolve(number, kind, type_number, *plain)
        raise values.Unfit("a value of no known kind")

    def ask(self, operation: str, *operands: Any) -> Any:
        """Returns the encoded result. Raises: what the other side raised; Gone; Refused; values.Unfit."""
        with self.lock:
            self.send_bytes(self.framed(self.question(), operation, *operands))
            while True:
                message = self.receive()
                if message[0] in QUESTIONS:
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
        outer, self.containers.asked = self.containers.asked, {}
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
        finally:
            self.containers.asked = outer
        self.send_bytes(reply)

    def unpack(self, account: Any) -> None:
        self.containers.unpack(account, self.decode, self.contents)

    def contents(self, value: Any) -> Any:
        if self.is_of_the_test(value):
            base = containers.base_of(type(value))
            return ["ot", *self.numbers_of(value), values.ENCODERS[base](value, self._handle)]
        model = self.containers.model_of(value)
        if model is None:
            return values.contents(value, self._handle)
        attributes = []
        for name, held in containers.state_of(value).items():
            with contextlib.suppress(values.Unfit):  # a cache of its own, say
                attributes.append((name, self.encode(held)))
        state = ["d", ["L", [name for name, _ in attributes]], ["l", *[held for _, held in attributes]]]
        base = containers.base_of(type(value))
        return ["ob", model, state, None if base is object else values.ENCODERS[base](value, self._handle)]

    def framed(self, mark: str, *parts: Any) -> bytes:
        """A message with its account. Raises: values.Unfit."""
        try:
            text = short(values.dumps([mark, self.containers.pack(self.contents, answers=mark in ANSWERS), *parts]))
        except values.Unfit:
            self.containers.undo()
            raise
        self.containers.sent()
        return text

    def send_bytes(self, text: bytes) -> None:
        try:
            self.channel.sendall(LENGTH.pack(len(text)) + text)
        except OSError:
            self.lose()

    def lose(self) -> NoReturn:
        """Raises: Gone."""
        self.gone = True
        raise Gone from None

    def receive(self) -> list[Any]:
        """Raises: Gone when the other side closed or broke the protocol."""
        self._fill(LENGTH.size)
        (size,) = LENGTH.unpack_from(self.buffered)
        if size > MAX_FRAME:
            self.lose()
        self._fill(LENGTH.size + size)
        text = bytes(self.buffered[LENGTH.size : LENGTH.size + size])
        del self.buffered[: LENGTH.size + size]
        try:
            message = values.loads(text)
        except values.Unfit:
            self.lose()
        if not well_formed(message):
            self.lose()
        return message  # type: ignore[no-any-return]

    def _fill(self, size: int) -> None:
        """Read until that many bytes are there. Raises: Gone."""
        while len(self.buffered) < size:
            try:
                piece = self.channel.recv(max(1 << 16, size - len(self.buffered)))
            except OSError:
                piece = b""
            if not piece:
                self.lose()
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


def is_container(value: Any) -> bool:
    """Whether it is one on both sides, and can be changed in place."""
    if type(value) in values.CONTAINERS or (arrays.is_array(value) and value.flags.writeable):
        return True
    return library_values.tag_of(value) is not None


def has_no_parts(value: Any) -> bool:
    """Whether it never changes and holds nothing that does: an equal one differs by its identity alone."""
    if type(value) in (tuple, frozenset):
        return all(type(item) in values.ATOMS for item in value)
    return type(value) in values.ATOMS or type(value) in (bytes, complex, range)


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
        raise values.Unfit(f"a value of {len(text)} bytes is too large to be passed between test and submission")
    return text


def well_formed(message: Any) -> bool:
    if type(message) is not list or not 2 <= len(message) <= 8 or type(message[0]) is not str:
        return False
    if message[0] in ("=", "!", "~"):
        return len(message) == 3
    return message[0] not in QUESTIONS or len(message) >= 3


def type_rows(kind: type) -> list[list[str]]:
    return [[each.__module__, each.__name__] for each in kind.__mro__]


def known_exception(module: str, name: str, models: Mapping[str, type]) -> type[BaseException] | None:
    """The exception type of that name that this process knows. Never imports."""
    if name == "SkipTest" or name.startswith("_"):  # a test runner takes these for a reason not to fail
        return None
    if module == "builtins":
        kind = getattr(builtins, name, None)
    elif module.partition(".")[0] in sys.stdlib_module_names:
        kind = getattr(sys.modules.get(module), name, None)
    else:
        kind = models.get(name)
    return kind if isinstance(kind, type) and issubclass(kind, BaseException) else None


def known_bases(rows: Sequence[tuple[str, str]], models: Mapping[str, type]) -> list[type[BaseException]]:
    """The known types among these rows, without those that another one derives from.

    Only exceptions that no loop or runner takes for a sign of its own are known.
    """
    bases: list[type[BaseException]] = []
    for kind in [known_exception(module, name, models) for module, name in rows]:
        may_be_known = kind is not None and (issubclass(kind, Exception) or kind.__name__ in EXPECTED_EXITS)
        if kind is not None and may_be_known and not any(issubclass(base, kind) for base in bases):
            bases.append(kind)
    return bases


def make_exception_type(rows: Sequence[tuple[str, str]], models: Mapping[str, type]) -> type[BaseException]:
    """As `Link.exception_type`."""
    bases = known_bases(rows, models)
    if bases and bases[0] is known_exception(*rows[0], models):
        return bases[0]
    name = rows[0][1] if rows else "Exception"
    for some in (bases[:MOST_BASES], bases[:1], [Exception if ("builtins", "Exception") in rows else BaseException]):
        with contextlib.suppress(TypeError, ValueError):  # of two layouts, or a name with a NUL
            if some:
                return type(name, tuple(some), {"__module__": "solution"})
    return Exception


def make_exception(kind: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    """An exception with these `args`; what its class's own `__init__` would do was done on the other side."""
    if not isinstance(kind.__init__, types.FunctionType):
        with contextlib.suppress(Exception):
            return kind(*arguments)
    error = kind.__new__(kind)
    error.args = arguments
    return error

"""Below the document: bodies that are no JSON or strange JSON, odd methods, paths and headers, requests cut off.

Each gets an answer in our one shape, in time and never a failure of the server, which goes on scoring.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from reward_server.models import ErrorResponse
from tests.fuzz.budget import fuzzed, tried
from tests.fuzz.serving import DEADLINE_S, GOOD, assert_scores, served

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD_BODIES: dict[str, dict[str, Any]] = {
    "/v1/score": {
        "problems": {"p": {"tests": {"kind": "call", "cases": [{"args": [1], "expected": 3}]}, "entry_point": "f"}},
        "submissions": [{"problem": "p", "code": GOOD}, {"problem": "p", "completion": "```python\nx\n```"}],
        "detail": "output",
    },
    "/v1/run": {"code": GOOD, "stdin": "1", "args": ["a"], "files": {"a.txt": "b"}, "limits": {"cpu_s": 1}},
    "/v1/problems": {"problems": {"mine/1": {"tests": {"kind": "asserts", "source": "assert f(1) == 2"}}}},
}
METHODS = {"/v1/score": "POST", "/v1/run": "POST", "/v1/problems": "PUT"}
STRANGE = [
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-0",
        "9" * 4000,
        "9" * 5000,
        "1" + "0" * 400,
        "0.1e-999",
        "1E400",
        "null",
    ),
    *(
        "true",
        '"\\ud800"',
        '"\\ud83d\\ude00"',
        '"\\u0000"',
        '"\\x"',
        "[" * 150 + "]" * 150,
        "[" * 100_000,
        "{}",
        "[]",
        "",
    ),
    *(
        '{"a":' * 300 + "1" + "}" * 300,
        '{"a":1,"a":2}',
        '{"":{}}',
        '"' + "x" * 5000 + '"',
        "'x'",
        "[1,]",
        "// x",
        "\x0c1",
    ),
    *(
        '"\\udc00\\ud800"',
        '{"\\ud800":1}',
        "1e5",
        "1.0",
        '"5"',
        "[[]]",
        '{"kind":"stdio"}',
        '{"__class__":"x"}',
        "0x10",
    ),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served() as url:
        yield url
        assert_scores(url)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*at, key))


def put(value: Any, at: tuple[Any, ...], new: str) -> Any:
    if not at:
        return new
    copy = value.copy()
    copy[at[0]] = put(value[at[0]], at[1:], new)
    return copy


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """A path, and its good body in which some places hold strange things, or that is bent as bytes."""
    path = draw(st.sampled_from(sorted(GOOD_BODIES)))
    body: Any = GOOD_BODIES[path]
    put_in = {}
    for number in range(draw(st.integers(0, 3))):
        mark = f"<{number}>"
        put_in[mark] = draw(st.sampled_from(STRANGE) | st.text(max_size=10).map(json.dumps))
        body = put(body, draw(st.sampled_from([*places(body)])), mark)
        if isinstance(body, dict) and draw(st.booleans()):
            body = {**body, draw(st.text(max_size=6)): mark}
    text = json.dumps(body)
    for mark, new in put_in.items():
        text = text.replace(json.dumps(mark), new)
    raw = text.encode("utf-8", "surrogatepass")
    match draw(st.sampled_from(["whole"] * 4 + ["cut", "bent", "twice", "utf-16", "bom"])):
        case "cut":
            raw = raw[: draw(st.integers(0, len(raw)))]
        case "bent":
            at = draw(st.integers(0, max(0, len(raw) - 1)))
            raw = raw[:at] + draw(st.binary(max_size=4)) + raw[at + 1 :]
        case "twice":
            raw *= 2
        case "utf-16":
            raw = raw.decode(errors="replace").encode("utf-16")
        case "bom":
            raw = b"\xef\xbb\xbf" + raw
    return path, raw


errors: TypeAdapter[ErrorResponse] = TypeAdapter(ErrorResponse)
NAMED = frozenset({400, 404, 405, 413, 422, 429, 503})


def assert_answered(status: int, kind: str, content: bytes) -> None:
    if status in (200, 307):
        return
    assert status in NAMED, (status, content)
    assert kind == "application/json", (status, content)
    errors.validate_json(content, extra="forbid", strict=True)


@fuzzed(0.15)
@given(
    bodies(),
    st.sampled_from(["application/json"] * 4 + ["text/plain", "application/x-ndjson", "multipart/form-data", ""]),
)
@example(("/v1/score", b'{"x": ' + b"9" * 5000 + b"}"), "application/json")
@example(("/v1/run", b'{"code": 1, "y": ' + b"[" * 150 + b"]" * 150 + b"}"), "application/json")
def test_any_body_is_answered_in_our_shape(url: str, body: tuple[str, bytes], kind: str) -> None:
    tried("bodies")
    path, raw = body
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        connection.request(METHODS[path], path, raw, {"content-type": kind})
        answer = connection.getresponse()
        assert_answered(answer.status, answer.headers["content-type"], answer.read())


odd_paths = st.lists(
    st.sampled_from(["/", "v1", "problems", "score", "run", "healthz", "..", ".", "%00", "%2e%2e", "%2F", "%", "%zz"])
    | st.sampled_from(
        ["%ff", "%ed%a0%80", "é", "a" * 3000, "?", "&", "prefix=", "limit=", "offset=", "9" * 5000, ";", "#"]
    )
    | st.sampled_from(
        ["docs", "redoc", "openapi.json", "metrics", "readyz", "\\", "//", "*", "http://x/", "=%00", "-1", "1e3"]
    ),
    max_size=6,
).map(lambda parts: "/" + "".join(parts)) | st.sampled_from(
    [
        *(
            "/v1/score",
            "/v1/run",
            "/v1/problems",
            "/v1/problems/mine/1",
            "/healthz",
            "/readyz",
            "/metrics",
            "/openapi.json",
        ),
        *(
            "/v1/problems?limit=2&prefix=%ff%00",
            "/v1/problems?offset=" + "9" * 5000,
            "/v1/problems?limit=1&limit=x",
            "/docs",
        ),
    ]
)
methods = st.sampled_from(
    ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW", "get", "M-SEARCH"]
)
header_lines = st.lists(
    st.sampled_from(
        [
            *(b"content-length: 5", b"content-length: -1", b"content-length: " + b"9" * 5000, b"content-length: 1, 2"),
            *(
                b"transfer-encoding: chunked",
                b"transfer-encoding: gzip",
                b"content-encoding: gzip",
                b"expect: 100-continue",
            ),
            *(
                b"accept: application/x-ndjson",
                b"accept: \xff",
                b"x: " + b"y" * 20_000,
                b"host: \x00",
                b"authorization: Bearer",
            ),
            *(
                b"connection: upgrade\r\nupgrade: websocket",
                b"range: bytes=0-1",
                b"cookie: a=b",
                b"nonsense",
                b"x:\xf0\x9f\x98\x80",
            ),
            *(
                b"content-type: application/json; charset=utf-16",
                b"x-forwarded-for: ' OR 1=1",
                b": empty",
                b"content-length: \xb2",
            ),
        ]
    ),
    max_size=2,
)
sent_bodies = st.sampled_from(
    [b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1\r\n", gzip.compress(b"{}")]
)


@fuzzed(0.08)
@given(methods, odd_paths, header_lines, sent_bodies)
def test_any_request_is_answered_or_refused(url: str, method: str, path: str, lines: list[bytes], body: bytes) -> None:
    """What is no HTTP at all is answered by the HTTP server, in its own words; all else in our shape."""
    tried("requests")
    head = b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), b"host: x", b"connection: close", *lines])
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=DEADLINE_S) as connection:
        connection.sendall(head + b"\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)  # a body that is announced and does not come is cut off here
        answer = http.client.HTTPResponse(connection, method=method)
        try:
            answer.begin()
            content = answer.read()
        except (http.client.HTTPException, ConnectionError):
            return  # hung up: there was no whole request to answer
    if answer.status == 400 and content == b"Invalid HTTP request received.":
        return
    if answer.status == 426 or method == "HEAD":
        return
    assert_answered(answer.status, answer.headers.get("content-type", ""), content)

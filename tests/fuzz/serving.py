"""The real application at a port of its own, in a thread of the test: what the fuzz of HTTP talks to."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final, get_args

import httpx
import uvicorn

from reward_server.app import create_app
from reward_server.backends.fake import FakeBackend, code_of
from reward_server.errors import SandboxLost
from reward_server.jobs import Ending, Observation, Observations
from reward_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reward_server.backends.base import Backend
    from reward_server.jobs import Job

DEADLINE_S: Final = 20.0
"""A request that takes longer hangs. Far more than any takes, also beside other work."""
GOOD: Final = "print(7)"
ENDINGS: Final = tuple(ending for ending in get_args(Ending) if ending != "lost")


async def anything(job: Job) -> Observations:
    """A script for the fake backend: an honest run of `print(7)`; for any other code one of all that may be seen."""
    code = code_of(job)
    count = job.tests if job.judge else len(job.cases)
    if code in (GOOD, "print('ok')"):
        printed = b"ok\n" if code != GOOD else b"7\n"
        return Observations((Observation("exited", stdout=printed, passed=True),) * count)
    draw = random.Random(code)
    if draw.random() < 0.1:
        raise SandboxLost("scripted")
    seen = [
        Observation(
            draw.choice(ENDINGS),
            draw.randrange(-2, 3),
            draw.random(),
            draw.random(),
            draw.randrange(1 << 30),
            draw.choice(["", code[:20], "\ud800"]),
            draw.random() < 0.5,
            stdout=draw.randbytes(3),
            value=draw.choice([b"", b"=1", b'!{"types": ["E"], "text": "\\ud800"}', b"=NaN", draw.randbytes(4)]),
        )
        for _ in range(count)
    ]
    return Observations(tuple(seen)) if draw.random() < 0.8 or not seen else Observations((), seen[0])


@contextlib.contextmanager
def served(backend: Backend | None = None, **changes: Any) -> Iterator[str]:
    """Yield the URL at which the application answers; without a backend it is on the fake one."""
    given = {"slots": 2, "spares": 0, "problems": "", "max_body_bytes": 1 << 20, "max_batch_items": 50, "drain_s": 1}
    app = create_app(Settings(**(given | changes)), backend or FakeBackend(anything))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + 60
            while not server.started and thread.is_alive() and time.monotonic() < deadline:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def assert_scores(url: str) -> None:
    """The server still does what it is for."""
    problem = {"tests": {"kind": "stdio", "cases": [{"stdout": "7"}]}}
    body = {"problems": {"p": problem}, "submissions": [{"problem": "p", "code": GOOD}]}
    answer = httpx.post(f"{url}/v1/score", json=body, timeout=DEADLINE_S)
    assert answer.status_code == 200, answer.text
    assert [result["reward"] for result in answer.json()["results"]] == [1.0]

"""The server, as the control process knows it: jobs come from it, some at a time, and answers go there.

Promises: what came in one message is answered in one, so that neither side wakes for each job; unless it takes long:
then what is done is told at once, and what has not begun goes back, as another sandbox may be free.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import Any, Final

from reward_server.runner import frames

SIGN_S = 1.0
"""How often the server is told that the control process is there, while a job goes on."""
TOGETHER_S = 0.2
"""So long after a message came, its answers wait for no others."""
MOST_BYTES = 1 << 16
"""That wait to be sent: so many go into a socket at once, also while a submission must be watched."""


class Server:
    SIGN: Final = bytes(8)
    """A frame of nothing."""

    def __init__(self) -> None:
        self.channel: frames.Channel | None = None
        """Set once there is one."""
        self.told_at = self.asked_at = 0.0
        self.jobs: deque[tuple[dict[str, Any], int]] = deque()
        """Header and body of those that have not begun."""
        self.answers: list[bytes] = []

    def leave(self) -> None:
        """The server is gone: pid 1 ends, and with it every process of the sandbox."""
        os._exit(0)

    def hear(self) -> None:
        """Take the jobs of the next message. Raises: EOFError."""
        assert self.channel is not None
        more = True
        while more:
            header, body = frames.receive_sealed(self.channel)
            self.jobs.append((header, body))
            more = header["more"]
        self.told_at = self.asked_at = time.monotonic()

    def answer(self, frame: bytes, *, fit: bool) -> None:
        """Answer a job, at once or with those that follow. `fit`: another one may run here."""
        self.answers.append(frame)
        now = time.monotonic()
        enough = now - self.asked_at > TOGETHER_S or sum(map(len, self.answers)) > MOST_BYTES
        if enough or not fit or not self.jobs:
            self.tell(now)

    def tell(self, now: float) -> None:
        """Send the answers so far, and before them which jobs will not run here."""
        assert self.channel is not None
        back = []
        for header, body in self.jobs:
            os.close(body)
            back.append(frames.pack({"job": header["job"], "unbegun": True}))
        self.jobs.clear()
        told = b"".join((*back, *self.answers))
        self.answers.clear()
        self.told_at = now
        self.channel.send(told)

    def sign(self, now: float) -> None:
        """While a job goes on: let no other wait for it, and say each second that it does: one that hangs is silent."""
        if (self.jobs or self.answers) and now - self.asked_at > TOGETHER_S:
            self.tell(now)
        elif self.channel is not None and now - self.told_at > SIGN_S:
            self.told_at = now
            self.channel.send(self.SIGN)


SERVER = Server()

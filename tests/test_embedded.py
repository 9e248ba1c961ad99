"""The embedded backend's hold on its sandboxes."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from reward_server.backends.embedded import OURS, BubblewrapProcess, EmbeddedBackend
from reward_server.errors import BackendUnavailable
from reward_server.judging import plan
from reward_server.settings import Settings
from tests.contract.support import children, stdio

if TYPE_CHECKING:
    from collections.abc import Coroutine


def test_every_package_of_the_project_is_hidden() -> None:
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)["tool"]["setuptools"]["packages"]["find"]["include"]
    assert sorted(OURS) == sorted(name.removesuffix("*") for name in found)


def test_a_sandbox_that_hangs_ends_with_its_slot() -> None:
    """Its first process does not read its channel then. Red without that kill and --die-with-parent."""
    with asyncio.Runner() as runner:
        slot = runner.run(EmbeddedBackend(Settings()).open_slot())
        assert isinstance(slot.process, BubblewrapProcess)
        bwrap = slot.process.process.pid
        (first,) = children(bwrap)
        runner.run(slot.run(plan(stdio(("", "")), "pass")))
        watched = os.pidfd_open(first)
        os.kill(first, signal.SIGSTOP)
        try:
            runner.run(asyncio.wait_for(slot.close(), 10))
            assert select.select([watched], [], [], 10)[0]
        finally:
            signal.pidfd_send_signal(watched, signal.SIGKILL)
            os.close(watched)


async def cancel_in_the_middle(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


def test_a_close_that_is_cancelled_leaves_no_descriptor_open() -> None:
    """As when the server stops while a slot is being replaced."""
    with asyncio.Runner() as runner:
        slot = runner.run(EmbeddedBackend(Settings()).open_slot())
        process = slot.process
        assert isinstance(process, BubblewrapProcess)
        assert process.process.stderr is not None
        runner.run(cancel_in_the_middle(process.end()))
        assert process.process.stderr.closed
        assert process.first is None
        runner.run(slot.close())


def test_a_sandbox_starts_without_a_fork_of_the_server() -> None:
    """Of 300 MB of memory it takes 10 ms, and the event loop waits until the child runs: 120 ms on a busy machine.

    Red with `asyncio.create_subprocess_exec`, which forks on uvloop.
    """
    forks: list[None] = []
    os.register_at_fork(before=lambda: forks.append(None))

    async def open_and_close() -> None:
        await (await EmbeddedBackend(Settings()).open_slot()).close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(open_and_close())
    assert not forks


def test_an_interpreter_where_each_sandbox_has_its_own_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would not be there. Red without the check: `bwrap: execvp: No such file or directory`."""
    monkeypatch.setattr("reward_server.backends.embedded.python_prefixes", lambda _: ["/usr", "/tmp/mine/venv"])
    with pytest.raises(BackendUnavailable, match="needs /tmp/mine/venv, and each sandbox has a /tmp of its own"):
        EmbeddedBackend(Settings()).command()


def test_an_interpreter_is_found_behind_a_link(tmp_path: Path) -> None:
    """A sandbox shows folders under their real names. Red before: `bwrap: execvp: No such file or directory`."""
    (tmp_path / "link").symlink_to(Path(sys.executable).parent)
    backend = EmbeddedBackend(Settings.from_env({}, sandbox_python=tmp_path / "link" / Path(sys.executable).name))
    assert backend.python == Path(sys.executable).parent.resolve() / Path(sys.executable).name

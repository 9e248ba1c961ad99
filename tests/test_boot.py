"""What is sent into a sandbox."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import orjson

from reward_server.runner import boot

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_packages_within_the_runner_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = tmp_path / "sent_of_this_test" / "runner" / "link"
    nested.mkdir(parents=True)
    (nested / "frames.py").write_text("x = 1", encoding="utf-8")
    for folder in (nested, nested.parent, nested.parent.parent):
        (folder / "__init__.py").touch()
    (nested.parent / "boot.py").touch()
    (nested.parent / "notes.txt").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(boot, "PACKAGE", "sent_of_this_test.runner")
    boot.source.cache_clear()
    try:
        sent = boot.bundle({"a": 1})
    finally:
        boot.source.cache_clear()
    assert struct.unpack(">I", sent[:4]) == (len(sent) - 4,)
    assert orjson.loads(sent[4:]) == {
        "modules": {
            "sent_of_this_test": "",
            "sent_of_this_test.runner": "",
            "sent_of_this_test.runner.link": "",
            "sent_of_this_test.runner.link.frames": "x = 1",
        },
        "packages": ["sent_of_this_test", "sent_of_this_test.runner", "sent_of_this_test.runner.link"],
        "config": {"a": 1},
    }


def test_this_module_itself_is_not_sent() -> None:
    assert b'"reward_server.runner.boot"' not in boot.bundle({})

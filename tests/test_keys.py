from __future__ import annotations

import hmac
import os
import stat
from typing import TYPE_CHECKING

import pytest

from reward_server import keys as keys_module
from reward_server.errors import BadSetting
from reward_server.keys import Key, KeyRing, digest_of, new_key, read_keys
from trainer.cli import main

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture(autouse=True)
def _look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "LOOK_S", -1)
    monkeypatch.delenv("PASSRATE_API_KEYS_FILE", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "api.keys"


def add(file: Path, name: str, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["keys", "add", name, "--file", str(file), *options]) == 0
    return capsys.readouterr().out.strip()


def test_a_key_is_shown_once_and_only_its_digest_is_kept(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = add(file, "alice", capsys, "--max-queued", "5")
    assert len(key) > 40
    text = file.read_text()
    assert key not in text
    assert read_keys(text) == (Key("alice", digest_of(key), max_queued=5),)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert main(["keys", "list", "--file", str(file)]) == 0
    told = capsys.readouterr().out
    assert "alice" in told
    assert key not in told


def test_no_two_keys_are_alike() -> None:
    assert len({new_key() for _ in range(100)}) == 100


def test_keys_come_and_go_without_a_restart(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = add(file, "first", capsys)
    ring = KeyRing(file)
    second = add(file, "second", capsys)
    for key, name in ((first, "first"), (second, "second")):
        known = ring.find(key)
        assert known is not None
        assert known.name == name
    assert main(["keys", "remove", "first", "--file", str(file)]) == 0
    assert ring.find(first) is None
    assert ring.find(second) is not None
    assert main(["keys", "remove", "second", "--file", str(file)]) == 0
    assert ring.find(second) is None


@pytest.mark.parametrize("text", [None, "", "\n", "alice", b"\xff", f"a {DIGEST}\na {DIGEST}", f"a {DIGEST} max=1"])
def test_a_broken_or_vanished_file_changes_nothing_and_is_told(
    file: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, text: str | bytes | None
) -> None:
    key = add(file, "alice", capsys)
    ring = KeyRing(file)
    if text is None:
        file.unlink()
    else:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    for _ in range(3):
        assert ring.find(key) is not None
        assert ring.find("other") is None
    assert [record.getMessage() for record in caplog.records] == ["keys_unreadable"]


@pytest.mark.parametrize("text", [None, "", "alice 1234", f"-x {DIGEST}", f"a {DIGEST} max_queued=0"])
def test_a_server_does_not_start_on_a_broken_file(file: Path, text: str | None) -> None:
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadSetting, match="PASSRATE_API_KEYS_FILE") as caught:
        KeyRing(file)
    assert "1234" not in str(caught.value)


def test_a_file_is_edited_by_hand(file: Path) -> None:
    file.write_text(f"# ours\n\n  alice\t{DIGEST}  max_queued=7 max_requests=2  # of the cluster\n")
    assert read_keys(file.read_text()) == (Key("alice", bytes.fromhex("ab" * 32), 7, 2),)


def test_every_key_is_compared_in_constant_time(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [add(file, name, capsys) for name in "abc"]
    ring = KeyRing(file)
    compared: list[bytes] = []
    really = hmac.compare_digest

    def compare(known: bytes, given: bytes) -> bool:
        compared.append(known)
        return really(known, given)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert ring.find(made[0]) is not None
    assert len(compared) == 3


def test_a_changed_file_stays_whose_it_was(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(file, "alice", capsys)
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 990, 990)
    add(file, "bob", capsys)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.stat().st_uid == (990 if os.geteuid() == 0 else os.geteuid())
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["add", "alice"], "--file"),
        (["add", "a b", "--file", "F"], "a b"),
        (["add", "known", "--file", "F"], "known"),
        (["remove", "knwon", "--file", "F"], "did you mean known"),
        (["list", "--file", "/"], "directory"),
    ],
)
def test_wrong_use_is_one_line(file: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    add(file, "known", capsys)
    with pytest.raises(SystemExit) as caught:
        main(["keys", *(str(file) if word == "F" else word for word in words)])
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert told in lines[0]

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from reward_server.errors import BadSetting
from reward_server.settings import Settings, usable_cores
from trainer.settings import NAMES

if TYPE_CHECKING:
    from pathlib import Path


def test_every_field_is_read_from_the_environment() -> None:
    settings = Settings.from_env({"PASSRATE_PORT": "9", "PASSRATE_MAX_BODY_BYTES": "2MiB", "HOME": "x"})
    assert settings.port == 9
    assert settings.max_body_bytes == 2 << 20


def test_a_flag_wins_over_the_environment() -> None:
    assert Settings.from_env({"PASSRATE_SLOTS": "3"}, slots=4, port=None).slots == 4


@pytest.mark.parametrize("name", ["PASSRATE_SLTOS", "PASSRATE_slots", "PASSRATE_SLOT"])
def test_a_misspelt_name_is_an_error_that_names_the_closest(name: str) -> None:
    with pytest.raises(BadSetting, match=rf"{name} is not a setting; the closest is PASSRATE_SLOTS"):
        Settings.from_env({name: "3"})


@pytest.mark.parametrize(("name", "instead"), [("PASSRATE_PROCESSES", "run several servers")])
def test_the_name_of_a_removed_setting_is_an_error_with_what_to_do_instead(name: str, instead: str) -> None:
    with pytest.raises(BadSetting, match=rf"{name} was removed: .*{instead}"):
        Settings.from_env({name: "2"})


@pytest.mark.parametrize("name", [*NAMES, "PASSRATE_CLIENT_RETRIES"])
def test_names_of_the_trainer_are_left_alone(name: str) -> None:
    Settings.from_env({name: "anything"})


def test_a_wrong_value_names_where_it_came_from() -> None:
    with pytest.raises(BadSetting, match=r"PASSRATE_PORT: .*integer"):
        Settings.from_env({"PASSRATE_PORT": "http"})
    with pytest.raises(BadSetting, match=r"--slots: .*greater"):
        Settings.from_env({}, slots=0)


def test_a_queue_that_could_never_take_a_full_batch_is_refused() -> None:
    with pytest.raises(BadSetting, match="max_queued must be at least max_batch_items"):
        Settings.from_env({"PASSRATE_MAX_QUEUED": "10"})


def test_there_are_no_more_slots_than_cores_by_default() -> None:
    """More programs than cores would make verdicts depend on load."""
    assert 1 <= Settings().slots <= len(os.sched_getaffinity(0))
    assert Settings().slots == usable_cores()


def test_the_server_listens_on_localhost_unless_told_otherwise() -> None:
    assert Settings().host == "127.0.0.1"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "3200000", "cpu/cpu.cfs_period_us": "100000"}, 8),
    ],
    ids=str,
)
def test_slots_are_as_many_as_the_cores_that_a_container_may_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], cores: int
) -> None:
    """More of them would be throttled, and with them their submissions."""
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr("reward_server.settings.CGROUPS", tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert usable_cores() == cores

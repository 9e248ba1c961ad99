from __future__ import annotations

import os

import pytest

from reward_server.errors import BadSetting
from reward_server.settings import Settings, usable_cores
from trainer.settings import NAMES


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

"""What is no model is told apart from what may be one before anything is loaded."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from tests.stub_server import served
from trainer.parser import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.train


class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub_url() -> Iterator[str]:
    with served(Hub) as url:
        yield url


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.hub.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("trainer.hub.HF_HUB_OFFLINE", False)


@pytest.mark.parametrize("file", ["config.json", "adapter_config.json"])
def test_a_folder_with_a_model_or_an_adapter_is_one(tmp_path: Path, file: str) -> None:
    from trainer.hub import check_model

    (tmp_path / file).write_text("{}")
    check_model("--model", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "give a folder"),
        (".", "no config.json"),
        ("README.md", "no config.json"),
        ("./nope", "no such folder: ./nope$"),
        ("/nope", "no such folder"),
        ("a/b/c", "no such folder"),
        ("no name", "no such folder: no name$"),
        ("x/y", "http://127.0.0.1:9 does not answer"),
    ],
)
def test_what_is_no_model_is_refused_at_once(name: str, said: str) -> None:
    from trainer.hub import check_model

    with pytest.raises(UsageError, match=said) as caught:
        check_model("--model", name)
    assert str(caught.value).startswith("--model: ")


def test_a_name_passes_where_the_hub_answers(hub_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the hub has it shows when it is loaded: private models need credentials that we do not handle."""
    from trainer.hub import check_model

    monkeypatch.setattr("trainer.hub.ENDPOINT", hub_url)
    check_model("--model", "x/y")
    monkeypatch.setattr("trainer.hub.HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE"):
        check_model("--model", "x/y")


def test_a_name_passes_without_a_hub_where_it_is_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.hub import check_model

    snapshot = tmp_path / "models--x--y" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    refs = tmp_path / "models--x--y" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    check_model("--model", "x/y")
    with pytest.raises(UsageError, match="does not answer"):
        check_model("--model", "x/y", "another revision")

"""The tables of the documentation agree with the code, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from reward_server.app import create_app
from reward_server.backends.base import Wear
from reward_server.backends.fake import FakeBackend
from reward_server.errors import Loss
from reward_server.runs import Dirt
from reward_server.settings import Settings
from reward_server.verdicts import Verdict
from tasks.registry import load_problems
from tasks.schema import Limits
from trainer import cli
from trainer.attack.payloads import PAYLOADS

ROOT = Path(__file__).parent.parent
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]}
MOST_LINES = 150
"""Of the README; reference goes to `docs/`."""


def names(pattern: str, text: str) -> set[str]:
    return set(re.findall(pattern, text))


def section(page: str, title: str) -> str:
    return PAGES[page].split(f"\n{title}\n")[1].split("\n## ")[0]


def test_the_readme_is_short() -> None:
    assert PAGES["README"].count("\n") <= MOST_LINES


def anchors(text: str) -> set[str]:
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in names(r"(?m)^#+ (.*)$", text)}


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "DESIGN.md", *ROOT.glob("*/*.md")], ids=lambda page: page.name
)
def test_every_link_leads_to_a_file_and_a_section(page: Path) -> None:
    for link in names(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if not link.startswith("http"):
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_setting_of_the_server_is_described_and_no_other() -> None:
    told = names(r"`PASSRATE_([A-Z_]+)`", section("operating", "## Settings"))
    assert told == {name.upper() for name in Settings.model_fields}


def test_every_command_is_described_and_no_other() -> None:
    assert names(r"\| `passrate ([a-z]+)` \|", PAGES["commands"]) == set(cli.COMMANDS)


def test_every_verdict_is_named() -> None:
    assert {verdict for verdict in get_args(Verdict) if f"`{verdict}`" not in PAGES["requests"]} == set()


def test_every_limit_is_named_with_its_default() -> None:
    told = dict(re.findall(r"`(\w+)` \(([^)]+)\)", section("problems", "## Limits")))
    defaults = {name: str(value) for name, value in Limits().model_dump().items()}
    defaults |= {"cpu_s": "5", "wall_s": "10", "output_bytes": "1 MiB"}
    assert told == defaults


def test_the_number_of_bundled_problems_is_right() -> None:
    assert f"{len(load_problems('bundled'))} problems of our own" in PAGES["README"]


def test_the_number_of_hostile_programs_is_right() -> None:
    for page in ("README", "commands"):
        assert f"{sum(map(len, PAYLOADS.values()))} hostile programs" in PAGES[page]


def test_every_metric_is_described_and_no_other() -> None:
    told = names(r"`(passrate_[a-z_]+)`", section("operating", "## Metrics"))
    metrics = create_app(Settings(problems=""), FakeBackend()).state.service.metrics
    metrics.count_request(None, "GET", 200, 0.1, 0, 0)
    there = {f"{family.name}_total" if family.type == "counter" else family.name for family in metrics.collect()}
    assert told == there | {"passrate_ready"}  # which is absent until somebody asks


def test_every_event_of_the_log_is_described_and_no_other() -> None:
    table = section("operating", "## Logs")
    told = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in names(r"`(\w+)`", row)}
    sources = [path.read_text() for path in (ROOT / "reward_server").rglob("*.py")]
    assert told == names(r'\blog\.\w+\(\s*"(\w+)"', "\n".join(sources))


def test_every_value_of_a_closed_label_is_named() -> None:
    table = section("operating", "## Metrics")
    assert {each for kind in (Wear, Loss, Dirt) for each in get_args(kind) if f"`{each}`" not in table} == set()

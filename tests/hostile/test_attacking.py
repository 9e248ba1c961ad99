"""What tells an attack that went well from one that did not can tell them apart."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.backends.fake import FakeBackend
from reward_server.errors import SandboxLost
from reward_server.verdicts import TestResult
from tests.contract.support import REPOSITORY
from trainer import cli
from trainer.attack import canary, leaks
from trainer.attack.attacking import Outcome, attack
from trainer.attack.filesystem import NOTHING_LEFT
from trainer.attack.payload import SAID, Payload, none_succeed
from trainer.attack.payloads import PAYLOADS
from trainer.attack.phrases import PHRASES

if TYPE_CHECKING:
    from reward_server.jobs import Observations
    from tests.contract.support import Sandbox

EVERY = [payload for section in PAYLOADS.values() for payload in section]
LIST = REPOSITORY.parent / "shared" / "hostile.md"
CLEAN: dict[str, Any] = {"files": [], "strays": [], "children": [], "ipc": [], "sockets": [], "modules": [], "cwd": "/"}


@pytest.mark.parametrize("section", PHRASES)
def test_every_phrase_has_a_payload_and_every_payload_a_phrase(section: str) -> None:
    named = {phrase for payload in PAYLOADS[section] for phrase in payload.phrases}
    assert named == set(PHRASES[section])


def test_names_are_told_apart() -> None:
    assert {name: count for name, count in Counter(each.name for each in EVERY).items() if count > 1} == {}


@pytest.mark.skipif(not LIST.exists(), reason="the list that the phrases were taken from is not here")
def test_the_phrases_are_the_list() -> None:
    """Word by word, so that nothing of it is left out."""
    told = LIST.read_text(encoding="utf-8").split("**")[1:]
    sections = dict(zip(told[::2], told[1::2], strict=True))
    assert {title: words(text) for title, text in sections.items()} == {
        title: words(" ".join(phrases)) for title, phrases in PHRASES.items()
    }


def words(text: str) -> list[str]:
    return re.sub(r"[,;:](?=\s)|\.(?=\s*$)", "", text).split()


def result(seen: dict[str, Any], verdict: Any = "passed") -> TestResult:
    return TestResult(verdict, stderr=json.dumps(seen))


def seen_by_canary(**changes: Any) -> list[TestResult]:
    return [result(CLEAN | changes), result(CLEAN | changes, "wrong_answer")]


@pytest.mark.parametrize(
    "changes",
    [{"files": ["/tmp/left"]}, {"strays": [7]}, {"children": ["7"]}, {"sockets": ["@left"]}, {"cwd": "/tmp"}],
    ids=str,
)
def test_the_canary_complains_of_what_was_left(changes: dict[str, Any]) -> None:
    assert canary.complaint(seen_by_canary(), seen_by_canary()) == ""
    assert next(iter(changes)) in canary.complaint(seen_by_canary(**changes), seen_by_canary())


def test_the_canary_complains_where_every_answer_passes() -> None:
    assert "passed, passed" in canary.complaint([result(CLEAN), result(CLEAN)], seen_by_canary())


async def lost(_: object) -> Observations:
    raise SandboxLost("gone")


def test_a_lost_sandbox_is_a_failure() -> None:
    told: dict[str, Outcome] = {}
    asyncio.run(attack(FakeBackend(lost), EVERY[:3], lambda payload, outcome: told.update({payload.name: outcome}), 2))
    assert [(outcome.seen, outcome.slot) for outcome in told.values()] == [("none", "dirty")] * 3
    assert all("gone" in outcome.wrong for outcome in told.values())


@pytest.mark.parametrize("wrong", ["", "passed where cpu_timeout is right"])
def test_doctor_shows_each_payload_and_fails_when_one_did(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def told(_: object, payloads: list[Payload], tell: Any, __: int) -> None:
        for payload in payloads:
            tell(payload, Outcome(payload.verdicts[0], "clean", wrong if payload is EVERY[3] else ""))

    monkeypatch.setattr("trainer.attack.report.attack", told)
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["doctor", "--attack", "--backend", "embedded"]) == (1 if wrong else 0)
    shown = capsys.readouterr().out
    assert [payload.name for payload in EVERY if payload.name not in shown] == []
    assert shown.count("FAILED") == (1 if wrong else 0)
    assert f"{1 if wrong else 0} failed" in shown


def test_what_searches_would_find(sandbox: Sandbox) -> None:
    """Or else to find nothing would prove nothing."""
    held = f"kept = ['{leaks.MARKER}, in the source']\n"
    for search in (leaks.OBJECTS_SEARCHED, leaks.MEMORY_SEARCHED):
        assert sandbox.output(search) == f"{SAID}\n"
        assert sandbox.output(held + search) != f"{SAID}\n"
    assert sandbox.output(NOTHING_LEFT) == f"{SAID}\n"
    assert sandbox.output("open('/dev/shm/left', 'w')\n" + NOTHING_LEFT) == "['/dev/shm']\n"
    assert sandbox.output(none_succeed("os.getpid()\nos.setuid(0)")) == "os.getpid()\n"


def test_the_canary_sees_what_lies_about(sandbox: Sandbox) -> None:
    """In one program with what it should find; it is then no longer clean."""
    left = "import os\nopen('/tmp/left', 'w').close()\nos.fork() or os.execlp('sleep', 'sleep', '9')\n"
    results = sandbox.judge(canary.PROBLEM, left + canary.PROGRAM)
    seen = canary.look(results)
    assert (seen["files"], len(seen["children"])) == (["/tmp/left"], 1)

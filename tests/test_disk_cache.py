"""Judgements on disk: found by the next server, never by another judge, and never in the way."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING

import pytest

from reward_server import disk_cache
from reward_server.backends.fake import FakeBackend
from reward_server.disk_cache import DiskCache, version_of_judge
from reward_server.errors import BadSetting
from reward_server.settings import Settings
from reward_server.verdicts import TestResult
from tests.test_scoring import batch_of, scored, started

if TYPE_CHECKING:
    from pathlib import Path

PASSED = (TestResult("passed", 2.0, "line 1", 0.25, 0.5, 4096, "", "printed", "é", 3),)
FAILED = (TestResult("wrong_answer", message="printed 1 where 2 was expected"), TestResult("skipped"))
MIB = 1 << 20


async def found(path: Path, version: bytes, *keys: bytes, **put: tuple[TestResult, ...]) -> list[bytes]:
    """Put judgements in, close the file, open it again and look for some."""
    cache = DiskCache(path, b"1", MIB)
    for name, results in put.items():
        cache.put(name.encode(), results)
    await cache.close()
    again = DiskCache(path, version, MIB)
    seen = await again.find(keys)
    await again.close()
    for name, results in put.items():
        assert seen.get(name.encode(), results) == results
    return sorted(seen)


def test_judgements_outlast_the_server(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    assert asyncio.run(found(path, b"1", b"a", b"b", b"c", a=PASSED, b=FAILED)) == [b"a", b"b"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_judge_finds_nothing(tmp_path: Path) -> None:
    """Red without the version in what is stored: a mended judge would go on paying wrong rewards."""
    assert asyncio.run(found(tmp_path / "cache", b"2", b"a", a=PASSED)) == []
    assert len({version_of_judge("docker a"), version_of_judge("docker b"), version_of_judge("docker a")}) == 2


def test_a_nested_file_of_the_judge_makes_another_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = tmp_path / "judge_of_this_test" / "inner" / "module.py"
    nested.parent.mkdir(parents=True)
    for folder in (nested.parent, nested.parent.parent):
        (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(disk_cache, "JUDGES", ("judge_of_this_test",))
    versions = []
    for text in ("x = 1", "x = 2", "x = 1"):
        nested.write_text(text, encoding="utf-8")
        versions.append(version_of_judge(""))
    nested.rename(nested.with_name("other.py"))
    versions.append(version_of_judge(""))
    assert versions[0] == versions[2]
    assert len(set(versions)) == 3


def test_timeouts_are_not_kept(tmp_path: Path) -> None:
    put = {"cpu": (TestResult("cpu_timeout"),), "wall": (TestResult("passed"), TestResult("wall_timeout"))}
    assert asyncio.run(found(tmp_path / "cache", b"1", b"cpu", b"wall", **put)) == []


def test_the_file_is_bounded_and_the_oldest_go(tmp_path: Path) -> None:
    async def fill() -> tuple[int, list[bytes]]:
        cache = DiskCache(tmp_path / "cache", b"1", MIB)
        for number in range(40):
            for part in range(10):
                cache.put(b"%d %d" % (number, part), (TestResult("passed", stdout="x" * 10_000),))
            await cache._flush()
        seen = await cache.find([b"0 0", b"39 9"])
        size = await asyncio.to_thread(cache._bytes)
        await cache.close()
        return size, sorted(seen)

    size, kept = asyncio.run(fill())
    assert size <= 1.2 * MIB
    assert kept == [b"39 9"]


def test_a_file_that_cannot_be_written_costs_no_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def serve() -> list[float | None]:
        async with started(FakeBackend(), cache_file=tmp_path / "cache") as service:
            assert service.disk is not None
            service.disk._file.close()
            results = await scored(service, batch_of("good", "bad"))
            await service.disk._flush()
            return [each["reward"] for each in results]

    assert asyncio.run(serve()) == [1.0, 0.0]
    assert [record.message for record in caplog.records].count("cache_file_failed") == 2


def test_a_spoilt_row_is_judged_again(tmp_path: Path) -> None:
    async def serve() -> tuple[int, int]:
        for _ in range(2):
            backend = FakeBackend()
            async with started(backend, cache_file=tmp_path / "cache") as service:
                await scored(service, batch_of("good"))
                assert service.disk is not None
                await service.disk._flush()
                runs = len(backend.jobs)
                await asyncio.to_thread(service.disk._file.execute, "UPDATE judgements SET results = '[[1'")
        return runs, len(backend.jobs)

    assert asyncio.run(serve()) == (1, 1)


def test_the_next_server_answers_from_the_file(tmp_path: Path) -> None:
    async def serve() -> None:
        for runs, cached in ((2, [False, False]), (0, [True, True])):
            backend = FakeBackend()
            async with started(backend, cache_file=tmp_path / "cache") as service:
                results = await scored(service, batch_of("good", "bad"))
            assert [each["reward"] for each in results] == [1.0, 0.0]
            assert [each["cached"] for each in results] == cached
            assert len(backend.jobs) == runs

    asyncio.run(serve())


def test_a_file_that_is_no_cache_is_refused_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("not a cache, and longer than a page of a database would be" * 100)
    with pytest.raises(BadSetting, match=r"PASSRATE_CACHE_FILE.*notes.*remove it"):
        DiskCache(path, b"1", MIB)
    with pytest.raises(BadSetting, match="PASSRATE_CACHE_FILE"):
        DiskCache(tmp_path / "missing" / "cache", b"1", MIB)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(BadSetting, match="PASSRATE_CACHE_FILE"):
        DiskCache(link, b"1", MIB)


def test_a_file_without_a_cache_in_memory_is_refused() -> None:
    with pytest.raises(BadSetting, match="cache_entries above 0"):
        Settings.from_env({"PASSRATE_CACHE_FILE": "x", "PASSRATE_CACHE_ENTRIES": "0"})

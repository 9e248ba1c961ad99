from __future__ import annotations

from reward_server.lru import LRUCache


def test_the_least_recently_used_entry_is_evicted() -> None:
    cache: LRUCache[str] = LRUCache(max_entries=2, max_bytes=100)
    cache.put(b"a", "A", 10)
    cache.put(b"b", "B", 10)
    assert cache.get(b"a") == "A"
    cache.put(b"c", "C", 10)
    assert [cache.get(key) for key in (b"a", b"b", b"c")] == ["A", None, "C"]
    assert (len(cache), cache.size_bytes, cache.evictions) == (2, 20, 1)


def test_bytes_are_bounded_and_the_newest_entry_stays() -> None:
    cache: LRUCache[str] = LRUCache(max_entries=9, max_bytes=100)
    cache.put(b"a", "A", 10)
    cache.put(b"b", "B", 1000)
    assert [cache.get(key) for key in (b"a", b"b")] == [None, "B"]
    cache.put(b"b", "C", 5)
    cache.put(b"c", "D", 95)
    assert [cache.get(key) for key in (b"b", b"c")] == ["C", "D"]
    assert cache.size_bytes == 100

"""The shared store: a real Redis, one that is down, slow or refuses; for the caller each of these is a miss."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from redis_server import NEEDED, RedisServer, silent_server

from router_extproc.cache.entry import Entry
from router_extproc.cache.keys import Keys
from router_extproc.cache.redis import RedisEntries
from router_extproc.cache.rule import CacheLimits
from router_extproc.cache.store import ResponseCache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from router_extproc.cache.remote import RemoteEntries

LIMITS = CacheLimits(remote=True, timeout_s=0.05)
KEY = b"k" * 32


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A running server."""
    server = RedisServer(tmp_path).start()
    yield server
    server.stop()


def entry(ttl: float = 60.0) -> Entry:
    """An answer that is kept now."""
    return Entry(b'{"a": 1}', time.time(), time.time() + ttl, "openai_chat")


async def found(cache: ResponseCache, key: bytes = KEY) -> Entry | None:
    """What the shared store gives, and in time."""
    pending: Future[Entry | None] | Entry | None = cache.find(key)
    assert not isinstance(pending, Entry | None)
    return await asyncio.wait_for(asyncio.wrap_future(pending), 5)


async def settled(cache: ResponseCache) -> None:
    """Until nothing is in flight."""
    while cache.shared is not None and cache.shared.pending:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)


@NEEDED
class TestRedis:
    async def test_replicas_share_answers(self, redis: RedisServer) -> None:
        """What one keeps, the other finds; a key of another secret is another key."""
        one, two = (ResponseCache(LIMITS, secret=b"s" * 32, remote=RedisEntries(redis.url)) for _ in range(2))
        kept = entry()
        one.keep(Keys(KEY), kept, None)
        await settled(one)
        assert await found(two) == kept
        assert await found(two, b"x" * 32) is None
        assert one.size == 0
        await one.close()
        await two.close()

    async def test_redis_forgets_by_itself(self, redis: RedisServer) -> None:
        """The time to live goes along."""
        cache = ResponseCache(LIMITS, remote=RedisEntries(redis.url))
        cache.keep(Keys(KEY), entry(0.2), None)
        await settled(cache)
        assert await found(cache) is not None
        await asyncio.sleep(0.3)
        assert await found(cache) is None
        await cache.close()

    async def test_what_is_no_entry_is_a_miss(self, redis: RedisServer) -> None:
        """Somebody else wrote it."""
        remote = RedisEntries(redis.url)
        await remote.put(KEY, b"\xffnonsense", 60)
        cache = ResponseCache(LIMITS, remote=remote)
        assert await found(cache) is None
        assert cache.figures.failures == {"unreadable": 1}
        await cache.close()

    async def test_a_wrong_password(self, tmp_path: Path) -> None:
        """Is a miss, and is counted as what it is."""
        server = RedisServer(tmp_path, password="right").start()  # noqa: S106 - a test's
        try:
            cache = ResponseCache(LIMITS, remote=RedisEntries(f"redis://:wrong@127.0.0.1:{server.port}/0"))
            assert await found(cache) is None
            cache.keep(Keys(KEY), entry(), None)
            await settled(cache)
            assert cache.figures.failures == {"credentials": 2}
            await cache.close()
        finally:
            server.stop()

    async def test_comes_back(self, redis: RedisServer) -> None:
        """After it was down it is asked again."""
        cache = ResponseCache(LIMITS, secret=b"s" * 32, remote=RedisEntries(redis.url))
        cache.keep(Keys(KEY), entry(), None)
        await settled(cache)
        redis.stop()
        for _ in range(5):
            assert await found(cache) is None
        assert cache.shared is not None
        assert not cache.shared.up
        redis.start()
        await asyncio.sleep(1.1)
        cache.keep(Keys(KEY), entry(), None)
        await settled(cache)
        assert await found(cache) is not None
        assert cache.shared.up
        await cache.close()


class TestFailures:
    async def test_down(self) -> None:
        """At once a miss; after three of them nobody waits any more."""
        cache = ResponseCache(LIMITS, remote=RedisEntries("redis://127.0.0.1:1/0"))
        for _ in range(6):
            assert await found(cache) is None
        assert cache.figures.failures == {"connection": 3, "down": 3}
        await cache.close()

    async def test_slow(self) -> None:
        """A miss once the policy's time is over."""
        with silent_server() as port:
            cache = ResponseCache(LIMITS, remote=RedisEntries(f"redis://127.0.0.1:{port}/0"))
            assert await found(cache) is None
            assert cache.figures.failures == {"timeout": 1}
            await cache.close()

    async def test_calls_in_flight_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One more is a miss at once."""
        monkeypatch.setattr("router_extproc.cache.shared.MAX_PENDING", 2)

        class Slow:
            async def get(self, key: bytes, /) -> bytes | None:
                await asyncio.sleep(10)
                return key

            async def put(self, key: bytes, value: bytes, ttl_s: float, /) -> None: ...

            async def close(self) -> None: ...

        slow: RemoteEntries = Slow()
        cache = ResponseCache(LIMITS, remote=slow)
        pending: list[Any] = [cache.find(KEY) for _ in range(3)]
        assert [future.done() for future in pending] == [False, False, True]
        assert cache.figures.failures == {"overloaded": 1}
        await cache.close()

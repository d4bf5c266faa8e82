"""Counting in a real Redis, and what a Redis that is gone, slow, or refuses the password comes to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest
from redis_server import NEEDED, RedisServer, free_port, silent_server

from router_extproc.limits.connection import RemoteError
from router_extproc.limits.remote import RedisRemote, Told
from router_extproc.limits.store import Charge, Over

if TYPE_CHECKING:
    from pathlib import Path

Make = Callable[..., Charge]


@pytest.fixture
async def remote(redis: RedisServer) -> AsyncIterator[RedisRemote]:
    """Connected to an empty one."""
    made = RedisRemote(redis.url, timeout_s=2.0)
    await made._client.flushall()
    yield made
    await made.close()


async def reserved(remote: RedisRemote, *charges: Charge) -> tuple[float, Told]:
    """When, and what one request came to."""
    at, (told,) = await remote.reserve([charges])
    return at, told


async def granted(remote: RedisRemote, *charges: Charge) -> bool:
    """Whether a request may go on."""
    return not isinstance((await reserved(remote, *charges))[1], Over)


@NEEDED
class TestRedis:
    async def test_grants_up_to_the_limit(self, remote: RedisRemote, charge: Make) -> None:
        """And again when the window has passed."""
        request = charge(requests=2, window_s=1)

        assert [await granted(remote, request) for _ in range(3)] == [True, True, False]
        _, over = await reserved(remote, request)
        assert isinstance(over, Over)
        assert over.charge == request
        assert over.wait_s is not None
        assert 0.5 < over.wait_s <= 1.1
        await asyncio.sleep(over.wait_s + 0.01)
        assert await granted(remote, request)

    async def test_counts_all_or_nothing(self, remote: RedisRemote, charge: Make) -> None:
        """In one step, whoever else counts."""
        assert await granted(remote, charge("full", requests=1))
        assert not await granted(remote, charge("free", requests=1), charge("full", requests=1))
        assert await granted(remote, charge("free", requests=1))

    async def test_two_at_once_do_not_both_get_the_last_one(self, remote: RedisRemote, charge: Make) -> None:
        """A decision is one script."""
        found = await asyncio.gather(*(granted(remote, charge(requests=10)) for _ in range(40)))

        assert sum(found) == 10

    async def test_several_requests_in_one_call_are_decided_one_by_one(self, remote: RedisRemote, charge: Make) -> None:
        """In their order; one that is refused takes nothing from those after it."""
        one, two = charge("a", requests=2), charge("b", requests=1)
        _, told = await remote.reserve([[one, two], [one, two], [one], [one], [two]])

        assert [isinstance(each, Over) for each in told] == [False, True, False, True, True]
        assert told[0] == (0, 0)
        assert isinstance(told[1], Over)
        assert told[1].charge == two

    async def test_what_never_fits_has_no_wait(self, remote: RedisRemote, charge: Make) -> None:
        """As in memory."""
        _, over = await reserved(remote, charge(takes=(1, 101, 0), tokens=100))

        assert isinstance(over, Over)
        assert (over.amount, over.wait_s) == (1, None)

    async def test_takes_what_is_left_of_what_is_wanted(self, remote: RedisRemote, charge: Make) -> None:
        """But no less than it needs."""
        wants = charge(takes=(1, 80, 0), tokens=100, least=10)
        taken = [(await reserved(remote, wants))[1] for _ in range(3)]

        assert taken[:2] == [(80,), (20,)]
        assert isinstance(taken[2], Over)

    async def test_is_corrected(self, remote: RedisRemote, charge: Make) -> None:
        """More and less, and never below nothing."""
        at, _ = await reserved(remote, charge(takes=(1, 90, 0), tokens=100))
        assert not await granted(remote, charge(takes=(1, 20, 0), tokens=100))
        await remote.adjust([(charge(takes=(0, -80, 0), tokens=100), at)])
        assert await granted(remote, charge(takes=(1, 20, 0), tokens=100))
        await remote.adjust([(charge(takes=(0, 70, 5), tokens=100), at)])
        assert not await granted(remote, charge(takes=(1, 1, 0), tokens=100))
        await remote.adjust([(charge(takes=(0, -1000, 0), tokens=100), at)])
        assert await granted(remote, charge(takes=(1, 100, 0), tokens=100))

    async def test_agrees_with_memory(self, remote: RedisRemote, charge: Make) -> None:
        """The two stores are one rule written twice."""
        from router_extproc.limits.memory import MemoryStore  # noqa: PLC0415 - only here

        local = MemoryStore()
        for number in range(60):
            charges = [
                charge(str(number % 3), takes=(1, 3 * number, 0), requests=12, tokens=300, window_s=3600, least=number),
                charge("all", name="all", takes=(1, 0, 0), cost=1000, window_s=3600),
            ]
            answer = local.reserve(charges)
            at, over = await reserved(remote, *charges)
            assert isinstance(over, Over) != answer.granted
            if not isinstance(over, Over):
                assert tuple(over) == answer.tokens
            elif answer.over is not None:
                assert (over.charge, over.amount) == (answer.over.charge, answer.over.amount)
            if answer.granted:
                change = [charge("all", name="all", takes=(0, 0, 40), cost=1000, window_s=3600)]
                local.adjust(change, answer.receipt)
                await remote.adjust([(change[0], at)])

    async def test_keys_say_nothing_of_the_caller_and_expire(self, remote: RedisRemote, charge: Make) -> None:
        """Hashes only, gone when they would count for nothing."""
        await reserved(remote, charge("ada", requests=1, window_s=6))
        (key,) = await remote._client.keys("*")

        assert key == b"router-extproc:{limits}:it:6:" + b"ada".ljust(16).hex().encode()
        assert 6000 < await remote._client.pttl(key) <= 7000

    async def test_old_buckets_are_taken_out(self, remote: RedisRemote, charge: Make) -> None:
        """An allowance that is always in use does not grow."""
        request = charge(requests=100, window_s=1)
        for _ in range(18):
            await reserved(remote, request)
            await asyncio.sleep(0.09)
        (key,) = await remote._client.keys("*")

        assert await remote._client.hlen(key) <= 13

    async def test_large_sums_stay_exact(self, remote: RedisRemote, charge: Make) -> None:
        """A million dollars in billionths."""
        bound = 1_000_000_000_000_000
        at, _ = await reserved(remote, charge(cost=bound))
        await remote.adjust([(charge(takes=(0, 0, bound - 1), cost=bound), at)])
        assert await granted(remote, charge(cost=bound))
        await remote.adjust([(charge(takes=(0, 0, 1), cost=bound), at)])
        assert not await granted(remote, charge(cost=bound))


class TestTrouble:
    async def test_none_there(self, charge: Make) -> None:
        """Told by its kind alone."""
        remote = RedisRemote(f"redis://127.0.0.1:{free_port()}/0", timeout_s=1.0)
        with pytest.raises(RemoteError) as caught:
            await reserved(remote, charge())
        await remote.close()

        assert caught.value.reason == "connection"

    async def test_one_that_says_nothing(self, charge: Make) -> None:
        """The time is kept."""
        with silent_server() as port:
            remote = RedisRemote(f"redis://127.0.0.1:{port}/0", timeout_s=0.1)
            began = time.perf_counter()
            with pytest.raises(RemoteError) as caught:
                await reserved(remote, charge())
            assert time.perf_counter() - began < 0.3
            await remote.close()

        assert caught.value.reason == "timeout"

    @NEEDED
    @pytest.mark.parametrize("credentials", ["", ":wrong@", "nobody:wrong@"], ids=["none", "password", "user"])
    async def test_one_that_refuses_the_password(self, tmp_path: Path, charge: Make, credentials: str) -> None:
        """And its error holds nothing of it."""
        server = RedisServer(tmp_path, password="right").start()  # noqa: S106 - of this test
        try:
            remote = RedisRemote(server.url.replace("//", f"//{credentials}"), timeout_s=1.0)
            with pytest.raises(RemoteError) as caught:
                await reserved(remote, charge())
            await remote.close()
            good = RedisRemote(server.url.replace("//", "//:right@"), timeout_s=1.0)
            assert await granted(good, charge())
            await good.close()
        finally:
            server.stop()

        assert str(caught.value) == caught.value.reason == "credentials"

    @NEEDED
    async def test_one_that_comes_back_is_used_again(self, tmp_path: Path, charge: Make) -> None:
        """Its scripts are gone and the connections are stale; neither is an error."""
        server = RedisServer(tmp_path).start()
        remote = RedisRemote(server.url, timeout_s=1.0)
        try:
            assert await granted(remote, charge(requests=1))
            server.stop()
            with pytest.raises(RemoteError):
                await reserved(remote, charge(requests=1))
            server.start()
            assert await granted(remote, charge(requests=1))
        finally:
            await remote.close()
            server.stop()

    @NEEDED
    async def test_another_program_s_key_is_an_error(self, remote: RedisRemote, charge: Make) -> None:
        """Not a refusal."""
        await remote._client.set(b"router-extproc:{limits}:it:60:" + b"a".ljust(16).hex().encode(), "text")
        with pytest.raises(RemoteError) as caught:
            await reserved(remote, charge())

        assert caught.value.reason == "error"

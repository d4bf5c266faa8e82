"""Waiting on the event loop for work of other threads."""

from __future__ import annotations

import asyncio
import gc
import logging
from concurrent.futures import Future
from typing import TYPE_CHECKING

from router_extproc.extproc.waiting import done

if TYPE_CHECKING:
    import pytest

LONG = 600.0


def futures(count: int) -> list[Future[int]]:
    """Work that is under way."""
    return [Future() for _ in range(count)]


class TestDone:
    async def test_waits_for_all(self) -> None:
        """Whatever the order in which it comes."""
        work = futures(3)
        waiting = asyncio.create_task(done(work, LONG))
        for future in reversed(work):
            await asyncio.sleep(0.01)
            assert not waiting.done()
            future.set_result(1)

        assert await waiting

    async def test_what_is_done_is_done(self) -> None:
        """Without waiting."""
        (future,) = work = futures(1)
        future.set_result(1)

        assert await done(work, LONG)

    async def test_a_failure_is_enough(self, caplog: pytest.LogCaptureFixture) -> None:
        """The others can change nothing. It is told elsewhere, so nothing is logged here."""
        work = futures(2)
        work[1].set_exception(ValueError("my secret"))

        with caplog.at_level(logging.DEBUG):
            assert await done(work, LONG)
            gc.collect()
            await asyncio.sleep(0)
        assert caplog.text == ""

    async def test_the_time_may_be_over_first(self) -> None:
        """The work itself is left alone: others may wait for it."""
        work = futures(1)

        assert not await done(work, 0.01)
        assert not work[0].cancelled()
        work[0].set_result(1)
        await asyncio.sleep(0)

    async def test_nobody_cancels_the_work(self) -> None:
        """Not even who is cancelled while waiting."""
        work = futures(1)
        waiting = asyncio.create_task(done(work, LONG))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        assert not work[0].cancelled()
        work[0].set_result(1)
        await asyncio.sleep(0.01)

    def test_work_may_end_after_the_loop(self, caplog: pytest.LogCaptureFixture) -> None:
        """As at the end of the program: nobody waits then, and nothing is logged."""
        work = futures(1)
        asyncio.run(done(work, 0.01))
        work[0].set_result(1)

        assert caplog.text == ""

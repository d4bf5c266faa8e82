"""Waiting: for work of other threads, on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future


async def done(work: Sequence[Future[Any]], timeout_s: float) -> bool:
    """Wait until all of it is done or some of it failed; False if the time, which may be infinite, is over first.

    asyncio.wrap_future would cancel what others wait for too, and log failures that are told elsewhere.
    """
    loop = asyncio.get_running_loop()
    gate: asyncio.Future[None] = loop.create_future()
    missing = len(work)

    def landed(future: Future[Any]) -> None:
        nonlocal missing
        missing -= 1
        failed = future.cancelled() or future.exception() is not None
        if (failed or not missing) and not gate.done():
            gate.set_result(None)

    def told(future: Future[Any]) -> None:
        # The loop may be over by then, and nobody waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(partial(landed, future))

    for future in work:
        future.add_done_callback(told)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(gate, timeout_s if timeout_s < inf else None)
    return gate.done() and not gate.cancelled()

"""Shared: a remote store beside the event loop: calls are bounded in number and time, and one that fails is only a miss."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import Future
from typing import TYPE_CHECKING

import msgspec

from router_extproc.cache import entry as entries
from router_extproc.limits.connection import RemoteError
from router_extproc.limits.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from router_extproc.cache.entry import Entry
    from router_extproc.cache.figures import CacheFigures
    from router_extproc.cache.remote import RemoteEntries

_log = logging.getLogger(__name__)

MAX_PENDING = 500
"""Calls in flight; one more is a miss at once."""
_LONGEST_S = 2.0
"""For an answer to be written: nobody waits for it."""


class SharedEntries:
    """Entries in a remote store. Used on the event loop."""

    def __init__(self, remote: RemoteEntries, figures: CacheFigures) -> None:
        self._remote = remote
        self._figures = figures
        self._tasks: set[asyncio.Task[None]] = set()
        self._patience = Patience()

    @property
    def pending(self) -> int:
        """Calls in flight."""
        return len(self._tasks)

    @property
    def up(self) -> bool:
        """Whether it is asked."""
        return self._patience.up

    def get(self, key: bytes, now: float, timeout_s: float) -> Future[Entry | None]:
        """What is kept there. The future never fails."""
        future: Future[Entry | None] = Future()
        if not self._begin(self._get(key, now, timeout_s, future)):
            future.set_result(None)
        return future

    def put(self, key: bytes, entry: Entry, now: float, timeout_s: float) -> None:
        """Keep an entry there; nobody waits for it."""
        self._begin(self._put(key, entry, entry.expires_at - now, max(timeout_s, _LONGEST_S)))

    async def close(self) -> None:
        """End what is in flight, and the connections."""
        for task in list(self._tasks):
            task.cancel()
        with contextlib.suppress(RemoteError, OSError):
            await self._remote.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> bool:
        if not self.up or len(self._tasks) >= MAX_PENDING:
            work.close()
            self._figures.count(self._figures.failures, "overloaded" if self.up else "down")
            return False
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _get(self, key: bytes, now: float, timeout_s: float, future: Future[Entry | None]) -> None:
        found: Entry | None = None
        try:
            async with asyncio.timeout(timeout_s):
                data = await self._remote.get(key)
            self._patience.answered()
            found = entries.read(data) if data is not None else None
            if found is not None and found.expires_at <= now:
                found = None
        except TimeoutError:
            self._failed("timeout")
        except RemoteError as error:
            self._failed(error.reason)
        except (msgspec.DecodeError, msgspec.ValidationError):
            self._failed("unreadable")
        finally:
            future.set_result(found)

    async def _put(self, key: bytes, entry: Entry, ttl_s: float, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._remote.put(key, entries.written(entry), ttl_s)
        except TimeoutError:
            self._failed("timeout")
        except RemoteError as error:
            self._failed(error.reason)

    def _failed(self, reason: str) -> None:
        self._figures.count(self._figures.failures, reason)
        if self._patience.failed():
            _log.warning("the shared store of the response cache does not answer (%s): requests go on without it", reason)

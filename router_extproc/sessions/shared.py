"""Shared: a remote store of sessions beside the event loop. Calls are bounded in number and time; without it, memory goes on alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from router_extproc.limits.connection import RemoteError
from router_extproc.limits.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from router_extproc.sessions.remote import Remote
    from router_extproc.sessions.state import SessionState, Settled, Turn

_log = logging.getLogger(__name__)

MAX_PENDING = 1000
"""Calls in flight; one more is not made."""

Fetched = tuple[bytes, "Sequence[SessionState | None]"]


@dataclass(slots=True)
class SharedFigures:
    """How the shared store fares, for metrics."""

    failures: dict[str, int] = field(default_factory=dict)
    """Calls without an answer, by reason: those of RemoteError, `overloaded`, and `down`: not asked for a while."""

    def count(self, reason: str) -> None:
        """Count one."""
        self.failures[reason] = self.failures.get(reason, 0) + 1


class SharedSessions:
    """Used on the event loop; in another thread nothing is asked and nothing told."""

    def __init__(self, remote: Remote, *, timeout_s: float) -> None:
        """`timeout_s`: how long a request waits."""
        self._remote = remote
        self._timeout_s = timeout_s
        self.figures = SharedFigures()
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

    def fetch(self, key: bytes, task: bytes | None, *, named: bool) -> Future[Fetched | None] | None:
        """What the store knows; None at once where it is not asked. The future never fails: None where there is no answer in time."""
        future: Future[Fetched | None] = Future()
        return future if self._begin(self._fetch(key, task, future, named=named)) else None

    def take(self, keys: Sequence[bytes], turn: Turn, ttl_s: float) -> None:
        """Tell of a decision; nobody waits for it."""
        self._begin(self._told(partial(self._remote.take, keys, turn, ttl_s)))

    def settle(self, keys: Sequence[bytes], seen: Settled) -> None:
        """Tell of an answer."""
        self._begin(self._told(partial(self._remote.settle, keys, seen)))

    def link(self, alias: bytes, key: bytes, ttl_s: float) -> None:
        """Tell of another name."""
        self._begin(self._told(partial(self._remote.link, alias, key, ttl_s)))

    async def close(self) -> None:
        """Let what is in flight end, and close the connections."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=self._timeout_s)
        for task in list(self._tasks):
            task.cancel()
        with contextlib.suppress(RemoteError, OSError):
            await self._remote.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> bool:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            work.close()
            return False
        if not self.up or len(self._tasks) >= MAX_PENDING:
            work.close()
            self.figures.count("overloaded" if self.up else "down")
            return False
        task = loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _fetch(self, key: bytes, task: bytes | None, future: Future[Fetched | None], *, named: bool) -> None:
        found: Fetched | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._remote.fetch(key, task, named=named)
            self._answered()
        except TimeoutError:
            self._failed("timeout")
        except RemoteError as error:
            self._failed(error.reason)
        finally:
            future.set_result(found)

    async def _told(self, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await call()
            self._answered()
        except RemoteError as error:
            self._failed(error.reason)

    def _answered(self) -> None:
        if self._patience.answered():
            _log.info("the shared store of sessions answers")

    def _failed(self, reason: str) -> None:
        self.figures.count(reason)
        if self._patience.failed():
            _log.warning("the shared store of sessions does not answer (%s): each process goes by what it knows itself", reason)

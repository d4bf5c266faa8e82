"""Shared: a store for several processes, and what becomes of limits while it does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router_extproc.limits.connection import RemoteError
from router_extproc.limits.store import Answer, Over, Receipt

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from router_extproc.limits.limit import Amounts
    from router_extproc.limits.memory import MemoryStore
    from router_extproc.limits.remote import Remote, Told
    from router_extproc.limits.store import Charge

    _Asked = tuple[Sequence[Charge], Future[Answer], asyncio.TimerHandle]

_log = logging.getLogger(__name__)

MAX_PENDING = 1000
"""Requests and corrections in flight; one more request is answered without the shared store at once."""
_GIVEN_UP_AFTER = 3
"""Failures one after the other, after which no request waits for the store until it answers a ping."""
_PING_S = 1.0
_CALLS = 4
"""Calls to reserve at once. What comes meanwhile goes into the next one together: a call costs 0.3 ms of CPU, whatever is in it."""
_BATCH = 64
"""Requests in one call, at most: the server does nothing else meanwhile."""


@dataclass(slots=True)
class Health:
    """How the shared store fares, for metrics and readiness."""

    up: bool = False
    why: str = ""
    """What the last failure was, while it is not up."""
    failures: dict[str, int] = field(default_factory=dict)
    """Calls without an answer, by reason: those of RemoteError, and `overloaded`."""
    unknown: dict[tuple[str, str], int] = field(default_factory=dict)
    """Requests that were decided without it, by limit and by what that came to: `local` or `denied`."""


class SharedStore:
    """Counts in a shared store, and beside it in this process, which takes over while the other does not answer.

    Its methods are called on the event loop. What was counted alone is not told to the shared store later.
    """

    def __init__(self, remote: Remote, local: MemoryStore, *, timeout_s: float = 0.025) -> None:
        self._remote = remote
        self._timeout_s = timeout_s
        """How long a request waits."""
        self.local = local
        self.health = Health()
        self._row = 0
        """Failures one after the other."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls = 0
        self._waiting: deque[_Asked] = deque()
        self._changes: deque[tuple[Charge, float]] = deque()

    @property
    def pending(self) -> int:
        """Requests and corrections that wait, and calls in flight."""
        return len(self._tasks) + len(self._waiting) + len(self._changes)

    def reserve(self, charges: Sequence[Charge]) -> Answer | Future[Answer]:
        """Count all charges, or none."""
        loop = self._loop()
        if not self.health.up or loop is None:
            return self.alone(charges)
        future: Future[Answer] = Future()
        self._waiting.append((charges, future, loop.call_later(self._timeout_s, self._late, charges, future)))
        if self._calls < _CALLS:
            self._calls += 1
            self._begin(loop, self._ask())
        return future

    def alone(self, charges: Sequence[Charge]) -> Answer:
        """Count in this process, unless a limit is not to be decided so."""
        unknown = self.health.unknown
        denied = next((charge.limit for charge in charges if charge.limit.deny_unknown), None)
        for name in {charge.limit.name for charge in charges}:
            key = name, "denied" if denied is not None else "local"
            unknown[key] = unknown.get(key, 0) + 1
        return Answer(denied=denied) if denied is not None else self.local.reserve(charges)

    def adjust(self, charges: Sequence[Charge], receipt: Receipt) -> None:
        """Correct what was counted, here and there."""
        self.local.adjust(charges, receipt)
        loop = self._loop() if receipt.shared is not None and self.health.up else None
        if receipt.shared is None or loop is None:
            return
        if not self._changes:
            self._begin(loop, self._correct())
        self._changes.extend((charge, receipt.shared) for charge in charges)

    def used(self, charge: Charge) -> Amounts:
        """What this process counted."""
        return self.local.used(charge)

    async def watch(self) -> None:
        """Look whether the shared store answers, as long as it does not; until cancelled."""
        while True:
            if not self.health.up:
                await self.look()
            await asyncio.sleep(_PING_S)

    async def look(self) -> None:
        """Look whether it answers."""
        try:
            await self._remote.ping()
        except RemoteError as error:
            self._failed(error.reason, given_up=True)
        else:
            self._row = 0
            if not self.health.up:
                self.health.up = True
                _log.info("the shared store for rate limits answers")

    async def close(self) -> None:
        """End what is in flight, and the connections."""
        for task in list(self._tasks):
            task.cancel()
        while self._waiting:
            charges, future, timer = self._waiting.popleft()
            timer.cancel()
            future.set_result(self.alone(charges))
        with contextlib.suppress(RemoteError, OSError):
            await self._remote.close()

    def _loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that calls are made on; None in a thread that only looks at a request, and if too much waits already."""
        if self.pending >= MAX_PENDING:
            self._count("overloaded")
            return None
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            return None

    def _begin(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        task = loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self) -> None:
        """Ask for all that waits, until nothing does."""
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                await self._answer([asked for asked in batch if not asked[1].done()])
        finally:
            self._calls -= 1

    async def _answer(self, batch: Sequence[_Asked]) -> None:
        # A call that is late is not cancelled, or a connection that takes longer to open than a request may wait would never be opened.
        try:
            at, replies = await self._remote.reserve([charges for charges, _, _ in batch]) if batch else (0.0, ())
        except RemoteError as error:
            if any(not future.done() for _, future, _ in batch):
                self._failed(error.reason)
        else:
            for (charges, future, _), told in zip(batch, replies, strict=True):
                if not future.done():
                    self._row = 0
                    future.set_result(self._told(charges, at, told))
        finally:
            for charges, future, timer in batch:
                timer.cancel()
                if not future.done():
                    future.set_result(self.alone(charges))

    def _told(self, charges: Sequence[Charge], at: float, told: Told) -> Answer:
        if isinstance(told, Over):
            return Answer(told)
        return Answer(receipt=Receipt(self.local.count(charges, told), at), tokens=told)

    def _late(self, charges: Sequence[Charge], future: Future[Answer]) -> None:
        if not future.done():
            self._failed("timeout")
            future.set_result(self.alone(charges))

    async def _correct(self) -> None:
        """Tell all corrections that wait, those of one turn of the loop together."""
        await asyncio.sleep(0)
        while self._changes:
            changes = [self._changes.popleft() for _ in range(min(_BATCH, len(self._changes)))]
            try:
                await self._remote.adjust(changes)
            except RemoteError as error:
                self._failed(error.reason)

    def _failed(self, reason: str, *, given_up: bool = False) -> None:
        self._count(reason)
        self._row += 1
        health = self.health
        ends = health.up and (given_up or self._row >= _GIVEN_UP_AFTER)
        if ends or (not health.up and health.why != reason):
            _log.error("the shared store for rate limits does not answer (%s): limits are counted in this process alone", reason)
        health.up = health.up and not ends
        health.why = reason

    def _count(self, reason: str) -> None:
        self.health.failures[reason] = self.health.failures.get(reason, 0) + 1

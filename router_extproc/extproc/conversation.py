"""Conversation: one ext_proc stream: its messages to the session, the session's replies to the stream, and the clock between them."""

from __future__ import annotations

import asyncio
import logging
import time
from math import inf
from typing import TYPE_CHECKING

from router_extproc.errors import ProtocolError
from router_extproc.extproc.behind import Behind
from router_extproc.extproc.events import BodyMode, Failed, UploadTimedOut
from router_extproc.extproc.messages import read_message, write_reply
from router_extproc.extproc.replies import Finish, Think
from router_extproc.extproc.session import Session
from router_extproc.extproc.states import State
from router_extproc.extproc.waiting import done
from router_extproc.hooks import RouteDetails

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from router_extproc.cache.store import ResponseCache
    from router_extproc.extproc.aside import Aside
    from router_extproc.extproc.events import Event
    from router_extproc.extproc.session import Replies
    from router_extproc.hooks import Hooks
    from router_extproc.router import Router
    from router_extproc.routing import Outcome

_log = logging.getLogger(__name__)

INVALID_ARGUMENT, INTERNAL = 3, 13
"""gRPC status codes."""
_UNTIMED = frozenset({BodyMode.FULL_DUPLEX, BodyMode.STREAMED})
"""Modes in which Envoy has no timeout of its own for the answer."""


class Conversation:
    """One stream. `send` takes a message, `finish` a gRPC status and a text, `flush` hands what was sent to the network.

    After `pause` no message comes before `resume`, which may bring some at once.
    """

    __slots__ = (
        "_behind",
        "_flush",
        "_hooks",
        "_looking",
        "_over",
        "_pause",
        "_paused",
        "_resume",
        "_send",
        "_session",
        "_task",
        "_timer",
        "_told",
        "finish",
    )

    def __init__(
        self,
        router: Router,
        hooks: Hooks,
        cache: ResponseCache | None = None,
        aside: Aside | None = None,
        *,
        send: Callable[[bytes], None],
        finish: Callable[[int, str], None],
        flush: Callable[[], None],
        pause: Callable[[], None],
        resume: Callable[[], None],
    ) -> None:
        self._session = Session(router, created=int(time.time()), cache=cache)
        self._session.aside = aside
        self._hooks = hooks
        self._send = send
        self.finish = finish
        self._flush = flush
        self._pause = pause
        self._resume = resume
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._told = False
        self._over = False
        self._looking = False
        """Whether a piece of the response is looked through: what comes meanwhile waits."""
        self._behind = Behind()
        self._paused = False
        """Whether so much waits that no more comes."""

    def message(self, data: bytes, /) -> None:
        """Envoy sent a message."""
        received = time.perf_counter()
        if not self._looking:
            self._hear(data, received)
            return
        self._behind.add(data, received)
        if self._behind.full and not self._paused:
            self._paused = True
            self._pause()

    def ended(self) -> None:
        """Envoy will send no more."""
        if self._looking:
            self._behind.add(None, 0.0)
        elif not self._over:
            self._end(0, "")

    def _hear(self, data: bytes, received: float) -> None:
        try:
            event = read_message(data, received)
            look = self._ahead(event)
            if look is None:
                self._take(event, received)
            else:
                self._looking = True
                self._task = asyncio.get_running_loop().create_task(self._looked(look, event, received))
        except Exception as error:  # noqa: BLE001 - one stream's failure never touches another
            self._fault(error)

    def _ahead(self, event: Event) -> Future[None] | None:
        passage = self._session.passage
        return passage.ahead(event) if passage is not None else None

    async def _looked(self, look: Future[None], event: Event, received: float) -> None:
        """Take a piece of the response once it is looked through, then what came meanwhile, in its order."""
        await self._taken(look, event, received)
        while self._waits():
            data, came = self._behind.next()
            if data is None:
                self._end(0, "")
            else:
                await self._heard(data, came)
                # Of a fast upstream's pieces there may be thousands; others are not to wait for all of them.
                await asyncio.sleep(0)
        self._looking = False

    async def _heard(self, data: bytes, received: float) -> None:
        try:
            event = read_message(data, received)
            await self._taken(self._ahead(event), event, received)
        except Exception as error:  # noqa: BLE001 - as above
            self._fault(error)

    async def _taken(self, look: Future[None] | None, event: Event, received: float) -> None:
        if look is not None:
            await done((look,), inf)
        try:
            if not self._over:
                self._take(event, received)
        except Exception as error:  # noqa: BLE001 - as above
            self._fault(error)

    def _waits(self) -> bool:
        """Whether something waits; more may come once nothing does."""
        if self._paused and not self._behind and not self._over:
            self._paused = False
            self._resume()
            self._flush()
        return bool(self._behind) and not self._over

    def _fault(self, error: Exception) -> None:
        """End a stream that something went wrong with. The text of an error that is none of the protocol's may quote the prompt."""
        if isinstance(error, ProtocolError):
            _log.error("protocol error: %s", error)
            self._end(INVALID_ARGUMENT, str(error))
        else:
            _log.error("internal error: %s in a conversation", type(error).__name__)
            self._end(INTERNAL, "internal error")

    def cancelled(self) -> None:
        """Envoy gave the stream up, or the connection broke."""
        self._close()

    def _take(self, event: Event, received: float) -> None:
        session = self._session
        finished = self._answer(session.receive(event), received)
        self._flush()
        if session.outcome is not None and not self._told:
            self._told = True
            session.sent_at = time.perf_counter()
            self._routed(session.outcome, (session.sent_at - received) * 1e3)
        if finished:
            self._end(0, "")
            return
        if self._timer is None and session.state is State.READING and session.mode in _UNTIMED:
            limit = session.router.policy.settings.limits.upload_timeout_ms / 1000
            self._timer = asyncio.get_running_loop().call_later(limit, self._timed_out)

    def _answer(self, replies: Replies, received: float) -> bool:
        """Send replies; whether the stream is finished."""
        for reply in replies:
            if isinstance(reply, Finish):
                return True
            if isinstance(reply, Think):
                self._task = asyncio.get_running_loop().create_task(self._think(reply, received))
            else:
                self._send(write_reply(reply))
        return False

    def _timed_out(self) -> None:
        if not self._over and self._session.state is State.READING:
            self._take(UploadTimedOut(), time.perf_counter())
            self._flush()

    async def _think(self, think: Think, received: float) -> None:
        """Find something out within its deadline; what is not there by then is unknown to the policy."""
        event: Event
        routing = think.routing
        try:
            found = None
            while found is None:
                finished = await done(routing.work, routing.remaining_s())
                if self._over:
                    return
                found = routing.step() if finished else routing.give_up()
            event = think.ready(found)
        except Exception as error:  # noqa: BLE001 - told to the session, which answers by policy
            _log.error("internal error: %s while routing", type(error).__name__)
            event = Failed()
        if not self._over:
            self._take(event, received)
            self._flush()

    def _end(self, status: int, text: str) -> None:
        self.finish(status, text)
        self._flush()
        self._close()

    def _close(self) -> None:
        if self._over:
            return
        self._over = True
        self._behind.clear()
        if self._timer is not None:
            self._timer.cancel()
        session = self._session
        session.closed(time.perf_counter())
        passage = session.passage
        if passage is None:
            return
        if passage.observation is not None:
            session.router.observe(passage.observation, session.parsed.request if session.parsed else None)
            if session.outcome is not None and session.outcome.settle is not None:
                session.outcome.settle(passage.observation)
            self._hooks.observed(passage.observation)
        if passage.answered is not None:
            self._hooks.answered(passage.answered)

    def _routed(self, outcome: Outcome, added_ms: float) -> None:
        session = self._session
        arrival, parsed = session.arrival, session.parsed
        self._hooks.routed(
            RouteDetails(
                outcome=outcome,
                request=parsed.request if parsed else None,
                api=arrival.api.name if arrival and arrival.api else "none",
                body_mode=session.mode.value,
                body_bytes=session.body_bytes,
                added_ms=added_ms,
                traceparent=arrival.traceparent if arrival else "",
                request_id=arrival.request_id if arrival else "",
                masked=session.passage.masked if session.passage else {},
                unproven=arrival.unproven if arrival else "",
                cache=session.passage.cached if session.passage else None,
            )
        )

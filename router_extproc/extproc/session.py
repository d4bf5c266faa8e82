"""Session: one ext_proc stream as a state machine. Events in, replies out; no await, no clock, no protobuf."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from router_extproc.errors import RequestRefusedError
from router_extproc.extproc import mutation
from router_extproc.extproc.events import (
    BodyMode,
    BodyReceived,
    CacheSearched,
    Failed,
    HeadersReceived,
    OutcomeReady,
    ResponseBodyReceived,
    ResponseHeadersReceived,
    ResponseTrailersReceived,
    TrailersReceived,
    UploadTimedOut,
)
from router_extproc.extproc.framing import chunks, forwarded, last_resort, late
from router_extproc.extproc.intake import arrive, check, is_let_through, parse, too_large
from router_extproc.extproc.masking import masking
from router_extproc.extproc.passage import Passage
from router_extproc.extproc.replies import (
    Ask,
    Finish,
    HeadersReply,
    Mutation,
    ResponseHeadersReply,
    ResponseTrailersReply,
    Think,
    TrailersReply,
)
from router_extproc.extproc.states import WHOLE, WHY_NOT, State
from router_extproc.policy.compiled import RejectWhen
from router_extproc.routing import HeaderEdit, HeaderOp, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.cache.store import ResponseCache
    from router_extproc.extproc.aside import Aside
    from router_extproc.extproc.events import Event
    from router_extproc.extproc.intake import Arrival, Parsed
    from router_extproc.extproc.replies import Reply
    from router_extproc.router import Router
    from router_extproc.routing import Observation, Outcome

_log = logging.getLogger(__name__)

Replies = tuple["Reply", ...]


class Session:
    """One request on its way. Give it every event in order, and write every reply that it gives."""

    def __init__(self, router: Router, *, created: int = 0, cache: ResponseCache | None = None) -> None:
        self._router = router
        self._cache = cache  # None, as offline: no answer is kept
        self._settings = router.policy.settings
        self._created = created
        """Now, in Unix seconds: for answers of our own."""
        self._state = State.NEW
        self._mode = BodyMode.BUFFERED
        self._arrival: Arrival | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._bodyless = False
        self._trailers = False
        self._parsed: Parsed | None = None
        self._passage: Passage | None = None
        """Of the response, once the request goes on."""
        self.sent_at = 0.0
        """When the request went on, on the clock of the response's events; the server sets it."""
        self.aside: Aside | None = None
        """Where long answers are looked through; the server sets it, too."""
        self.outcome: Outcome | None = None
        """Once it is decided."""

    @property
    def state(self) -> State:
        """Where the stream stands."""
        return self._state

    @property
    def router(self) -> Router:
        """The one that was current when the stream began."""
        return self._router

    @property
    def arrival(self) -> Arrival | None:
        """What the headers told."""
        return self._arrival

    @property
    def parsed(self) -> Parsed | None:
        """The request, if it could be read."""
        return self._parsed

    @property
    def mode(self) -> BodyMode:
        """As Envoy announced it."""
        return self._mode

    @property
    def passage(self) -> Passage | None:
        """What becomes of the response; None where the request did not go on."""
        return self._passage

    @property
    def observation(self) -> Observation | None:
        """Of the response, once it was seen."""
        return self._passage.observation if self._passage else None

    @property
    def body_bytes(self) -> int:
        """Of the body as it came."""
        return self._size

    def receive(self, event: Event) -> Replies:
        """The replies to an event. Never raises: what goes wrong becomes an answer."""
        move = MOVES.get((self._state, type(event)))
        if move is None:
            return self._unexpected(event)
        try:
            return move(self, event)
        except RequestRefusedError as error:
            return self._refused(error)
        except Exception as error:  # noqa: BLE001 - an ext_proc stream that ends without an answer counts as "go on"
            return self._broken(error)

    def closed(self, at: float) -> None:
        """The stream is over. A response that was being observed broke off."""
        if self._state is State.OBSERVING and self._passage is not None:
            self._passage.finish(at, whole=False)
        if self._passage is not None:
            self._passage.close()
        self._state = State.DONE

    # The request's headers

    def _headers(self, event: HeadersReceived) -> Replies:
        self._mode = event.mode
        self._arrival = arrival = arrive(event.headers, self._settings, self._router.forbidden, event.evidence)
        if event.mode in WHY_NOT:
            return self._unsupported(event.mode)
        if arrival.api is None:
            return self._not_ours(arrival, ended=event.end_of_stream)
        check(arrival, self._settings)
        if event.end_of_stream:
            self._bodyless = True
            return self._decide()
        self._state = State.READING
        if event.mode not in WHOLE:
            return ()
        return (self._go_on(arrival),)

    def _go_on(self, arrival: Arrival) -> HeadersReply:
        """Let Envoy send the body. Forged headers go at once, in case nothing after this gets through."""
        wants = self._router.wants_responses
        ask = Ask(request_body=True, response_headers=wants) if wants or self._mode is BodyMode.NONE else None
        if not arrival.forged:
            return HeadersReply(ask=ask)
        return HeadersReply(Mutation(tuple(HeaderEdit(HeaderOp.REMOVE, name) for name in arrival.forged)), ask)

    def _unsupported(self, mode: BodyMode) -> Replies:
        message = f"router-extproc cannot work with the ext_proc body mode {mode.value}: {WHY_NOT[mode]}."
        _log.error("%s Fix processing_mode in Envoy's ext_proc filter.", message)
        error = RequestRefusedError(Reason.UNSUPPORTED_BODY_MODE, message, status=500)
        return self._refused(error)

    def _not_ours(self, arrival: Arrival, *, ended: bool) -> Replies:
        self.outcome = self._router.leave(Reason.NOT_LLM)
        change = mutation.untouched(self.outcome, arrival)
        if self._mode is BodyMode.FULL_DUPLEX and not ended:
            self._state = State.ECHOING
            return (HeadersReply(change),)
        self._state = State.DONE
        ask = None if ended or self._mode is BodyMode.NONE else Ask(no_request_body=True)
        return (HeadersReply(change, ask), Finish())

    def _echo(self, event: BodyReceived) -> Replies:
        self._size += len(event.body)
        echoed = chunks(event.body, last=event.end_of_stream)
        if not event.end_of_stream:
            return echoed
        self._state = State.DONE
        return (*echoed, Finish())

    def _echo_trailers(self, _event: TrailersReceived) -> Replies:
        self._state = State.DONE
        return (TrailersReply(), Finish())

    # The request's body

    def _body(self, event: BodyReceived) -> Replies:
        self._chunks.append(event.body)
        self._size += len(event.body)
        if self._size > self._settings.limits.max_request_bytes:
            self._chunks.clear()
            raise too_large(self._settings.limits.max_request_bytes)
        if event.end_of_stream or self._mode in WHOLE:
            return self._decide()
        return ()

    def _end_by_trailers(self, _event: TrailersReceived) -> Replies:
        self._trailers = True
        return self._decide()

    def _timed_out(self, _event: UploadTimedOut) -> Replies:
        seconds = self._settings.limits.upload_timeout_ms / 1000
        raise RequestRefusedError(Reason.DEADLINE, f"The request body did not arrive within {seconds:g} seconds.", status=408)

    def _decide(self) -> Replies:
        arrival = self._arrival
        if arrival is None:
            raise ValueError("a body before any headers")
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._parsed = parse(arrival, body, self._settings)
        routing = masking(self._router.begin(self._parsed.request), self._parsed, self.aside)
        outcome = routing.step()
        if outcome is None:
            self._state = State.THINKING
            return (Think(routing),)
        return self._respond(outcome)

    def _thought(self, event: OutcomeReady) -> Replies:
        return self._respond(event.outcome)

    def _failed(self, _event: Failed) -> Replies:
        return self._fault(Reason.INTERNAL_ERROR)

    # The answer

    def _respond(self, outcome: Outcome) -> Replies:
        arrival = self._arrival
        if arrival is None:
            raise ValueError("an outcome before any headers")
        if outcome.verdict is not Verdict.ROUTE:
            return self._end(outcome)
        passage = self._passage = Passage(outcome, arrival, self._parsed, self._settings, self.aside)
        search = passage.search(self._cache, self._router, self._parsed)
        if search is None:
            return self._go_upstream(passage)
        if (found := search.step()) is not None:
            return self._searched(CacheSearched(found))
        self._state = State.SEARCHING
        return (Think(search, CacheSearched),)

    def _searched(self, event: CacheSearched) -> Replies:
        """A kept answer ends the request here."""
        passage = self._the_passage()
        reply = passage.from_cache(event.found)
        if reply is None:
            return self._go_upstream(passage)
        self.outcome = passage.outcome
        self._chunks.clear()
        self._state = State.DONE
        return (reply, Finish())

    def _unsearched(self, _event: Failed) -> Replies:
        """The cache failed, which is no error for the caller."""
        return self._go_upstream(self._the_passage())

    def _the_passage(self) -> Passage:
        if self._passage is None:
            raise ValueError("no request is about to go on")
        return self._passage

    def _go_upstream(self, passage: Passage) -> Replies:
        """Send the request on."""
        change = mutation.forwarded(
            passage.outcome,
            passage.arrival,
            self._parsed,
            self._settings.headers,
            chunked=self._mode not in WHOLE,
            masked=passage.body,
            readable=passage.reads,
            cache=passage.cached.status if passage.cached else "",
        )
        self.outcome = passage.outcome
        wants = passage.wanted
        self._state = State.SENT if wants else State.DONE
        ask = self._asking(Ask(response_headers=True)) if wants else None
        replies = forwarded(change, ask, self._mode, self._chunks, bodyless=self._bodyless, trailers=self._trailers)
        self._chunks.clear()
        return replies if wants else (*replies, Finish())

    def _asking(self, ask: Ask) -> Ask | None:
        """Envoy takes no mode_override in the chunked modes: there its configuration must send responses from the start."""
        return ask if self._mode in WHOLE else None

    def _end(self, outcome: Outcome) -> Replies:
        """End the request with an answer of our own."""
        arrival = self._arrival
        if arrival is None:
            raise ValueError("an outcome before any headers")
        self.outcome = outcome
        self._chunks.clear()
        self._state = State.DONE
        tell = self._settings.headers if self._settings.response_headers else None
        return (mutation.answered(outcome, arrival, self._parsed, created=self._created, tell=tell), Finish())

    def _refused(self, error: RequestRefusedError) -> Replies:
        if self.outcome is None and is_let_through(error.reason, self._settings):
            try:
                return self._respond(self._router.fall_back(error.reason))
            except Exception as fault:  # noqa: BLE001 - as in receive
                return self._broken(fault)
        return self._end(self._router.refuse(error))

    # Faults

    def _broken(self, error: Exception) -> Replies:
        """A fault of our own: what the caller gets is the policy's choice. The exception's text may quote the prompt: it stays out."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
        _log.error("internal error: %s at %s", type(error).__name__, place)
        return self._fault(Reason.INTERNAL_ERROR)

    def _fault(self, reason: Reason) -> Replies:
        if self._state in {State.SENT, State.OBSERVING, State.DONE, State.ECHOING}:
            self._state = State.DONE
            return (Finish(),)
        self._parsed = None
        if self._settings.on_error is RejectWhen.ROUTE and self._arrival is not None:
            return self._respond(self._router.fall_back(reason))
        if self._arrival is None:
            self._state = State.DONE
            return (last_resort(reason), Finish())
        message = "The request could not be routed because of an internal error."
        return self._end(self._router.refuse(RequestRefusedError(reason, message, status=500)))

    def _unexpected(self, event: Event) -> Replies:
        """An event that the table does not have: late ones are answered or dropped, early ones are a fault of the peer's."""
        if self._state is State.DONE:
            return ()
        if self._state in {State.SENT, State.OBSERVING}:
            return late(event, self._mode)
        _log.error("protocol error: %s while %s", type(event).__name__, self._state.name.lower())
        return self._fault(Reason.PROTOCOL_ERROR)

    # The response

    def _response_headers(self, event: ResponseHeadersReceived) -> Replies:
        passage = self._passage
        if passage is None:
            self._state = State.DONE
            return (ResponseHeadersReply(), Finish())
        reply, goes_on = passage.headers(event, self.sent_at)
        if isinstance(reply, ResponseHeadersReply) and reply.ask is not None:
            reply = replace(reply, ask=self._asking(reply.ask))
        if not goes_on:
            return (reply, *self._observed(event.at))
        self._state = State.OBSERVING
        return (reply,)

    def _local_reply(self, _event: ResponseHeadersReceived) -> Replies:
        """Envoy answered by itself (a redirect, a malformed request) before any filter saw the request."""
        self._state = State.DONE
        return (ResponseHeadersReply(), Finish())

    def _response_body(self, event: ResponseBodyReceived) -> Replies:
        reply = self._the_passage().content(event)
        return (reply, *self._observed(event.at)) if event.end_of_stream else (reply,)

    def _response_trailers(self, event: ResponseTrailersReceived) -> Replies:
        return (ResponseTrailersReply(), *self._observed(event.at))

    def _observed(self, at: float) -> Replies:
        if self._passage is not None:
            self._passage.finish(at, whole=True)
        self._state = State.DONE
        return (Finish(),)


MOVES: dict[tuple[State, type], Callable[[Session, object], Replies]] = {
    (State.NEW, HeadersReceived): Session._headers,  # type: ignore[dict-item]  # noqa: SLF001 - the table of this module's own moves; each takes its key's event
    (State.NEW, ResponseHeadersReceived): Session._local_reply,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.READING, BodyReceived): Session._body,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.READING, TrailersReceived): Session._end_by_trailers,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.READING, UploadTimedOut): Session._timed_out,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.THINKING, OutcomeReady): Session._thought,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.THINKING, Failed): Session._failed,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.SEARCHING, CacheSearched): Session._searched,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.SEARCHING, Failed): Session._unsearched,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.ECHOING, BodyReceived): Session._echo,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.ECHOING, TrailersReceived): Session._echo_trailers,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.SENT, ResponseHeadersReceived): Session._response_headers,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.OBSERVING, ResponseBodyReceived): Session._response_body,  # type: ignore[dict-item]  # noqa: SLF001 - as above
    (State.OBSERVING, ResponseTrailersReceived): Session._response_trailers,  # type: ignore[dict-item]  # noqa: SLF001 - as above
}
"""Every legal move: what is done with which event in which state. Anything else is `_unexpected`."""

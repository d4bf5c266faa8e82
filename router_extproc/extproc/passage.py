"""Passage: one response on its way past us: observed, changed, or refused. Sans-IO, as the session is."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING

from router_extproc.extproc import mutation
from router_extproc.extproc.answer import REFUSED, Answer, sources
from router_extproc.extproc.aside import LONG, Look
from router_extproc.extproc.caching import begun
from router_extproc.extproc.events import ResponseBodyReceived
from router_extproc.extproc.looked import Looked
from router_extproc.extproc.masking import taken_out
from router_extproc.extproc.replies import Ask, Immediate, ResponseBodyReply, ResponseHeadersReply
from router_extproc.extproc.response import ResponseReader
from router_extproc.hooks import AnswerDetails
from router_extproc.privacy.placeholders import Restorer
from router_extproc.routing import Observation, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from router_extproc.apis.api import Api, Payload
    from router_extproc.cache.search import Found, Search
    from router_extproc.cache.store import ResponseCache
    from router_extproc.extproc.aside import Aside
    from router_extproc.extproc.caching import Caching
    from router_extproc.extproc.events import Event, ResponseHeadersReceived
    from router_extproc.extproc.intake import Arrival, Parsed
    from router_extproc.hooks import CacheDetails
    from router_extproc.policy.compiled import Settings
    from router_extproc.router import Router
    from router_extproc.routing import Outcome

HeadersReplies = tuple[ResponseHeadersReply | Immediate, bool]


class Passage:
    """What becomes of the answer to one request."""

    def __init__(
        self, outcome: Outcome, arrival: Arrival, parsed: Parsed | None, settings: Settings, aside: Aside | None = None
    ) -> None:
        """`aside` looks through what is long; without it everything is looked through where it comes."""
        self._aside = aside
        self._ahead: bytes | Exception | None = None
        """What the next piece of the response becomes, where that is known before it is taken."""
        self._reading: Future[None] | None = None
        """Of the request's sources, which no piece of the response is taken before."""
        self._closed = False
        self.outcome = outcome
        self.arrival = arrival
        self._api = arrival.api
        self._settings = settings
        self._reader: ResponseReader | None = None
        self._answer: Answer | None = None
        """Where the response is changed."""
        self.caching: Caching | None = None
        """Where it comes from the response cache, or is kept there."""
        self.body: bytes | None = None
        """The request's body without what guards take out; None where they take out nothing."""
        self.masked: Mapping[str, int] = {}
        """Stretches of the body that gave way to placeholders, by type."""
        self.observation: Observation | None = None
        """Once the response was seen."""
        if parsed is not None and self._api is not None:
            self._prepare(parsed, self._api)

    def _prepare(self, parsed: Parsed, api: Api) -> None:
        outcome = self.outcome
        found = taken_out(parsed, outcome.masks) if outcome.masks else None
        restorer = found.restorer if found else Restorer({})
        self.masked = found.counts if found else {}
        self.body = found.body if found else None
        if restorer or outcome.guard is not None:
            self._answer = Answer(api, restorer, outcome.guard, sources(parsed.request, outcome.guard))

    @property
    def changes(self) -> bool:
        """Whether the response may be changed."""
        return self._answer is not None

    @property
    def reads(self) -> bool:
        """Whether the response must come uncompressed."""
        return self.changes or (self.caching is not None and self.caching.records)

    @property
    def wanted(self) -> bool:
        """Whether the response's headers are wanted."""
        return self.outcome.observe or self._settings.response_headers or self.changes or self.caching is not None

    @property
    def answered(self) -> AnswerDetails | None:
        """What a guard made of the response, once it went by; None where none looked at it."""
        answer, outcome = self._answer, self.outcome
        if answer is None or outcome.guard is None or not answer.result:
            return None
        pool = outcome.selection.pool.name if outcome.selection else ""
        return AnswerDetails(outcome.id, pool, answer.found, answer.result, *answer.sentences)

    def headers(self, event: ResponseHeadersReceived, sent_at: float) -> HeadersReplies:
        """Take the response's headers: the answer to them, and whether its body is wanted, too."""
        told = mutation.told_headers(self.outcome, self._settings.headers) if self._settings.response_headers else ()
        if self.caching is not None:
            told = (*self.caching.told(self._settings.headers), *told)
        readable = changes = keeps = False
        if self.outcome.observe and self._api is not None:
            self._reader = ResponseReader(self.outcome, self._api, sent_at)
            readable = self._reader.headers(event.headers)
        if self._answer is not None and self._api is not None and not event.end_of_stream:
            changes = self._answer.headers(event.headers)
            if not changes and self._answer.refuses:
                return self._refused(self._api, told), False
            self._read_ahead(self._answer)
        if self.caching is not None and not event.end_of_stream:
            keeps = self.caching.headers(event.headers)
        if event.end_of_stream or not (readable or changes or keeps):
            return ResponseHeadersReply(told), False
        return ResponseHeadersReply(told, Ask(response_body=True), ("content-length",) if changes else ()), True

    def _refused(self, api: Api, told: tuple[tuple[str, str], ...]) -> Immediate:
        """An answer that a guard cannot look at."""
        reason = Reason.UNREADABLE_RESPONSE.value
        payload = api.error(502, REFUSED, code=reason)
        return Immediate(502, payload.content_type, payload.body, told, details=f"router_extproc_{reason}")

    def ahead(self, event: Event) -> Future[None] | None:
        """Have a piece of the response looked through that takes long; None if it takes not. When that is done, take it as any other."""
        answer = self._answer
        if not isinstance(event, ResponseBodyReceived) or answer is None or self._aside is None:
            return None
        size = answer.weight(event.body, last=event.end_of_stream)
        if size < LONG:
            return self._reading if self._reading is not None and not self._reading.done() else None
        return self._aside.submit(Look(size, partial(self._look, answer, event.body, last=event.end_of_stream)), inf)

    def _read_ahead(self, answer: Answer) -> None:
        """Have the sources read in another thread if they are long: some 80 ms for 100,000 characters."""
        if self._aside is not None and answer.unread >= LONG:
            self._reading = self._aside.submit(Look(answer.unread, partial(self._read, answer)), inf)

    def _read(self, answer: Answer) -> None:
        if not self._closed:
            answer.read()

    def _look(self, answer: Answer, body: bytes, *, last: bool) -> None:
        """In another thread. Nothing else is done with the answer meanwhile."""
        if self._closed:
            return
        try:
            self._ahead = answer.body(body, last=last)
        except Exception as error:  # noqa: BLE001 - raised where the piece is taken
            self._ahead = error

    def _looked(self) -> bytes | None:
        """What came of it, once; None if nothing was looked through ahead."""
        changed, self._ahead = self._ahead, None
        if isinstance(changed, Exception):
            raise changed
        return changed

    def content(self, event: ResponseBodyReceived) -> ResponseBodyReply:
        """Take a piece of the response's body."""
        if self._reader is not None:
            self._reader.body(event.body, event.at)
        if self.caching is not None:
            self.caching.body(event.body)
        if self._answer is None:
            return ResponseBodyReply()
        changed = self._looked()
        if changed is None:
            changed = self._answer.body(event.body, last=event.end_of_stream)
        return ResponseBodyReply(None if changed == event.body else changed)

    def finish(self, at: float, *, whole: bool) -> None:
        """The response is over. `whole`: it did not break off."""
        if self._reader is not None and self.observation is None:
            self.observation = self._reader.finish(at, whole=whole)
        if self.caching is not None and whole:
            self.caching.finish(self._answer)

    def close(self) -> None:
        """The stream is over, whatever became of it."""
        self._closed = True
        if self.caching is not None:
            self.caching.close()

    def search(self, cache: ResponseCache | None, router: Router, parsed: Parsed | None) -> Search | Looked[Found] | None:
        """The way to a kept answer; None where there can be none."""
        self.caching = begun(cache, router, self.outcome, self.arrival, parsed, self.body)
        search = self.caching.search if self.caching is not None else None
        return search if search is None or self._answer is None or self._aside is None else Looked(search, self._kept_ahead)

    def _kept_ahead(self, found: Found) -> Future[None] | None:
        """As `ahead`, for an answer that was kept."""
        payload, answer = found.payload, self._answer
        if payload is None or answer is None or self._aside is None:
            return None
        if not answer.headers({"content-type": payload.content_type}):
            return None
        size = max(len(payload.body), answer.unread)
        if size < LONG:
            return None
        return self._aside.submit(Look(size, partial(self._look, answer, payload.body, last=True)), inf)

    def _kept(self, payload: Payload) -> bytes:
        """What becomes of an answer that was kept, as it would of a model's."""
        changed = self._looked()
        if changed is not None:
            return changed
        if self._answer is None or not self._answer.headers({"content-type": payload.content_type}):
            return payload.body
        return self._answer.body(payload.body, last=True)

    @property
    def cached(self) -> CacheDetails | None:
        """What the response cache did; None where no decision asks for it."""
        return self.caching.details if self.caching is not None else None

    def from_cache(self, found: Found) -> Immediate | None:
        """Take what came of a search in the response cache: an answer that ends the request here, if there is one."""
        if self.caching is None:
            return None
        self.caching.take(found)
        reply = self.caching.reply(self._settings.headers, self._kept, tell=self._settings.response_headers)
        outcome = self.outcome
        if reply is not None and outcome.settle is not None and outcome.selection is not None:
            # No model was asked: what rate limits reserved for it is given back.
            selection = outcome.selection
            outcome.settle(
                Observation(outcome.id, selection.pool.name, selection.model, reply.status, input_tokens=0, output_tokens=0)
            )
        return reply

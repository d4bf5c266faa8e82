"""Passage: one response on its way past us: observed, changed, or refused. Sans-IO, as the session is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.extproc import mutation
from router_extproc.extproc.answer import REFUSED, Answer, sources
from router_extproc.extproc.replies import Ask, Immediate, ResponseBodyReply, ResponseHeadersReply
from router_extproc.extproc.response import ResponseReader
from router_extproc.hooks import AnswerDetails
from router_extproc.privacy.masking import masked
from router_extproc.privacy.placeholders import Restorer
from router_extproc.routing import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.apis.api import Api
    from router_extproc.extproc.events import ResponseBodyReceived, ResponseHeadersReceived
    from router_extproc.extproc.intake import Arrival, Parsed
    from router_extproc.policy.compiled import Settings
    from router_extproc.routing import Observation, Outcome

HeadersReplies = tuple[ResponseHeadersReply | Immediate, bool]


class Passage:
    """What becomes of the answer to one request."""

    def __init__(self, outcome: Outcome, arrival: Arrival, parsed: Parsed | None, settings: Settings) -> None:
        self._outcome = outcome
        self._api = arrival.api
        self._settings = settings
        self._reader: ResponseReader | None = None
        self._answer: Answer | None = None
        """Where the response is changed."""
        self.body: bytes | None = None
        """The request's body without what guards take out; None where they take out nothing."""
        self.masked: Mapping[str, int] = {}
        """Stretches of the body that gave way to placeholders, by type."""
        self.observation: Observation | None = None
        """Once the response was seen."""
        if parsed is not None and self._api is not None:
            self._prepare(parsed, self._api)

    def _prepare(self, parsed: Parsed, api: Api) -> None:
        outcome = self._outcome
        found = masked(parsed.document.raw, outcome.masks, conversation=parsed.request.conversation_id) if outcome.masks else None
        restorer = found.restorer if found else Restorer({})
        self.masked = found.counts if found else {}
        self.body = found.body if found else None
        if restorer or outcome.guard is not None:
            self._answer = Answer(api, restorer, outcome.guard, sources(parsed.request, outcome.guard))

    @property
    def changes(self) -> bool:
        """Whether the response may be changed, and must come uncompressed."""
        return self._answer is not None

    @property
    def wanted(self) -> bool:
        """Whether the response's headers are wanted."""
        return self._outcome.observe or self._settings.response_headers or self.changes

    @property
    def answered(self) -> AnswerDetails | None:
        """What a guard made of the response, once it went by; None where none looked at it."""
        answer, outcome = self._answer, self._outcome
        if answer is None or outcome.guard is None or not answer.result:
            return None
        pool = outcome.selection.pool.name if outcome.selection else ""
        return AnswerDetails(outcome.id, pool, answer.found, answer.result, *answer.sentences)

    def headers(self, event: ResponseHeadersReceived, sent_at: float) -> HeadersReplies:
        """Take the response's headers: the answer to them, and whether its body is wanted, too."""
        told = mutation.told_headers(self._outcome, self._settings.headers) if self._settings.response_headers else ()
        readable = changes = False
        if self._outcome.observe and self._api is not None:
            self._reader = ResponseReader(self._outcome, self._api, sent_at)
            readable = self._reader.headers(event.headers)
        if self._answer is not None and self._api is not None and not event.end_of_stream:
            changes = self._answer.headers(event.headers)
            if not changes and self._answer.refuses:
                return self._refused(self._api, told), False
        if event.end_of_stream or not (readable or changes):
            return ResponseHeadersReply(told), False
        return ResponseHeadersReply(told, Ask(response_body=True), ("content-length",) if changes else ()), True

    def _refused(self, api: Api, told: tuple[tuple[str, str], ...]) -> Immediate:
        """An answer that a guard cannot look at."""
        reason = Reason.UNREADABLE_RESPONSE.value
        payload = api.error(502, REFUSED, code=reason)
        return Immediate(502, payload.content_type, payload.body, told, details=f"router_extproc_{reason}")

    def content(self, event: ResponseBodyReceived) -> ResponseBodyReply:
        """Take a piece of the response's body."""
        if self._reader is not None:
            self._reader.body(event.body, event.at)
        if self._answer is None:
            return ResponseBodyReply()
        changed = self._answer.body(event.body, last=event.end_of_stream)
        return ResponseBodyReply(None if changed == event.body else changed)

    def finish(self, at: float, *, whole: bool) -> None:
        """The response is over. `whole`: it did not break off."""
        if self._reader is not None and self.observation is None:
            self.observation = self._reader.finish(at, whole=whole)

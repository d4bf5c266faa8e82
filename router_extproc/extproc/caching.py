"""Caching: one request's part in the response cache: looked for, answered from it, or its response kept."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import msgspec

from router_extproc.cache.control import FREE, control
from router_extproc.cache.entry import Entry
from router_extproc.cache.keys import keys, refusal
from router_extproc.cache.recording import Recording
from router_extproc.cache.search import Found, Search, Wanted
from router_extproc.extproc.mutation import record, told_headers
from router_extproc.extproc.replies import Immediate
from router_extproc.hooks import CacheDetails
from router_extproc.routing import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from router_extproc.apis.api import Api, Payload
    from router_extproc.cache.rule import CacheRule
    from router_extproc.cache.store import ResponseCache
    from router_extproc.extproc.answer import Answer
    from router_extproc.extproc.intake import Arrival, Parsed
    from router_extproc.policy.compiled import HeaderNames
    from router_extproc.router import Router
    from router_extproc.routing import Outcome

_log = logging.getLogger(__name__)

_NOT_CACHED = "No answer to this request is kept, and it asks for no other."
_LOST = 504
HIT, MISS, BYPASS = "hit", "miss", "bypass"


class Caching:
    """Made when a request whose policy allows caching is about to go on."""

    def __init__(
        self,
        cache: ResponseCache,
        outcome: Outcome,
        rule: CacheRule,
        arrival: Arrival,
        parsed: Parsed,
        *,
        masked: bytes | None,
        embed: Callable[[str, float], Future[Any]] | None,
        deadline: float,
    ) -> None:
        """`masked`: the body without private data, if there was any. `deadline` is for `embed`, on time.perf_counter's clock."""
        self._cache = cache
        self._outcome = outcome
        self._rule = rule
        self._arrival = arrival
        self._request = parsed.request
        self._search: Search | None = None
        why = refusal(rule, parsed.request)
        self._found = Found(BYPASS, why or "failed")
        """Until a search says otherwise."""
        self._recording: Recording | None = None
        if why:
            return
        body = parsed.document.value if masked is None else msgspec.json.decode(masked)
        asked = control(parsed.request.envelope.headers.get("cache-control", "")) if rule.request_control else FREE
        self._search = Search(
            cache,
            rule,
            keys(cache.secret, rule, parsed.request, outcome, body),
            Wanted(parsed.request.api, parsed.request.stream, _wants_usage(body)),
            control=asked,
            embed=embed,
            deadline=deadline,
        )

    @property
    def search(self) -> Search | None:
        """The search; None where the cache is left out."""
        return self._search

    @property
    def details(self) -> CacheDetails:
        """What came of it, for hooks."""
        return CacheDetails(self._found.status, self._found.how, round(self._found.age_s, 1))

    @property
    def records(self) -> bool:
        """Whether the response may be kept."""
        return self._recording is not None

    @property
    def api(self) -> Api:
        """The request's."""
        if self._arrival.api is None:
            raise ValueError("only requests of a known API are cached")
        return self._arrival.api

    def take(self, found: Found) -> None:
        """Take what came of the search."""
        self._found = found
        if found.leads:
            self._recording = Recording(self._request.api, self._rule, limit=self._cache.limits.max_entry_bytes)

    # A hit

    def reply(self, names: HeaderNames, change: Callable[[Payload], bytes], *, tell: bool) -> Immediate | None:
        """The answer that ends the request here, if there is one. `change` makes of it what this caller gets."""
        found, api = self._found, self.api
        told = told_headers(self._outcome, names) if tell else ()
        about = {**record(self._outcome, api.name), "cache": found.status}
        if found.payload is None:
            if found.how != "only_if_cached":
                return None
            payload = api.error(_LOST, _NOT_CACHED, code=Reason.NOT_CACHED.value, stream=False)
            headers = ((names.cache, MISS), *told)
            details = f"router_extproc_{Reason.NOT_CACHED.value}"
            return Immediate(_LOST, payload.content_type, payload.body, headers, about, details)
        body = change(found.payload)
        headers = (("age", str(int(found.age_s))), (names.cache, HIT), *told)
        return Immediate(200, found.payload.content_type, body, headers, about, "router_extproc_cache_hit")

    # A response on its way

    def told(self, names: HeaderNames) -> tuple[tuple[str, str], ...]:
        """What a response's headers say of the cache."""
        return ((names.cache, self._found.status),)

    def headers(self, headers: Mapping[str, str]) -> bool:
        """Take the response's headers; whether its body is wanted."""
        if self._recording is None:
            return False
        if self._recording.headers(headers):
            return True
        self._land(None)
        return False

    def body(self, chunk: bytes) -> None:
        """Take a piece of the response's body, as the model server sent it."""
        if self._recording is not None and not self._recording.body(chunk):
            self._land(None)

    def finish(self, answer: Answer | None) -> None:
        """The response came to its end: keep it, if it is fit and no guard found anything in it."""
        recording = self._recording
        if recording is None:
            return
        if (answer is not None and answer.result not in {"", "passed"}) or (answer is not None and answer.found):
            recording.stop("guarded")
        self._land(self._entry(recording))

    def _entry(self, recording: Recording) -> Entry | None:
        try:
            made = recording.answer()
        except Exception as error:  # noqa: BLE001 - whatever a model server sends, its caller gets it
            _log.error("internal error: %s while keeping an answer", type(error).__name__)
            recording.stop("failed")
            return None
        if made is None:
            return None
        body, told = made
        now = self._cache.clock()
        return Entry(body, now, now + self._rule.ttl_s, self._request.api, recording.streamed, bool(told.get("usage")))

    def _land(self, entry: Entry | None) -> None:
        """Let those go who wait, and keep the answer."""
        recording, search = self._recording, self._search
        if recording is None or search is None:
            return
        self._recording = None
        self._cache.flights.land(search.keys.exact, entry)
        if entry is None:
            self._cache.unkept(recording.why)
            return
        try:
            self._cache.keep(search.keys, entry, search.question(entry.expires_at) if search.question is not None else None)
        except Exception as error:  # noqa: BLE001 - the caller has the answer; keeping it is our own affair
            _log.error("internal error: %s while keeping an answer", type(error).__name__)

    def close(self) -> None:
        """The stream is over, whatever became of it."""
        if self._search is not None:
            self._search.close()
        if self._recording is not None:
            self._cache.figures.abandoned += 1
            self._recording.stop("broken_off")
            self._land(None)


def _wants_usage(body: dict[str, Any]) -> bool:
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def begun(
    cache: ResponseCache | None,
    router: Router,
    outcome: Outcome,
    arrival: Arrival | None,
    parsed: Parsed | None,
    masked: bytes | None,
) -> Caching | None:
    """The part of a request that goes on; None where no decision asks for the cache, or the request was not read."""
    rule = outcome.cache
    if cache is None or rule is None or arrival is None or arrival.api is None or parsed is None:
        return None
    deadline = time.perf_counter() + router.deadline_s
    try:
        return Caching(cache, outcome, rule, arrival, parsed, masked=masked, embed=router.embed, deadline=deadline)
    except Exception as error:  # noqa: BLE001 - a cache that fails is no error for the caller; its text may quote the prompt
        _log.error("internal error: %s before a search of the response cache", type(error).__name__)
        return None

"""Search: one request's way through the cache: the same question, an identical request under way, a question that asks the same."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from router_extproc.cache.control import FREE
from router_extproc.cache.index import Question
from router_extproc.cache.meaning import meaning
from router_extproc.cache.replay import replayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from router_extproc.apis.api import Payload
    from router_extproc.cache.control import Control
    from router_extproc.cache.entry import Entry
    from router_extproc.cache.keys import Keys
    from router_extproc.cache.meaning import Meaning
    from router_extproc.cache.rule import CacheRule
    from router_extproc.cache.store import ResponseCache

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """In which form a request wants its answer."""

    api: str
    stream: bool
    usage: bool
    """Whether a stream is to tell its tokens."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a search."""

    status: str
    """`hit`, `miss` or `bypass`."""
    how: str
    """Of a hit: `exact`, `semantic` or `shared` (with an identical request that was under way); else why there was none."""
    payload: Payload | None = None
    age_s: float = 0.0
    leads: bool = False
    """Whether others may wait for this request: its end must be told to the flights."""


class Search:
    """Steps that never block: `step` until it gives something; when it does not, `work` is to be waited for."""

    def __init__(
        self,
        cache: ResponseCache,
        rule: CacheRule,
        keys: Keys,
        wanted: Wanted,
        *,
        control: Control = FREE,
        embed: Callable[[str, float], Future[Any]] | None = None,
        deadline: float = 0.0,
    ) -> None:
        """`embed` starts to read a text; `deadline`, on the clock of time.perf_counter, is for that."""
        self._cache = cache
        self._rule = rule
        self.keys = keys
        self._wanted = wanted
        self._control = control
        self._embed = embed
        self._deadline = deadline
        self.work: Sequence[Future[Any]] = ()
        self._until = 0.0
        self._next: Callable[[], Found | None] = self._begin
        self._waits = False
        self._waited = False
        self._told: Meaning | None = None
        self._candidates: Iterator[bytes] = iter(())
        self._misses = "absent"
        self.question: Callable[[float], Question] | None = None
        """Makes what is kept beside the answer, where it can serve other questions, too."""

    def step(self) -> Found | None:
        """What came of it; None if `work` must be done first. Never raises: a cache that fails is no error for the caller."""
        try:
            while True:
                self.work = ()
                found = self._next()
                if found is not None or self.work:
                    return found
        except Exception as error:  # noqa: BLE001 - as above; its text may quote the prompt
            _log.error("internal error: %s in a search of the response cache", type(error).__name__)
            self.work = ()
            self.close()
            return Found("bypass", "failed")

    def remaining_s(self) -> float:
        """Seconds that the work in hand may take."""
        return max(0.0, self._until - time.perf_counter())

    def give_up(self) -> Found | None:
        """As step, without the work in hand."""
        return self.step()

    def close(self) -> None:
        """Nobody waits for it any more."""
        if self._waits:
            self._waits = False
            self._cache.flights.waiting -= 1

    def _wait(self, work: Future[Any], until: float, then: Callable[[], Found | None]) -> None:
        self.work, self._until, self._next = (work,), until, then

    def _begin(self) -> Found | None:
        if self._control.no_store:
            return Found("bypass", "caller")
        if self._control.no_cache:
            self._misses = "caller"
            self._waited = True
            self._next = self._read
            return None
        return self._look(self.keys.exact, "exact", self._join)

    def _look(self, key: bytes, how: str, otherwise: Callable[[], Found | None]) -> Found | None:
        """Ask for the answer under a key."""
        found = self._cache.find(key)
        if not isinstance(found, Future):
            self._next = otherwise
            return self._hit(found, how)
        pending = found

        def looked() -> Found | None:
            self._next = otherwise
            return self._hit(pending.result() if pending.done() else None, how)

        # The shared store has its own timeout; this one is for a loop that is late itself.
        self._wait(pending, time.perf_counter() + 2 * self._cache.limits.timeout_s, looked)
        return None

    def _hit(self, entry: Entry | None, how: str) -> Found | None:
        if entry is None:
            return None
        age = max(0.0, self._cache.clock() - entry.stored_at)
        if self._control.max_age is not None and age > self._control.max_age:
            self._misses = "stale"
            return None
        payload = replayed(entry, api=self._wanted.api, stream=self._wanted.stream, usage=self._wanted.usage)
        if payload is None:
            self._misses = "form"
            return None
        return Found("hit", how, payload, age)

    def _join(self) -> Found | None:
        """Wait for an identical request, once."""
        leader = None if self._waited or not self._rule.wait_s else self._cache.flights.leader(self.keys.exact)
        self._next = self._read
        if leader is None:
            return None
        self._waits = True
        self._cache.flights.waiting += 1

        def landed() -> Found | None:
            self.close()
            self._waited = True
            self._next = self._read
            return self._hit(leader.result() if leader.done() else None, "shared")

        self._wait(leader, time.perf_counter() + self._rule.wait_s, landed)
        return None

    def _read(self) -> Found | None:
        """Have the text read, for a semantic lookup."""
        self._next = self._lead
        if self._embed is None or not self.keys.partition or self.question is not None:
            return None
        told = meaning(self.keys.text)
        if told is None:
            return None
        self._told = told.hashed(self._cache.secret)
        reading = self._embed(self.keys.text, self._deadline)
        if reading.done():
            return self._embedded(reading)
        self._wait(reading, self._deadline, lambda: self._embedded(reading))
        return None

    def _embedded(self, reading: Future[Any]) -> Found | None:
        self._next = self._lead
        if not reading.done() or reading.cancelled() or reading.exception() is not None or self._told is None:
            self._misses = "not_embedded"
            return None
        vector, told, key = reading.result().embedding, self._told, self.keys.exact
        self.question = lambda expires_at: Question(key, vector, told, expires_at)
        if not self._control.no_cache:
            self._candidates = self._cache.near(self.keys, vector, told, self._rule.threshold)
            self._next = self._candidate
        return None

    def _candidate(self) -> Found | None:
        """The answers to questions that ask the same, one after the other."""
        key = next(self._candidates, None)
        if key is None:
            # While the text was read, an identical request may have begun.
            self._next = self._lead if self._waited else self._join_late
            return None
        return self._look(key, "semantic", self._candidate)

    def _join_late(self) -> Found | None:
        found = self._join()
        if not self.work:
            self._next = self._lead
        return found

    def _lead(self) -> Found | None:
        if self._control.only_if_cached:
            return Found("miss", "only_if_cached")
        return Found("miss", self._misses, leads=self._cache.flights.lead(self.keys.exact))

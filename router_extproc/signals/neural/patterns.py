"""Patterns: private data that checks confirm, found off the event loop."""

from __future__ import annotations

from bisect import bisect_left
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from router_extproc.encoders.cache import Cache, key_of
from router_extproc.encoders.lanes import Lanes
from router_extproc.pii.kinds import CHECKABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.breaker import BreakerOptions
    from router_extproc.encoders.scores import Span

NAME = "patterns"
"""What it is called in metrics and among threads."""
_KEPT = 8192
"""Texts whose findings are kept, by hash."""
_MOST = 50
"""Spans of one text that are worth keeping: a text of nothing but addresses must not fill the memory."""
_QUEUE = 2048
"""Texts that wait: twice as many as one request may bring."""
_EVERY = 1_000
"""Characters that take as long as what every text costs, however short."""
_USUAL = 20_000
"""Characters of a long prompt: some 8 ms."""
_LANES = (10_000, 100_000)
"""Sizes up to which texts wait for none that are longer: nearly all that people write, and nearly all that their tools bring."""
_end = attrgetter("end")


@dataclass(frozen=True, slots=True)
class Found:
    """What checks confirm in one text."""

    scores: Mapping[str, float]
    """The surest of each type."""
    spans: Sequence[Span]
    """In order, none within another."""
    nested: Sequence[Span] = ()
    """Mail addresses in web addresses, told beside them: a guard may ask for one of the two types."""

    def leaves_room(self, span: Span) -> bool:
        """Whether a span that a model judged overlaps none of these, and is of a type that a model may judge."""
        at = bisect_left(self.spans, span.start + 1, key=_end)
        return span.type not in CHECKABLE and (at == len(self.spans) or span.end <= self.spans[at].start)


class Patterns:
    """Finds in threads of its own: 1 MB of prose takes 0.4 s, which neither the event loop nor shorter texts must wait for.

    Safe from several threads.
    """

    def __init__(self, breaker: BreakerOptions | None = None) -> None:
        self._cache: Cache[Found] = Cache(_KEPT)
        self.lanes: Lanes[str, Found] = Lanes(
            _found, _LANES, name=NAME, max_queue=_QUEUE, size=_size, usual=_USUAL, breaker=breaker
        )

    def submit(self, text: str, deadline: float) -> Future[Found]:
        """Start to look at a text, unless it was looked at lately; see Batcher.submit."""
        key = key_of(text)
        known = self._cache.get(key)
        if known is not None:
            done: Future[Found] = Future()
            done.set_result(known)
            return done
        job = self.lanes.submit(text, deadline)
        job.add_done_callback(partial(self._keep, key))
        return job

    def warm(self) -> None:
        """Load the tables now that the first search needs; it takes 0.2 s, once."""
        _found(["call +1 212 555 0187 or 020 7946 0958, card 4111 1111 1111 1111"])

    def _keep(self, key: bytes, future: Future[Found]) -> None:
        if future.cancelled() or future.exception() is not None:
            return
        found = future.result()
        if len(found.spans) + len(found.nested) <= _MOST:
            self._cache.put(key, found)


def _size(text: str) -> int:
    return _EVERY + len(text)


def _found(texts: Sequence[str]) -> list[Found]:
    # Here, because a policy that does not ask for private data does without their 20 MB.
    from router_extproc.pii.patterns import find, nested  # noqa: PLC0415

    found = ((text, find(text)) for text in texts)
    return [_told(spans, nested(text, spans)) for text, spans in found]


def _told(spans: Sequence[Span], within: Sequence[Span]) -> Found:
    scores: dict[str, float] = {}
    for span in (*spans, *within):
        scores[span.type] = max(span.score, scores.get(span.type, 0.0))
    return Found(scores, spans, within)

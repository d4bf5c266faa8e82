"""Tracker: follows secrets in a thread of its own, for all policies of a process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.encoders.batching import Batcher, BatchOptions
from router_extproc.encoders.cache import Cache
from router_extproc.pii.kinds import PiiType
from router_extproc.signals.credentials.flow import follow
from router_extproc.signals.credentials.marks import keyed, mark
from router_extproc.signals.credentials.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from router_extproc.breaker import BreakerOptions
    from router_extproc.encoders.scores import Span
    from router_extproc.signals.credentials.flow import Flow, Piece, Terms
    from router_extproc.signals.credentials.marks import Mark

NAME = "credentials"
"""What it is called in metrics and among threads."""
_QUEUE = 128
_EVERY = 5_000
"""Characters that take as long as what every conversation costs, however short."""
_USUAL = 50_000
"""Characters of a long conversation."""
_TYPES = frozenset({PiiType.API_KEY.value})
_KEPT = 4096
"""Texts whose secrets' marks are kept, by keyed hash."""


@dataclass(frozen=True, slots=True)
class Work:
    """One request's conversation."""

    conversation: bytes
    """Tells conversations apart: a keyed hash; empty for one that cannot be known again."""
    pieces: tuple[Piece, ...]
    terms: Terms


class Tracker:
    """Follows secrets. Safe from several threads. Keeps no secret, only marks that mean nothing to another process."""

    def __init__(self, breaker: BreakerOptions | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.memory = Memory(clock)
        run = _Run(self.memory)
        options = BatchOptions(max_queue=_QUEUE, max_batch=1)
        self.batcher: Batcher[Work, Flow] = Batcher(run, options, name=NAME, size=_size, usual=_USUAL, breaker=breaker)

    def submit(self, work: Work, deadline: float) -> Future[Flow]:
        """Start to follow; see Batcher.submit."""
        return self.batcher.submit(work, deadline)

    def warm(self) -> None:
        """Load the tables now that the first search needs; it takes 0.2 s, once."""
        _find("password: Tr0ub4dor&3x")


class _Run:
    """What the thread does. One thread: a conversation's secrets are changed by one request at a time."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._marks: Cache[tuple[tuple[Mark, float], ...]] = Cache(_KEPT)

    def __call__(self, works: Sequence[Work]) -> list[Flow]:
        return [self._one(work) for work in works]

    def _one(self, work: Work) -> Flow:
        entries = self._memory.recall(work.conversation)
        flow = follow(work.pieces, entries, work.terms, self._secrets)
        self._memory.keep(work.conversation, entries)
        return flow

    def _secrets(self, text: str) -> tuple[tuple[Mark, float], ...]:
        """The marks of a text's secrets, each with how sure it is that it is one."""
        key = keyed(text)
        known = self._marks.get(key)
        if known is None:
            marked = [(mark(text[span.start : span.end]), span.score) for span in _find(text)]
            known = tuple((each, score) for each, score in marked if each is not None)
            self._marks.put(key, known)
        return known


def _find(text: str) -> list[Span]:
    # Here, because a policy that does not ask for secrets does without the tables.
    from router_extproc.pii.patterns import find  # noqa: PLC0415

    return find(text, types=_TYPES)


def _size(work: Work) -> int:
    return _EVERY + sum(len(piece.text) for piece in work.pieces)

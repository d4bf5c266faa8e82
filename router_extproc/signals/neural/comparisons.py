"""Comparisons: texts beside very many examples, compared off the event loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.encoders.batching import Batcher, BatchOptions
from router_extproc.signals.neural.segments import followed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from router_extproc.breaker import BreakerOptions
    from router_extproc.encoders.reading import Reading
    from router_extproc.routing import SignalResult

    Judge = Callable[[Reading, str], SignalResult]

NAME = "comparisons"
"""What it is called in metrics and among threads."""
AT_ONCE = 4_000_000
"""Effort up to which a text is compared where its reading comes: half a millisecond, some 3,500 short examples. With 20,000 it takes 2 to
8 ms, and 30 ms if they are long, which the event loop must not wait for."""
_QUEUE = 512


@dataclass(frozen=True, slots=True)
class _Work:
    judge: Judge
    reading: Reading
    text: str
    effort: int


class Comparisons:
    """Compares in a thread of its own. Safe from several threads."""

    def __init__(self, breaker: BreakerOptions | None = None) -> None:
        options = BatchOptions(max_queue=_QUEUE, max_batch=1)
        self.batcher: Batcher[_Work, SignalResult] = Batcher(
            _judged, options, name=NAME, size=_effort, usual=AT_ONCE, breaker=breaker
        )

    def submit(self, reading: Future[Reading], text: str, judge: Judge, effort: int, deadline: float) -> Future[SignalResult]:
        """Start to judge a text as soon as it is read; see Batcher.submit. `effort` is what that takes, as Scorer has it."""
        return followed(reading, lambda read: self.batcher.submit(_Work(judge, read, text, effort), deadline))


def _effort(work: _Work) -> int:
    return work.effort


def _judged(works: Sequence[_Work]) -> list[SignalResult]:
    return [work.judge(work.reading, work.text) for work in works]

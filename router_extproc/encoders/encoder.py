"""Encoder: the shared model at work: a text in, a reading out, for all signals at once."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from router_extproc.breaker import BreakerOptions
from router_extproc.encoders.batching import Batcher, BatchOptions
from router_extproc.encoders.bundle import EMBEDDING, TAGS
from router_extproc.encoders.cache import Cache, key_of
from router_extproc.encoders.course import InSteps
from router_extproc.encoders.figures import Figures
from router_extproc.encoders.heads import POOLED, origin
from router_extproc.encoders.reader import Reader, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from router_extproc.encoders.batching import Task
    from router_extproc.encoders.bundle import Bundle
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.scores import Kind

WINDOWS = 8
"""Of one text at most, unless a policy says otherwise."""

_TOGETHER = 1200
"""Characters of texts that are run at once: beyond some 250 tokens a batch gains nothing and holds up those in it."""
_EVERY = 40
"""Characters that take as long as what every text costs, however short."""
_CHARACTERS = 5
"""Of a token, about."""


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """How an encoder works; the same for all policies of a process."""

    batch: BatchOptions = field(default_factory=BatchOptions)
    cache: int = 8192
    """Readings kept, some 3 KB each."""
    breaker: BreakerOptions = field(default_factory=BreakerOptions)


class Encoder:
    """Reads texts with one bundle. Identical texts are read once. Safe from several threads."""

    def __init__(self, bundle: Bundle, options: EncoderOptions, figures: Figures | None = None) -> None:
        """`figures` are given, if they are to outlive it."""
        self.bundle = bundle
        self.cache: Cache[Reading] = Cache(options.cache)
        figures = figures or Figures()
        self._reader = Reader(bundle, figures)
        self.batcher: Batcher[Work, Reading] = Batcher(
            InSteps(self._reader.run),
            options.batch,
            name="encoder",
            figures=figures,
            size=partial(_size, bundle.manifest.window),
            together=_TOGETHER,
            usual=_EVERY + bundle.manifest.window * _CHARACTERS,
            breaker=options.breaker,
        )
        self._flying: dict[bytes, Task[Reading]] = {}
        self._lock = threading.Lock()

    def submit(
        self, text: str, kind: Kind, deadline: float, *, outputs: tuple[str, ...], windows: int = WINDOWS
    ) -> Future[Reading]:
        """Start to read a text; `deadline` is on the clock of time.perf_counter. Never blocks.

        `outputs` as `ordered` gives them; only these are computed. The future fails with OverloadedError if too many texts wait, with
        LateError if the deadline passes in the queue, or while it is read and others wait, with UnavailableError while the breaker is
        open. Whoever asks for the same text meanwhile gets the same future, which waits for the latest of their deadlines.
        """
        key = key_of(text, str(origin(kind)), str(windows), " ".join(outputs))
        with self._lock:
            known = self.cache.get(key)
            if known is not None:
                done: Future[Reading] = Future()
                done.set_result(known)
                return done
            flying = self._flying.get(key)
            if flying is not None and self.batcher.prolong(flying, deadline):
                return flying
            task = self.batcher.submit(Work(text, kind, windows, outputs), deadline)
            if not task.done():
                self._flying[key] = task
        task.add_done_callback(partial(self._landed, key))
        return task

    def read(self, texts: Sequence[str], kind: Kind, *, outputs: Iterable[str], windows: int = WINDOWS) -> list[Reading]:
        """Read texts in the calling thread, past the queue and the cache. For loading policies and for batch work.

        Raises StrangeError.
        """
        wanted = tuple(outputs)
        return list(self._each(Work(text, kind, windows, wanted) for text in texts))

    def close(self) -> None:
        """End the threads."""
        self.batcher.close()

    def _each(self, works: Iterable[Work]) -> Iterator[Reading]:
        for work in works:
            (found,) = self._reader.run([work])
            if isinstance(found, Exception):
                raise found
            yield found

    def _landed(self, key: bytes, future: Future[Reading]) -> None:
        """Keep the reading before its flight is forgotten: whoever asks in between must not read the text again."""
        if future.exception() is None:
            self.cache.put(key, future.result())
        with self._lock:
            if self._flying.get(key) is future:
                del self._flying[key]


def ordered(outputs: Iterable[str]) -> tuple[str, ...]:
    """Heads, EMBEDDING and TAGS in the one order that makes equal questions equal; each once."""
    wanted = set(outputs)
    return tuple(name for name in (*POOLED, EMBEDDING, TAGS) if name in wanted)


def _size(window: int, work: Work) -> int:
    """How long a text takes, in characters."""
    return _EVERY + min(len(work.text), work.windows * window * _CHARACTERS)

"""Disguises: texts as a person would read them, undone off the event loop where that takes long."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from router_extproc.encoders.batching import Batcher, BatchOptions
from router_extproc.encoders.cache import Cache, key_of
from router_extproc.encoders.plain import may_hide, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.breaker import BreakerOptions
    from router_extproc.request import Request

NAME = "disguises"
"""What it is called in metrics and among threads."""
_AT_ONCE = 8_000
"""Characters of one request that are undone where they come: a thread costs more than it saves. A megabyte of code takes 0.2 s, one of
Arabic ligatures a second, which the event loop must not wait for."""
_HARMLESS = 64
"""How many times less a text takes that hides nothing."""
_KEPT = 8192
"""Texts of which is kept, by hash, what they become."""
_MOST = 2_000
"""Characters of one that is kept; of one that stays as it is, that alone is kept."""
_QUEUE = 2048
"""Texts that wait: twice as many as one request may bring."""
_EVERY = 1_000
"""Characters that take as long as what every text costs, however short."""
_USUAL = 20_000
"""Characters of a long prompt."""


class Disguises:
    """Undoes disguises, of long texts in a thread of its own. Safe from several threads."""

    def __init__(self, breaker: BreakerOptions | None = None) -> None:
        self._cache: Cache[tuple[str, ...]] = Cache(_KEPT)
        """What each becomes; nothing for one that stays as it is."""
        options = BatchOptions(max_queue=_QUEUE, max_batch=1)
        self.batcher: Batcher[str, str] = Batcher(_plain, options, name=NAME, size=_size, usual=_USUAL, breaker=breaker)

    def at_once(self, request: Request, text: str) -> str | None:
        """The text without disguise, if that takes no time worth mentioning, all texts of the request together; else None."""
        left: int = request.memo.get(("disguises",), _AT_ONCE)
        if left <= 0:
            return None
        hides = may_hide(text)
        cost = len(text) if hides else len(text) // _HARMLESS
        if hides and cost > left:
            return None
        request.memo["disguises",] = left - cost
        return plain(text) if hides else text

    def submit(self, text: str, deadline: float) -> Future[str]:
        """Start to undo what disguises a text, unless that was done lately; see Batcher.submit."""
        key = key_of(text)
        known = self._cache.get(key)
        if known is not None:
            done: Future[str] = Future()
            done.set_result(known[0] if known else text)
            return done
        job = self.batcher.submit(text, deadline)
        job.add_done_callback(partial(self._keep, key, text))
        return job

    def _keep(self, key: bytes, text: str, future: Future[str]) -> None:
        if future.exception() is not None:
            return
        undone = future.result()
        if undone == text:
            self._cache.put(key, ())
        elif len(undone) <= _MOST:
            self._cache.put(key, (undone,))


def _size(text: str) -> int:
    return _EVERY + len(text)


def _plain(texts: Sequence[str]) -> list[str]:
    return [plain(text) for text in texts]

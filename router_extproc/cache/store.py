"""Store: answers and the questions that they belong to, here or in a shared store, within one number of bytes."""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING

from router_extproc.cache.agreement import disagreement
from router_extproc.cache.figures import CacheFigures
from router_extproc.cache.flights import Flights
from router_extproc.cache.index import Index, Question
from router_extproc.cache.memory import MemoryEntries
from router_extproc.cache.rule import CacheLimits
from router_extproc.cache.shared import SharedEntries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

    from router_extproc.cache.entry import Entry
    from router_extproc.cache.keys import Keys
    from router_extproc.cache.meaning import Meaning
    from router_extproc.cache.remote import RemoteEntries

_log = logging.getLogger(__name__)

SECRET_BYTES = 32
LEAST_SECRET, MOST_SECRET = 16, 64
"""Bytes of an operator's secret: BLAKE2b takes no longer key."""


class ResponseCache:
    """One process's cache. Used on the event loop only; nothing in it blocks."""

    def __init__(
        self,
        limits: CacheLimits | None = None,
        *,
        secret: bytes | None = None,
        remote: RemoteEntries | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`secret` keys the hashes: replicas that share a store must have the same one. `clock` tells Unix seconds."""
        self.limits = limits or CacheLimits()
        self.secret = secret or secrets.token_bytes(SECRET_BYTES)
        self.clock = clock
        self.figures = CacheFigures()
        self.flights = Flights()
        self.entries = MemoryEntries()
        self.index = Index()
        self._shared = SharedEntries(remote, self.figures) if remote is not None else None
        self._version = ""

    @property
    def size(self) -> int:
        """Bytes taken in this process."""
        return self.entries.bytes + self.index.bytes

    @property
    def has_remote(self) -> bool:
        """Whether there is a shared store."""
        return self._shared is not None

    @property
    def shared(self) -> SharedEntries | None:
        """The shared store, if answers are kept there."""
        return self._shared if self.limits.remote else None

    def configure(self, limits: CacheLimits, version: str) -> None:
        """Take the bounds of a policy that is now in force. Answers of another version can serve nobody any more."""
        self.limits = limits
        if version != self._version:
            self._version = version
            self.entries.clear()
            self.index.clear()
        self._trim()

    def find(self, key: bytes) -> Entry | Future[Entry | None] | None:
        """The answer that is kept; a future where the shared store has to be asked. It never fails: no answer is None."""
        shared = self.shared
        if shared is None:
            return self.entries.get(key, self.clock())
        return shared.get(key, self.clock(), self.limits.timeout_s)

    def near(self, keys: Keys, vector: NDArray[np.float32], told: Meaning, threshold: float) -> Iterator[bytes]:
        """Keys of answers to questions that ask the same, the nearest first."""
        for question in self.index.near(keys.partition, vector, threshold, self.clock()):
            differs = disagreement(question.meaning, told)
            if differs:
                self.figures.count(self.figures.refusals, differs)
            else:
                yield question.key

    def keep(self, keys: Keys, entry: Entry, question: Question | None) -> None:
        """Keep an answer, with the question that it belongs to."""
        self.figures.stores += 1
        shared = self.shared
        if shared is not None:
            shared.put(keys.exact, entry, self.clock(), self.limits.timeout_s)
        else:
            self.entries.put(keys.exact, entry)
        if question is not None and keys.partition:
            self.index.add(keys.partition, question)
        self._trim()

    def unkept(self, why: str) -> None:
        """Note that an answer is not kept."""
        self.figures.count(self.figures.unkept, why)

    def _trim(self) -> None:
        while self.size > self.limits.max_bytes:
            key = self.entries.oldest() or self.index.oldest()
            if key is None:
                return
            self.figures.evictions += 1
            self.entries.remove(key)
            self.index.remove(key)

    async def close(self) -> None:
        """Close the connections to the shared store."""
        if self._shared is not None:
            await self._shared.close()

"""Memory: what is known of the secrets of conversations that go on, as keyed hashes, for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.signals.credentials.flow import Entry
    from router_extproc.signals.credentials.marks import Mark

SIZE = 2048
"""Conversations; the one that was not heard of for longest goes. A secret takes 0.5 KB: 34 MB if each has as many as are followed."""
TTL_S = 3600.0
"""After which a conversation that was not heard of is forgotten."""


class Memory:
    """Secrets by conversation. Safe from several threads, but a conversation's secrets are for one thread at a time."""

    def __init__(self, clock: Callable[[], float], *, size: int = SIZE, ttl_s: float = TTL_S) -> None:
        """`clock` is monotonic, in seconds."""
        self._clock = clock
        self._size = size
        self._ttl_s = ttl_s
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[float, dict[Mark, Entry]]] = OrderedDict()

    def __len__(self) -> int:
        """Conversations that are remembered."""
        with self._lock:
            self._forget()
            return len(self._known)

    def recall(self, conversation: bytes) -> dict[Mark, Entry]:
        """What is known of a conversation's secrets."""
        with self._lock:
            self._forget()
            _, entries = self._known.get(conversation, (0.0, {}))
            return entries

    def keep(self, conversation: bytes, entries: dict[Mark, Entry]) -> None:
        """Remember them; a conversation without secrets, or without a name, takes no place."""
        if not entries or not conversation:
            return
        with self._lock:
            self._known[conversation] = (self._clock() + self._ttl_s, entries)
            self._known.move_to_end(conversation)
            if len(self._known) > self._size:
                self._known.popitem(last=False)

    def _forget(self) -> None:
        """Drop what is too old. Those kept last are at the end, so that the first that is young enough ends it."""
        now = self._clock()
        while self._known and next(iter(self._known.values()))[0] < now:
            self._known.popitem(last=False)

"""Memory: sessions in this process. Bounded in number and age; safe from several threads."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING

from router_extproc.sessions.state import SessionState, settled, taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.sessions.state import Settled, Turn

MAX_SESSIONS = 100_000
"""Sessions and tasks, and as many ids of responses that sessions may be continued by. A session takes about 400 bytes."""
TTL_S = 3600.0
_TRIMMED = 2
"""Old ones that one change may drop: more than it can add, so that the memory shrinks by itself."""


class SessionMemory:
    """Sessions by key, the one longest unused first. `clock` in Unix seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time, most: int = MAX_SESSIONS) -> None:
        self.clock = clock
        self.ttl_s = TTL_S
        """How long an unused one is remembered."""
        self._most = most
        self._lock = threading.Lock()
        self._states: OrderedDict[bytes, SessionState] = OrderedDict()
        self._links: OrderedDict[bytes, bytes] = OrderedDict()
        self.evicted = 0
        """Sessions that made place for others before their time."""

    def __len__(self) -> int:
        return len(self._states)

    def get(self, key: bytes) -> SessionState | None:
        """What is known of it; None if nothing is, or nothing any more."""
        state = self._states.get(key)
        return None if state is None or self._is_old(state) else state

    def take(self, key: bytes, turn: Turn) -> None:
        """Note a decision."""
        self._change(key, lambda state: taken(state, turn))

    def settle(self, key: bytes, seen: Settled) -> None:
        """Note an answer; one of a session that was forgotten meanwhile is nothing."""
        with self._lock:
            state = self._states.get(key)
            if state is not None:
                self._states[key] = settled(state, seen)

    def meet(self, key: bytes, state: SessionState) -> None:
        """Take what a shared store knows of it, unless more turns are known here: then it missed some while it did not answer."""
        self._change(key, lambda known: known if known is not None and known.turns > state.turns else state)

    def link(self, alias: bytes, key: bytes) -> None:
        """Have another name stand for a session: the id of a response by which the caller may continue it."""
        with self._lock:
            self._links[alias] = key
            self._links.move_to_end(alias)
            if len(self._links) > self._most:
                self._links.popitem(last=False)

    def resolved(self, key: bytes) -> bytes:
        """The session that a name stands for; the name itself where it stands for none."""
        return self._links.get(key, key)

    def _change(self, key: bytes, change: Callable[[SessionState | None], SessionState]) -> None:
        with self._lock:
            before = self._states.get(key)
            self._states[key] = change(None if before is None or self._is_old(before) else before)
            self._states.move_to_end(key)
            self._trim()

    def _trim(self) -> None:
        for oldest, state in list(islice(self._states.items(), _TRIMMED)):
            if len(self._states) <= self._most and not self._is_old(state):
                return
            self.evicted += not self._is_old(state)
            del self._states[oldest]

    def _is_old(self, state: SessionState) -> bool:
        return self.clock() - state.active_at > self.ttl_s

"""Flights: identical requests that are under way: one leads, the others wait for what it brings."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_extproc.cache.entry import Entry


class Flights:
    """Requests under way, by key. Used by one thread."""

    def __init__(self) -> None:
        self._leaders: dict[bytes, Future[Entry | None]] = {}
        self.waiting = 0
        """Requests that wait now."""

    def __len__(self) -> int:
        return len(self._leaders)

    def leader(self, key: bytes) -> Future[Entry | None] | None:
        """What an identical request under way will bring: an answer, or None if it is not to be kept. Never fails."""
        return self._leaders.get(key)

    def lead(self, key: bytes) -> bool:
        """Whether this request leads from now on, and must `land`."""
        if key in self._leaders:
            return False
        self._leaders[key] = Future()
        return True

    def land(self, key: bytes, entry: Entry | None = None) -> None:
        """The leader is done; what it brought."""
        leader = self._leaders.pop(key, None)
        if leader is not None:
            leader.set_result(entry)

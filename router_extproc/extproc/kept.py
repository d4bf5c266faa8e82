"""Kept: a search in the response cache whose answer, if it is long, is looked through for this caller before it is told."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from router_extproc.cache.search import Found, Search


class Kept:
    """The search's steps, and one more. As Search, never blocks."""

    def __init__(self, search: Search, look: Callable[[Found], Future[None] | None]) -> None:
        """`look` has what was found looked through; None where that takes no time."""
        self._search = search
        self._look = look
        self._found: Found | None = None
        self._looking: tuple[Future[None], ...] = ()

    @property
    def work(self) -> Sequence[Future[Any]]:
        """What the next step waits for."""
        return self._looking or self._search.work

    def step(self) -> Found | None:
        """What came of the search; None if `work` must be done first."""
        return self._found or self._told(self._search.step())

    def give_up(self) -> Found | None:
        """The same, without the search's work in hand."""
        return self._found or self._told(self._search.give_up())

    def remaining_s(self) -> float:
        """Seconds that the work in hand may take. What was begun to be looked through is not told before it was."""
        return inf if self._looking else self._search.remaining_s()

    def _told(self, found: Found | None) -> Found | None:
        look = self._look(found) if found is not None else None
        if look is None:
            return found
        self._found, self._looking = found, (look,)
        return None

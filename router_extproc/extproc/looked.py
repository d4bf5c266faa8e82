"""Looked: what is found out step by step, and looked through in a thread, if that takes long, before it is told."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from router_extproc.extproc.replies import Thinking

F = TypeVar("F")


class Looked(Generic[F]):
    """The steps of something else, and one more. See Thinking; never blocks."""

    def __init__(self, thinking: Thinking, look: Callable[[F], Future[None] | None]) -> None:
        """`look` has what was found looked through; None where that takes no time."""
        self._thinking = thinking
        self._look = look
        self._found: F | None = None
        self._looking: tuple[Future[None], ...] = ()

    @property
    def work(self) -> Sequence[Future[Any]]:
        """What the next step waits for."""
        return self._looking or self._thinking.work

    def step(self) -> F | None:
        """What was found; None if `work` must be done first."""
        return self._found or self._told(self._thinking.step())

    def give_up(self) -> F | None:
        """The same, without the work that is not done."""
        return self._found or self._told(self._thinking.give_up())

    def remaining_s(self) -> float:
        """Seconds that the work in hand may take. What was begun to be looked through is not told before it was."""
        return inf if self._looking else self._thinking.remaining_s()

    def _told(self, found: F | None) -> F | None:
        look = self._look(found) if found is not None else None
        if look is None:
            return found
        self._found, self._looking = found, (look,)
        return None

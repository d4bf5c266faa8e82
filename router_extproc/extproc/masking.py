"""Masking: a request's way through the rules; from a long body a thread takes what is private before the outcome is told."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from router_extproc.extproc.aside import LONG, Look
from router_extproc.privacy.masking import masked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from router_extproc.extproc.aside import Aside
    from router_extproc.extproc.intake import Parsed
    from router_extproc.guarding import Masks
    from router_extproc.privacy.masking import Masked
    from router_extproc.router import Routing
    from router_extproc.routing import Outcome

_MEMO = "masked"


class Masking:
    """The walk's steps, and one more. As Routing, never blocks."""

    def __init__(self, routing: Routing, parsed: Parsed, aside: Aside) -> None:
        self._routing = routing
        self._parsed = parsed
        self._aside = aside
        self._outcome: Outcome | None = None
        self._masking: tuple[Future[None], ...] = ()

    @property
    def work(self) -> Sequence[Future[Any]]:
        """What the next step waits for."""
        return self._masking or self._routing.work

    def step(self) -> Outcome | None:
        """The outcome; None if `work` must be done first."""
        return self._outcome or self._told(self._routing.step())

    def give_up(self) -> Outcome | None:
        """The same at the deadline."""
        return self._outcome or self._told(self._routing.give_up())

    def remaining_s(self) -> float:
        """Seconds that `work` may take. What has private data goes nowhere before that is taken out."""
        return inf if self._masking else self._routing.remaining_s()

    def _told(self, outcome: Outcome | None) -> Outcome | None:
        body = self._parsed.document.raw
        if outcome is None or outcome.masks is None or len(body) < LONG:
            return outcome
        self._outcome = outcome
        self._masking = (self._aside.submit(Look(len(body), self._mask), inf),)
        return None

    def _mask(self) -> None:
        """In another thread. Where it fails, it fails once more when the outcome is taken, and is told there."""
        if self._outcome is None or self._outcome.masks is None:
            return
        try:
            made = _masked(self._parsed, self._outcome.masks)
        except Exception:  # noqa: BLE001 - see above
            return
        self._parsed.request.memo[_MEMO] = (self._outcome.masks, made)


def masking(routing: Routing, parsed: Parsed, aside: Aside | None) -> Routing | Masking:
    """The walk, and what may follow it; without threads the walk alone."""
    return routing if aside is None else Masking(routing, parsed, aside)


def taken_out(parsed: Parsed, masks: Masks) -> Masked:
    """The body without what is private: as a thread left it, or made now."""
    kept = parsed.request.memo.pop(_MEMO, None)
    if kept is not None and kept[0] is masks:
        made: Masked = kept[1]
        return made
    return _masked(parsed, masks)


def _masked(parsed: Parsed, masks: Masks) -> Masked:
    return masked(parsed.document.raw, masks, conversation=parsed.request.conversation_id)

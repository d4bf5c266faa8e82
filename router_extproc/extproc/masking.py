"""Masking: from a long body a thread takes what is private, before a request's outcome is told."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING

from router_extproc.extproc.aside import LONG, Look
from router_extproc.extproc.looked import Looked
from router_extproc.privacy.masking import masked

if TYPE_CHECKING:
    from concurrent.futures import Future

    from router_extproc.extproc.aside import Aside
    from router_extproc.extproc.intake import Parsed
    from router_extproc.guarding import Masks
    from router_extproc.privacy.masking import Masked
    from router_extproc.router import Routing
    from router_extproc.routing import Outcome

_MEMO = "masked"


def masking(routing: Routing, parsed: Parsed, aside: Aside | None) -> Routing | Looked[Outcome]:
    """The walk, and what may follow it; without threads the walk alone."""
    return routing if aside is None else Looked(routing, partial(_begun, parsed, aside))


def _begun(parsed: Parsed, aside: Aside, outcome: Outcome) -> Future[None] | None:
    body, masks = parsed.document.raw, outcome.masks
    if masks is None or len(body) < LONG:
        return None
    return aside.submit(Look(len(body), partial(_keep, parsed, masks)), inf)


def _keep(parsed: Parsed, masks: Masks) -> None:
    """In another thread. Where it fails, it fails once more when the outcome is taken, and is told there."""
    try:
        made = _masked(parsed, masks)
    except Exception:  # noqa: BLE001 - see above
        return
    parsed.request.memo[_MEMO] = (masks, made)


def taken_out(parsed: Parsed, masks: Masks) -> Masked:
    """The body without what is private: as a thread left it, or made now."""
    kept = parsed.request.memo.pop(_MEMO, None)
    if kept is not None and kept[0] is masks:
        made: Masked = kept[1]
        return made
    return _masked(parsed, masks)


def _masked(parsed: Parsed, masks: Masks) -> Masked:
    return masked(parsed.document.raw, masks, conversation=parsed.request.conversation_id)

"""Edits: what several rules change in one request, added up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.policy.compiled import Modify
from router_extproc.routing import BodyEdits

if TYPE_CHECKING:
    from collections.abc import Sequence


_NO_EDITS = BodyEdits()


def merged(changes: Sequence[Modify]) -> Modify:
    """All changes as one, in the order of the rules: the lowest cap holds, the last effort holds, the rest adds up."""
    if len(changes) == 1:
        return changes[0]
    caps: dict[str, int] = {}
    for change in changes:
        for name, value in change.caps.items():
            caps[name] = min(value, caps.get(name, value))
    return Modify(
        headers=tuple(edit for change in changes for edit in change.headers),
        caps=caps,
        blocked=frozenset().union(*(change.blocked for change in changes)),
        system=tuple(edit for change in changes for edit in change.system),
        reasoning_effort=next((change.reasoning_effort for change in reversed(changes) if change.reasoning_effort), ""),
    )


def body_edits(changes: Modify | None, model: str | None, family: str) -> BodyEdits:
    """What they change in the body of a request that goes to a pool of that reasoning family."""
    if changes is None:
        return _NO_EDITS if model is None else BodyEdits(model=model)
    return BodyEdits(
        model=model,
        caps=changes.caps,
        blocked=changes.blocked,
        system=changes.system,
        reasoning_effort=changes.reasoning_effort if family else "",
        reasoning_family=family,
    )

"""Edits: what several rules change in one request, added up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.policy.compiled import Modify

if TYPE_CHECKING:
    from collections.abc import Sequence


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

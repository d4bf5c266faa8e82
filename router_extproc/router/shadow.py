"""Shadow: selectors that are asked beside the one that chooses, to be compared with it. What they say or fail at changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.policy.compiled import SelectSpec
    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Choice, Selector

NOBODY, FAILED = "-", "!"
"""In place of a pool: no candidate can serve the request, or the shadow failed. No pool has such a name."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """One of a route's."""

    name: str
    """Its type, with a number where the route has several of the type."""
    selector: Selector


def named(specs: Sequence[SelectSpec]) -> list[str]:
    """What shadows are called: `best-value`, `bandit`, `bandit-2`."""
    names: list[str] = []
    for index, spec in enumerate(specs):
        before = sum(other.type == spec.type for other in specs[:index])
        names.append(f"{spec.type}-{before + 1}" if before else spec.type)
    return names


def asked(shadows: Sequence[Shadow], candidates: Sequence[Candidate], choice: Choice) -> Mapping[str, str]:
    """The pool that each would choose, by name; NOBODY or FAILED where there is none."""
    return {shadow.name: _pool(shadow.selector, candidates, choice) for shadow in shadows}


def _pool(selector: Selector, candidates: Sequence[Candidate], choice: Choice) -> str:
    try:
        selection, _ = selector.select(candidates, choice)
    except Exception:  # noqa: BLE001 - told as FAILED and counted; a request never fares worse for a shadow
        return FAILED
    return selection.pool.name if selection is not None else NOBODY

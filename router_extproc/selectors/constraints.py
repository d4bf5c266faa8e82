"""Constraints: drops candidates that a request's own hard constraints rule out (the idea of flags is Tryage's; Hari and Thomson, 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from router_extproc.errors import RequestRefusedError
from router_extproc.routing import Reason
from router_extproc.selectors.estimates import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.policy.constraints import Constraints, Source
    from router_extproc.request import Request
    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Choice

_MAX_TAGS = 32
_EXPECTED_OUTPUT = 500
"""Tokens of an answer where neither the caller's limit nor the pool's own mean length says less."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What one request demands."""

    max_cost_usd: float | None = None
    max_seconds: float | None = None
    tags: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.max_cost_usd is not None or self.max_seconds is not None or bool(self.tags)


def demands(request: Request, sources: Constraints) -> Demands:
    """What the request demands. Raises RequestRefusedError for a demand that cannot be understood: it must not go unheeded."""
    return Demands(_amount(request, sources.max_cost_usd), _amount(request, sources.max_seconds), _tags(request, sources.tags))


def kept(candidates: tuple[Candidate, ...], choice: Choice, wanted: Demands) -> tuple[tuple[Candidate, ...], Mapping[str, str]]:
    """Candidates that meet the demands, and why the others do not, by pool name: `max_cost`, `max_seconds`, `tags`."""
    estimate = Estimate(_EXPECTED_OUTPUT)
    dropped = {candidate.pool.name: _unmet(candidate, choice, wanted, estimate) for candidate in candidates}
    return tuple(each for each in candidates if not dropped[each.pool.name]), {name: why for name, why in dropped.items() if why}


def _unmet(candidate: Candidate, choice: Choice, wanted: Demands, estimate: Estimate) -> str:
    if not wanted.tags <= candidate.pool.tags:
        return "tags"
    if wanted.max_cost_usd is not None:
        cost = estimate.cost(candidate, choice)
        if cost is None or cost > wanted.max_cost_usd:
            return "max_cost"
    if wanted.max_seconds is not None:
        seconds = estimate.seconds(candidate, choice)
        if seconds is not None and seconds > wanted.max_seconds:
            return "max_seconds"
    return ""


def _stated(request: Request, source: Source | None) -> str:
    if source is None:
        return ""
    if source.header:
        return request.envelope.headers.get(source.header, "").strip()
    return request.metadata.get(source.metadata, "").strip()


def _named(source: Source) -> str:
    return f"The header {source.header}" if source.header else f"The metadata key {source.metadata}"


def _amount(request: Request, source: Source | None) -> float | None:
    text = _stated(request, source)
    if source is None or not text:
        return None
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not isfinite(amount) or amount < 0:
        raise RequestRefusedError(Reason.WRONG_SHAPE, f"{_named(source)} must hold a number that is not negative.")
    return amount


def _tags(request: Request, source: Source | None) -> frozenset[str]:
    tags = frozenset(tag.strip() for tag in _stated(request, source).split(",") if tag.strip())
    if source is not None and len(tags) > _MAX_TAGS:
        raise RequestRefusedError(Reason.WRONG_SHAPE, f"{_named(source)} holds more than {_MAX_TAGS} tags.")
    return tags

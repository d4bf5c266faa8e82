"""Filters: which candidates can serve a request at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.request import PartKind
from router_extproc.routing import Modality

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Choice, Filter

_NEEDS = {PartKind.IMAGE: Modality.IMAGE, PartKind.AUDIO: Modality.AUDIO, PartKind.FILE: Modality.FILE}

_NEEDED = object()
"""Key of a request's needs in its memo."""


class Weight:
    """Drops candidates that the route gave the weight 0."""

    name = "weight"

    def keeps(self, candidate: Candidate, _choice: Choice, /) -> bool:
        """Whether it has a share."""
        return candidate.weight > 0


class Apis:
    """Drops pools whose endpoints do not speak the request's API."""

    name = "api"

    def keeps(self, candidate: Candidate, choice: Choice, /) -> bool:
        """Whether the pool told no APIs, or this one."""
        return not candidate.pool.apis or choice.request.api in candidate.pool.apis


class Tools:
    """Drops pools whose model cannot call tools where the request defines some."""

    name = "tools"

    def keeps(self, candidate: Candidate, choice: Choice, /) -> bool:
        """Whether tools are not needed, or there."""
        return candidate.pool.tools or not choice.request.tools


class Modalities:
    """Drops pools whose model cannot read what the request holds: images, audio, files."""

    name = "modality"

    def keeps(self, candidate: Candidate, choice: Choice, /) -> bool:
        """Whether it reads everything."""
        return needed(choice.request) <= candidate.pool.modalities


class ContextWindow:
    """Drops pools whose context window is too small for the prompt and the answer asked for."""

    name = "context_window"

    def keeps(self, candidate: Candidate, choice: Choice, /) -> bool:
        """Whether the estimated prompt and the requested output (as far as the model writes that much) fit."""
        pool = candidate.pool
        if pool.context_window is None:
            return True
        output = choice.request.max_output_tokens or 0
        if pool.max_output_tokens is not None:
            output = min(output, pool.max_output_tokens)
        return choice.prompt_tokens + output <= pool.context_window


_ALL: tuple[Filter, ...] = (Weight(), Apis(), Tools(), Modalities(), ContextWindow())


def misfit(candidate: Candidate, choice: Choice) -> str:
    """The name of the filter that drops it; empty if it can serve the request."""
    return next((filter_.name for filter_ in _ALL if not filter_.keeps(candidate, choice)), "")


def needed(request: Request) -> frozenset[Modality]:
    """What a model must read to serve the request, beside text. Found once for a request, however many candidates ask."""
    found: frozenset[Modality] | None = request.memo.get(_NEEDED)
    if found is None:
        found = frozenset(_NEEDS[part.kind] for message in request.messages for part in message.parts if part.kind in _NEEDS)
        request.memo[_NEEDED] = found
    return found


def filters_for(candidates: tuple[Candidate, ...]) -> tuple[Filter, ...]:
    """The filters that can drop one of these candidates: a route whose pools can do everything asks nothing per request."""
    pools = [candidate.pool for candidate in candidates]
    wanted: list[tuple[Filter, bool]] = [
        (Weight(), any(candidate.weight <= 0 for candidate in candidates)),
        (Apis(), any(pool.apis for pool in pools)),
        (Tools(), not all(pool.tools for pool in pools)),
        (Modalities(), not all(pool.modalities >= frozenset(_NEEDS.values()) for pool in pools)),
        (ContextWindow(), any(pool.context_window is not None for pool in pools)),
    ]
    return tuple(filter_ for filter_, needed_here in wanted if needed_here)

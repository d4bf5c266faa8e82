"""Cheapest that suffices: the least estimated price among the candidates that can serve the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from router_extproc.selectors.options import Options
from router_extproc.selectors.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Choice, Selector
    from router_extproc.selectors.services import SelectorServices


class CheapestOptions(Options):
    """What an answer is expected to be."""

    expected_output_tokens: Annotated[int, Field(ge=0, le=1_000_000)] = 500
    """Tokens of an answer where neither the caller's limit nor the pool's own mean length says less."""


class Cheapness:
    """Scores by estimated price: the cheapest gets 1, one that costs twice as much 0.5. A pool without a price gets 0."""

    name = "cheapness"

    def __init__(self, expected_output: int) -> None:
        self._expected = expected_output

    def score(self, candidates: Sequence[Candidate], choice: Choice, /) -> Sequence[float]:
        """Least price over own price, in [0, 1]."""
        prices = [self.price(candidate, choice) for candidate in candidates]
        known = [price for price in prices if price is not None]
        least = min(known, default=0.0)
        return [_ratio(least, price) for price in prices]

    def price(self, candidate: Candidate, choice: Choice) -> float | None:
        """Estimated US dollars for the request, times a million; None for a pool without a price."""
        price = candidate.pool.price
        if price is None:
            return None
        return choice.prompt_tokens * price.input + self._output(candidate, choice) * price.output

    def _output(self, candidate: Candidate, choice: Choice) -> float:
        seen = choice.statistics.get(candidate.pool.name)
        expected = seen.output_tokens if seen and seen.output_tokens is not None else float(self._expected)
        limit = choice.request.max_output_tokens
        return expected if limit is None else min(expected, float(limit))


def _ratio(least: float, price: float | None) -> float:
    if price is None:
        return 0.0
    return 1.0 if price <= 0 else max(least / price, 1e-6)


def build(options: CheapestOptions, candidates: tuple[Candidate, ...], _services: SelectorServices) -> Selector:
    """The selector for these candidates."""
    return Profile("cheapest-sufficient", candidates, [(Cheapness(options.expected_output_tokens), 1.0)])

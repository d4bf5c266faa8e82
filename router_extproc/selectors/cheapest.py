"""Cheapest that suffices: the least estimated price among the candidates that can serve the request, and are clever enough for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from router_extproc.selectors.estimates import Estimate
from router_extproc.selectors.judge import judge
from router_extproc.selectors.options import Options
from router_extproc.selectors.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Choice, Selector
    from router_extproc.selectors.services import SelectorServices

TARGET = 0.7


class CheapestOptions(Options):
    """What an answer is expected to be, and how good."""

    expected_output_tokens: Annotated[int, Field(ge=0, le=1_000_000)] = 500
    """Tokens of an answer where neither the caller's limit nor the pool's own mean length says less."""
    quality: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    """File of a quality model, beside the policy, or `default`; left out, every candidate that can serve the request suffices."""
    target: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Chance of a good answer that suffices; where no candidate has it, the likeliest one is taken. 0.7 if left out."""
    unread: Literal["best", "cheapest"] | None = None
    """What is taken where the request could not be read (no text, deadline, overload): the candidate that is best for a request of which
    nothing is known, or the cheapest. `best` if left out."""

    @model_validator(mode="after")
    def _judged(self) -> Self:
        if self.quality is None and (self.target is not None or self.unread is not None):
            raise ValueError("`target` and `unread` have no effect without `quality`")
        return self


class Cheapness:
    """Scores by estimated price: the cheapest gets 1, one that costs twice as much 0.5. A pool without a price gets 0."""

    name = "cheapness"

    def __init__(self, expected_output: int) -> None:
        self._estimate = Estimate(expected_output)

    def score(self, candidates: Sequence[Candidate], choice: Choice, /) -> Sequence[float]:
        """Least price over own price, in [0, 1]."""
        prices = [self._estimate.cost(candidate, choice) for candidate in candidates]
        known = [price for price in prices if price is not None]
        least = min(known, default=0.0)
        return [_ratio(least, price) for price in prices]


class Sufficiency:
    """Scores those that suffice by cheapness, in (0.5, 1], and below them the others by quality, in [0, 0.5]."""

    name = "sufficiency"

    def __init__(self, cheapness: Cheapness, target: float, *, cheap_if_unread: bool) -> None:
        self._cheapness = cheapness
        self._target = target
        self._cheap_if_unread = cheap_if_unread

    def score(self, candidates: Sequence[Candidate], choice: Choice, /) -> Sequence[float]:
        """Half of the cheapness and a half, or half of the quality."""
        quality = [choice.quality[candidate.pool.name] for candidate in candidates]
        if choice.reading is None and not self._cheap_if_unread:
            return [chance / 2 for chance in quality]
        target = 0.0 if choice.reading is None else self._target
        sufficing = [candidate for candidate, chance in zip(candidates, quality, strict=True) if chance >= target]
        cheap = iter(self._cheapness.score(sufficing, choice))
        # A pool without a price is the last to be taken of those that suffice, and still before those that do not.
        return [max(0.5 + next(cheap) / 2, 0.5 + 1e-9) if chance >= target else chance / 2 for chance in quality]


def _ratio(least: float, price: float | None) -> float:
    if price is None:
        return 0.0
    return 1.0 if price <= 0 else max(least / price, 1e-6)


def scorer(options: CheapestOptions) -> Sufficiency:
    """What rates the candidates where there is a quality model."""
    target = TARGET if options.target is None else options.target
    return Sufficiency(Cheapness(options.expected_output_tokens), target, cheap_if_unread=options.unread == "cheapest")


def build(options: CheapestOptions, candidates: tuple[Candidate, ...], services: SelectorServices) -> Selector:
    """The selector for these candidates."""
    if options.quality is None:
        return Profile("cheapest-sufficient", candidates, [(Cheapness(options.expected_output_tokens), 1.0)])
    return Profile(
        "cheapest-sufficient", candidates, [(scorer(options), 1.0)], judge=judge(options.quality, candidates, services)
    )

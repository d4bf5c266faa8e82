"""Operating points: what shares, cost and quality each value of a selector's threshold would bring on recorded requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from router_extproc.selectors.cheapest import CheapestOptions
from router_extproc.selectors.cheapest import scorer as sufficiency
from router_extproc.selectors.estimates import Estimate
from router_extproc.selectors.value import Value, ValueOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Choice, Scorer

_STEPS = 100
_THOUSAND = 1000
_DECADES = (-5.0, 2.0)
"""Cost weights that are tried: ten to these powers, and 0."""

Options = CheapestOptions | ValueOptions


@dataclass(frozen=True, slots=True)
class Case:
    """One request that reached the route."""

    candidates: tuple[Candidate, ...]
    """Those that can serve it."""
    choice: Choice
    labels: Mapping[str, float] | None = None
    """How well each pool's model answered, in [0, 1], by pool name; None where only the quality model says."""

    def quality(self, pool: str) -> float:
        """As labelled, or as predicted."""
        return self.choice.quality[pool] if self.labels is None else self.labels[pool]


@dataclass(frozen=True, slots=True)
class Point:
    """What one value of the threshold brings."""

    value: float
    shares: Mapping[str, float]
    """Of the requests, by pool name."""
    cost: float | None
    """US dollars for 1,000 requests; None if a pool that gets some has no price."""
    quality: float
    """Mean over the requests, in [0, 1]."""
    regret: float
    """Mean quality given up against sending everything to the pool that is best on average; negative where the mix is better."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What the operator wants: exactly one of these."""

    share: tuple[str, float] | None = None
    """A pool, and its highest share in [0, 1]."""
    max_regret: float | None = None
    budget: float | None = None
    """US dollars for 1,000 requests."""

    def chosen(self, points: Sequence[Point]) -> Point | None:
        """The best point that meets it; None if none does.

        Of a share the highest that is allowed, of a regret the cheapest, of a budget the best quality.
        """
        if self.share is not None:
            pool, most = self.share
            meeting = [point for point in points if point.shares.get(pool, 0.0) <= most]
            return max(meeting, key=lambda point: (point.shares.get(pool, 0.0), point.quality), default=None)
        priced = [(point, point.cost) for point in points if point.cost is not None]
        if self.max_regret is not None:
            able = [(point, cost) for point, cost in priced if point.regret <= self.max_regret]
            return min(able, key=lambda pair: (pair[1], -pair[0].quality), default=(None, 0.0))[0]
        affordable = [(point, cost) for point, cost in priced if cost <= (self.budget or 0.0)]
        return max(affordable, key=lambda pair: (pair[0].quality, -pair[1]), default=(None, 0.0))[0]


def key(options: Options) -> str:
    """The option that is calibrated, as the policy spells it."""
    return "target" if isinstance(options, CheapestOptions) else "costWeight"


def values(options: Options) -> list[float]:
    """What is tried for it."""
    if isinstance(options, CheapestOptions):
        return [step / _STEPS for step in range(_STEPS + 1)]
    low, high = _DECADES
    return [0.0, *(float(f"{10 ** (low + (high - low) * step / _STEPS):.3g}") for step in range(_STEPS + 1))]


def swept(cases: Sequence[Case], options: Options, tell: Callable[[], None] = lambda: None) -> list[Point]:
    """A point for each value; `tell` is called after each. There is at least one case."""
    points: list[Point] = []
    for value in values(options):
        points.append(point(cases, value, _scorer(options, value), options.expected_output_tokens))
        tell()
    return points


def pareto(points: Sequence[Point]) -> list[Point]:
    """Points that no other one beats in both cost and quality, cheapest first, each mix once."""
    front: list[Point] = []
    priced = [(point, point.cost) for point in points if point.cost is not None]
    for candidate, _ in sorted(priced, key=lambda pair: (pair[1], -pair[0].quality)):
        if not front or candidate.quality > front[-1].quality:
            front.append(candidate)
    return front


def point(cases: Sequence[Case], value: float, scorer: Scorer, expected_output: int) -> Point:
    """What a scorer brings on these cases."""
    estimate = Estimate(expected_output)
    counts: Counter[str] = Counter()
    quality, costs = 0.0, [0.0]
    unpriced = False
    for case in cases:
        chosen = _chosen(case, scorer)
        counts[chosen.pool.name] += 1
        quality += case.quality(chosen.pool.name)
        cost = estimate.cost(chosen, case.choice)
        unpriced = unpriced or cost is None
        costs.append(cost or 0.0)
    mean = quality / len(cases)
    shares = {name: count / len(cases) for name, count in counts.items()}
    cost_of_all = None if unpriced else sum(costs) / len(cases) * _THOUSAND
    return Point(value, shares, cost_of_all, mean, best_single(cases)[1] - mean)


def best_single(cases: Sequence[Case]) -> tuple[str, float]:
    """The pool that is best on average where it can serve, and its mean quality; a request that it cannot serve counts 0."""
    totals: Counter[str] = Counter()
    for case in cases:
        for candidate in case.candidates:
            totals[candidate.pool.name] += case.quality(candidate.pool.name)  # type: ignore[assignment]  # a Counter adds floats as well
    name = max(totals, key=totals.__getitem__)
    return name, totals[name] / len(cases)


def _scorer(options: Options, value: float) -> Scorer:
    if isinstance(options, CheapestOptions):
        return sufficiency(options.model_copy(update={"target": value}))
    return Value(options.model_copy(update={"cost_weight": value}))


def _chosen(case: Case, scorer: Scorer) -> Candidate:
    scores = scorer.score(case.candidates, case.choice)
    return max(zip(case.candidates, scores, strict=True), key=lambda pair: pair[1])[0]


def halves(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Two halves, every other case: one to choose on, one to see what the choice is worth."""
    return list(cases[::2]), list(cases[1::2])


def case(
    candidates: Sequence[Candidate], choice: Choice, quality: Mapping[str, float], labels: Mapping[str, float] | None
) -> Case:
    """A case of what a decision showed."""
    return Case(tuple(candidates), replace(choice, quality=quality), labels)

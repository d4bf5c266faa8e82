"""Best value: quality less what it costs in money, time and energy."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from router_extproc.selectors.estimates import Estimate, amounts
from router_extproc.selectors.judge import judge
from router_extproc.selectors.options import Options
from router_extproc.selectors.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Choice, Selector
    from router_extproc.selectors.services import SelectorServices

_THOUSAND = 1000

Weight = Annotated[float, Field(ge=0.0, le=1e6)]


class ValueOptions(Options):
    """How much quality is given up for what."""

    quality: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    """File of a quality model, beside the policy, or `default`: the one that comes with the program."""
    cost_weight: Weight = 0.0
    """Chance of a good answer that is given up for one US dollar less in 1,000 requests."""
    latency_weight: Weight = 0.0
    """Chance of a good answer that is given up for one second less to the end of the answer, as observed."""
    energy_weight: Weight = 0.0
    """Chance of a good answer that is given up for one watt-hour less."""
    expected_output_tokens: Annotated[int, Field(ge=0, le=1_000_000)] = 500
    """Tokens of an answer where neither the caller's limit nor the pool's own mean length says less."""


class Value:
    """Scores by utility: quality - a x cost - b x latency - c x energy, brought into (0, 1) by the logistic function.

    A price, time or energy that is not known counts as the highest that is known of the other candidates: what nobody states must not win.
    """

    name = "value"

    def __init__(self, options: ValueOptions) -> None:
        estimate = Estimate(options.expected_output_tokens)
        terms = (
            (options.cost_weight * _THOUSAND, estimate.cost),
            (options.latency_weight, estimate.seconds),
            (options.energy_weight, estimate.energy),
        )
        self._terms = tuple((weight, amount) for weight, amount in terms if weight)

    def score(self, candidates: Sequence[Candidate], choice: Choice, /) -> Sequence[float]:
        """In (0, 1), growing with utility."""
        utility = [choice.quality[candidate.pool.name] for candidate in candidates]
        for weight, amount in self._terms:
            for index, spent in enumerate(amounts(amount, candidates, choice)):
                utility[index] -= weight * spent
        return [_logistic(each) for each in utility]


def _logistic(utility: float) -> float:
    return 1.0 / (1.0 + exp(-max(-700.0, min(utility, 700.0))))


def build(options: ValueOptions, candidates: tuple[Candidate, ...], services: SelectorServices) -> Selector:
    """The selector for these candidates."""
    return Profile(
        "best-value",
        candidates,
        [(Value(options), 1.0)],
        observes=options.latency_weight > 0,
        judge=judge(options.quality, candidates, services),
    )

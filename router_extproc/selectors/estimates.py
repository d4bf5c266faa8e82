"""Estimates: what a request would cost in each pool: dollars, energy and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from router_extproc.pools import PoolStatistics
    from router_extproc.routing import Candidate, Price
    from router_extproc.selectors.selector import Choice

PER = 1_000_000
"""Prices are for so many tokens."""

NEVER_S = 3600.0
"""Seconds that stand for a pool that was only seen to fail."""


class Estimate:
    """Estimates by the prompt's size and the answer's expected length."""

    def __init__(self, expected_output: int) -> None:
        self._expected = expected_output

    def cost(self, candidate: Candidate, choice: Choice, /) -> float | None:
        """US dollars; None for a pool without a price."""
        return self._amount(candidate.pool.price, candidate, choice)

    def energy(self, candidate: Candidate, choice: Choice, /) -> float | None:
        """Watt-hours; None for a pool that tells no energy."""
        return self._amount(candidate.pool.energy, candidate, choice)

    def seconds(self, candidate: Candidate, choice: Choice, /) -> float | None:
        """To the end of the answer; None for a pool that was never seen to answer."""
        seen = choice.statistics.get(candidate.pool.name)
        return None if seen is None else seconds(seen, self.output(candidate, choice))

    def output(self, candidate: Candidate, choice: Choice) -> float:
        """Tokens of the answer: what the pool's answers had lately, or what was configured; never more than the caller's limit."""
        seen = choice.statistics.get(candidate.pool.name)
        expected = seen.output_tokens if seen and seen.output_tokens is not None else float(self._expected)
        limit = choice.request.max_output_tokens
        return expected if limit is None else min(expected, float(limit))

    def _amount(self, price: Price | None, candidate: Candidate, choice: Choice) -> float | None:
        if price is None:
            return None
        return (choice.prompt_tokens * price.input + self.output(candidate, choice) * price.output) / PER


def amounts(
    amount: Callable[[Candidate, Choice], float | None], candidates: Sequence[Candidate], choice: Choice
) -> Sequence[float]:
    """What each candidate takes. What is not known counts as the highest that is: what nobody states must not win."""
    found = [amount(candidate, choice) for candidate in candidates]
    highest = max((each for each in found if each is not None), default=0.0)
    return [highest if each is None else each for each in found]


def success(seen: PoolStatistics) -> float:
    """The share of answers that were no errors; never 0, so that a pool that fails is still told from one that is slow and fails."""
    return max(1.0 - seen.error_rate, 0.01)


def seconds(seen: PoolStatistics, output: float) -> float | None:
    """Expected seconds to the end of an answer of so many tokens, errors counting as time; None if it was never seen to answer."""
    first, rate = seen.time_to_first_token_s, seen.tokens_per_second
    if first is not None and (rate or not output):
        return (first + (output / rate if rate else 0.0)) / success(seen)
    # Where the rate is not known (streams without usage), the first token alone would make a pool look quicker than one that tells it.
    whole = seen.duration_s if seen.duration_s is not None else first
    if whole is not None:
        return whole / success(seen)
    # Only failures were seen: worse than anything that answers.
    return None if seen.responses <= 0 or seen.error_rate <= 0 else NEVER_S

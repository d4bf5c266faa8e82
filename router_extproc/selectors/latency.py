"""Lowest latency: the candidate that would answer soonest, by what was observed lately."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from router_extproc.selectors.estimates import seconds, success
from router_extproc.selectors.options import Options
from router_extproc.selectors.profile import Highest, Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Choice, Selector
    from router_extproc.selectors.services import SelectorServices


class LatencyOptions(Options):
    """What counts as soon, and how much is tried out."""

    expected_output_tokens: Annotated[int, Field(ge=0, le=1_000_000)] = 200
    """Tokens whose writing counts beside the time to the first; 0 looks at the first token only."""
    explore: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    """Share of requests that go to a candidate by chance, so that a slow pool that recovered is noticed."""


class Quickness:
    """Scores by expected time to the end of the answer: the quickest gets 1, one that takes twice as long 0.5.

    Errors count as time: a pool that fails half of its requests takes twice as long. A pool that was never seen is taken for half as quick
    as the quickest would be without its errors: exploration tries it, or all requests do where the others mostly fail.
    """

    name = "quickness"

    def __init__(self, expected_output: int) -> None:
        self._expected = expected_output

    def score(self, candidates: Sequence[Candidate], choice: Choice, /) -> Sequence[float]:
        """Least time over own time, in [0, 1]."""
        seen = [choice.statistics.get(candidate.pool.name) for candidate in candidates]
        times = [None if each is None else seconds(each, self._expected) for each in seen]
        healthy = [time * success(each) for time, each in zip(times, seen, strict=True) if time is not None and each is not None]
        if not healthy:
            return [1.0] * len(times)
        guess = 2 * min(healthy)
        guessed = [guess if time is None else time for time in times]
        least = min(guessed)
        return [least / time if time > 0 else 1.0 for time in guessed]


class Exploring:
    """Picks the best, and now and then any."""

    def __init__(self, share: float, source: random.Random) -> None:
        self._share = share
        self._source = source
        self._best = Highest()

    def pick(self, scored: Sequence[tuple[Candidate, float]], choice: Choice, /) -> Candidate:
        """One of them."""
        if self._share and self._source.random() < self._share:
            return self._source.choice(scored)[0]
        return self._best.pick(scored, choice)

    def chances(self, scored: Sequence[tuple[Candidate, float]], choice: Choice, /) -> Sequence[float]:
        """An even part of what is explored, and all the rest for the best."""
        even = self._share / len(scored)
        return [even + (1 - self._share) * chance for chance in self._best.chances(scored, choice)]


def build(options: LatencyOptions, candidates: tuple[Candidate, ...], _services: SelectorServices) -> Selector:
    """The selector for these candidates."""
    return build_from(options, candidates, random.Random())  # noqa: S311 - exploration, not a secret


def build_from(options: LatencyOptions, candidates: tuple[Candidate, ...], source: random.Random) -> Selector:
    """The same, with a given source of chance."""
    scorer = Quickness(options.expected_output_tokens)
    return Profile("lowest-latency", candidates, [(scorer, 1.0)], Exploring(options.explore, source), observes=True)

"""First: the first candidate, in the order of the policy, that can serve the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.selectors.options import Options
from router_extproc.selectors.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Choice, Selector
    from router_extproc.selectors.services import SelectorServices


class FirstOptions(Options):
    """It has none."""


class Order:
    """Scores by place: the first gets 1, the last the least."""

    name = "order"

    def score(self, candidates: Sequence[Candidate], _choice: Choice, /) -> Sequence[float]:
        """1, then falling evenly, never 0."""
        size = len(candidates)
        return [1.0 - index / size for index in range(size)]


def build(_options: FirstOptions, candidates: tuple[Candidate, ...], _services: SelectorServices) -> Selector:
    """The selector for these candidates."""
    return Profile("first", candidates, [(Order(), 1.0)])

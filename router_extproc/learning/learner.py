"""Learner: chooses among arms by what was learned, and says with which chance."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from router_extproc.learning.estimates import posterior
from router_extproc.learning.sums import at, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from router_extproc.learning.bandit import Bandit
    from router_extproc.learning.estimates import Estimates, Posterior
    from router_extproc.learning.exploration import Exploration
    from router_extproc.learning.ledger import Key
    from router_extproc.learning.sums import Regression, Space

    Floats = NDArray[np.float64]

_FRESH_S = 1.0
"""How old a posterior may be where only time has passed: decay changes it slowly."""
_REST_S = 0.05
"""How old it may be where feedback came meanwhile: solving it takes 0.1 ms for a few arms."""
_KEPT = 64
"""Posteriors for that many sets of arms: filters make several of one route."""


class Experience(Protocol):
    """What was learned so far. Read from any thread."""

    @property
    def version(self) -> int:
        """Grows when it changes."""
        ...

    def stored(self, key: Key, /) -> Floats | None:
        """Sums, if there are some."""
        ...


@dataclass(frozen=True, slots=True)
class Prior:
    """What is thought of each arm before any feedback."""

    chances: Floats
    """Expected rewards, in [0, 1]."""
    weight: float
    """As how many observations of this very request that counts."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was chosen of some arms."""

    index: int
    propensity: float
    """The chance with which it was chosen."""
    shares: Floats
    """The chance of each arm."""
    values: Floats
    """What each is expected to be worth: reward less what it costs."""


@dataclass(slots=True)
class _Solved:
    posterior: Posterior
    version: int
    at: float


class Learner:
    """One route's. Safe from several threads."""

    def __init__(
        self,
        space: Space,
        bandit: Bandit,
        exploration: Exploration,
        experience: Experience,
        *,
        source: random.Random | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.space = space
        self._bandit = bandit
        self._exploration = exploration
        self._experience = experience
        self._source = source or random.Random()  # noqa: S311 - exploration, not a secret
        self._clock = clock
        self._solved: dict[tuple[str, ...], _Solved] = {}

    def take(self, arms: Sequence[str], features: Floats, *, costs: Floats, prior: Prior | None = None) -> Taken:
        """Choose one of some arms. `costs` are in units of reward, and known: only rewards are learned."""
        found = self.estimates(arms, features)
        if prior is not None:
            found = found.with_prior(prior.chances, prior.weight)
        values = found.means - costs
        shares = self._exploration.bounded(self._bandit.shares(values, found.widths), values)
        index = self._source.choices(range(len(arms)), shares.tolist())[0] if len(arms) > 1 else 0
        return Taken(index, float(shares[index]), shares, values)

    def estimates(self, arms: Sequence[str], features: Floats) -> Estimates:
        """What is expected of each arm, before priors and costs."""
        return self._posterior(tuple(arms)).of(features)

    def _posterior(self, arms: tuple[str, ...]) -> Posterior:
        now, version = self._clock(), self._experience.version
        solved = self._solved.get(arms)
        if solved is not None and abs(now - solved.at) < (_FRESH_S if version == solved.version else _REST_S):
            return solved.posterior
        made = posterior([self._regression(arm, now) for arm in arms])
        if len(self._solved) >= _KEPT and arms not in self._solved:
            self._solved.clear()
        self._solved[arms] = _Solved(made, version, now)
        return made

    def _regression(self, arm: str, now: float) -> Regression:
        stored = partial(self._stored, arm)
        return unpacked(at(self.space, now, stored), self.space.width)

    def _stored(self, arm: str, epoch: int) -> Floats | None:
        return self._experience.stored((self.space.key, arm, epoch))

"""Two pools: how likely each model is no worse than the strongest one, which a threshold turns into weak or strong.

Hybrid LLM (Ding et al. 2024, arXiv:2404.14618) and RouteLLM (Ong et al. 2024, arXiv:2406.18665): a router between a strong and a weak model
learns P(the weak one is as good) and cuts it. Here every model takes the part of the weak one; a cut of that chance is a cut of quality
minus price, since the strong model's own quality is taken to be the same for all requests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.outcomes import logit
from router_extproc.quality.ridge import Normal, Regression, features, folded, unfolded

if TYPE_CHECKING:
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_PENALTY = 10.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A regression of "no worse than the strong one"."""

    regression: Regression
    strong: float
    """The strong model's mean score."""

    def logits(self, inputs: Singles, /) -> Doubles:
        """Of the chance to be no worse, times the strong one's mean."""
        return logit(np.clip(self.regression.values(inputs), 0.0, 1.0) * self.strong)

    def arrays(self) -> Arrays:
        """The regression's, and the strong one's mean."""
        return {**self.regression.arrays(), "strong": np.array([self.strong], np.float32)}


class PairMethod:
    """Fits Pair."""

    def fit(self, outcomes: Outcomes, /) -> Pair:
        """The strong model is the one with the best mean."""
        best = int(outcomes.means.argmax())
        against = outcomes.scores[:, [best]]
        unsure = np.isnan(outcomes.scores) | np.isnan(against)
        compared = replace(outcomes, scores=np.where(unsure, np.nan, outcomes.scores >= against))
        made = features(outcomes, most=1)
        weights = Normal(made.of(outcomes.inputs).astype(np.float64), compared).weights(_PENALTY, _PENALTY)
        levels = compared.means
        levels[best], weights[:, best] = 1.0, 0.0
        return Pair(folded(made, weights, levels), float(outcomes.means[best]))

    def restore(self, arrays: Arrays, /) -> Pair:
        """The same again."""
        return Pair(unfolded(arrays), float(np.asarray(arrays["strong"], np.float32)[0]))

"""Inductive: log odds that are bilinear in what is known of the request and what is known of the model's profile.

No parameter belongs to a single model, so all outcomes of all models teach what size, price and benchmark scores are worth on which
requests; a model never seen is predicted as well as its profile tells. GraphRouter's aim (Feng et al. 2024, arXiv:2410.03834) in the form
of multidimensional item response theory (Reckase 2009): requests have difficulties, models have abilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.adam import Schedule, descend, slopes
from router_extproc.quality.ridge import Regression, features, folded, unfolded
from router_extproc.quality.traits import traits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from router_extproc.quality.adam import Parameters
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_LANDMARKS = 128
_SCALE = 2.0
_SHARED = 0.1
_APART = 3.0
"""Decay of weights that all models share, and of those by which traits count differently on different requests."""


@dataclass(frozen=True, slots=True)
class Bilinear:
    """The known models' share of the bilinear form: what unseen ones are sums of."""

    regression: Regression

    def logits(self, inputs: Singles, /) -> Doubles:
        """The bilinear form."""
        return self.regression.values(inputs)

    def arrays(self) -> Arrays:
        """The regression's."""
        return self.regression.arrays()


class BilinearMethod:
    """Fits a Bilinear."""

    def fit(self, outcomes: Outcomes, /) -> Bilinear:
        """Cross-entropy, by Adam."""
        made = features(outcomes, _LANDMARKS)
        rows = made.of(outcomes.inputs) * _SCALE
        traits = traits_of(outcomes.models).of(outcomes.models).astype(np.float32)
        scores = outcomes.scores.astype(np.float32)
        start: Parameters = {
            "shared": np.zeros((rows.shape[1], 1), np.float32),
            "apart": np.zeros((rows.shape[1], traits.shape[1] - 1), np.float32),
            "worth": np.zeros(traits.shape[1], np.float32),
        }

        def gradient(now: Parameters, batch: NDArray[np.int64]) -> Mapping[str, Singles]:
            weights = now["shared"] + now["apart"] @ traits[:, 1:].T
            slope = slopes(rows[batch] @ weights + traits @ now["worth"], scores[batch])
            back = rows[batch].T @ slope
            return {"shared": back.sum(1, keepdims=True), "apart": back @ traits[:, 1:], "worth": slope.sum(0) @ traits}

        epochs = max(6, min(40, 200_000 // len(rows)))
        schedule = Schedule(epochs=epochs, rate=1e-2, decay={"shared": _SHARED, "apart": _APART})
        found = descend(start, gradient, len(rows), schedule)
        weights = _SCALE * (found["shared"] + found["apart"] @ traits[:, 1:].T)
        return Bilinear(folded(made, weights.astype(np.float64), (traits @ found["worth"]).astype(np.float64)))

    def restore(self, arrays: Arrays, /) -> Bilinear:
        """The same again."""
        return Bilinear(unfolded(arrays))

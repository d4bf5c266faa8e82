"""Blend: the mean of what a shrunk linear regression and a small network say, in log odds. The default.

They err differently: the regression holds to the model that is best on average where data are few, the network finds what is not linear.
Averaging them is stacking (Wolpert 1992) with equal weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.network import forward, layers
from router_extproc.quality.ridge import Ridge, RidgeMethod

if TYPE_CHECKING:
    from router_extproc.quality.adam import Parameters
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_LAYERS = ("first", "bias", "second", "levels")
_PREFIX = "network_"


@dataclass(frozen=True, slots=True)
class Blend:
    """A regression and a network."""

    ridge: Ridge
    network: Parameters

    def logits(self, inputs: Singles, /) -> Doubles:
        """The mean of both."""
        found: Doubles = (self.ridge.logits(inputs) + forward(self.network, inputs)) / 2
        return found

    def arrays(self) -> Arrays:
        """Those of both."""
        return {**self.ridge.arrays(), **{_PREFIX + name: values for name, values in self.network.items()}}


class BlendMethod:
    """Fits both."""

    def fit(self, outcomes: Outcomes, /) -> Blend:
        """One after the other, on the same rows."""
        return Blend(RidgeMethod().fit(outcomes), layers(outcomes))

    def restore(self, arrays: Arrays, /) -> Blend:
        """The same again."""
        return Blend(RidgeMethod().restore(arrays), {name: np.asarray(arrays[_PREFIX + name], np.float32) for name in _LAYERS})

"""Blend: a mean, in log odds, of what a shrunk linear regression and a small network say, and of tables by region. The default.

They err differently: the regression holds to the model that is best on average where data are few, the network finds what is not linear,
and tables hold to that model wherever a region does not say otherwise. Averaging them is stacking (Wolpert 1992). Regression and network
count alike, but where rows are few the network may count less: what it is worth is then seen on rows left out. Tables count a third.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.clusters import Clusters, ClustersMethod
from router_extproc.quality.network import forward, layers
from router_extproc.quality.outcomes import chance
from router_extproc.quality.ridge import Ridge, RidgeMethod

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router_extproc.quality.adam import Parameters
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_LAYERS = ("first", "bias", "second", "levels")
_PREFIX = "network_"
_TABLES = "tables_"
_REGIONS = ("centres", "table")
_THIRD = 1 / 3
"""Of the tables: at a half choices were as good, and chances less right."""
_EQUAL = 0.5
_SHARES = (_EQUAL, 0.25, 0.0)
"""Of the network, the first of which counts where they are as good."""
_FEW = 1000
"""Rows below which the network's share is chosen: of dev sets with more, choosing it made chances less right and choices dearer."""
_FOLDS = 4


@dataclass(frozen=True, slots=True)
class Blend:
    """A regression, a network and tables."""

    ridge: Ridge
    network: Parameters
    share: float = _EQUAL
    """Of the network, in what it and the regression say."""
    tables: Clusters | None = None
    """Files of formats 1 and 2 have none."""

    def logits(self, inputs: Singles, /) -> Doubles:
        """The mean of all."""
        said = _mean(self.ridge.logits(inputs), forward(self.network, inputs), self.share)
        return said if self.tables is None else _mean(said, self.tables.logits(inputs), _THIRD)

    def arrays(self) -> Arrays:
        """Those of all."""
        found = {**self.ridge.arrays(), "share": np.array([self.share], np.float32)}
        found |= {_PREFIX + name: values for name, values in self.network.items()}
        if self.tables is not None:
            found |= {_TABLES + name: values for name, values in self.tables.arrays().items()}
        return found


class BlendMethod:
    """Fits all."""

    def fit(self, outcomes: Outcomes, /) -> Blend:
        """One after the other, on the same rows."""
        tables = ClustersMethod().fit(outcomes)
        if len(outcomes) >= _FEW:
            return Blend(RidgeMethod().fit(outcomes), layers(outcomes), tables=tables)
        fold = np.random.default_rng(0).permutation(len(outcomes)) % _FOLDS
        ridge, said = RidgeMethod().fit_and_leave_out(outcomes, fold)
        return Blend(ridge, layers(outcomes), _share(outcomes, said, fold), tables)

    def restore(self, arrays: Arrays, /) -> Blend:
        """The same again."""
        network = {name: np.asarray(arrays[_PREFIX + name], np.float32) for name in _LAYERS}
        tables = None
        if any(name.startswith(_TABLES) for name in arrays):
            tables = ClustersMethod().restore({name: arrays[_TABLES + name] for name in _REGIONS})
        # Files of format 1 have no share.
        share = float(np.asarray(arrays.get("share", [_EQUAL]))[0])
        return Blend(RidgeMethod().restore(arrays), network, share, tables)


def _mean(one: Doubles, other: Doubles, share: float) -> Doubles:
    """`share`: of the other."""
    found: Doubles = (1 - share) * one + share * other
    return found


def _share(outcomes: Outcomes, ridge: Doubles, fold: NDArray[np.int64]) -> float:
    """The network's share with the least squared error on rows left out; `ridge` (n, m): what the regression says of those."""
    network = np.zeros(outcomes.scores.shape)
    for number in range(_FOLDS):
        held = fold == number
        network[held] = forward(layers(outcomes.rows(~held)), outcomes.inputs[held])

    def loss(share: float) -> float:
        return float(np.nansum((chance(_mean(ridge, network, share)) - outcomes.scores) ** 2))

    return min(_SHARES, key=loss)

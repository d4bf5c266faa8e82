"""Method: what a way to learn quality is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

    Arrays = Mapping[str, NDArray[np.generic]]


class Fitted(Protocol):
    """What a method has learned. Never changes; safe from several threads."""

    def logits(self, inputs: Singles, /) -> Doubles:
        """(n, known): log odds that each model of the training table answers well, of inputs (n, d + 1 + facts). Not calibrated yet."""
        ...

    def arrays(self) -> Arrays:
        """All that it takes to have it again."""
        ...


class Method(Protocol):
    """One way to learn quality from outcomes."""

    def fit(self, outcomes: Outcomes, /) -> Fitted:
        """Learn. The same table gives the same result. Raises QualityError if the table does not hold what it takes."""
        ...

    def restore(self, arrays: Arrays, /) -> Fitted:
        """What `arrays` gave. Raises KeyError or ValueError for arrays that are not its own."""
        ...

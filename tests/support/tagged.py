"""What the token head's graph gives beside its logits, in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.heads import SPANS
from router_extproc.encoders.marking import Tagged

if TYPE_CHECKING:
    from numpy.typing import NDArray


def tagged(logits: NDArray[np.float32]) -> Tagged:
    """Of one window, a row of logits a token."""
    types = types_of(logits)
    return Tagged(logits, types.astype(np.float32), types.max(0).tolist())


def types_of(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities, (..., 1 + types): of no tag, and of each type's two together."""
    with np.errstate(invalid="ignore"):
        powers = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    shares = powers / powers.sum(-1, keepdims=True)
    pairs = shares[..., 1:].reshape(*shares.shape[:-1], len(SPANS), 2).sum(-1)
    return np.concatenate((shares[..., :1], pairs), -1)

"""Softmax regression on embeddings: a head of the operator's own, trained in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_STEPS = 300
PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Weights of the squared norm, per row, that cross-validation chooses from; divided by the number of rows."""
FOLDS = 5
_SAMPLE = 1000
"""Rows, of all labels in proportion, that are enough to choose a penalty by."""


@dataclass(frozen=True, slots=True)
class Softmax:
    """A linear head: logits are weights @ embedding + offsets."""

    weights: Floats
    """(labels, size)."""
    offsets: Floats
    """(labels,)."""

    def chances(self, embedding: Floats) -> Floats:
        """Probabilities, (labels,), of one embedding."""
        return softmax(self.weights @ embedding + self.offsets)


def softmax(logits: Floats) -> Floats:
    """Along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    shares: Floats = powers / powers.sum(-1, keepdims=True)
    return shares


def sigmoid(logits: Floats) -> NDArray[np.float64]:
    """Elementwise; no logit is too large."""
    shares: NDArray[np.float64] = 0.5 + 0.5 * np.tanh(np.asarray(logits, np.float64) / 2)
    return shares


def fit(rows: Floats, targets: NDArray[np.int64], labels: int, penalty: float) -> Softmax:
    """The head with the least cross-entropy plus penalty / rows * |weights|^2 / 2; each label counts as much as another.

    Accelerated gradient descent (Nesterov 1983) with a step that the largest eigenvalue allows.
    """
    counts = np.bincount(targets, minlength=labels).clip(1)
    weight = (len(targets) / labels / counts)[targets].astype(np.float32)[:, None] / len(targets)
    wanted = np.eye(labels, dtype=np.float32)[targets]
    inputs = np.concatenate((rows, np.ones((len(rows), 1), np.float32)), 1)
    keep = np.full((1, inputs.shape[1]), penalty / len(targets), np.float32)
    keep[0, -1] = 1e-6
    # The sum of all eigenvalues. For embeddings of length 1 it is at most twice the largest one, which on busy cores takes a second.
    curve = float((inputs**2 * weight).sum()) / 2 + float(keep.max())
    head = np.zeros((labels, inputs.shape[1]), np.float32)
    ahead: Floats = head
    for step in range(_STEPS):
        slope = ((softmax(inputs @ ahead.T) - wanted) * weight).T @ inputs + keep * ahead
        fresh = (ahead - slope / curve).astype(np.float32)
        ahead = (fresh + step / (step + 3) * (fresh - head)).astype(np.float32)
        head = fresh
    return Softmax(np.ascontiguousarray(head[:, :-1]), np.ascontiguousarray(head[:, -1]))


def cross_validated(rows: Floats, targets: NDArray[np.int64], labels: int, penalty: float) -> Floats:
    """Probabilities, (rows, labels), that each row gets from a head that was made without it. Rows are dealt out by label in turn."""
    found = np.zeros((len(rows), labels), np.float32)
    order = np.argsort(targets, kind="stable")
    fold = np.empty(len(rows), np.int64)
    fold[order] = np.arange(len(rows)) % FOLDS
    for number in range(FOLDS):
        held = fold == number
        head = fit(rows[~held], targets[~held], labels, penalty)
        found[held] = softmax(rows[held] @ head.weights.T + head.offsets)
    return found


def best_penalty(
    rows: Floats, targets: NDArray[np.int64], labels: int, penalties: Sequence[float] = PENALTIES
) -> tuple[float, Floats]:
    """The penalty with the least cross-entropy under cross-validation on a sample, and the probabilities that it gives all rows."""
    if len(penalties) == 1 or len(rows) <= _SAMPLE:
        tried = [(penalty, cross_validated(rows, targets, labels, penalty)) for penalty in penalties]
        return min(tried, key=lambda pair: float(-np.log(pair[1][np.arange(len(targets)), targets].clip(1e-6)).mean()))
    some = np.argsort(targets, kind="stable")[np.linspace(0, len(rows) - 1, _SAMPLE).astype(np.int64)]
    penalty, _ = best_penalty(rows[some], targets[some], labels, penalties)
    return penalty, cross_validated(rows, targets, labels, penalty)

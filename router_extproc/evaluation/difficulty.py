"""Difficulty: the share of small models that fail at a prompt, from what many models scored on it."""

from __future__ import annotations

from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    ModelScores = Mapping[str, float | None]
    """By model, in [0, 1]; None where a model was not asked."""


def small_models(scores: Iterable[ModelScores]) -> frozenset[str]:
    """The models of one source whose mean score is at or below that of its median model."""
    by_model: dict[str, list[float]] = {}
    for row in scores:
        for model, score in row.items():
            if score is not None:
                by_model.setdefault(model, []).append(score)
    means = {model: fmean(seen) for model, seen in by_model.items()}
    middle = median(means.values()) if means else 0.0
    return frozenset(model for model, average in means.items() if average <= middle)


def target(scores: ModelScores, small: frozenset[str]) -> float | None:
    """How hard a prompt is, in [0, 1]; None if no small model was asked."""
    seen = [score for model, score in scores.items() if model in small and score is not None]
    return 1 - fmean(seen) if seen else None

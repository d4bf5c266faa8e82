"""Traits: a model's profile as numbers, the missing ones taken to be what the others make likely."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.quality.outcomes import Doubles
    from router_extproc.quality.profile import ModelProfile

MAX_NAMES = 8
"""Benchmarks, and tags, that are looked at: those that most profiles of the training table have."""
_LEAST = 3
"""Profiles that must have a benchmark or a tag for it to be looked at."""
_ROUNDS = 20
_RIDGE = 0.1
_PLAIN = 2
"""Traits before the benchmarks: size and price."""


@dataclass(frozen=True, slots=True)
class Traits:
    """A Gaussian over traits of models: log size, log price, benchmark scores; and tags, which are there or not."""

    benchmarks: tuple[str, ...]
    tags: tuple[str, ...]
    means: Doubles
    """(t,): of the traits that may be missing."""
    spread: Doubles
    """(t, t): their covariance."""

    def of(self, models: Sequence[ModelProfile]) -> Doubles:
        """(len(models), t): 1, then standardised traits, then tags. A missing trait is its expectation given the others."""
        deviations = np.sqrt(np.diag(self.spread))
        filled = np.array([self._filled(row) for row in _rows(models, self.benchmarks)])
        tagged = np.array([[float(tag in model.tags) for tag in self.tags] for model in models]).reshape(len(models), -1)
        return np.concatenate((np.ones((len(models), 1)), (filled - self.means) / deviations, tagged), 1)

    def _filled(self, row: Doubles) -> Doubles:
        return _expected(row, self.means, self.spread)[0]


def traits_of(models: Sequence[ModelProfile]) -> Traits:
    """The Gaussian of these profiles, by expectation maximisation."""
    benchmarks = _common([name for model in models for name in model.scores])
    tags = _common([tag for model in models for tag in model.tags])
    rows = _rows(models, benchmarks)
    size = rows.shape[1]
    told = ~np.isnan(rows)
    count = told.sum(0)
    means = np.where(told, rows, 0.0).sum(0) / np.maximum(1, count)
    spread = np.diag(np.where(told, (rows - means) ** 2, 0.0).sum(0) / np.maximum(1, count) + _RIDGE * 0.05)
    for _ in range(_ROUNDS):
        pairs = [_expected(row, means, spread) for row in rows]
        filled = np.array([row for row, _ in pairs])
        means = filled.mean(0)
        off = filled - means
        total = off.T @ off + np.sum([rest for _, rest in pairs], 0)
        spread = total / len(rows) + _RIDGE * np.diag(np.maximum(np.diag(total) / len(rows), 0.02))
    return Traits(benchmarks, tags, means.reshape(size), spread)


def _common(names: Sequence[str]) -> tuple[str, ...]:
    counts = {name: names.count(name) for name in sorted(set(names))}
    ranked = sorted(counts, key=lambda name: -counts[name])
    return tuple(name for name in ranked if counts[name] >= _LEAST)[:MAX_NAMES]


def _rows(models: Sequence[ModelProfile], benchmarks: Sequence[str]) -> Doubles:
    """(len(models), 2 + benchmarks): traits, NaN where not told. A benchmark counts by its log odds: errors halve, not shares rise."""
    return np.array(
        [[_logged(model.parameters_b), _price(model), *_odds(model, benchmarks)] for model in models], np.float64
    ).reshape(len(models), _PLAIN + len(benchmarks))


def _logged(value: float | None) -> float:
    return log(max(value, 1e-3)) if value is not None else float("nan")


def _price(model: ModelProfile) -> float:
    told = [price for price in (model.price_input, model.price_output) if price is not None]
    return _logged(sum(told) / len(told)) if told else float("nan")


def _odds(model: ModelProfile, benchmarks: Sequence[str]) -> list[float]:
    found = []
    for name in benchmarks:
        score = model.scores.get(name)
        kept = None if score is None else min(max(score, 0.02), 0.98)
        found.append(float("nan") if kept is None else log(kept / (1 - kept)))
    return found


def _expected(row: Doubles, means: Doubles, spread: Doubles) -> tuple[Doubles, Doubles]:
    """A row with its missing entries' expectations given the others, and their remaining covariance (t, t)."""
    gone = np.isnan(row)
    rest = np.zeros(spread.shape)
    if not gone.any():
        return row, rest
    filled, here = row.copy(), ~gone
    gain = np.linalg.solve(spread[np.ix_(here, here)], spread[np.ix_(here, gone)]).T if here.any() else np.zeros((len(row), 0))
    filled[gone] = means[gone] + (gain @ (row[here] - means[here]) if here.any() else 0.0)
    explained = gain @ spread[np.ix_(here, gone)] if here.any() else 0.0
    rest[np.ix_(gone, gone)] = spread[np.ix_(gone, gone)] - explained
    return filled, rest

"""Table: rows and readings as outcomes, and what each answer costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.errors import DataError
from router_extproc.quality.facts import FACTS, with_facts
from router_extproc.quality.outcomes import Outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router_extproc.evaluation.routing.rows import Row
    from router_extproc.quality.outcomes import Doubles, Singles
    from router_extproc.quality.profile import ModelProfile
    from router_extproc.request import Request

ANSWER_TOKENS = 300
"""Of an answer, where no cost is told: the same for all models."""
_CHARACTERS = 4
"""Of a token, about."""


@dataclass(frozen=True, slots=True)
class Priced:
    """Outcomes of candidates that were all tried on all rows, and what each answer cost."""

    outcomes: Outcomes
    costs: Doubles
    """(n, m): US dollars."""
    estimated: bool
    """Whether a price list says so, not the data."""

    def rows(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> Priced:
        """Some of the rows."""
        return Priced(self.outcomes.rows(kept), self.costs[kept], self.estimated)


def names_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """All models of rows, sorted."""
    return tuple(sorted({name for row in rows for name in row.scores}))


def outcomes_of(rows: Sequence[Row], inputs: Singles, models: Sequence[ModelProfile]) -> Outcomes:
    """The outcomes of these models; inputs (n, d + 1) are what the encoder says of the rows' prompts."""
    scores = np.full((len(rows), len(models)), np.nan)
    places = {model.name: place for place, model in enumerate(models)}
    for line, row in enumerate(rows):
        for name, score in row.scores.items():
            if score is not None and name in places:
                scores[line, places[name]] = score
    return Outcomes(with_facts(inputs, [row.request for row in rows]), scores, tuple(models), FACTS)


def priced(rows: Sequence[Row], outcomes: Outcomes) -> Priced:
    """Rows on which all models of these outcomes were tried, with costs. Raises DataError where neither cost nor price is known."""
    whole = np.asarray(outcomes.known.all(1), bool)
    kept = [row for row, good in zip(rows, whole, strict=True) if good]
    costs = np.array([[_cost(row, model) for model in outcomes.models] for row in kept]).reshape(len(kept), len(outcomes.models))
    told = any(value is not None for row in kept for value in row.cost.values())
    return Priced(outcomes.rows(whole), costs, not told)


def _cost(row: Row, model: ModelProfile) -> float:
    told = row.cost.get(model.name)
    if told is not None:
        return told
    if model.price_input is None or model.price_output is None:
        raise DataError(f"row {row.id}: neither the cost of {model.name!r} nor its price is known; give --profiles")
    return (_characters(row.request) / _CHARACTERS * model.price_input + ANSWER_TOKENS * model.price_output) / 1e6


def _characters(request: Request) -> int:
    return sum(len(part.text) for message in request.messages for part in message.parts)


def by_source(rows: Sequence[Row]) -> Mapping[str, list[int]]:
    """Places of each source's rows."""
    found: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        found.setdefault(row.source, []).append(place)
    return found

"""Robustness: what harmless changes to a text do to who is chosen, and to how good the choice is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.scores import Item
from router_extproc.evaluation.datasets import Row as TextRow
from router_extproc.evaluation.perturbations import perturbations
from router_extproc.evaluation.routing.curves import chosen, point
from router_extproc.evaluation.routing.figures import frame, frozen
from router_extproc.evaluation.routing.measure import joined, tuning_chances
from router_extproc.evaluation.routing.rows import asked
from router_extproc.quality.facts import with_facts
from router_extproc.quality.training import train

if TYPE_CHECKING:
    from router_extproc.evaluation.routing.sets import Reads, RoutingSet

ROWS = 150
"""Of each set that are changed."""
_SKIPPED = frozenset({"first half"})
"""It changes what is asked."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One change to the texts of one set."""

    name: str
    perturbation: str
    rows: int
    same: float
    """Share of rows for which the same model is chosen."""
    accuracy_before: float
    accuracy_after: float
    moved: float
    """Mean change of a chance."""


def robustness(found: RoutingSet, method: str, reads: Reads) -> list[Changed]:
    """Every perturbation that keeps the question, at the frozen operating point."""
    tuning = joined(found.train_priced, found.dev_priced)
    predictor = train(method, found.train, found.dev)
    worth = frozen(tuning_chances(found, method, predictor), tuning, frame(found.train_priced, tuning)).accurate
    count = min(ROWS, len(found.eval_rows))
    kept = np.unique(np.linspace(0, len(found.eval_rows) - 1, count).astype(np.int64))
    sample = found.eval_priced.rows(kept)
    before = predictor.predict_all(sample.outcomes.inputs, found.models)
    choice = chosen(before, sample.costs, worth)
    told = []
    for perturbation in (each for each in perturbations("difficulty") if each.name not in _SKIPPED):
        rows = [TextRow(row.id, "", row.source, Item(row.prompt)) for row in (found.eval_rows[place] for place in kept)]
        texts = [perturbation.of(row).item.text for row in rows]
        after = predictor.predict_all(with_facts(reads(texts), [asked(text) for text in texts]), found.models)
        other = chosen(after, sample.costs, worth)
        told.append(
            Changed(
                found.name,
                perturbation.name,
                len(kept),
                float((choice == other).mean()),
                point(sample, choice)[1],
                point(sample, other)[1],
                float(np.abs(after - before).mean()),
            )
        )
    return told

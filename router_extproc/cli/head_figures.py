"""Head figures: how right a trained head is on rows that it was not trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.metrics import confusion, ece, f1

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label's. None is a figure that the rows do not define."""

    n: int
    precision: float | None
    """Of the rows that the head gives this label, the share that has it; None if it never gives it."""
    recall: float
    """Of the rows that have this label, the share to which the head gives it."""
    f1: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a head under cross-validation."""

    accuracy: float
    macro_f1: float
    ece: float
    """Expected calibration error of the likeliest label's probability."""
    labels: dict[str, LabelFigures]


def figures(chances: NDArray[np.float32], targets: NDArray[np.int64], labels: tuple[str, ...]) -> Figures:
    """The figures of probabilities, (rows, labels), each row's from a head that did not see it."""
    said = chances.argmax(1)
    cells = confusion(targets, said, len(labels))
    each = {label: _label(cells, place) for place, label in enumerate(labels)}
    right = said == targets
    return Figures(
        accuracy=float(right.mean()),
        macro_f1=math.fsum(one.f1 for one in each.values()) / len(each),
        ece=ece(chances.max(1).astype(np.float64), right),
        labels=each,
    )


def _label(cells: NDArray[np.int64], place: int) -> LabelFigures:
    hits, given, wanted = (int(count) for count in (cells[place, place], cells[:, place].sum(), cells[place].sum()))
    return LabelFigures(
        n=wanted, precision=hits / given if given else None, recall=hits / wanted, f1=float(f1(hits, given, wanted))
    )

"""Results: what was measured, as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.evaluation.datasets import Split
    from router_extproc.evaluation.floors import Floor
    from router_extproc.evaluation.metrics import Ints

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of some rows of a head."""

    name: str
    rows: int
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Cut:
    """What a head that answers yes from a threshold on says of some rows. NaN where there are no such rows."""

    threshold: float
    recall: float
    """Share of the positive rows that it says yes to."""
    false_positive_rate: float
    """The same share of the negative rows."""


@dataclass(frozen=True, slots=True)
class Main:
    """The figure that stands for a head, over all its pooled rows."""

    measure: str
    value: float
    low: float
    high: float
    """Ends of the bootstrap's 95 % interval."""


@dataclass(frozen=True, slots=True)
class Shift:
    """What a perturbation does to a sample of the pooled rows."""

    perturbation: str
    note: str
    rows: int
    before: Mapping[str, float]
    after: Mapping[str, float]

    def delta(self, measure: str) -> float:
        """After less before."""
        return self.after[measure] - self.before[measure]


@dataclass(frozen=True, slots=True)
class Diagrams:
    """What the plots of a head show; a part is empty where the head has none."""

    labels: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    """Row = the truth, column = what was said."""
    reliability: tuple[tuple[float, float, int], ...] = ()
    """Mean chance, share that is true, rows."""
    roc: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    """By group: false positive rate, recall."""

    @classmethod
    def of(cls, labels: tuple[str, ...], confusion: Ints | None, reliability: Sequence[tuple[float, float, int]]) -> Self:
        """Without a ROC."""
        counts = () if confusion is None else tuple(tuple(line) for line in confusion.tolist())
        return cls(labels, counts, tuple(reliability))


@dataclass(frozen=True, slots=True)
class HeadResult:
    """All that was measured of a head."""

    head: str
    threshold: float | None
    main: Main
    groups: tuple[Group, ...]
    watched: tuple[str, ...]
    """Figures that perturbations are judged by."""
    shifts: tuple[Shift, ...]
    diagrams: Diagrams
    cuts: Mapping[str, tuple[Cut, ...]] = field(default_factory=dict)
    """By group, of all rows, by kind of text and by file: what other thresholds would give. Of heads with a threshold."""

    def figure(self, group: str, measure: str) -> float | None:
        """None if there is no such group."""
        return next((each.figures[measure] for each in self.groups if each.name == group), None)


@dataclass(frozen=True, slots=True)
class FloorResult:
    """A floor and what was measured."""

    floor: Floor
    value: float
    met: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One run."""

    split: Split
    limit: int | None
    """Rows of each file at most."""
    heads: tuple[HeadResult, ...]
    floors: tuple[FloorResult, ...]
    """Of the heads that were measured; none on other splits than eval."""
    texts: int
    """Classified or embedded in all, changed ones included."""
    ms_median: float
    """Of one text, as the classifier tells; NaN if none was classified."""
    ms_p95: float
    coverage: float
    """Mean share of a text that was read."""

    def as_json(self) -> dict[str, Any]:
        """For machines; NaN becomes null."""
        found: dict[str, Any] = _plain(self)
        return found


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value

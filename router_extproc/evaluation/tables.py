"""Tables: a head's answers beside the truth, as columns, and the figures that they give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from router_extproc.encoders.scores import Kind
from router_extproc.evaluation.chance_table import ChanceTable
from router_extproc.evaluation.class_table import ClassTable
from router_extproc.evaluation.difficulty_table import DifficultyTable
from router_extproc.evaluation.span_table import SpanTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.encoders.scores import Classifier, Scores
    from router_extproc.evaluation.datasets import Row
    from router_extproc.evaluation.metrics import Ints
    from router_extproc.evaluation.results import Diagrams

FINE = ("source ", "lang ")
"""What the names of groups begin with that are parts of a file."""
_CLASSES = ("domain", "modality", "feedback")


class Table(Protocol):
    """Answers and truth of some rows of one head. Never changes."""

    @property
    def main(self) -> str:
        """The figure that stands for the head."""
        ...

    @property
    def watched(self) -> tuple[str, ...]:
        """Figures that perturbations are judged by."""
        ...

    def take(self, rows: Ints, /) -> Self:
        """The rows with these indexes; one may come several times."""
        ...

    def figure(self, name: str, /) -> float:
        """One figure; NaN where the rows do not define it. Raises KeyError for one that the head does not have."""
        ...

    def figures(self) -> dict[str, float]:
        """All figures."""
        ...

    def diagrams(self) -> Diagrams:
        """What the plots of these rows show, the ROC excepted."""
        ...


def table(head: str, rows: Sequence[Row], scores: Sequence[Scores], classifier: Classifier) -> Table:
    """The table of a head. Raises ClassifierError if the classifier lacks it."""
    if head in _CLASSES:
        return ClassTable.of(head, rows, scores, tuple(classifier.labels.get(head, ())))
    if head == "pii":
        return SpanTable.of(rows, scores)
    if head == "difficulty":
        return DifficultyTable.of(rows, scores)
    return ChanceTable.of(head, rows, scores, classifier.thresholds)


def groups(head: str, rows: Sequence[Row]) -> dict[str, list[int]]:
    """Row indexes by the name of the group that they are reported in: all, by kind of text, by file, by source, by language.

    Languages, where rows have several, are those of the rows that count together.
    """
    together = [place for place, row in enumerate(rows) if not row.apart]
    found: dict[str, list[int]] = {"all": together}
    if head == "jailbreak":
        found["user"] = [place for place in together if rows[place].item.kind is Kind.USER]
        found["documents"] = [place for place in together if rows[place].item.kind is not Kind.USER]
    for place, row in enumerate(rows):
        found.setdefault(row.file, []).append(place)
    for place, row in enumerate(rows):
        found.setdefault(f"source {row.source}", []).append(place)
    languages = sorted({rows[place].lang for place in together} - {""})
    if len(languages) > 1:
        found |= {f"lang {name}": [place for place in together if rows[place].lang == name] for name in languages}
    return {name: places for name, places in found.items() if places}

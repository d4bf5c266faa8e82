"""Two classifiers on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from labelled import FakeClassifier, row

from router_extproc.encoders.scores import Item, Kind, Scores, Span
from router_extproc.training.comparison import compared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.evaluation.datasets import Row


class Mumbler(FakeClassifier):
    """Does not hear the first of the texts."""

    def classify(self, items: Sequence[Item], /) -> list[Scores]:
        """As the other one, but for the first."""
        return super().classify([Item("hm", items[0].kind, items[0].turns), *items[1:]])


PERSON = (Span(6, 9, "PERSON", 1.0),)
ROWS = {
    "domain": [row(str(at), f"some {label} here", label=label) for at, label in enumerate(("law", "math", "law", "math"))],
    "jailbreak": [row(str(at), word, target=float(word == "high")) for at, word in enumerate(("high", "low", "high", "low"))],
    "pii": [row(str(at), "Write Ada today", spans=PERSON, types=frozenset({"PERSON"})) for at in range(4)],
}


class TestCompared:
    @pytest.mark.parametrize("head", ROWS)
    def test_twins(self, head: str) -> None:
        """Agree on all rows, with the same figure."""
        found = compared(head, ROWS[head], FakeClassifier(), FakeClassifier())

        assert (found.head, found.rows, found.agreement, found.int8) == (head, 4, 1.0, found.fp32)

    @pytest.mark.parametrize("head", ["domain", "pii"])
    def test_one_that_errs(self, head: str) -> None:
        """Agrees on the others; the figure of each is its own."""
        found = compared(head, ROWS[head], Mumbler(), FakeClassifier())

        assert found.agreement == 0.75
        assert found.int8 < found.fp32

    def test_chances_agree_on_a_side_of_the_threshold(self) -> None:
        """The middle is on the side of `low` where yes begins above it."""
        rows: list[Row] = ROWS["jailbreak"][1:]
        strict = {"jailbreak": 0.7}

        assert compared("jailbreak", rows, Mumbler(thresholds=strict), FakeClassifier(thresholds=strict)).agreement == 1.0
        assert compared("jailbreak", rows, Mumbler(), FakeClassifier()).agreement == pytest.approx(2 / 3)

    def test_rows_without_an_answer(self) -> None:
        """A lone text has no feedback; that is no disagreement."""
        rows = [row("a", "hm", kind=Kind.USER, label="satisfied"), row("b", "hm", label="satisfied")]

        assert compared("feedback", rows, FakeClassifier(), FakeClassifier()).agreement == 1.0

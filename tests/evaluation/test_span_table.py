"""Private data: exact bounds, exact type."""

from __future__ import annotations

import math

import numpy as np
import pytest
from labelled import row

from router_extproc.encoders.scores import Scores, Span
from router_extproc.evaluation.results import Diagrams
from router_extproc.evaluation.span_table import SpanTable

ALL = frozenset({"PERSON", "ORGANIZATION", "EMAIL", "PHONE"})


def span(start: int, end: int, kind: str = "PERSON") -> Span:
    """A certain one."""
    return Span(start, end, kind, 1.0)


def table(*rows: tuple[tuple[Span, ...], tuple[Span, ...]], types: frozenset[str] = ALL) -> SpanTable:
    """Of what is there and what was found."""
    labelled = [row(str(place), spans=there, types=types) for place, (there, _) in enumerate(rows)]
    return SpanTable.of(labelled, [Scores(pii=found) for _, found in rows])


class TestFigures:
    def test_by_hand(self) -> None:
        """Of three that are there two are found, and one that is not."""
        there = (span(0, 3), span(5, 9), span(10, 20, "EMAIL"))
        figures = table((there, (span(0, 3), span(10, 20, "EMAIL"), span(30, 34)))).figures()

        assert figures["precision"] == figures["recall"] == figures["F1"] == pytest.approx(2 / 3)
        assert figures["F1 PERSON"] == 0.5
        assert figures["precision EMAIL"] == 1
        assert math.isnan(figures["F1 PHONE"])

    @pytest.mark.parametrize(
        "found",
        [
            pytest.param(span(0, 4), id="another end"),
            pytest.param(span(1, 3), id="another start"),
            pytest.param(span(0, 3, "ORGANIZATION"), id="another type"),
        ],
    )
    def test_nearly_is_wrong(self, found: Span) -> None:
        """Twice: it is missing, and something else is there."""
        figures = table(((span(0, 3),), (found,))).figures()
        assert figures["recall"] == figures["precision"] == figures["F1"] == 0

    def test_bounds_that_only_overlap_have_figures_of_their_own(self) -> None:
        """One found for two that are there touches both; one beside them, one of another type, one that only abuts touch none."""
        there = (span(0, 3), span(5, 9), span(20, 30))
        found = (span(2, 7), span(9, 12), span(20, 30, "ORGANIZATION"))
        figures = table((there, found)).figures()

        assert figures["overlap-recall"] == figures["overlap-recall PERSON"] == pytest.approx(2 / 3)
        assert figures["overlap-precision"] == pytest.approx(1 / 3)
        assert figures["overlap-precision PERSON"] == 0.5
        assert figures["overlap-F1 PERSON"] == pytest.approx(4 / 7)
        assert figures["overlap-F1 ORGANIZATION"] == figures["F1"] == 0
        assert math.isnan(figures["overlap-F1 PHONE"])

    def test_what_is_exact_overlaps(self) -> None:
        """So these figures are never lower."""
        figures = table(((span(0, 3), span(5, 9, "EMAIL")), (span(0, 3),))).figures()
        assert figures["overlap-precision"] == figures["precision"] == 1
        assert figures["overlap-recall"] == figures["recall"] == 0.5
        assert figures["overlap-F1"] == pytest.approx(figures["F1"])

    def test_the_same_span_twice_counts_once(self) -> None:
        """Scores may differ."""
        assert table(((span(0, 3),), (span(0, 3), Span(0, 3, "PERSON", 0.4)))).figure("precision") == 1

    def test_what_a_source_does_not_annotate_does_not_count(self) -> None:
        """It may be right."""
        figures = table(((span(0, 3),), (span(0, 3), span(9, 12, "IBAN"))), types=frozenset({"PERSON"})).figures()
        assert figures["precision"] == 1
        assert figures["false positive rows"] == 0
        assert "F1 IBAN" not in figures

    def test_by_groups_of_types(self) -> None:
        """Names and organisations together; what can be checked together."""
        there = (span(0, 3), span(5, 9, "ORGANIZATION"), span(10, 20, "EMAIL"), span(21, 30, "PHONE"))
        figures = table((there, (there[0], there[2]))).figures()
        assert figures["recall PERSON + ORGANIZATION"] == 0.5
        assert figures["recall checkable"] == 1
        assert figures["recall"] == 0.5

    def test_rows_without_any_in_which_some_was_found(self) -> None:
        """However many in each; rows that do have some are not counted."""
        found = (span(0, 3), span(4, 9, "EMAIL"))
        figures = table(((), found), ((), (span(0, 3),)), ((), ()), ((span(0, 2),), found)).figures()
        assert figures["false positive rows"] == 2
        assert figures["false positive rows checkable"] == 1

    def test_what_is_watched_is_among_them(self) -> None:
        """And a misspelt figure is an error."""
        some = table(((span(0, 3),), (span(0, 3),)))
        assert {some.main, *some.watched} <= set(some.figures())
        with pytest.raises(KeyError):
            some.figure("accuracy")


class TestTake:
    def test_takes_rows_more_than_once(self) -> None:
        """As the bootstrap does."""
        some = table(((span(0, 3),), (span(0, 3),)), ((span(0, 3),), ()))
        assert some.take(np.array([0, 0, 1])).figure("recall") == pytest.approx(2 / 3)


class TestDiagrams:
    def test_there_are_none(self) -> None:
        """Spans that were not found have no chance."""
        assert table(((), ())).diagrams() == Diagrams()

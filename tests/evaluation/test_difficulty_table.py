"""Difficulty is measured by source."""

from __future__ import annotations

import math

import numpy as np
import pytest
from labelled import row

from router_extproc.encoders.scores import Scores
from router_extproc.evaluation.difficulty_table import DifficultyTable
from router_extproc.evaluation.errors import ClassifierError


def table(*rows: tuple[str, float, float]) -> DifficultyTable:
    """Of sources, targets and chances."""
    labelled = [row(str(place), source=source, target=target) for place, (source, target, _) in enumerate(rows)]
    return DifficultyTable.of(labelled, [Scores(chances={"difficulty": chance}) for *_, chance in rows])


GOOD = (("a", 0.0, 0.1), ("a", 0.6, 0.2), ("a", 1.0, 0.3))
BAD = (("b", 0.0, 0.9), ("b", 0.4, 0.8), ("b", 1.0, 0.7))


class TestFigures:
    def test_are_means_over_the_sources(self) -> None:
        """One is in order, the other is upside down; pooled they would be neither."""
        figures = table(*GOOD, *BAD).figures()
        assert figures["Spearman"] == pytest.approx(0)
        assert figures["AUC"] == pytest.approx(0.5)

    def test_the_order_within_a_source_is_all_that_counts(self) -> None:
        """Whatever the level."""
        assert table(*GOOD).figure("Spearman") == pytest.approx(1)
        assert table(*BAD).figure("Spearman") == pytest.approx(-1)

    def test_hard_is_what_more_than_half_of_the_models_fail_at(self) -> None:
        """Half is not yet."""
        assert math.isnan(table(("a", 0.5, 0.1), ("a", 0.2, 0.2)).figure("AUC"))
        assert table(("a", 0.51, 0.1), ("a", 0.2, 0.2)).figure("AUC") == 0

    def test_the_error_is_of_the_share(self) -> None:
        """0.3 was said of what half of the models fail at."""
        assert table(("a", 0.4, 0.3), ("a", 0.6, 0.3)).figure("ECE") == pytest.approx(0.2)

    def test_a_source_that_defines_none_is_left_out(self) -> None:
        """All of its targets are equal."""
        assert table(*GOOD, ("b", 1.0, 0.1), ("b", 1.0, 0.9)).figure("Spearman") == pytest.approx(1)

    def test_what_is_watched_is_among_them(self) -> None:
        """And a misspelt figure is an error."""
        some = table(*GOOD)
        assert {some.main, *some.watched} <= set(some.figures())
        with pytest.raises(KeyError):
            some.figure("recall")


class TestTake:
    def test_keeps_the_sources(self) -> None:
        """However the rows are drawn."""
        assert table(*BAD, *GOOD).take(np.array([3, 4, 5, 5])).figure("Spearman") == pytest.approx(1)


class TestDiagrams:
    def test_reliability_is_of_the_share(self) -> None:
        """There is no confusion: nothing is said but a chance."""
        found = table(("a", 0.4, 0.3), ("b", 0.6, 0.3)).diagrams()
        assert found.reliability == ((pytest.approx(0.3), pytest.approx(0.5), 2),)
        assert found.confusion == ()


class TestOf:
    def test_without_the_head(self) -> None:
        """The error names it."""
        with pytest.raises(ClassifierError, match="no head difficulty"):
            DifficultyTable.of([row()], [Scores()])

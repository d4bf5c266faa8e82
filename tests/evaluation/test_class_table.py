"""Heads that choose a label."""

from __future__ import annotations

import math

import numpy as np
import pytest
from labelled import row

from router_extproc.encoders.scores import Scores
from router_extproc.evaluation.class_table import ClassTable
from router_extproc.evaluation.errors import ClassifierError

LABELS = ("text", "image", "both")


def table(*rows: tuple[str, dict[str, float]]) -> ClassTable:
    """Of true labels and chances."""
    labelled = [row(str(place), label=truth) for place, (truth, _) in enumerate(rows)]
    scores = [Scores(classes={"modality": chances} if chances else {}) for _, chances in rows]
    return ClassTable.of("modality", labelled, scores, LABELS)


def sure(label: str, chance: float = 0.8) -> dict[str, float]:
    """Chances of an answer."""
    return {each: chance if each == label else (1 - chance) / 2 for each in LABELS}


SOME = (("text", sure("text")), ("text", sure("image")), ("image", sure("image")), ("image", {}))


class TestFigures:
    def test_by_hand(self) -> None:
        """A label that no row has does not count; a row without an answer is wrong."""
        figures = table(*SOME).figures()

        assert figures["accuracy"] == 0.5
        assert figures["macro-F1"] == pytest.approx((2 * 1 / 3 + 2 * 1 / 4) / 2)
        assert figures["recall of text"] == figures["recall of image"] == 0.5
        assert math.isnan(figures["recall of both"])

    def test_calibration_is_of_what_was_said(self) -> None:
        """Said with 0.8 and right half of the time."""
        figures = table(("text", sure("text")), ("text", sure("image"))).figures()
        assert figures["ECE"] == pytest.approx(0.3)
        assert figures["Brier"] == pytest.approx(((0.04 + 0.01 + 0.01) + (0.81 + 0.64 + 0.01)) / 2)

    def test_what_is_watched_is_among_them(self) -> None:
        """Each can be asked for alone, too."""
        some = table(*SOME[:3])
        assert {some.main, *some.watched} <= set(some.figures())
        assert all(some.figure(name) == value for name, value in some.figures().items() if not math.isnan(value))

    @pytest.mark.parametrize("name", [pytest.param("AUC", id="of chances"), pytest.param("", id="none")])
    def test_none_of_that_name(self, name: str) -> None:
        """A misspelt floor is an error, not a dash."""
        with pytest.raises(KeyError):
            table(*SOME).figure(name)


class TestTake:
    def test_takes_rows_more_than_once(self) -> None:
        """As the bootstrap does."""
        taken = table(*SOME).take(np.array([2, 2]))
        assert taken.figure("accuracy") == 1
        assert taken.labels == LABELS


class TestDiagrams:
    def test_rows_are_the_truth(self) -> None:
        """What has no answer is in no column."""
        found = table(*SOME).diagrams()
        assert found.labels == LABELS
        assert found.confusion == ((1, 1, 0), (0, 1, 0), (0, 0, 0))
        assert sum(rows for *_, rows in found.reliability) == 4


class TestOf:
    def test_without_the_head(self) -> None:
        """The error names it."""
        with pytest.raises(ClassifierError, match="no head modality"):
            ClassTable.of("modality", [], [], ())

    def test_without_labels_of_the_rows(self) -> None:
        """The error names them all."""
        rows = [row(label="image"), row(label="sound"), row(label="film")]
        with pytest.raises(ClassifierError, match="modality head has no label film, sound"):
            ClassTable.of("modality", rows, [Scores()] * 3, LABELS)

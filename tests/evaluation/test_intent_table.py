"""Intents: right or wrong, and how sure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from labelled import FakeClassifier, row

from router_extproc.evaluation.intent_table import IntentTable
from router_extproc.evaluation.intents import prototypes

EMBEDDER = FakeClassifier()


def table(*rows: tuple[str, str, str]) -> IntentTable:
    """Of files, texts and labels, by two examples of each of two intents in two collections."""
    told = [row(text, text, file=f"train_{name}", label=label) for name, label, text in (
        ("x", "play", "play song"), ("x", "play", "play tune"), ("x", "alarm", "set alarm"), ("x", "alarm", "wake alarm"),
        ("y", "play", "set alarm"), ("y", "play", "wake alarm"), ("y", "card", "lost card"), ("y", "card", "stolen card"),
    )]  # fmt: skip
    known = prototypes(told, EMBEDDER.embed([each.item.text for each in told]))
    labelled = [row(str(place), text, file=file, label=label) for place, (file, text, label) in enumerate(rows)]
    return IntentTable.of(labelled, EMBEDDER.embed([each.item.text for each in labelled]), known)


class TestFigures:
    def test_each_row_is_told_by_its_own_collection(self) -> None:
        """The same text is one thing in one and another in the other."""
        assert table(("eval_x", "my alarm", "alarm"), ("eval_y", "my alarm", "play")).right.tolist() == [True, True]

    def test_by_hand(self) -> None:
        """One of two; a label without examples is always wrong."""
        figures = table(("eval_x", "play song", "play"), ("eval_x", "play song", "dance")).figures()
        assert figures["accuracy"] == 0.5
        assert 0 <= figures["ECE"] <= 1

    def test_what_is_watched_is_among_them(self) -> None:
        """And a misspelt figure is an error."""
        some = table(("eval_x", "play song", "play"))
        assert {some.main, *some.watched} <= set(some.figures())
        with pytest.raises(KeyError):
            some.figure("AUC")

    def test_of_no_rows(self) -> None:
        """Is not defined."""
        assert math.isnan(table(("eval_x", "play song", "play")).take(np.array([], np.int64)).figure("accuracy"))


class TestDiagrams:
    def test_only_reliability(self) -> None:
        """Of what was said; a matrix of 150 intents is none to look at."""
        found = table(("eval_x", "play song", "play"), ("eval_x", "set alarm", "play")).diagrams()
        assert found.confusion == ()
        assert sum(rows for *_, rows in found.reliability) == 2

"""Heads that say yes from a threshold on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from labelled import row

from router_extproc.encoders.scores import Scores
from router_extproc.evaluation.chance_table import ChanceTable
from router_extproc.evaluation.errors import ClassifierError


def table(*rows: tuple[int, float], threshold: float = 0.5) -> ChanceTable:
    """Of truths and chances."""
    labelled = [row(str(place), target=truth) for place, (truth, _) in enumerate(rows)]
    scores = [Scores(chances={"jailbreak": chance}) for _, chance in rows]
    return ChanceTable.of("jailbreak", labelled, scores, {"jailbreak": threshold})


SOME = ((1, 0.9), (1, 0.6), (1, 0.2), (0, 0.7), (0, 0.3), (0, 0.1))


class TestCuts:
    def test_by_hand(self) -> None:
        """Each with what rules that ask for it would find, and stop; the shipped one is among them."""
        found = {cut.threshold: (cut.recall, cut.false_positive_rate) for cut in table(*SOME, threshold=0.25).cuts()}

        assert found[0.25] == pytest.approx((2 / 3, 2 / 3))
        assert found[0.6] == pytest.approx((2 / 3, 1 / 3))
        assert found[0.8] == pytest.approx((1 / 3, 0))
        assert found[0.95] == (0, 0)

    def test_are_in_order_and_each_once(self) -> None:
        """A shipped threshold that rules ask for anyway, too."""
        found = [cut.threshold for cut in table(*SOME, threshold=0.5).cuts()]
        assert found == sorted(set(found))

    def test_agree_with_the_figures(self) -> None:
        """Recall and FPR are those at the shipped one."""
        some = table(*SOME, threshold=0.65)
        (cut,) = (cut for cut in some.cuts() if cut.threshold == 0.65)
        assert (cut.recall, cut.false_positive_rate) == (some.figure("recall"), some.figure("FPR"))

    def test_where_all_labels_are_equal(self) -> None:
        """What there is none of has no share."""
        assert all(math.isnan(cut.recall) and not math.isnan(cut.false_positive_rate) for cut in table((0, 0.9)).cuts())


class TestFigures:
    def test_by_hand(self) -> None:
        """Recall, FPR, accuracy and macro-F1 are at the threshold."""
        figures = table(*SOME).figures()

        assert figures["AUC"] == pytest.approx(6 / 9)
        assert figures["recall"] == pytest.approx(2 / 3)
        assert figures["FPR"] == pytest.approx(1 / 3)
        assert figures["accuracy"] == figures["macro-F1"] == pytest.approx(2 / 3)
        assert figures["Brier"] == pytest.approx((0.01 + 0.16 + 0.64 + 0.49 + 0.09 + 0.01) / 6)

    @pytest.mark.parametrize("name", ["recall@0.1%FPR", "recall@1%FPR", "recall@5%FPR"])
    def test_recall_at_rates_is_not_at_the_threshold(self, name: str) -> None:
        """Of so few harmless rows none may pass."""
        assert table(*SOME, threshold=0.0).figure(name) == pytest.approx(1 / 3)

    def test_the_threshold_itself_is_yes(self) -> None:
        """From this chance on."""
        assert table((1, 0.5), (1, 0.4999)).figure("recall") == 0.5

    def test_where_all_labels_are_equal(self) -> None:
        """What needs both kinds is not defined."""
        figures = table((0, 0.9), (0, 0.1)).figures()
        assert math.isnan(figures["AUC"])
        assert math.isnan(figures["recall"])
        assert figures["FPR"] == 0.5

    def test_of_one_figure_and_of_all_are_the_same(self) -> None:
        """And what is watched is among them."""
        some = table(*SOME)
        assert some.figures() == {name: some.figure(name) for name in some.figures()}
        assert {some.main, *some.watched} <= set(some.figures())

    def test_none_of_that_name(self) -> None:
        """A misspelt floor is an error, not a dash."""
        with pytest.raises(KeyError):
            table(*SOME).figure("Spearman")


class TestTake:
    def test_takes_rows_more_than_once(self) -> None:
        """As the bootstrap does."""
        taken = table(*SOME).take(np.array([0, 0, 3]))
        assert taken.truth.tolist() == [True, True, False]
        assert taken.chance.tolist() == [0.9, 0.9, 0.7]
        assert taken.threshold == 0.5


class TestDiagrams:
    def test_no_comes_first(self) -> None:
        """Rows are the truth."""
        found = table((1, 0.9), (1, 0.1), (0, 0.9), (0, 0.1), (0, 0.1)).diagrams()
        assert found.labels == ("no", "yes")
        assert found.confusion == ((2, 1), (1, 1))
        assert found.reliability == ((pytest.approx(0.1), pytest.approx(1 / 3), 3), (0.9, 0.5, 2))

    def test_has_a_curve(self) -> None:
        """From nothing to all."""
        corners = table(*SOME).roc()
        assert corners[0] == (0, 0)
        assert corners[-1] == (1, 1)


class TestOf:
    def test_without_the_head(self) -> None:
        """The error names it."""
        with pytest.raises(ClassifierError, match="no head jailbreak"):
            ChanceTable.of("jailbreak", [row()], [Scores()], {"jailbreak": 0.5})

    def test_without_a_threshold(self) -> None:
        """Likewise."""
        with pytest.raises(ClassifierError, match="no threshold for jailbreak"):
            ChanceTable.of("jailbreak", [row()], [Scores(chances={"jailbreak": 0.1})], {"fact_check": 0.5})

"""Figures against what a person reckons, and what holds of all of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.evaluation import metrics

if TYPE_CHECKING:
    from router_extproc.evaluation.metrics import Flags, Floats, Ints

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), max_size=40)
"""Truths and scores, many of them equal."""
RATES = st.sampled_from([0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0])


def flags(*values: int) -> Flags:
    """An array."""
    return np.array(values, np.bool_)


def floats(*values: float) -> Floats:
    """An array."""
    return np.array(values, np.float64)


def ints(*values: int) -> Ints:
    """An array."""
    return np.array(values, np.int64)


def parted(rows: list[tuple[bool, int]]) -> tuple[Flags, Floats]:
    """Truths and scores, in [0, 1]."""
    return flags(*(truth for truth, _ in rows)), floats(*(score / 8 for _, score in rows))


class TestMean:
    def test_of_nothing(self) -> None:
        """Is not defined, and warns of nothing."""
        assert math.isnan(metrics.mean(floats()))

    def test_of_flags(self) -> None:
        """A share."""
        assert metrics.mean(flags(1, 0, 0, 1)) == 0.5


class TestConfusion:
    def test_rows_are_the_truth(self) -> None:
        """Columns are what was said; no answer is in none."""
        counts = metrics.confusion(ints(0, 0, 1, 2), ints(0, 1, 1, -1), 3)
        assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


class TestMacroF1:
    def test_by_hand(self) -> None:
        """Label 0: 2 * 1 / (2 + 1); label 1: 2 * 1 / (1 + 2)."""
        assert metrics.macro_f1(ints(0, 0, 1), ints(0, 1, 1), 2) == pytest.approx(2 / 3)

    def test_labels_that_are_not_there_do_not_count(self) -> None:
        """Neither where nobody said them nor where somebody did: that costs the label that was there."""
        assert metrics.macro_f1(ints(0, 1), ints(0, 1), 5) == 1
        assert metrics.macro_f1(ints(0, 0, 1), ints(0, 4, 1), 5) == pytest.approx((2 / 3 + 1) / 2)

    def test_no_answer_is_wrong(self) -> None:
        """It is in no column."""
        assert metrics.macro_f1(ints(0, 0), ints(0, -1), 2) == pytest.approx(2 / 3)

    def test_of_nothing(self) -> None:
        """Is not defined."""
        assert math.isnan(metrics.macro_f1(ints(), ints(), 3))


class TestRanks:
    def test_equal_values_share(self) -> None:
        """The mean of the places that they take."""
        assert metrics.ranks(floats(5, 1, 5, 9)).tolist() == [2.5, 1, 2.5, 4]


class TestAuc:
    def test_by_hand(self) -> None:
        """Of four pairs three are in order."""
        assert metrics.auc(flags(0, 0, 1, 1), floats(0.1, 0.4, 0.35, 0.8)) == 0.75

    def test_ties_are_half(self) -> None:
        """A head that says the same of all knows nothing."""
        assert metrics.auc(flags(0, 1, 1), floats(0.5, 0.5, 0.5)) == 0.5

    @pytest.mark.parametrize("truth", [flags(1, 1), flags(0, 0), flags()])
    def test_of_one_kind(self, truth: Flags) -> None:
        """Is not defined."""
        assert math.isnan(metrics.auc(truth, np.zeros(len(truth))))

    @given(ROWS)
    def test_counts_pairs(self, rows: list[tuple[bool, int]]) -> None:
        """As its meaning has it."""
        pairs = [(good, bad) for truth, good in rows if truth for other, bad in rows if not other]
        if pairs:
            wanted = sum((good > bad) + (good == bad) / 2 for good, bad in pairs) / len(pairs)
            assert metrics.auc(*parted(rows)) == pytest.approx(wanted)

    @given(ROWS)
    def test_turns_with_the_score(self, rows: list[tuple[bool, int]]) -> None:
        """Upside down it is what was missing; only order counts."""
        truth, score = parted(rows)
        found = metrics.auc(truth, score)
        if not math.isnan(found):
            assert metrics.auc(truth, -score) == pytest.approx(1 - found)
            assert metrics.auc(truth, np.exp(3 * score)) == pytest.approx(found)


class TestRecallAt:
    def test_by_hand(self) -> None:
        """One in four may pass: the threshold is above the second highest harmless score."""
        truth, score = flags(0, 0, 0, 0, 1, 1, 1), floats(0.9, 0.5, 0.3, 0.1, 0.95, 0.6, 0.4)
        assert metrics.recall_at(truth, score, 0.25) == pytest.approx(2 / 3)

    def test_a_tie_with_the_threshold_does_not_pass(self) -> None:
        """It would take the harmless one along."""
        assert metrics.recall_at(flags(0, 1, 1), floats(0.5, 0.5, 0.6), 0.01) == 0.5
        assert metrics.recall_at(flags(0, 0, 1), floats(0.7, 0.7, 0.7), 0.5) == 0

    def test_a_rate_that_is_a_whole_number_of_rows(self) -> None:
        """Floating point takes no row away: 0.07 * 100 is less than 7."""
        truth = np.arange(101) == 100
        score = np.concatenate((np.linspace(0.9, 0.8, 7), np.full(93, 0.1), [0.5]))
        assert metrics.recall_at(truth, score, 0.07) == 1

    @pytest.mark.parametrize("truth", [flags(1, 1), flags(0, 0), flags()])
    def test_of_one_kind(self, truth: Flags) -> None:
        """Is not defined."""
        assert math.isnan(metrics.recall_at(truth, np.zeros(len(truth)), 0.01))

    @given(ROWS, RATES)
    def test_no_threshold_does_better(self, rows: list[tuple[bool, int]], rate: float) -> None:
        """Of all that keep the rate."""
        truth, score = parted(rows)
        if truth.any() and not truth.all():
            passing = [score >= threshold for threshold in (*score.tolist(), math.inf)]
            kept = [passed for passed in passing if passed[~truth].mean() <= rate + 1e-9]
            assert metrics.recall_at(truth, score, rate) == pytest.approx(max(passed[truth].mean() for passed in kept))


class TestRoc:
    def test_by_hand(self) -> None:
        """Only corners: what lies on a straight line is left out."""
        truth, score = flags(1, 1, 0, 1, 0, 0), floats(0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
        assert metrics.roc(truth, score) == [(0, 0), (0, pytest.approx(2 / 3)), (pytest.approx(1 / 3), pytest.approx(2 / 3)),
                                             (pytest.approx(1 / 3), 1), (1, 1)]  # fmt: skip

    @given(ROWS)
    def test_the_area_below_is_the_auc(self, rows: list[tuple[bool, int]]) -> None:
        """Ties are slopes."""
        truth, score = parted(rows)
        alarms, hits = zip(*metrics.roc(truth, score), strict=True)
        assert (alarms[0], hits[0]) == (0, 0)
        assert list(alarms) == sorted(alarms)
        assert list(hits) == sorted(hits)
        if truth.any() and not truth.all():
            assert (alarms[-1], hits[-1]) == (1, 1)
            assert np.trapezoid(hits, alarms) == pytest.approx(metrics.auc(truth, score))


class TestReliability:
    @given(ROWS)
    def test_holds_every_row_once(self, rows: list[tuple[bool, int]]) -> None:
        """And never parts equal chances."""
        truth, chance = parted(rows)
        bins = metrics.reliability(chance, truth)

        assert sum(count for *_, count in bins) == len(rows)
        assert [said for said, *_ in bins] == sorted(said for said, *_ in bins)
        assert sum(seen * count for _, seen, count in bins) == pytest.approx(truth.sum())
        assert len(bins) <= min(metrics.BINS, len(set(chance.tolist())))

    def test_of_many_has_bins_of_equal_mass(self) -> None:
        """However the chances lie."""
        chance = np.linspace(0, 1, 10 * metrics.BINS) ** 4
        assert [count for *_, count in metrics.reliability(chance, chance > 0.5)] == [10] * metrics.BINS


class TestEce:
    def test_by_hand(self) -> None:
        """Two bins, of 0.2 with a half and of 0.9 with all: (0.3 * 2 + 0.1 * 2) / 4."""
        assert metrics.ece(floats(0.2, 0.2, 0.9, 0.9), flags(0, 1, 1, 1)) == pytest.approx(0.2)

    def test_of_chances_that_are_frequencies(self) -> None:
        """Is nothing."""
        assert metrics.ece(np.full(10, 0.7), np.arange(10) < 7) == pytest.approx(0)

    def test_of_a_share(self) -> None:
        """The truth need not be yes or no."""
        assert metrics.ece(floats(0.5, 0.5), floats(0.2, 0.4)) == pytest.approx(0.2)

    def test_of_nothing(self) -> None:
        """Is not defined."""
        assert math.isnan(metrics.ece(floats(), flags()))

    @given(ROWS.filter(bool))
    def test_is_a_share(self, rows: list[tuple[bool, int]]) -> None:
        """And never below the distance of the means."""
        truth, chance = parted(rows)
        found = metrics.ece(chance, truth)
        assert abs(chance.mean() - truth.mean()) - 1e-9 <= found <= 1 + 1e-9


class TestBrier:
    def test_by_hand(self) -> None:
        """The mean of 0.01 and 0.16."""
        assert metrics.brier(floats(0.9, 0.4), flags(1, 0)) == pytest.approx(0.085)

    def test_of_labels(self) -> None:
        """Summed over them."""
        chances = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
        assert metrics.brier(chances, np.eye(3, dtype=np.bool_)[[0, 2]]) == pytest.approx(0.25)


class TestSpearman:
    def test_by_hand_with_ties(self) -> None:
        """Ranks 1, 2.5, 2.5, 4 beside 1 to 4: 4.5 / sqrt(4.5 * 5)."""
        assert metrics.spearman(floats(1, 2, 2, 3), floats(1, 5, 6, 90)) == pytest.approx(4.5 / math.sqrt(22.5))

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            pytest.param(floats(1, 1, 1), floats(1, 2, 3), id="left is constant"),
            pytest.param(floats(1, 2, 3), floats(4, 4, 4), id="right is constant"),
            pytest.param(floats(1), floats(2), id="one point"),
            pytest.param(floats(), floats(), id="nothing"),
        ],
    )
    def test_is_not_defined(self, left: Floats, right: Floats) -> None:
        """Where nothing varies; no warning either."""
        assert math.isnan(metrics.spearman(left, right))

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20))
    def test_both_ways_the_same(self, points: list[tuple[int, int]]) -> None:
        """Between -1 and 1; turned over it changes its sign."""
        left, right = (floats(*(point[side] for point in points)) for side in (0, 1))
        found = metrics.spearman(left, right)
        if not math.isnan(found):
            assert abs(found) <= 1 + 1e-9
            assert metrics.spearman(right, left) == pytest.approx(found)
            assert metrics.spearman(-left, right) == pytest.approx(-found)
            assert metrics.spearman(left, left) == pytest.approx(1)


class TestF1:
    def test_by_hand(self) -> None:
        """Of 3 found 2 are right, and 4 are there."""
        assert metrics.f1(2, 3, 4) == pytest.approx(4 / 7)

    def test_of_nothing(self) -> None:
        """Is not defined."""
        assert math.isnan(metrics.f1(0, 0, 0))


class TestBootstrap:
    def test_is_the_same_each_time(self) -> None:
        """And another with another seed."""
        values = np.random.default_rng(5).normal(size=80)

        def interval(seed: int) -> tuple[float, float]:
            return metrics.bootstrap(len(values), lambda chosen: float(values[chosen].mean()), seed=seed)

        assert interval(0) == interval(0)
        assert interval(0) != interval(1)

    def test_holds_the_figure(self) -> None:
        """And is about four standard errors wide."""
        values = np.random.default_rng(5).normal(size=400)
        low, high = metrics.bootstrap(len(values), lambda chosen: float(values[chosen].mean()))
        assert low < values.mean() < high
        assert high - low == pytest.approx(4 * values.std() / 20, rel=0.15)

    @pytest.mark.parametrize("rows", [0, 7])
    def test_of_a_figure_that_is_not_defined(self, rows: int) -> None:
        """Is neither, and warns of nothing."""
        assert all(map(math.isnan, metrics.bootstrap(rows, lambda _: math.nan)))

    def test_leaves_out_the_few_resamples_that_give_none(self) -> None:
        """Such as those that draw rows of one kind only."""
        truth, score = flags(1, 1, 1, 0, 0, 0), floats(0.9, 0.8, 0.3, 0.4, 0.2, 0.1)
        low, high = metrics.bootstrap(6, lambda chosen: metrics.auc(truth[chosen], score[chosen]))
        assert 0 <= low < high <= 1

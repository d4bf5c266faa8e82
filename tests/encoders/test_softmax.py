from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from router_extproc.encoders.softmax import FOLDS, Softmax, best_penalty, cross_validated, fit, sigmoid, softmax

_SIZE = 16


def data(*counts: int, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of length 1 around a direction for each label, and the labels."""
    chance = np.random.default_rng(seed)
    middles = np.eye(len(counts), _SIZE)
    targets = np.repeat(np.arange(len(counts)), counts)
    rows = middles[targets] + chance.normal(size=(len(targets), _SIZE)) * spread
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), targets


class TestSoftmaxFunction:
    @given(hnp.arrays(np.float32, (3, 4), elements=st.floats(-(2.0**120), 2.0**120, width=32)))
    def test_gives_probabilities_for_any_logits(self, logits: np.ndarray) -> None:
        """However large."""
        found = softmax(logits)

        assert (found >= 0).all()
        assert found.sum(-1) == pytest.approx(1.0, abs=1e-5)


class TestSigmoid:
    @given(st.floats(-(2.0**127), 2.0**127, width=32))
    def test_gives_a_probability_for_any_logit(self, logit: float) -> None:
        """Without a warning; those of a logit and of its opposite sum to 1."""
        one, other = sigmoid(np.array([logit, -logit], np.float32))

        assert 0.0 <= one <= 1.0
        assert one + other == pytest.approx(1.0)

    @pytest.mark.parametrize(("logit", "expected"), [(0.0, 0.5), (2.0, 1 / (1 + np.exp(-2))), (-20.0, 1 / (1 + np.exp(20)))])
    def test_is_the_logistic_function(self, logit: float, expected: float) -> None:
        """To the ninth digit."""
        assert sigmoid(np.float64(logit)) == pytest.approx(expected, rel=1e-6)


class TestFit:
    def test_learns_what_can_be_told_apart(self) -> None:
        """And says so of rows that it has not seen."""
        rows, targets = data(20, 20, 20, spread=0.05)
        unseen, wanted = data(50, 50, 50, spread=0.05, seed=1)
        head = fit(rows, targets, 3, 0.3)

        assert (np.stack([head.chances(row) for row in unseen]).argmax(1) == wanted).all()

    def test_lets_each_label_count_as_much_as_another(self) -> None:
        """Fifty times as many examples do not make a label likelier where nothing else is known."""
        rows, targets = data(500, 10, spread=0.01)
        chances = fit(rows, targets, 2, 1.0).chances(rows.reshape(-1, 1, _SIZE)[[0, -1]].mean(0)[0])

        assert chances == pytest.approx([0.5, 0.5], abs=0.1)

    def test_stays_near_to_nothing_under_a_heavy_penalty(self) -> None:
        """Then every label is as likely as another."""
        rows, targets = data(10, 10, spread=0.1)

        assert fit(rows, targets, 2, 1e6).chances(rows[0]) == pytest.approx([0.5, 0.5], abs=0.01)

    def test_gives_the_same_each_time(self) -> None:
        """There is no chance in it."""
        rows, targets = data(10, 10, spread=0.1)

        assert np.array_equal(fit(rows, targets, 2, 1.0).weights, fit(rows, targets, 2, 1.0).weights)

    def test_takes_a_label_without_examples(self) -> None:
        """As a fold of cross-validation may have one."""
        rows, targets = data(5, 5, spread=0.1)

        assert np.isfinite(fit(rows, targets, 3, 1.0).chances(rows[0])).all()


class TestCrossValidated:
    def test_scores_every_row_by_a_head_that_has_not_seen_it(self) -> None:
        """Labels that are dealt out at random cannot be foretold."""
        rows, _ = data(20, spread=2.0)
        targets = np.random.default_rng(3).integers(0, 2, 20)
        foretold = cross_validated(rows, targets, 2, 0.01).argmax(1)
        head = fit(rows, targets, 2, 0.01)
        known = np.array([head.chances(row).argmax() for row in rows])

        assert (foretold == targets).mean() < 0.7
        assert (known == targets).mean() > 0.9

    @pytest.mark.parametrize("rows", range(2, FOLDS + 2))
    def test_takes_few_rows(self, rows: int) -> None:
        """Fewer than folds, too."""
        found = cross_validated(*data(1, rows - 1, spread=0.1), 2, 1.0)

        assert found.sum(1) == pytest.approx(1.0)


class TestBestPenalty:
    def test_chooses_what_foretells_best(self) -> None:
        """Clear examples want a light penalty, and noise a heavy one."""
        clear, targets = data(10, 10, spread=0.02)
        noise, _ = data(20, spread=1.0)

        assert [best_penalty(rows, targets, 2, (0.3, 10.0))[0] for rows in (clear, noise)] == [0.3, 10.0]

    def test_gives_probabilities_that_mean_what_they_say(self) -> None:
        """Where labels overlap, rows that get 0.8 are right about that often."""
        rows, targets = data(150, 150, spread=0.6)
        _, chances = best_penalty(rows, targets, 2, (0.3, 3.0))
        top = chances.max(1)
        right = chances.argmax(1) == targets

        assert float(top.mean()) == pytest.approx(float(right.mean()), abs=0.06)


class TestSoftmax:
    def test_gives_a_probability_a_label(self) -> None:
        """Of an embedding."""
        head = Softmax(np.eye(3, _SIZE, dtype=np.float32), np.array([0, 0, 1], np.float32))

        assert head.chances(np.zeros(_SIZE, np.float32)).argmax() == 2
        assert head.chances(np.eye(_SIZE, dtype=np.float32)[0] * 5).argmax() == 0

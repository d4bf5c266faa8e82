from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outcome_makers import MODELS, outcomes

from router_extproc.evaluation.routing.curves import apgr, area, chosen, cost_at, exchange, height_at, hull, singles, sweep
from router_extproc.evaluation.routing.figures import frame, frozen, mean_auc, measured
from router_extproc.evaluation.routing.measure import baselines
from router_extproc.evaluation.routing.table import Priced
from router_extproc.quality.training import train

POINTS = [(1.0, 0.5), (2.0, 0.6), (2.0, 0.7), (3.0, 0.6), (4.0, 0.8)]


def made(rows: int = 400, seed: int = 0) -> Priced:
    """Four models, of which the best is dearest."""
    table = outcomes(rows, seed)
    return Priced(table, np.tile([0.2, 0.3, 6.0, 0.1], (rows, 1)), estimated=True)


class TestHull:
    def test_leaves_out_what_mixtures_beat(self) -> None:
        """Only the corners stay."""
        assert hull(POINTS) == [(1.0, 0.5), (2.0, 0.7), (4.0, 0.8)]

    def test_tells_heights_and_costs_between(self) -> None:
        """Mixtures of corners reach what lies between them."""
        assert height_at(POINTS, 3.0) == pytest.approx(0.75)
        assert cost_at(POINTS, 0.75) == pytest.approx(3.0)
        assert math.isnan(height_at(POINTS, 0.5))
        assert math.isnan(cost_at(POINTS, 0.9))
        assert cost_at(POINTS, 0.1) == 1.0

    def test_area_is_the_mean_height(self) -> None:
        """Over a range of costs, or the height where there is no range."""
        assert area([(0.0, 0.0), (1.0, 1.0)], 0.0, 1.0) == pytest.approx(0.5)
        assert area(POINTS, 2.0, 2.0) == pytest.approx(0.7)

    @given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), min_size=1, max_size=12))
    def test_is_never_below_a_point(self, points: list[tuple[float, float]]) -> None:
        """Every point is reached at its cost."""
        for cost, height in points:
            assert height_at(points, cost) >= height - 1e-6


class TestChosen:
    def test_goes_from_best_to_cheapest(self) -> None:
        """Where a dollar is worth nothing quality decides, where it is worth all the price does."""
        chances, costs = np.array([[0.5, 0.9]]), np.array([[1.0, 2.0]])

        assert [chosen(chances, costs, worth)[0] for worth in (0.0, 0.3, 1.0)] == [1, 1, 0]

    def test_takes_the_cheapest_of_equals(self) -> None:
        """No dollar is spent for nothing."""
        assert chosen(np.array([[0.7, 0.7]]), np.array([[2.0, 1.0]]), 0.0)[0] == 1

    def test_sweeps_from_dear_to_cheap(self) -> None:
        """The ends are the most likely model and the cheapest."""
        priced = made()
        points = sweep(np.tile([0.4, 0.5, 0.9, 0.1], (400, 1)), priced)

        assert points[0] == pytest.approx(singles(priced)[2])
        assert points[-1] == pytest.approx(singles(priced)[3])
        assert exchange(priced.costs)[0] == 0


class TestApgr:
    def test_is_a_half_for_chance_and_more_for_knowledge(self) -> None:
        """Knowing who gains closes the gap sooner."""
        chance = np.random.default_rng(0)
        weak, strong = (chance.random(4000) < 0.5).astype(float), (chance.random(4000) < 0.8).astype(float)

        assert apgr(chance.random(4000), weak, strong) == pytest.approx(0.5, abs=0.05)
        assert apgr(strong - weak, weak, strong) > 0.9
        assert math.isnan(apgr(strong, strong, weak))


class TestMeasured:
    def test_a_trained_model_is_cheaper_at_like_accuracy(self) -> None:
        """The large model is not asked where a small one does."""
        train_rows, tuning, fresh = made(400, 0), made(300, 1), made(300, 2)
        predictor = train("clusters", train_rows.outcomes, tuning.outcomes)
        against = frame(train_rows, tuning)

        worth = frozen(predictor.predict_all(tuning.outcomes.inputs, MODELS), tuning, against)
        told = measured("clusters", predictor.predict_all(fresh.outcomes.inputs, MODELS), fresh, against, worth)

        assert against.best == 2
        assert told.cost <= 1
        assert told.gain_low <= told.gain <= told.gain_high
        assert told.cost_at_95 < 0.8
        assert told.auc > 0.6

    def test_baselines_read_no_request(self) -> None:
        """The oracle is best, the random model in between."""
        priced = made()
        told = baselines(priced, frame(priced, priced))

        assert (told.best, told.cheapest) == ("large", "tiny")
        assert told.oracle_accuracy > told.best_accuracy > told.random_accuracy > told.cheapest_accuracy
        assert told.oracle_cost < 1
        assert told.mixture_at_equal_cost == pytest.approx(told.best_accuracy)

    def test_auc_leaves_out_what_it_cannot_tell(self) -> None:
        """Models that were always right, and scores that are not there."""
        scores = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, np.nan]])

        assert mean_auc(np.array([[0.5, 0.9], [0.5, 0.1], [0.5, 0.5]]), scores) == 1
        assert math.isnan(mean_auc(scores[:, :1], scores[:, :1]))

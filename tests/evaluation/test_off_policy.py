"""Off-policy estimates: right where the answer is known, honest about how sure they are."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.evaluation import coverage
from router_extproc.evaluation.coverage import measured
from router_extproc.evaluation.off_policy import Logged, cross_fitted, doubly_robust, gain, ips, mean, snips

ESTIMATORS = [pytest.param(ips, id="ips"), pytest.param(snips, id="snips"), pytest.param(doubly_robust, id="doubly robust")]


def log(rows: int = 4000, *, seed: int = 1, target: tuple[float, float] = (0.2, 0.8)) -> Logged:
    """Two arms, good in 40 % and 70 % of requests, of which the first is taken in 70 %."""
    rng = np.random.default_rng(seed)
    taken = (rng.random(rows) > 0.7).astype(np.int64)
    rewards = (rng.random(rows) < np.where(taken, 0.7, 0.4)).astype(np.float64)
    propensities = np.where(taken, 0.3, 0.7)
    return Logged(rewards, taken, propensities, np.tile(target, (rows, 1)), np.ones((rows, 1)))


class TestEstimates:
    @pytest.mark.parametrize("estimate", ESTIMATORS)
    def test_are_near_the_truth(self, estimate: object) -> None:
        """0.2 x 0.4 + 0.8 x 0.7."""
        found = estimate(log())  # type: ignore[operator]  # a parameter

        assert found.value == pytest.approx(0.64, abs=0.03)
        assert found.holds(0.64)

    @pytest.mark.parametrize("estimate", ESTIMATORS)
    def test_of_the_policy_in_force_are_its_own_mean(self, estimate: object) -> None:
        """Nothing is to be corrected."""
        logged = log(target=(0.7, 0.3))

        assert estimate(logged).value == pytest.approx(logged.rewards.mean(), abs=0.01)  # type: ignore[operator]  # as above

    def test_a_reward_model_narrows(self) -> None:
        """What is expected needs not be seen."""
        logged = log()

        widths = [found.high - found.low for found in (ips(logged), snips(logged), doubly_robust(logged))]

        assert widths[0] > widths[1] >= widths[2] * 0.98

    def test_a_wrong_reward_model_only_widens(self) -> None:
        """Features that say nothing do not bias."""
        logged = replace(log(), features=np.random.default_rng(2).normal(0, 5, (4000, 3)))

        assert doubly_robust(logged).holds(0.64)

    def test_what_was_never_taken_is_not_known(self) -> None:
        """No row speaks for it: no effective rows, and no bound at all from SNIPS."""
        logged = replace(log(10), taken=np.zeros(10, np.int64), target=np.tile((0.0, 1.0), (10, 1)))

        assert logged.effective == 0
        assert (snips(logged).low, snips(logged).high) == (-inf, inf)

    def test_one_row_has_no_interval(self) -> None:
        """Nor has none."""
        found = mean(np.array([0.5]))

        assert (found.value, found.low, found.high) == (0.5, -inf, inf)

    @given(st.integers(2, 50), st.integers(0, 1000))
    def test_effective_rows_are_no_more_than_rows(self, rows: int, seed: int) -> None:
        """And as many where both policies are one."""
        assert 0 <= log(rows, seed=seed).effective <= rows + 1e-9
        assert log(rows, seed=seed, target=(0.7, 0.3)).effective == pytest.approx(rows)


class TestGain:
    def test_is_paired(self) -> None:
        """Both policies are judged on the same rows, so the difference is known better than either."""
        logged = log(target=(0.6, 0.4))

        found = gain(logged)

        assert found.low < 0.03 < found.high
        assert found.high - found.low < doubly_robust(logged).high - doubly_robust(logged).low

    def test_of_the_same_policy_holds_zero(self) -> None:
        """It cannot be promoted."""
        assert gain(log(target=(0.7, 0.3))).holds(0.0)


class TestCrossFitting:
    def test_no_row_predicts_itself(self) -> None:
        """A row's own reward does not move its prediction."""
        logged = log(20)
        changed = replace(logged, rewards=np.where(np.arange(20) == 3, 1 - logged.rewards, logged.rewards))

        assert cross_fitted(changed)[3] == pytest.approx(cross_fitted(logged)[3])
        assert not np.allclose(cross_fitted(changed)[4], cross_fitted(logged)[4])


class TestCoverage:
    def test_intervals_hold_the_truth_about_as_often_as_they_say(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A few small logs; `simulate` has the figures."""
        monkeypatch.setattr(coverage, "_POPULATION", 20_000)
        found = measured(150, 20, seed=3)

        assert len(found) == 6
        assert all(each.coverage >= 0.75 for each in found)
        assert all(abs(each.bias) < 0.1 for each in found)

"""Bandits: which arm is taken, with which chance, within which bounds."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.reading import Reading
from router_extproc.learning.estimates import Estimates, posterior
from router_extproc.learning.exploration import Exploration
from router_extproc.learning.features import BESIDE, features, projection
from router_extproc.learning.learner import Learner, Prior
from router_extproc.learning.ledger import Ledger
from router_extproc.learning.lin_ucb import LinUcb
from router_extproc.learning.sums import Space, at, observed, size, unpacked
from router_extproc.learning.thompson import Thompson, chances_of_best

SPACE = Space("default", 2)
X = np.array([0.5, -0.25, 0.1, 1.0])


def taught(ledger: Ledger, arm: str, reward: float, times: int, x: np.ndarray = X) -> None:
    """Have an arm observed that often."""
    ledger.add((SPACE.key, arm, 0), observed(x, reward, float(times)))


class TestFeatures:
    def test_are_the_same_everywhere(self) -> None:
        """The matrix is fixed by a hash, not by a generator: these are its first signs for good."""
        signs = np.sign(projection(16, 384)[0, :12]).astype(int).tolist()

        assert signs == [-1, 1, -1, 1, -1, -1, -1, 1, -1, 1, 1, 1]

    def test_keep_lengths_and_angles_on_average(self) -> None:
        """As random projections do: 64 numbers tell two texts apart about as the embeddings do."""
        rng = np.random.default_rng(1)
        vectors = rng.standard_normal((200, 384))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        short = vectors @ projection(64, 384).T

        assert np.mean(np.sum(short**2, axis=1)) == pytest.approx(1.0, abs=0.05)
        assert np.abs(short @ short.T - vectors @ vectors.T)[~np.eye(200, dtype=bool)].mean() < 0.15

    def test_hold_difficulty_and_a_constant(self) -> None:
        """Beside the embedding."""
        reading = Reading(chances={"difficulty": 0.75}, embedding=np.eye(1, 384, dtype=np.float32)[0])

        found = features(reading, 16)

        assert len(found) == 16 + BESIDE
        assert found[-2:].tolist() == [0.5, 1.0]
        assert np.abs(found[:16]) == pytest.approx(0.25)

    def test_without_a_reading_only_the_constant_is_there(self) -> None:
        """Then each model's mean is learned."""
        assert features(None, 3).tolist() == [0, 0, 0, 0, 1]


class TestSums:
    @given(st.lists(st.tuples(st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1e6)), min_size=1, max_size=8), st.randoms())
    def test_add_in_any_order(self, rows: list[tuple[float, float, float]], chance: random.Random) -> None:
        """Also with decay: replicas merge by adding."""
        space = Space("x", 0, half_life_s=3600.0)

        def total(order: list[tuple[float, float, float]]) -> np.ndarray:
            sums: dict[int, np.ndarray] = {}
            for reward, value, when in order:
                epoch = space.epoch(when)
                added = observed(np.array([value, 1.0]), reward, space.gain(when, epoch))
                sums[epoch] = sums.get(epoch, np.zeros(size(2))) + added
            return at(space, 1e6, sums.get)

        shuffled = list(rows)
        chance.shuffle(shuffled)

        assert np.allclose(total(rows), total(shuffled), rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("start", [0.0, 32 * 3600.0 - 60], ids=["within an epoch", "over the end of one"])
    def test_lose_half_their_weight_every_half_life(self, start: float) -> None:
        """Wherever the epochs begin."""
        space = Space("x", 0, half_life_s=3600.0)
        epoch = space.epoch(start)
        sums = {epoch: observed(np.array([0.0, 1.0]), 1.0, space.gain(start, epoch))}

        weights = [at(space, start + hours * 3600, sums.get)[0] for hours in range(4)]

        assert weights == pytest.approx([1, 0.5, 0.25, 0.125])

    def test_what_is_old_is_gone(self) -> None:
        """After two epochs."""
        space = Space("x", 0, half_life_s=1.0)

        assert at(space, 100.0, {0: observed(np.array([0.0, 1.0]), 1.0, 1.0)}.get)[0] == 0

    def test_a_space_is_known_by_all_that_gives_its_numbers_a_meaning(self) -> None:
        """State of another kind is never mixed in."""
        keys = {Space("a", 2).key, Space("a", 3).key, Space("a", 2, 5.0).key, Space("b", 2).key}

        assert len(keys) == 4


class TestEstimates:
    def test_are_those_of_ridge_regression(self) -> None:
        """Against the plain formula over all rows."""
        rng = np.random.default_rng(3)
        rows, rewards = rng.standard_normal((50, 4)), rng.random(50)
        sums = np.sum([observed(row, reward, 1.0) for row, reward in zip(rows, rewards, strict=True)], axis=0)

        found = posterior([unpacked(sums, 4)]).of(X)

        inverse = np.linalg.inv(rows.T @ rows + np.eye(4))
        assert found.means[0] == pytest.approx(0.5 + X @ inverse @ rows.T @ (rewards - 0.5))
        assert found.widths[0] == pytest.approx(np.sqrt(X @ inverse @ X))

    def test_a_prior_is_pseudo_observations_of_this_request(self) -> None:
        """The closed form gives what adding them to the sums would."""
        sums = observed(np.array([0.1, 0.2, 0.0, 1.0]), 0.9, 4.0)

        found = posterior([unpacked(sums, 4)]).of(X).with_prior(np.array([0.2]), 3.0)
        added = posterior([unpacked(sums + observed(X, 0.2, 3.0), 4)]).of(X)

        assert found.means == pytest.approx(added.means)
        assert found.widths == pytest.approx(added.widths)


class TestThompson:
    @pytest.mark.parametrize("arms", [2, 3, 6])
    def test_chances_are_those_of_drawing(self, arms: int) -> None:
        """Against a million draws from the posteriors."""
        rng = np.random.default_rng(arms)
        means, spreads = rng.normal(0.5, 0.2, arms), rng.uniform(0.05, 0.4, arms)
        drawn = rng.normal(means, spreads, (200_000, arms)).argmax(1)

        assert chances_of_best(means, spreads) == pytest.approx(np.bincount(drawn, minlength=arms) / 200_000, abs=0.01)

    def test_equal_arms_have_equal_chances(self) -> None:
        """However many."""
        assert chances_of_best(np.full(5, 0.3), np.full(5, 0.1)) == pytest.approx(np.full(5, 0.2))

    def test_scale_widens(self) -> None:
        """More noise, more trying."""
        means, widths = np.array([0.6, 0.4]), np.ones(2) * 0.3

        assert Thompson(1.0).shares(means, widths)[1] > Thompson(0.1).shares(means, widths)[1]


class TestLinUcb:
    def test_takes_the_highest_bound(self) -> None:
        """Alpha decides how much width counts."""
        means, widths = np.array([0.6, 0.5]), np.array([0.1, 0.5])

        assert LinUcb(0.0).shares(means, widths).tolist() == [1, 0]
        assert LinUcb(1.0).shares(means, widths).tolist() == [0, 1]


class TestExploration:
    @given(
        st.lists(st.floats(0.001, 1), min_size=1, max_size=8),
        st.floats(0, 0.9),
        st.floats(0, 1),
        st.integers(0, 7),
    )
    def test_bounds_hold_exactly(self, raw: list[float], low: float, high: float, best: int) -> None:
        """Whatever the algorithm would like."""
        bounds = Exploration(min(low, high), max(low, high))
        shares = np.array(raw) / sum(raw)
        means = np.eye(1, len(raw), best % len(raw))[0]

        found = bounds.bounded(shares, means)

        assert found.sum() == pytest.approx(1.0)
        assert found.min() >= bounds.least / len(raw) - 1e-12
        assert 1 - found[best % len(raw)] <= bounds.most + 1e-9

    def test_within_them_nothing_changes(self) -> None:
        """A bandit that keeps to them is left alone."""
        shares = np.array([0.8, 0.2])

        assert Exploration(0.0, 0.5).bounded(shares, shares) == pytest.approx(shares)


class TestLearner:
    @pytest.mark.parametrize("bandit", [LinUcb(1.0), Thompson(0.3)], ids=["linucb", "thompson"])
    def test_propensities_are_frequencies(self, bandit: LinUcb | Thompson) -> None:
        """Of 8,000 choices each arm gets the share that was told."""
        ledger = Ledger(ttl_s=10, most=10)
        taught(ledger, "a", 0.8, 3)
        taught(ledger, "b", 0.6, 1)
        learner = Learner(SPACE, bandit, Exploration(0.1, 0.4), ledger, source=random.Random(5))

        taken = [learner.take(("a", "b", "c"), X, costs=np.zeros(3)) for _ in range(8000)]

        counts = Counter(each.index for each in taken)
        told = taken[0].shares
        assert [counts[arm] / len(taken) for arm in range(3)] == pytest.approx(told.tolist(), abs=0.02)
        assert all(each.propensity == told[each.index] for each in taken)

    def test_learns_which_arm_is_good_for_what(self) -> None:
        """One is good where the first feature is high, the other where it is low."""
        ledger = Ledger(ttl_s=10, most=10)
        high, low = np.array([1.0, 0, 0, 1]), np.array([-1.0, 0, 0, 1])
        for arm, good, bad in (("a", high, low), ("b", low, high)):
            taught(ledger, arm, 1.0, 20, good)
            taught(ledger, arm, 0.0, 20, bad)
        learner = Learner(SPACE, Thompson(0.3), Exploration(0.0, 0.5), ledger, source=random.Random(1))

        assert learner.take(("a", "b"), high, costs=np.zeros(2)).shares[0] > 0.95
        assert learner.take(("a", "b"), low, costs=np.zeros(2)).shares[1] > 0.95

    def test_costs_count(self) -> None:
        """Of two equally good arms the dear one is taken less."""
        learner = Learner(SPACE, LinUcb(0.0), Exploration(0.0, 0.5), Ledger(ttl_s=1, most=1), source=random.Random(1))

        taken = learner.take(("a", "b"), X, costs=np.array([0.2, 0.1]))

        assert taken.shares.tolist() == [0, 1]
        assert taken.values == pytest.approx([0.3, 0.4])

    def test_a_prior_leads_until_feedback_speaks(self) -> None:
        """Pseudo-observations fade."""
        ledger, prior = Ledger(ttl_s=1, most=1), Prior(np.array([0.9, 0.1]), 2.0)
        learner = Learner(
            SPACE, LinUcb(0.0), Exploration(0.0, 0.5), ledger, source=random.Random(1), clock=iter(range(9)).__next__
        )

        assert learner.take(("a", "b"), X, costs=np.zeros(2), prior=prior).index == 0
        taught(ledger, "a", 0.0, 50)
        taught(ledger, "b", 1.0, 50)
        assert learner.take(("a", "b"), X, costs=np.zeros(2), prior=prior).index == 1

    def test_one_arm_is_taken_for_certain(self) -> None:
        """Filters may leave only one."""
        taken = Learner(SPACE, Thompson(0.3), Exploration(), Ledger(ttl_s=1, most=1)).take(("a",), X, costs=np.zeros(1))

        assert (taken.index, taken.propensity) == (0, 1.0)

    def test_feedback_is_seen_after_a_moment(self) -> None:
        """Posteriors are solved anew when something came, but not for every request."""
        times = iter([0.0, 0.01, 0.2]).__next__
        ledger = Ledger(ttl_s=1, most=1)
        learner = Learner(SPACE, LinUcb(0.0), Exploration(), ledger, clock=times)

        before = learner.estimates(("a",), X).means[0]
        taught(ledger, "a", 1.0, 5)

        assert learner.estimates(("a",), X).means[0] == before
        assert learner.estimates(("a",), X).means[0] > before

    def test_estimates_hold_one_figure_an_arm(self) -> None:
        """In their order."""
        found = Estimates(np.array([0.1, 0.9]), np.array([0.2, 0.2]))

        assert found.with_prior(np.array([0.1, 0.9]), 1.0).means.tolist() == [0.1, 0.9]

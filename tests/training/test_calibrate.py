"""Calibrations and thresholds on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.training.calibrate import best_threshold, chance_calibration, class_calibration, threshold_at

CHANCES = st.lists(st.integers(0, 8).map(lambda eighths: eighths / 10), min_size=1, max_size=60)
"""Many of them equal."""


def drawn(logits: np.ndarray, temperature: float) -> np.ndarray:
    """A label for each row of logits, as often as its probability at that temperature says."""
    scaled = logits / temperature
    chances = np.exp(scaled) / np.exp(scaled).sum(1, keepdims=True)
    return (chances.cumsum(1) > np.random.default_rng(2).random((len(logits), 1))).argmax(1)


class TestClassCalibration:
    @pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
    def test_finds_the_temperature(self, temperature: float) -> None:
        """That the labels were drawn at."""
        logits = np.random.default_rng(1).normal(0, 3, (8000, 4))

        assert class_calibration(logits, drawn(logits, temperature)).temperature == pytest.approx(temperature, rel=0.08)

    def test_does_not_mind_a_constant(self) -> None:
        """Logits of one row are known but for one."""
        logits = np.random.default_rng(1).normal(0, 3, (500, 4))
        targets = drawn(logits, 2.0)

        assert class_calibration(logits + 1000, targets) == class_calibration(logits, targets)

    def test_of_a_head_that_is_always_right(self) -> None:
        """Is as sure as the bound allows, not infinitely sure."""
        assert class_calibration(np.eye(3), np.arange(3)).temperature == 0.25


class TestChanceCalibration:
    @pytest.mark.parametrize(
        ("temperature", "bias"),
        [pytest.param(1.0, 0.0, id="none"), pytest.param(2.0, -1.0, id="both"), pytest.param(0.5, 0.7, id="sharp")],
    )
    def test_finds_slope_and_offset(self, temperature: float, bias: float) -> None:
        """That the targets were made with."""
        logits = np.random.default_rng(1).normal(0, 3, 4000)
        found = chance_calibration(logits, 1 / (1 + np.exp(-(logits + bias) / temperature)))

        assert (found.temperature, found.bias) == (pytest.approx(temperature, rel=0.05), pytest.approx(bias, abs=0.05))

    def test_of_labels(self) -> None:
        """Yes and no serve as well as shares."""
        chance = np.random.default_rng(1)
        logits = chance.normal(0, 3, 20000)
        targets = (chance.random(20000) < 1 / (1 + np.exp(-(logits - 1) / 2))).astype(np.float64)
        found = chance_calibration(logits, targets)

        assert (found.temperature, found.bias) == (pytest.approx(2, rel=0.1), pytest.approx(-1, abs=0.2))

    def test_never_turns_a_head_around(self) -> None:
        """Of one that is wrong throughout the scores come out nearly the same for all."""
        logits = np.linspace(-3, 3, 200)

        assert chance_calibration(logits, (logits < 0).astype(np.float64)).temperature == 20

    def test_of_one_logit(self) -> None:
        """Gives the share of yes."""
        found = chance_calibration(np.zeros(100), np.repeat([0.0, 1.0], [80, 20]))

        assert 1 / (1 + np.exp(-found.bias / found.temperature)) == pytest.approx(0.2, abs=0.01)


class TestThresholdAt:
    @given(CHANCES, st.sampled_from([0.0, 0.01, 0.1, 0.5, 0.9]))
    def test_honours_the_rate(self, chances: list[float], rate: float) -> None:
        """Though many negatives have the same score."""
        negatives = np.array(chances)

        assert (negatives >= threshold_at(negatives, rate)).mean() <= rate

    @given(CHANCES, st.sampled_from([0.0, 0.01, 0.1, 0.5, 0.9]))
    def test_is_the_lowest(self, chances: list[float], rate: float) -> None:
        """With the next score below it too many would pass."""
        negatives = np.array(chances)
        below = negatives[negatives < threshold_at(negatives, rate)]

        assert (negatives >= below.max()).mean() > rate


class TestBestThreshold:
    def test_parts_what_can_be_parted(self) -> None:
        """No yes is below it, and no no above."""
        cut = best_threshold(np.array([0.1, 0.3, 0.7, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]))

        assert 0.3 < cut <= 0.7

    def test_weighs_both_sides_alike(self) -> None:
        """Where yes is rare, saying no to all is not good."""
        chances = np.concatenate([np.linspace(0.0, 0.4, 95), np.linspace(0.3, 0.5, 5)])
        targets = np.repeat([0.0, 1.0], [95, 5])

        assert best_threshold(chances, targets) < 0.5

    def test_of_one_side_only(self) -> None:
        """Is some threshold."""
        assert 0.05 <= best_threshold(np.array([0.2, 0.4]), np.zeros(2)) <= 0.95

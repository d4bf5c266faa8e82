"""The fixed scale of a product's input."""

from __future__ import annotations

import numpy as np
import pytest

from router_extproc.training.quantisation import range_of

CHANCE = np.random.default_rng(5)
ROWS = CHANCE.normal(0, 1, (4000, 8)).astype(np.float32)
WEIGHT = CHANCE.normal(0, 1, (16, 8)).astype(np.float32)


class TestRangeOf:
    @pytest.mark.parametrize("smoothed", [False, True])
    @pytest.mark.parametrize(
        "shift", [pytest.param(0, id="both signs"), pytest.param(5, id="positive"), pytest.param(-5, id="negative")]
    )
    def test_all_values_have_a_number(self, shift: float, *, smoothed: bool) -> None:
        """But for a few at the ends; the error is half a step."""
        rows = ROWS + np.float32(shift)
        found = range_of(rows, WEIGHT, smoothed=smoothed)
        scaled = rows / found.smooth
        numbers = np.clip(np.round(scaled / found.scale) + found.zero, 0, 255)
        back = (numbers - found.zero) * found.scale

        assert (np.abs(back - scaled) <= 0.51 * found.scale).mean() > 0.999

    def test_nothing_stays_nothing(self) -> None:
        """Zero is a number of its own: padding and what a gate shuts off must not turn into something."""
        found = range_of(np.abs(ROWS), WEIGHT, smoothed=False)

        assert found.zero == 0
        assert 0 <= range_of(-np.abs(ROWS), WEIGHT, smoothed=False).zero <= 255

    def test_unsmoothed(self) -> None:
        """Channels stay as they are."""
        assert np.all(range_of(ROWS, WEIGHT, smoothed=False).smooth == 1)

    def test_smoothing_makes_channels_alike(self) -> None:
        """A channel that is a hundred times larger than the others would cost them their precision."""
        rows = ROWS * np.array([100, 1, 1, 1, 1, 1, 1, 1], np.float32)
        found = range_of(rows, WEIGHT, smoothed=True)
        sizes = np.abs(rows / found.smooth).max(0)

        assert sizes.max() / sizes.min() < 30
        assert found.smooth[0] == found.smooth.max()

    def test_smoothing_is_neutral_on_the_whole(self) -> None:
        """Its mean, in logarithms, is nothing: scales stay comparable."""
        assert np.log(range_of(ROWS, WEIGHT, smoothed=True).smooth).mean() == pytest.approx(0, abs=1e-5)

    def test_one_outlier(self) -> None:
        """Is cut off."""
        rows = np.tile(ROWS, (40, 1))
        rows[0, 0] = 1000

        assert range_of(rows, WEIGHT, smoothed=False).scale < 1

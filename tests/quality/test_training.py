"""Training: few rows, all of which are fitted on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from outcome_makers import MODELS, outcomes, with_facts

from router_extproc.quality.blend import BlendMethod
from router_extproc.quality.errors import QualityError
from router_extproc.quality.network import forward
from router_extproc.quality.outcomes import Outcomes
from router_extproc.quality.training import cross_trained, losses


class TestCrossTrained:
    def test_says_of_each_row_what_a_fit_without_it_says(self) -> None:
        """So that the figures on them hold for others."""
        table, fresh = outcomes(300), outcomes(400, seed=1)
        predictor, said = cross_trained("clusters", table)
        other = predictor.predict_all(fresh.inputs, MODELS)

        assert losses(said, table)["brier"] == pytest.approx(losses(other, fresh)["brier"], abs=0.03)

    def test_rows_that_belong_together_are_left_out_together(self) -> None:
        """Of rows that come twice, none is learned from while its twin is judged: noise is not known beforehand."""
        table = outcomes(100)
        noise = Outcomes(table.inputs, (np.random.default_rng(3).random(table.scores.shape) < 0.5).astype(float), MODELS)
        twice = noise.rows(np.repeat(np.arange(100), 2))
        _, apart = cross_trained("knn", twice, np.tile([0, 1], 100))
        _, together = cross_trained("knn", twice, np.repeat(np.arange(100), 2) % 5)

        assert losses(apart, twice)["brier"] < losses(together, twice)["brier"]

    def test_too_few_are_refused(self) -> None:
        """As where rows are held out."""
        with pytest.raises(QualityError, match="50 to 200000 are needed"):
            cross_trained("clusters", outcomes(30))


class TestBlend:
    def test_the_network_counts_less_where_it_is_not_worth_it(self) -> None:
        """A handful of rows teaches the regression a fact, and the network nothing yet."""
        assert BlendMethod().fit(with_facts(120)).share < 0.5

    def test_a_file_without_a_share_has_equal_ones(self) -> None:
        """Of format 1."""
        fitted = BlendMethod().fit(with_facts(120))
        arrays = {name: values for name, values in fitted.arrays().items() if name != "share"}

        assert BlendMethod().restore(arrays).share == 0.5
        assert BlendMethod().restore(fitted.arrays()).share == fitted.share

    def test_a_file_without_tables_says_what_it_said(self) -> None:
        """Of format 2: what regression and network say, and nothing else."""
        rows = with_facts(120)
        fitted = BlendMethod().fit(rows)
        arrays = {name: values for name, values in fitted.arrays().items() if not name.startswith("tables_")}
        both = (1 - fitted.share) * fitted.ridge.logits(rows.inputs) + fitted.share * forward(fitted.network, rows.inputs)

        assert np.allclose(BlendMethod().restore(arrays).logits(rows.inputs), both)

    def test_tables_count_a_third(self) -> None:
        """In log odds, and again when the file is read back."""
        rows = with_facts(120)
        fitted = BlendMethod().fit(rows)
        assert fitted.tables is not None
        rest = replace(fitted, tables=None).logits(rows.inputs)

        for each in (fitted, BlendMethod().restore(fitted.arrays())):
            assert np.allclose(each.logits(rows.inputs), (2 * rest + fitted.tables.logits(rows.inputs)) / 3)

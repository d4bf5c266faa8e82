from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outcome_makers import MODELS, WIDTH, outcomes, query, with_facts

from router_extproc.quality.adam import Schedule, descend, slopes
from router_extproc.quality.calibration import calibration_error, lines, platt
from router_extproc.quality.elo import bradley_terry
from router_extproc.quality.facts import FACTS
from router_extproc.quality.landmarks import landmarks
from router_extproc.quality.mlp import opened
from router_extproc.quality.outcomes import chance, inputs_of, logit
from router_extproc.quality.ridge import Normal, features, folded, unfolded


class TestOutcomes:
    def test_means_are_drawn_together_where_rows_are_few(self) -> None:
        """A model that was tried once is not taken for perfect."""
        table = outcomes()
        table.scores[1:, 3] = np.nan
        table.scores[0, 3] = 1.0

        assert 0.5 < table.means[3] < 0.9

    def test_inputs_end_with_difficulty(self) -> None:
        """After the embedding."""
        assert inputs_of(query(1)).tolist() == [[0.0, 1.0, *[0.0] * (WIDTH - 2), pytest.approx(0.7)]]

    @given(st.floats(0.01, 0.99))
    def test_chance_undoes_logit(self, value: float) -> None:
        """Away from 0 and 1."""
        assert chance(logit(np.array([value])))[0] == pytest.approx(value)


class TestPlatt:
    def test_finds_the_line_that_chances_came_from(self) -> None:
        """Scores drawn at twice the logits less one."""
        random = np.random.default_rng(0)
        logits = random.normal(0, 1, 20_000)
        scores = (random.random(20_000) < chance(2 * logits - 1)).astype(float)

        assert platt(logits, scores) == (pytest.approx(2, abs=0.1), pytest.approx(-1, abs=0.1))

    def test_trusts_the_logits_where_there_is_nothing_else(self) -> None:
        """No scores, no change; scores that are not told do not count."""
        assert platt(np.zeros(0), np.zeros(0)) == (1.0, 0.0)
        assert platt(np.ones((2, 2)), np.full((2, 2), np.nan)) == (1.0, 0.0)

    def test_a_line_for_each_column(self) -> None:
        """One that is always right, and one that never is."""
        _, offsets = lines(np.zeros((50, 2)), np.tile([1.0, 0.0], (50, 1)))

        assert offsets[0] > 0 > offsets[1]

    def test_calibration_error_is_the_distance_from_frequencies(self) -> None:
        """Half right, said to be four in five."""
        assert calibration_error(np.full(100, 0.8), np.arange(100) % 2.0) == pytest.approx(0.3)
        assert np.isnan(calibration_error(np.zeros(0), np.zeros(0)))


class TestLandmarks:
    def test_stand_for_regions(self) -> None:
        """Two kinds of requests get two landmarks of length 1."""
        found = landmarks(outcomes().embeddings, 2)

        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
        assert sorted(found[:, :2].argmax(1).tolist()) == [0, 1]

    def test_are_fewer_where_rows_are_few(self) -> None:
        """Each stands for six rows on average."""
        assert len(landmarks(outcomes(30).embeddings, 100)) == 5


class TestDescend:
    def test_finds_a_minimum_and_is_the_same_each_time(self) -> None:
        """Of cross-entropy: the level of the scores' mean."""
        scores = np.tile([[1.0], [1.0], [1.0], [0.0]], (50, 1)).astype(np.float32)

        def run() -> float:
            found = descend(
                {"level": np.zeros(1, np.float32)},
                lambda now, rows: {"level": slopes(np.tile(now["level"], (len(rows), 1)), scores[rows]).sum(0)},
                len(scores),
                Schedule(epochs=60, batch=50, rate=0.1),
            )
            return float(found["level"][0])

        assert run() == run() == pytest.approx(np.log(3), abs=0.1)

    def test_no_slope_where_no_score_is_told(self) -> None:
        """It teaches nothing."""
        assert slopes(np.zeros((1, 2), np.float32), np.array([[np.nan, 1.0]], np.float32)).tolist() == [[0.0, -0.5]]


class TestRidge:
    def test_folding_changes_nothing(self) -> None:
        """Features times weights, and the two products that are left of it."""
        table = outcomes(120)
        made = features(table, 8)
        weights = Normal(made.of(table.inputs).astype(np.float64), table).weights(1.0, 3.0)
        folded_ = folded(made, weights, table.means)

        np.testing.assert_allclose(folded_.values(table.inputs), made.of(table.inputs) @ weights + table.means, atol=1e-4)
        np.testing.assert_array_equal(unfolded(folded_.arrays()).values(table.inputs), folded_.values(table.inputs))

    def test_few_rows_are_solved_by_their_own_products(self) -> None:
        """With the same weights as by the features' products."""
        table = outcomes(40)
        rows = np.random.default_rng(0).normal(size=(40, 60))
        off = table.scores - table.means
        common = off.mean(1, keepdims=True)
        gram = rows.T @ rows
        wanted = sum(
            np.linalg.solve(gram + penalty * np.eye(60), rows.T @ part) for penalty, part in ((2.0, common), (5.0, off - common))
        )

        np.testing.assert_allclose(Normal(rows, table).weights(2.0, 5.0), wanted, atol=1e-8)

    def test_facts_count_alike(self) -> None:
        """However far they spread; one that is the same in all rows says nothing of other requests."""
        table = with_facts(200)
        made = features(table, 4).of(table.inputs)[:, WIDTH + 1 : WIDTH + 1 + FACTS]

        np.testing.assert_allclose((made[:, :-1] ** 2).mean(0), 1 / FACTS, rtol=1e-3)
        assert not made[:, -1].any()

    def test_heavier_penalties_bring_models_together(self) -> None:
        """What sets them apart goes, what they share stays."""
        table = outcomes(200)
        rows = features(table, 4).of(table.inputs).astype(np.float64)
        loose, tight = (Normal(rows, table).weights(1.0, apart) for apart in (1.0, 1e6))

        assert np.ptp(tight, axis=1).max() < 0.01 < np.ptp(loose, axis=1).max()

    def test_weights_of_other_sizes_are_refused(self) -> None:
        """They are of another method."""
        with pytest.raises(ValueError, match="other sizes"):
            unfolded(
                {"joint": np.zeros((3, 4), np.float32), "near": np.zeros((2, 1), np.float32), "levels": np.zeros(1, np.float32)}
            )


class TestBradleyTerry:
    def test_ranks_by_wins(self) -> None:
        """Who beats the other three times in four is three times as strong."""
        (found,) = bradley_terry(np.array([[[0.0, 75.0], [25.0, 0.0]]]))

        assert found[0] - found[1] == pytest.approx(np.log(3), abs=0.01)


class TestNetwork:
    def test_what_is_no_graph_is_refused(self) -> None:
        """With onnxruntime's reason."""
        with pytest.raises(ValueError, match=r"INVALID_PROTOBUF|[Pp]rotobuf"):
            opened(b"no graph")


class TestModels:
    def test_are_known_by_name(self) -> None:
        """The table's columns are in this order."""
        assert [model.name for model in outcomes().columns([2, 0]).models] == [MODELS[2].name, MODELS[0].name]

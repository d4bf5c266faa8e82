from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outcome_makers import MODELS, WIDTH, outcomes, query

from router_extproc.quality.errors import QualityError
from router_extproc.quality.profile import ModelProfile, QualityModel, Query
from router_extproc.quality.training import held_out, losses, train

if TYPE_CHECKING:
    from router_extproc.quality.predictor import Predictor

NEW = ModelProfile("new", 0.2, 0.3, 7.5, 8192, frozenset({"math"}), {"mmlu": 0.52, "gsm8k": 0.82})


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """Of a method in closed form."""
    return train("ridge", outcomes(), outcomes(200, seed=1))


class TestPredictor:
    def test_is_a_quality_model(self, predictor: Predictor) -> None:
        """It fits the Protocol that selectors use."""
        assert isinstance(predictor, QualityModel)
        assert predictor.method == "ridge"

    def test_follows_the_order_of_models(self, predictor: Predictor) -> None:
        """Any tuple of models gets its own chances."""
        whole = predictor.predict(query(0), MODELS)

        assert predictor.predict(query(0), (MODELS[2], MODELS[0])).tolist() == [whole[2], whole[0]]
        assert predictor.predict(query(0), ()).shape == (0,)

    def test_one_and_many_agree(self, predictor: Predictor) -> None:
        """The batched form says the same."""
        rows = outcomes(5).inputs
        one = [predictor.predict(Query(row[:-1], float(row[-1])), MODELS) for row in rows]

        np.testing.assert_allclose(predictor.predict_all(rows, MODELS), np.stack(one), atol=1e-5)

    def test_refuses_embeddings_of_another_width(self, predictor: Predictor) -> None:
        """They come from another encoder."""
        with pytest.raises(QualityError, match=f"{WIDTH} numbers, not 3"):
            predictor.predict(Query(np.ones(3, np.float32), 0.5), MODELS)

    def test_keeps_a_bounded_number_of_sets(self, predictor: Predictor) -> None:
        """Sets of models are forgotten, the oldest first."""
        for number in range(200):
            predictor.predict(query(0), (ModelProfile(f"model {number}"),))

        assert len(predictor._mixes) <= 64


class TestNewModels:
    def test_are_told_by_their_profile(self, predictor: Predictor) -> None:
        """A large strong model without outcomes is expected to do better than a tiny one."""
        strong = ModelProfile("strong", 3.0, 9.0, 180.0, scores={"mmlu": 0.88, "gsm8k": 0.93})
        weak = ModelProfile("weak", 0.1, 0.1, 1.2, scores={"mmlu": 0.32, "gsm8k": 0.12})

        said = predictor.predict(query(0), (strong, weak))

        assert said[0] > said[1]
        assert not predictor.knows(strong)

    def test_need_no_profile(self, predictor: Predictor) -> None:
        """Of a name alone, the mean of all is said."""
        (said,) = predictor.predict(query(1), (ModelProfile("just a name"),))

        assert 0.2 < said < 0.9

    def test_learn_from_examples(self, predictor: Predictor) -> None:
        """Outcomes of a new model move what is said of it towards them, and of no other."""
        rows = outcomes(60, seed=3)
        always, never = (predictor.with_examples(NEW, rows.inputs, np.full(60, value)) for value in (1.0, 0.0))

        before = predictor.predict(query(0), (NEW, *MODELS))
        after = always.predict(query(0), (NEW, *MODELS))

        assert never.predict(query(0), (NEW,))[0] < before[0] < after[0]
        assert after[1:].tolist() == before[1:].tolist()
        assert always.knows(NEW)

    def test_no_example_changes_nothing(self, predictor: Predictor) -> None:
        """With no outcomes the profile is all that counts."""
        same = predictor.with_examples(NEW, outcomes(1).inputs[:0], np.zeros(0))

        np.testing.assert_allclose(same.predict(query(1), (NEW,)), predictor.predict(query(1), (NEW,)), atol=1e-6)

    @given(
        st.builds(
            ModelProfile,
            st.just("any"),
            st.none() | st.floats(0, 1000),
            st.none() | st.floats(0, 1000),
            st.none() | st.floats(0, 1e5),
            scores=st.dictionaries(st.sampled_from(["mmlu", "gsm8k", "other"]), st.floats(0, 1)),
        )
    )
    def test_any_profile_gets_a_chance(self, profile: ModelProfile) -> None:
        """Whatever is told of a model, what is said of it is in [0, 1]."""
        (said,) = _ANY.predict(query(0), (profile,))

        assert 0 <= said <= 1


_ANY = train("clusters", outcomes(), outcomes(100, seed=1))


class TestTraining:
    def test_says_what_is_missing(self) -> None:
        """Too few rows, too few models, and models without outcomes are told."""
        with pytest.raises(QualityError, match="20 requests"):
            train("ridge", outcomes(20), outcomes())
        with pytest.raises(QualityError, match="1 models"):
            train("ridge", outcomes().columns([0]), outcomes())
        table = outcomes()
        table.scores[:, 1] = np.nan
        with pytest.raises(QualityError, match="'maths' has no outcomes"):
            train("ridge", table, outcomes())

    def test_holds_rows_out(self) -> None:
        """Each row is on one side."""
        fitted, held = held_out(outcomes(100), 0.2)

        assert (len(fitted), len(held)) == (80, 20)

    def test_losses_are_below_those_of_means(self, predictor: Predictor) -> None:
        """It says more than how good each model is on average."""
        fresh = outcomes(300, seed=5)

        told = losses(predictor.predict_all(fresh.inputs, MODELS), fresh)

        assert told["brier"] < told["brier_of_means"]

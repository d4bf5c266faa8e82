from __future__ import annotations

import numpy as np
from outcome_makers import MODELS, outcomes

from router_extproc.quality.kinship import Share, kinship, learned
from router_extproc.quality.outcomes import logit
from router_extproc.quality.profile import ModelProfile
from router_extproc.quality.traits import traits_of


class TestTraits:
    def test_are_standardised(self) -> None:
        """A one, then size, price and benchmarks around 0, then tags."""
        traits = traits_of(MODELS)
        rows = traits.of(MODELS)

        assert (traits.benchmarks, traits.tags) == (("gsm8k", "mmlu"), ("chat",))
        assert rows.shape == (4, 6)
        assert (rows[:, 0] == 1).all()
        np.testing.assert_allclose(rows[:, 1:5].mean(0), 0, atol=0.05)

    def test_guess_what_is_missing(self) -> None:
        """A dear model of untold size is taken for a large one."""
        dear, cheap = traits_of(MODELS).of((ModelProfile("dear", 5.0, 15.0), ModelProfile("cheap", 0.05, 0.1)))

        assert dear[1] > cheap[1]
        assert dear[3] > cheap[3]

    def test_take_profiles_that_say_nothing(self) -> None:
        """They are the mean."""
        (row,) = traits_of(MODELS).of((ModelProfile("a name"),))

        np.testing.assert_allclose(row[1:5], 0, atol=1e-9)

    def test_take_models_of_which_nothing_is_known(self) -> None:
        """A table may come without profiles."""
        rows = traits_of((ModelProfile("a"), ModelProfile("b"))).of((ModelProfile("c"),))

        assert np.isfinite(rows).all()


class TestKinship:
    def test_makes_a_known_profile_of_its_like(self) -> None:
        """A model with the profile of the large one takes most from it."""
        table = outcomes()
        kin = kinship(MODELS, logit(np.tile(table.means, (5, 1))))

        share = kin.share(ModelProfile("twin", 3.0, 9.0, 200.0, tags=frozenset({"chat"}), scores=MODELS[2].scores))

        assert share.weights.argmax() == 2
        np.testing.assert_allclose(share.weights.sum(), 1, atol=1e-3)


class TestLearned:
    def test_few_outcomes_change_little(self) -> None:
        """Two outcomes move a share less than fifty do."""
        share = Share(np.array([0.5, 0.5]))
        few = learned(share, np.zeros((2, 2)), np.ones(2))
        many = learned(share, np.zeros((50, 2)), np.ones(50))

        assert 0 < few.level < many.level

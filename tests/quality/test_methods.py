from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from outcome_makers import CHANCES, MODELS, outcomes, query

from router_extproc.errors import UnknownPluginError
from router_extproc.quality.artifact import packed, unpacked
from router_extproc.quality.calibration import calibration_error
from router_extproc.quality.methods import DEFAULT, METHODS
from router_extproc.quality.training import train

if TYPE_CHECKING:
    from router_extproc.quality.predictor import Predictor

NAMES = [plugin.name for plugin in METHODS]


@pytest.fixture(scope="module")
def trained() -> dict[str, Predictor]:
    """One of each method."""
    return {name: train(name, outcomes(), outcomes(200, seed=1)) for name in NAMES}


class TestEveryMethod:
    @pytest.mark.parametrize("name", NAMES)
    def test_tells_who_is_good_at_what(self, name: str, trained: dict[str, Predictor]) -> None:
        """The prose model is likelier right on prose, the maths model on maths."""
        prose, maths = (trained[name].predict(query(kind), MODELS) for kind in (0, 1))

        assert prose[0] > prose[3]
        if name != "contrastive":  # its cosines rank models, and say less of how often each is right
            assert prose[0] > prose[1]
            assert maths[1] > maths[0]

    @pytest.mark.parametrize("name", NAMES)
    def test_gives_chances(self, name: str, trained: dict[str, Predictor]) -> None:
        """They are in [0, 1], and right about as often as they say."""
        fresh = outcomes(600, seed=2)

        said = trained[name].predict_all(fresh.inputs, MODELS)

        assert ((said >= 0) & (said <= 1)).all()
        assert calibration_error(said, fresh.scores) < 0.12

    @pytest.mark.parametrize("name", NAMES)
    def test_is_the_same_in_a_file(self, name: str, trained: dict[str, Predictor]) -> None:
        """What is read from a file predicts what was written."""
        again, header = unpacked(packed(trained[name], "0" * 64, {"rows": 400}), encoder="0" * 64)

        assert (again.method, header.training) == (name, {"rows": 400})
        for kind in (0, 1):
            np.testing.assert_allclose(again.predict(query(kind), MODELS), trained[name].predict(query(kind), MODELS), atol=0.01)

    @pytest.mark.parametrize("name", NAMES)
    def test_bears_models_that_were_not_tried_everywhere(self, name: str) -> None:
        """Half of a model's outcomes missing changes little of what is said of the others."""
        table = outcomes()
        table.scores[::2, 2] = np.nan

        said = train(name, table, outcomes(200, seed=1)).predict(query(0), MODELS)

        assert np.isfinite(said).all()
        assert said[0] > said[3]


class TestDefault:
    def test_is_close_to_the_truth(self, trained: dict[str, Predictor]) -> None:
        """The default method finds the chances that the outcomes were drawn from."""
        for kind in (0, 1):
            np.testing.assert_allclose(trained[DEFAULT].predict(query(kind), MODELS), CHANCES[kind], atol=0.15)

    def test_unknown_names_are_refused(self) -> None:
        """The error lists what there is."""
        with pytest.raises(UnknownPluginError, match="blend"):
            train("magic", outcomes(), outcomes())

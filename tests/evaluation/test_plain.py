"""Plain: what is told to machines can be read by them."""

from __future__ import annotations

import json

from router_extproc.evaluation.online import Fared, OnlineEvaluation
from router_extproc.evaluation.plain import finite


class TestFinite:
    def test_json_has_no_figure_that_is_none(self) -> None:
        """Wherever it stands; all else stays."""
        told = {"a": float("nan"), "b": [1.5, float("inf"), "x"], "c": ({"d": -float("inf")}, True, None)}

        assert finite(told) == {"a": None, "b": [1.5, None, "x"], "c": [{"d": None}, True, None]}

    def test_simulations_are_told_like_that(self) -> None:
        """A figure of nothing is null."""
        figures = {"lowest": 0.0, "highest": 1.0, "exploration": 0.0, "late": 0.0, "newcomer": 0.0, "least": 0.0}
        fared = Fared(policy="Thompson", learns=True, regret=float("nan"), phases={"steady": float("inf")}, **figures)

        json.dumps(OnlineEvaluation(1, [0], [fared], []).to_dict(), allow_nan=False)

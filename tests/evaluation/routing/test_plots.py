"""Pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from outcome_makers import CHANCES, MODELS, outcomes

from router_extproc.evaluation.routing import plots
from router_extproc.evaluation.routing.curves import singles
from router_extproc.evaluation.routing.figures import frame, frozen, measured
from router_extproc.evaluation.routing.measure import SetResult, baselines
from router_extproc.evaluation.routing.run import RoutingEvaluation
from router_extproc.evaluation.routing.table import Priced

if TYPE_CHECKING:
    from pathlib import Path


def evaluation() -> RoutingEvaluation:
    """One set and one method, which knows the chances."""
    priced = Priced(outcomes(), np.tile([0.2, 0.3, 6.0, 0.1], (400, 1)), estimated=True)
    against, chances = frame(priced, priced), np.tile(CHANCES, (200, 1))
    told = measured("blend", chances, priced, against, frozen(chances, priced, against))
    names = [model.name for model in MODELS]
    made = SetResult(
        "made", 400, 0, 400, 4, estimated=True, baselines=baselines(priced, against),
        singles=dict(zip(names, singles(priced), strict=True)), methods=[told],
    )  # fmt: skip
    return RoutingEvaluation("blend", "eval", "0" * 64, [made])


class TestDraw:
    def test_a_picture_for_each_set(self, tmp_path: Path) -> None:
        """The same figures give the same bytes."""
        drawn = [plots.draw(evaluation(), tmp_path / name) for name in ("a", "b")]

        assert drawn == [{"made": "made.png"}] * 2
        assert (tmp_path / "a/made.png").read_bytes() == (tmp_path / "b/made.png").read_bytes()


class TestFrozen:
    def test_the_thrifty_point_is_no_dearer_than_the_accurate_one(self) -> None:
        """And on the rows that it was chosen on, it is as good as the best single model."""
        (one,) = evaluation().sets[0].methods

        assert one.thrifty_cost <= one.cost <= 1
        assert one.thrifty_accuracy >= evaluation().sets[0].baselines.best_accuracy

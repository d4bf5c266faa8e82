"""Results as plain values."""

from __future__ import annotations

import json
import math

import numpy as np

from router_extproc.evaluation.floors import Floor
from router_extproc.evaluation.results import Diagrams, Evaluation, FloorResult, Group, HeadResult, Main, Shift

SHIFT = Shift("typos", "", 3, {"AUC": 0.9}, {"AUC": 0.75})
HEAD = HeadResult(
    "jailbreak",
    0.5,
    Main("AUC", 0.912345, math.nan, math.inf),
    (Group("all", 4, {"AUC": 0.912345}),),
    ("AUC",),
    (SHIFT,),
    Diagrams(),
)


class TestShift:
    def test_delta_is_after_less_before(self) -> None:
        """A loss is negative."""
        assert SHIFT.delta("AUC") == 0.75 - 0.9


class TestHeadResult:
    def test_figure_of_a_group(self) -> None:
        """None where no row is in it, as in a quick look."""
        assert HEAD.figure("all", "AUC") == 0.912345
        assert HEAD.figure("documents", "AUC") is None


class TestDiagrams:
    def test_are_plain(self) -> None:
        """No arrays: results compare, and become JSON."""
        found = Diagrams.of(("no", "yes"), np.array([[1, 2], [3, 4]]), [(0.5, 0.25, 4)])
        assert found == Diagrams(("no", "yes"), ((1, 2), (3, 4)), ((0.5, 0.25, 4),))
        assert Diagrams.of((), None, []) == Diagrams()


class TestAsJson:
    def test_is_json_without_nan(self) -> None:
        """What is not defined is null; four digits are kept."""
        floor = FloorResult(Floor("jailbreak", "all", "AUC", 0.95), 0.912345, met=False)
        found = Evaluation("eval", 5, (HEAD,), (floor,), 7, 1.23456, math.nan, 1.0).as_json()

        assert json.loads(json.dumps(found, allow_nan=False)) == found
        assert found["heads"][0]["main"] == {"measure": "AUC", "value": 0.9123, "low": None, "high": None}
        assert found["heads"][0]["groups"] == [{"name": "all", "rows": 4, "figures": {"AUC": 0.9123}}]
        assert found["floors"][0]["met"] is False
        assert found["floors"][0]["floor"]["floor"] == 0.95
        assert (found["texts"], found["ms_median"], found["ms_p95"]) == (7, 1.2346, None)

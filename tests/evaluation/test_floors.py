"""Bounds."""

from __future__ import annotations

import math

import pytest

from router_extproc.evaluation.datasets import MEASURED, measured
from router_extproc.evaluation.floors import FIELD_NOTES, FLOORS, NOTES, Floor


class TestFloor:
    @pytest.mark.parametrize(
        ("at_most", "value", "met"),
        [
            pytest.param(False, 0.9, True, id="above"),
            pytest.param(False, 0.8, True, id="at the floor"),
            pytest.param(False, 0.7999, False, id="below"),
            pytest.param(False, math.nan, False, id="not defined"),
            pytest.param(True, 0.9, False, id="above what it may be"),
            pytest.param(True, 0.8, True, id="at what it may be"),
            pytest.param(True, 0.1, True, id="below what it may be"),
            pytest.param(True, math.nan, False, id="not defined, either"),
        ],
    )
    def test_met(self, value: float, *, at_most: bool, met: bool) -> None:
        """What is not defined never is."""
        assert Floor("domain", "all", "accuracy", 0.8, at_most=at_most).met(value) is met


class TestFloors:
    @pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: f"{floor.head} {floor.group} {floor.measure}")
    def test_ask_for_more_than_what_they_stand_on(self, floor: Floor) -> None:
        """The aim is beyond the floor, and the floor beyond the baseline."""
        sign = -1 if floor.at_most else 1
        known = [value * sign for value in (floor.baseline, floor.floor, floor.aim) if value is not None]
        assert known == sorted(known)
        assert floor.head in MEASURED

    def test_name_each_figure_once(self) -> None:
        """Two bounds on one figure would contradict each other."""
        assert len({(floor.head, floor.group, floor.measure) for floor in FLOORS}) == len(FLOORS)


class TestNotes:
    def test_are_of_heads(self) -> None:
        """That the report has."""
        assert set(NOTES) <= set(MEASURED)
        assert set(FIELD_NOTES) <= set(measured("field"))

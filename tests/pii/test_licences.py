"""Driving licences."""

from collections.abc import Callable

import pytest

from router_extproc.pii.licences import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("driving licence no. MORGA657054SM9IJ", "MORGA657054SM9IJ", id="British"),
            pytest.param("my driver's license number is D1234567.", "D1234567", id="American"),
            pytest.param("driver licence B653-4381-4557 is", "B653-4381-4557", id="groups"),
            pytest.param("DL: F4946033", "F4946033", id="short name"),
            pytest.param("Führerscheinnummer B072RRE2I55", "B072RRE2I55", id="German"),
            pytest.param("F4946033 is my driver's license", "F4946033", id="before the name"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("F4946033", id="no word"),
            pytest.param("driver license renewal takes 10 days", id="renewal"),
            pytest.param("driving licence 01/02/2023", id="date"),
            pytest.param("the driver 1234567 crashed", id="a driver"),
            pytest.param("mg/dL 2.3 6000", id="a unit"),
            pytest.param("driving licence B12", id="few digits"),
            pytest.param("driver 531.41.2023", id="version"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []

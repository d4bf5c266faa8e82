"""Ages."""

from collections.abc import Callable

import pytest

from router_extproc.pii.ages import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("Ann, 77 years old", "77", id="years old"),
            pytest.param("a 38-year-old male", "38", id="hyphens"),
            pytest.param("This 33 year old female", "33", id="no hyphen"),
            pytest.param("I just turned 55", "55", id="turned"),
            pytest.param("retired at the age of 71", "71", id="age of"),
            pytest.param("Age: 42", "42", id="field"),
            pytest.param("I'm 34 and tired", "34", id="I am"),
            pytest.param("when he was 65.", "65", id="was"),
            pytest.param("a 29 y/o woman", "29", id="short"),
            pytest.param("and my husband is 20.", "20", id="kin"),
            pytest.param("My sister, 79, lives here", "79", id="kin between commas"),
            pytest.param("on her 40th birthday we", "40", id="birthday"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("He turned 18 degrees", id="degrees"),
            pytest.param("I'm 90% sure", id="percent"),
            pytest.param("a 12-year-old whisky", id="whisky"),
            pytest.param("aged 18 months", id="months"),
            pytest.param("under the age of 18", id="law"),
            pytest.param("aged 18-25", id="range"),
            pytest.param("aged 65 and over", id="and over"),
            pytest.param("I'm 5 minutes away", id="time"),
            pytest.param("turns 5 more people", id="verb"),
            pytest.param("300 years old", id="too old"),
            pytest.param("I am 3.5 km away", id="price"),
            pytest.param("my friend, 2 days later, said", id="kin and days"),
            pytest.param("my father is 2 m tall", id="kin and metres"),
            pytest.param("the firm's 10th birthday", id="a firm's birthday"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []

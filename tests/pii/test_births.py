"""Dates of birth."""

from collections.abc import Callable

import pytest

from router_extproc.pii.births import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("DOB: 03/14/1985", "03/14/1985", id="numbers"),
            pytest.param("born 1985-03-14, living", "1985-03-14", id="ISO"),
            pytest.param("date of birth is 14 March 1985", "14 March 1985", id="words"),
            pytest.param("was born on March 14, 1985.", "March 14, 1985", id="American"),
            pytest.param("geboren am 14.3.1985", "14.3.1985", id="German"),
            pytest.param("né le 14 mars 1985", "14 mars 1985", id="French"),
            pytest.param("出生日期:1985年3月14日", "1985年3月14日", id="Chinese"),
            pytest.param("b-day 3/14/85", "3/14/85", id="short year"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("on 03/14/1985", id="no word"),
            pytest.param("born 14/14/1985", id="no such month"),
            pytest.param("born 1985-02-30", id="no such day"),
            pytest.param("born in 1985", id="year only"),
            pytest.param("born on March 14, 1879", id="history"),
            pytest.param("born in Ulm, moved 03/14/1985", id="other date"),
            pytest.param("stubborn 03/14/1985", id="stubborn"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []

"""Social security numbers."""

from collections.abc import Callable

import pytest

from router_extproc.pii.us_ssn import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("It is 536-22-1234.", "536-22-1234", id="hyphens"),
            pytest.param("SSN 536 22 1234", "536 22 1234", id="spaces with a word"),
            pytest.param("My SSN for the insurance claim is 536-22-1234.", "536-22-1234", id="what it is for"),
            pytest.param("SSN (claim): 536-22-1234", "536-22-1234", id="what it is for, in brackets"),
            pytest.param("total: 536-22-1234", "536-22-1234", id="no sum"),
            pytest.param("SSN 536\u00a022\u00a01234", "536\u00a022\u00a01234", id="spaces that do not break"),
            pytest.param("536\u201122\u20111234", "536\u201122\u20111234", id="hyphens that do not break"),
            pytest.param("social security number: 536221234", "536221234", id="bare with a word"),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("000-00-0000", id="placeholder"),
            pytest.param("ssn 666-12-3456", id="area"),
            pytest.param("900-12-3456", id="area of taxpayers"),
            pytest.param("536-00-1234", id="group"),
            pytest.param("536-22-0000", id="serial"),
            pytest.param("078-05-1120", id="advertised"),
            pytest.param("111-11-1111", id="one digit"),
            pytest.param("536221234", id="bare without a word"),
            pytest.param("part number 536-22-1234", id="part"),
            pytest.param("claim 536-22-1234", id="claim"),
            pytest.param("SSN card, claim number 536-22-1234", id="claim beside a word of its own"),
            pytest.param("1536-22-1234", id="longer"),
            pytest.param("536-22-1234-5", id="goes on"),
            pytest.param("ssn 536-22 1234", id="mixed"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []

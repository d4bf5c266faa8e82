"""Bank accounts."""

from collections.abc import Callable

import pytest

from router_extproc.pii.ibans import find


class TestFind:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            pytest.param("to DE89370400440532013000.", "DE89370400440532013000", id="compact"),
            pytest.param("DE89 3704 0044 0532 0130 00 today", "DE89 3704 0044 0532 0130 00", id="grouped"),
            pytest.param("GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 32", id="letters"),
            pytest.param("be71 0961 2345 6769", "be71 0961 2345 6769", id="small letters"),
            pytest.param(
                "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000",
                "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000",
                id="spaces that do not break",
            ),
            pytest.param("BE71\u202f0961\u202f2345\u202f6769", "BE71\u202f0961\u202f2345\u202f6769", id="narrow spaces"),
            pytest.param(
                "BE71\u20110961\u20112345\u20116769", "BE71\u20110961\u20112345\u20116769", id="hyphens that do not break"
            ),
            pytest.param("NO9386011117947 ", "NO9386011117947", id="shortest"),
            pytest.param(
                "FR76 3000 6000 0112 3456 7890 189!", "FR76 3000 6000 0112 3456 7890 189", id="longest group at the end"
            ),
        ],
    )
    def test_finds_exactly_it(self, quoted: Callable[..., list[str]], text: str, found: str) -> None:
        """The whole of it, and nothing of the sentence."""
        assert quoted(find, text)[:1] == [found]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("DE89 3704 0044 0532 0130 01", id="wrong checksum"),
            pytest.param("XX89370400440532013000", id="no country"),
            pytest.param("DE8937040044053201300", id="too short"),
            pytest.param("DE893704004405320130001", id="too long"),
            pytest.param("DE89 37040 0440 5320 1300 0", id="odd groups"),
            pytest.param("DE89  3704 0044 0532 0130 00", id="two spaces"),
            pytest.param("model DE89 37", id="only a head"),
        ],
    )
    def test_a_look_alike_is_left(self, quoted: Callable[..., list[str]], text: str) -> None:
        """What has the shape and is something else."""
        assert quoted(find, text) == []

"""What the text around a number says."""

import pytest

from router_extproc.pii.context import Context, counts_something, joins, stands_alone


class TestContext:
    @pytest.mark.parametrize(
        ("text", "speaks"),
        [
            pytest.param("tax id is *1*", True, id="before"),
            pytest.param("*1* is my tax id", True, id="behind"),
            pytest.param("*1*\ntax id", None, id="behind, but on the next line"),
            pytest.param("tax id for order *1*", False, id="the nearer one decides"),
            pytest.param("order with tax id *1*", True, id="and it may be the right one"),
            pytest.param("taxi driver *1*", None, id="part of a word"),
            pytest.param("TAX ID:*1*", True, id="capitals"),
            pytest.param("tax id " + "x " * 40 + "*1*", None, id="too far"),
            pytest.param("*1*", None, id="nothing"),
        ],
    )
    def test_the_nearest_word_decides(self, text: str, *, speaks: bool | None) -> None:
        """Only whole words, and only near ones."""
        start = text.index("*")
        assert Context("tax id").speaks(text, start, text.rindex("*") + 1) is speaks


class TestCountsSomething:
    @pytest.mark.parametrize(
        ("before", "counts"),
        [
            ("order ", True),
            ("Order no. #", True),
            ("the invoice number is: ", True),
            ("pay the invoice with ", False),
            ("border ", False),
            ("", False),
        ],
    )
    def test_only_right_before(self, before: str, *, counts: bool) -> None:
        """A verb between parts the number from the word."""
        assert counts_something(before + "1", len(before)) is counts


class TestStandsAlone:
    @pytest.mark.parametrize(
        ("text", "alone"),
        [
            ("*", True),
            ("(*).", True),
            ("a *, b", True),
            ("号*吗", True),
            ("a*", False),
            ("*_", False),
            ("é*", False),
            ("0.*", False),
            ("*.5", False),
            ("A-*", False),
            ("*-x", False),
            ("- *", True),
        ],
    )
    def test_nothing_goes_on(self, text: str, *, alone: bool) -> None:
        """Letters, decimals and hyphenated names do; signs and scripts without spaces do not."""
        at = text.index("*")
        assert stands_alone(text, at, at + 1) is alone

    def test_no_character_joins_nothing(self) -> None:
        """The ends of the text are ends."""
        assert not joins("")

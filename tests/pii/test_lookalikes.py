"""What takes the place of private data and is none."""

from collections.abc import Callable

import pytest

from router_extproc.pii.lookalikes import find


class TestFind:
    @pytest.mark.parametrize(
        "text",
        [
            "123e4567-e89b-12d3-a456-426614174000",
            "2024-01-15T10:30:00.123",
            "ISBN 0-306-40615-2",
            "978-3-16-148410-0",
            "4111 1111 1111 1112",
            "DE89 3704 0044 0532 0130 01",
            "00:1B:44:11:3A:B7",
        ],
    )
    def test_takes_all_of_it(self, quoted: Callable[..., list[str]], text: str) -> None:
        """A part of it would pass for a number of its own."""
        assert quoted(find, f"see {text} there")[0] == text

    def test_leaves_other_numbers(self, quoted: Callable[..., list[str]]) -> None:
        """They are others' to judge."""
        assert quoted(find, "call 415-555-2671 or 030 901820") == []

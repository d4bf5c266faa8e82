"""What looks drawn by lot."""

import pytest

from router_extproc.pii.entropy import bits, is_placeholder, is_random


class TestIsRandom:
    @pytest.mark.parametrize(
        ("value", "random"),
        [
            ("9f8a7b6c5d4e3f2a1b0c9d8e", True),
            ("RkqLmXvTbWnYcHdJsPgFaQeU", True),
            ("Tr0ub4dor&3", True),
            ("aaaaaaaaaaaaaaaaaaa1", False),
            ("correct-horse-battery-staple", False),
            ("getuseraccountbyid", False),
            ("12345678901234567890", False),
            ("", False),
        ],
    )
    def test_tells_secrets_from_names(self, value: str, *, random: bool) -> None:
        """Letters mixed with digits, or capitals where no word begins."""
        assert is_random(value) is random


class TestBits:
    @pytest.mark.parametrize(("value", "expected"), [("", 0.0), ("aaaa", 0.0), ("abab", 1.0), ("abcd", 2.0)])
    def test_a_character(self, value: str, expected: float) -> None:
        """Entropy is the logarithm of how many are equally likely."""
        assert bits(value) == expected


class TestIsPlaceholder:
    @pytest.mark.parametrize("value", ["YOUR_KEY_1", "changeme1", "xxxx1", "abc...", "1234567890", "<insert>", "my-token-1"])
    def test_somebody_is_to_write_there(self, value: str) -> None:
        """Whatever documentation writes for a secret."""
        assert is_placeholder(value)

    def test_a_secret_is_none(self) -> None:
        """Chance writes no such word."""
        assert not is_placeholder("9f8a7b6c5d4e3f2a1b0c9d8e")

"""What looks drawn by lot."""

import pytest

from router_extproc.pii.entropy import bits, is_placeholder, is_placeholder_password, is_random


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

    @pytest.mark.parametrize("value", ["Mastodon42x", "output_k9Q2vX", "re-center_7Qx9"])
    def test_a_word_within_a_word_is_none(self, value: str) -> None:
        """`todo`, `put_` and `enter_` count where a word begins."""
        assert not is_placeholder(value)


class TestIsPlaceholderPassword:
    @pytest.mark.parametrize("value", ["changeme1", "xxxx1", "abcdef123456", "1234567890", "0000011111", "example1"])
    def test_nobody_has_it(self, value: str) -> None:
        """Manuals' words, and rows with nothing else."""
        assert is_placeholder_password(value)

    @pytest.mark.parametrize("value", ["Anna123456", "abcdef99x", "a1234567", "qwe00000"])
    def test_a_row_behind_a_word_is_somebodys(self, value: str) -> None:
        """The commonest passwords there are; for a key it would be no chance."""
        assert not is_placeholder_password(value)

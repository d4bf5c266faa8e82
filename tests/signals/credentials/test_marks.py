"""What is kept of a secret, and how it is found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.signals.credentials.marks import LONGEST, Mark, found, keyed, mark, squeezed

SECRET = "sk-live-51H8xYqT0pZ3vKd9"  # noqa: S105 - it opens nothing
LETTERS = st.text(st.sampled_from("abcXYZ0189"), max_size=60)


def one(secret: str) -> Mark:
    """Its mark."""
    made = mark(secret)
    assert made is not None
    return made


class TestMark:
    def test_holds_nothing_of_the_secret(self) -> None:
        """Neither text nor anything that another process could compute."""
        made = one(SECRET)

        assert SECRET not in repr(made)
        assert (made.length, len(made.proof)) == (len(squeezed(SECRET)), 16)

    @pytest.mark.parametrize("secret", ["", "short", "a-b-c-d-e-f-g", "漢字漢字漢字漢字漢字"])
    def test_is_none_of_what_is_too_short(self, secret: str) -> None:
        """It would be found in ordinary text."""
        assert mark(secret) is None

    def test_is_of_the_beginning_of_what_is_long(self) -> None:
        """A private key."""
        assert one("ab1" * 1000) == one("ab1" * 2000)
        assert one("ab1" * 1000).length == LONGEST


class TestFound:
    @given(before=LETTERS, after=LETTERS, secret=st.text(st.sampled_from("abcXYZ0189"), min_size=8, max_size=40))
    def test_finds_it_anywhere(self, before: str, after: str, secret: str) -> None:
        """At the beginning, in the midst, at the end."""
        assert list(found(before + secret + after, [one(secret)])) == [one(secret)]

    @given(text=LETTERS, secret=st.text(st.sampled_from("abcXYZ0189"), min_size=8, max_size=40))
    def test_finds_it_only_where_it_is(self, text: str, secret: str) -> None:
        """As a plain search does."""
        assert bool(list(found(text, [one(secret)]))) == (secret in text)

    def test_finds_several_of_several_lengths(self) -> None:
        """Each once."""
        marks = [one(word) for word in ("aaaa1111", "bbbb22223", "cccc333344", "dddd4444")]

        assert set(found("xxbbbb22223xaaaa1111xdddd444", marks)) == {marks[0], marks[1]}

    def test_a_roll_of_the_same_sum_is_no_proof(self) -> None:
        """Somebody may come upon two texts of one sum."""
        made = one(SECRET)

        assert list(found(squeezed(SECRET), [made._replace(proof=b"x" * 16)])) == []

    @pytest.mark.parametrize("text", ["", "a", "abcdefg"])
    def test_finds_nothing_in_what_is_shorter(self, text: str) -> None:
        """Nor breaks."""
        assert list(found(text, [one(SECRET)])) == []
        assert list(found(text, [])) == []

    def test_warns_of_no_overflow(self) -> None:
        """Sums are meant to go over."""
        with np.errstate(all="raise"):
            assert list(found("z" * 10_000 + squeezed(SECRET), [one(SECRET)]))


class TestKeyed:
    def test_tells_parts_apart(self) -> None:
        """Where one ends and the next begins matters."""
        assert len({keyed("ab", "c"), keyed("a", "bc"), keyed("abc")}) == 3

"""Tails that searches for a suffix end with."""

from __future__ import annotations

import re
from random import Random
from string import punctuation

from router_extproc.training.tails import Tails, vocabulary
from router_extproc.training.texts import lines


class TestVocabulary:
    def test_has_words_that_say_something(self) -> None:
        """A tail is no sentence, so what holds sentences together stays out."""
        words = vocabulary()

        assert len(words) > 3000
        assert not {"the", "and", "with", "which"} & set(words)


class TestPieces:
    def test_are_a_vocabulary(self) -> None:
        """What a search for a suffix that can be printed chooses from: words with a blank before them, pieces of words, code, signs."""
        pieces = lines("jailbreak/tail_pieces")

        assert len(set(pieces)) == len(pieces) > 25_000
        assert all(piece.replace("\u2581", "").isascii() for piece in pieces)
        assert {"\u2581the", "ing", "}", "\u2581Exception"} <= set(pieces)


class TestTails:
    def test_half_are_drawn_from_it(self) -> None:
        """As it is: no blank is left as it stands there, and what is no piece of ours is in them."""
        tails, ours = Tails(Random(5)), " ".join(vocabulary())
        made = [tails.tail() for _ in range(400)]
        glued = sum(any(word not in ours for word in re.findall("[a-z]{9,}", text)) for text in made)

        assert not any("\u2581" in text for text in made)
        assert 100 < glued < 350

    def test_are_the_same_for_the_same_chance(self) -> None:
        """Training can be repeated."""
        first, second = Tails(Random(3)), Tails(Random(3))

        assert [first.tail() for _ in range(20)] == [second.tail() for _ in range(20)]

    def test_are_mostly_of_words_and_never_alike(self) -> None:
        """Random letters are what keys and hashes have."""
        tails = Tails(Random(5))
        made = [tails.tail() for _ in range(200)]
        words = set(vocabulary())
        wordy = [text for text in made if words & set(re.findall("[a-z]{4,}", text))]

        assert len(set(made)) == len(made)
        assert len(wordy) > 180
        assert sum(any(sign in text for sign in "!{}[]()") for text in made) > 100

    def test_some_are_little_more_than_words(self) -> None:
        """Signs and code give the others away."""
        tails = Tails(Random(5))
        signs = [sum(sign in punctuation for sign in tails.tail()) for _ in range(200)]

        assert 20 < sum(count < 3 for count in signs) < 100

    def test_are_attached_to_the_whole_request(self) -> None:
        """Nothing of what is asked for is lost."""
        tails = Tails(Random(7))
        made = [tails.attached("Describe a lock.") for _ in range(100)]

        assert all("Describe a lock." in text and len(text) > 30 for text in made)
        assert 80 < sum(text.startswith("Describe") for text in made) < 100

"""Words and pairs of words that labels' examples have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.wording import Wording, learned, terms


@pytest.fixture(scope="module")
def wording() -> Wording:
    """Two labels and a third without examples, as OTHER is."""
    return learned(["freeze my card", "block my card", "play a song", "a song by bach"], [0, 0, 1, 1], 3)


class TestTerms:
    def test_are_words_and_their_pairs(self) -> None:
        """In lower case, without marks; what an apostrophe joins is one word."""
        assert terms("Don't wake me!") == ["don't", "wake", "me", "don't wake", "wake me"]

    def test_of_a_script_without_blanks_are_its_characters(self) -> None:
        """A whole sentence would be one word that no other text has."""
        assert terms("音楽") == ["音", "楽", "音 楽"]

    def test_are_of_the_beginning(self) -> None:
        """A long text costs no more than a middling one."""
        assert len(terms("word " * 100_000)) < 1000


class TestLikeness:
    @pytest.mark.parametrize(
        ("text", "label"), [pytest.param("FREEZE the card", 0, id="words"), pytest.param("bach", 1, id="one word of one example")]
    )
    def test_is_highest_for_the_label_that_has_the_words(self, wording: Wording, text: str, label: int) -> None:
        """Whatever their case."""
        assert int(wording.likeness(text).mean.argmax()) == label

    def test_of_an_only_example_is_one(self) -> None:
        """It is a cosine."""
        found = learned(["freeze my card"], [0], 1).likeness("freeze my card")

        assert (*found.mean, *found.nearest) == pytest.approx((1.0, 1.0))

    def test_of_one_of_several_examples_is_one_for_the_nearest(self, wording: Wording) -> None:
        """And less for their mean."""
        found = wording.likeness("Play a song!")

        assert found.nearest[1] == pytest.approx(1.0)
        assert 0.5 < found.mean[1] < 0.95

    def test_of_a_mean_is_that_of_the_sum_of_the_examples(self) -> None:
        """Of vectors of term weights, each of length 1."""
        pair = learned(["red tea", "green tea"], [0, 0], 1)
        cosines = [pair.likeness(text).nearest[0] for text in ("red tea", "green tea")]

        assert cosines == pytest.approx([1.0, 1.0])
        assert pair.likeness("red tea").mean[0] == pytest.approx(pair.likeness("green tea").mean[0])
        both = pair.likeness("red tea green tea").mean[0]
        assert both > pair.likeness("red tea").mean[0]

    def test_a_pair_in_order_is_more_than_its_words(self) -> None:
        """Neighbours mean something."""
        one = learned(["from paris to london", "from london to paris"], [0, 1], 2).likeness("to london").mean
        assert one[0] > one[1]

    @pytest.mark.parametrize(
        "text", [pytest.param("", id="empty"), pytest.param("?!", id="marks"), pytest.param("xyzzy", id="unknown")]
    )
    def test_of_no_known_word_is_nothing(self, wording: Wording, text: str) -> None:
        """Then the embedding alone decides."""
        found = wording.likeness(text)

        assert (*found.mean, *found.nearest) == (0.0,) * 6

    def test_of_examples_without_words_is_nothing(self) -> None:
        """They teach none."""
        assert learned(["!", "?"], [0, 1], 2).likeness("a song").mean.tolist() == [0.0, 0.0]

    @given(st.text(max_size=60))
    def test_is_a_cosine(self, text: str) -> None:
        """Of any text, and 0 for a label without examples."""
        found = learned([text, "play a song"], [0, 1], 3).likeness(f"{text} song")
        for cosines in found:
            assert np.all((cosines >= 0) & (cosines <= 1 + 1e-5))
            assert cosines[2] == 0

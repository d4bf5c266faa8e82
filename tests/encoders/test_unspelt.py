"""Words that the vocabulary has no pieces for, and signs beside words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.unspelt import spelt, unread, words

if TYPE_CHECKING:
    from router_extproc.encoders.tokens import WordPieces

THUMB = "\U0001f44d"


class TestSpelt:
    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            pytest.param(f"tea{THUMB}", "tea ", id="behind a word"),
            pytest.param(f"{THUMB}tea", " tea", id="before one"),
            pytest.param(f"tea{THUMB}{THUMB}the x", "tea  the x", id="between two"),
            pytest.param("tea\u2764\ufe0fthe", "tea \ufe0fthe", id="with a variation selector"),
            pytest.param("x\ufe0f\u20e3 the", "x\ufe0f  the", id="a key"),
            pytest.param("x\u2776tea", "x tea", id="a number in a circle"),
        ],
    )
    def test_reads_a_word_that_a_sign_touches(self, pieces: WordPieces, text: str, plain: str) -> None:
        """As if a blank stood in the sign's place, and every piece keeps its place."""
        assert spelt(text, pieces) == pieces.encode(plain)
        assert pieces.unknown not in spelt(text, pieces).ids

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(f"tea {THUMB} the", id="a sign alone"),
            pytest.param("\u0e44\u0e17\u0e22 tea", id="a script that cannot be spelt"),
            pytest.param("\u24d8\u24d6\u24dd", id="letters in circles"),
            pytest.param("y" * 120, id="a long word"),
            pytest.param("", id="nothing"),
        ],
    )
    def test_leaves_other_texts_to_the_tokenizer(self, pieces: WordPieces, text: str) -> None:
        """What the model reads of them stays the same."""
        assert spelt(text, pieces) == pieces.encode(text)

    @given(st.text(alphabet=st.characters(max_codepoint=0x2FF)))
    def test_changes_nothing_where_all_can_be_spelt(self, pieces: WordPieces, text: str) -> None:
        """Without an unknown word the pieces are the tokenizer's."""
        tokens = pieces.encode(text)
        if pieces.unknown not in tokens.ids:
            assert spelt(text, pieces) == tokens

    @given(st.text())
    def test_gives_ranges_within_the_text(self, pieces: WordPieces, text: str) -> None:
        """In order, whatever the text."""
        offsets = spelt(text, pieces).offsets

        assert offsets == sorted(offsets)
        assert all(0 <= start <= end <= len(text) for start, end in offsets)

    def test_leaves_hostile_texts_whole(self, pieces: WordPieces, hostile: str) -> None:
        """No piece is lost, and none stands beyond the end."""
        assert len(spelt(hostile, pieces)) >= len(pieces.encode(hostile))


class TestUnread:
    def test_tells_unknown_words_and_what_follows_the_last_piece(self, pieces: WordPieces) -> None:
        """In order."""
        text = "tea \u0e44\u0e17 the\u200b"

        assert list(unread(spelt(text, pieces), len(text), pieces)) == [(4, 6), (10, 11)]

    def test_tells_nothing_of_a_text_that_is_read_whole(self, pieces: WordPieces) -> None:
        """An ordinary one."""
        assert list(unread(spelt("tea the", pieces), 7, pieces)) == []


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param(f"{THUMB}\u2192\u2500\u2600\ufe0f\u200d", 0, id="signs, selectors and joiners"),
            pytest.param("\u0e01\u0e34x7", 4, id="letters with marks, digits"),
            pytest.param("\u0301\u20e3", 0, id="marks of no letter"),
            pytest.param("\u0661\u0662", 2, id="other digits"),
            pytest.param("\u2460", 0, id="a bullet"),
            pytest.param("\u2460\u2461\u2462", 3, id="a number in circles"),
            pytest.param("\u24d8\u24d6\U0001f170", 2, id="letters in circles, and an emoji"),
            pytest.param("\u280b \u2819", 0, id="a progress display"),
            pytest.param("\u280a\u281b", 2, id="Braille"),
            pytest.param("a\ud800b", 2, id="half a surrogate pair"),
        ],
    )
    def test_counts_what_words_are_written_with(self, text: str, expected: int) -> None:
        """In characters."""
        assert words(text, 0, len(text)) == expected

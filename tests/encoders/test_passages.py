from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from router_extproc.encoders.passages import SPECIAL, Passage, cut, spread
from router_extproc.encoders.tokens import WordPieces
from router_extproc.encoders.unspelt import spelt

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.encoders.tokens import Tokens

_WINDOW, _OVERLAP = 12, 3
_ROOM = _WINDOW - SPECIAL

_TEXTS = st.lists(
    st.sampled_from(
        [
            "tea",
            "the",
            "weather",
            "x",
            "qz",
            "?!",
            "\u65e5\u672c",
            "e\u0301\u0301",
            "\u200b\x00",
            "\U0001f600",
            "x\U0001f600",
            "y" * 120,
        ]
    ),
    max_size=80,
).map(" ".join)


class Counting(WordPieces):
    """Keeps how many characters it was given."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.characters = 0

    def encode(self, text: str) -> Tokens:
        """And counts."""
        self.characters += len(text)
        return super().encode(text)


@pytest.fixture(scope="module")
def counting(tiny_bundle: Path) -> Counting:
    """The tiny tokenizer."""
    return Counting(tiny_bundle / "tokenizer.json")


def read(passage: Passage, text: str) -> set[int]:
    """Characters that some token of some window stands for, and those between two neighbours of a window."""
    found: set[int] = set()
    for piece in passage.slices:
        inner = piece.offsets[1:-1]
        if inner:
            found.update(range(inner[0][0], inner[-1][1]))
    return {at for at in found if at < len(text)}


def unknown(passage: Passage, pieces: WordPieces) -> set[int]:
    """Characters of the words that the vocabulary cannot spell."""
    return {
        at
        for piece in passage.slices
        for number, (start, end) in zip(piece.ids, piece.offsets, strict=True)
        if number == pieces.unknown
        for at in range(start, end)
    }


class TestSpread:
    @given(st.integers(0, 2000), st.integers(4, 200), st.data())
    def test_reads_every_token(self, size: int, room: int, data: st.DataObject) -> None:
        """In windows of one length that overlap enough, and in as few as suffice."""
        overlap = data.draw(st.integers(0, room // 2))
        found = spread(size, room, overlap)

        assert found[0][0] == 0
        assert found[-1][1] == size
        assert len({end - start for start, end in found}) == 1
        assert all(end - start <= room for start, end in found)
        assert all(start < following <= end - overlap for (start, end), (following, _) in pairwise(found))
        assert size > (len(found) - 1) * (room - overlap) + overlap or len(found) == 1

    @pytest.mark.parametrize(
        ("size", "expected"),
        [
            pytest.param(0, [(0, 0)], id="nothing"),
            pytest.param(10, [(0, 10)], id="one window"),
            pytest.param(11, [(0, 7), (4, 11)], id="one more"),
            pytest.param(17, [(0, 10), (7, 17)], id="two windows"),
            pytest.param(18, [(0, 8), (5, 13), (10, 18)], id="three windows"),
        ],
    )
    def test_is_a_table(self, size: int, expected: list[tuple[int, int]]) -> None:
        """With room for 10 tokens and 3 shared."""
        assert spread(size, 10, 3) == expected


class TestCut:
    @given(text=_TEXTS, budget=st.integers(1, 6))
    def test_keeps_to_the_window_and_the_budget(self, pieces: WordPieces, text: str, budget: int) -> None:
        """Each window has the special tokens at its ends, and its parts are of one length."""
        found = cut(text, pieces, window=_WINDOW, overlap=_OVERLAP, budget=budget)

        assert 1 <= len(found.slices) <= budget
        for piece in found.slices:
            assert len(piece) == len(piece.cases) == len(piece.offsets) <= _WINDOW
            assert (piece.ids[0], piece.ids[-1]) == (pieces.begin, pieces.end)
            assert piece.offsets[0] == piece.offsets[-1] == (0, 0)

    @given(text=_TEXTS, budget=st.integers(1, 6))
    def test_reads_all_of_what_fits(self, pieces: WordPieces, text: str, budget: int) -> None:
        """Every token of the text is in some window."""
        tokens = spelt(text, pieces)
        room = _ROOM + (budget - 1) * (_ROOM - _OVERLAP)
        assume(len(tokens) <= room)
        assume(len(text) <= room * 8)
        found = cut(text, pieces, window=_WINDOW, overlap=_OVERLAP, budget=budget)

        assert {each for piece in found.slices for each in piece.offsets[1:-1]} == set(tokens.offsets)
        if not any(char.isalnum() for at in unknown(found, pieces) for char in text[at]):
            assert found.coverage == 1.0

    @given(text=_TEXTS, budget=st.integers(1, 6))
    @example(text="tea " * 16 + "y" * 120 + " " + "y" * 120, budget=5)
    def test_never_claims_to_have_read_more_than_it_did(self, pieces: WordPieces, text: str, budget: int) -> None:
        """Letters and digits count if some token stands for them; what stands beside those that were read may count, too."""
        found = cut(text, pieces, window=_WINDOW, overlap=_OVERLAP, budget=budget)
        assume(text.strip())
        seen = read(found, text) - unknown(found, pieces)
        lost = sum(char.isalnum() for at, char in enumerate(text) if at not in seen)

        assert 0.0 <= found.coverage <= 1 - lost / len(text.strip()) + 1e-9

    def test_reads_a_long_text_at_its_head_and_at_its_tail(self, pieces: WordPieces) -> None:
        """An attack stands at either end more often than in the middle."""
        text = "ignore " + "tea " * 500 + "prove"
        found = cut(text, pieces, window=_WINDOW, overlap=_OVERLAP, budget=4)

        assert len(found.slices) == 4
        assert found.slices[0].offsets[1] == (0, 6)
        assert found.slices[-1].offsets[-2] == (len(text) - 5, len(text))
        assert 0.0 < found.coverage < 0.1

    def test_does_not_count_the_middle_of_a_dense_text(self, pieces: WordPieces) -> None:
        """One token a character: the tail's stretch begins at the text's own beginning, and still only its end is read."""
        text = "?" * 100
        found = cut(text, pieces, window=_WINDOW, overlap=_OVERLAP, budget=4)

        assert found.coverage == pytest.approx(34 / 100)
        assert read(found, text) == {*range(17), *range(83, 100)}

    def test_reads_the_head_alone_with_one_window(self, pieces: WordPieces) -> None:
        """There is no room for a tail."""
        found = cut("tea " * 100, pieces, window=_WINDOW, overlap=_OVERLAP, budget=1)

        assert [piece.offsets[1] for piece in found.slices] == [(0, 3)]
        assert found.coverage == pytest.approx(39 / 399)

    @pytest.mark.parametrize(
        ("text", "coverage"),
        [
            pytest.param("", 1.0, id="nothing to read"),
            pytest.param(" \n ", 1.0, id="blanks"),
            pytest.param("  tea \n", 1.0, id="blanks around"),
            pytest.param("\u65e5\u672c", 0.0, id="words that cannot be spelt"),
            pytest.param("tea \u65e5", 0.8, id="one of them"),
            pytest.param("e" + "\u0301" * 9, 1.0, id="combining characters"),
            pytest.param("\u0301" * 9, 1.0, id="nothing else"),
            pytest.param("\U0001f44d", 1.0, id="only an emoji"),
            pytest.param("tea \u2600\ufe0f", 1.0, id="an emoji at the end"),
            pytest.param("tea\U0001f44d the", 1.0, id="an emoji at a word"),
            pytest.param("tea \U0001f468\u200d\U0001f469", 1.0, id="joined emoji"),
            pytest.param("\u2500" * 120, 1.0, id="a long rule"),
            pytest.param("tea\u200b\x00", 1.0, id="invisible characters at the end"),
            pytest.param("tea" + "".join(chr(0xE0000 + ord(char)) for char in "ignore"), 1.0, id="a flag's tags"),
            pytest.param("tea" + "".join(chr(0xE0000 + ord(char)) for char in "ignorethe"), 0.25, id="a text in tags"),
            pytest.param("\u0e44\u0e17\u0e22 \U0001f44d", 0.4, id="a script that cannot be spelt"),
            pytest.param("\u0e01\u0e34\u0e01 tea", 4 / 7, id="its marks with it"),
            pytest.param("y" * 101, 0.0, id="a word that is too long"),
        ],
    )
    def test_says_how_much_it_read(self, pieces: WordPieces, text: str, coverage: float) -> None:
        """As a share of the characters from the first to the last that is not blank."""
        assert cut(text, pieces, window=_WINDOW, overlap=_OVERLAP, budget=4).coverage == pytest.approx(coverage)

    @pytest.mark.parametrize(
        ("text", "legible"),
        [
            pytest.param("tea", True, id="a word"),
            pytest.param("", True, id="nothing to read"),
            pytest.param("?!", True, id="signs in a text without words"),
            pytest.param("\u65e5\u672c", False, id="words that cannot be spelt"),
            pytest.param("\u65e5 \u672c?!", False, id="signs and blanks between such words"),
            pytest.param("\u0e01\u0e34 \u0e01\u0e34", False, id="marks at the end of such words"),
            pytest.param("tea \u65e5\u672c", True, id="a word among them"),
            pytest.param("tea \U0001f44d", True, id="a sign among words"),
            pytest.param("\U0001f44d", False, id="only a sign that is not known"),
            pytest.param("\u200b", False, id="only what is invisible"),
            pytest.param("\u65e5 " * 200, False, id="more than fits"),
            pytest.param("\u65e5 " * 200 + "tea", True, id="a word at its end"),
        ],
    )
    def test_says_whether_it_read_anything(self, pieces: WordPieces, text: str, *, legible: bool) -> None:
        """Also where the coverage is not 0: blanks and full stops are part of that."""
        assert cut(text, pieces, window=_WINDOW, overlap=_OVERLAP, budget=4).legible is legible

    @given(_TEXTS)
    def test_what_is_covered_by_nothing_tells_nothing(self, pieces: WordPieces, text: str) -> None:
        """And what is covered whole and has a word that was read tells something."""
        found = cut(text, pieces, window=_WINDOW, overlap=_OVERLAP, budget=4)

        assert found.coverage > 0.0 or not found.legible
        assert found.legible or not {"tea", "the", "weather"}.intersection(text.split()) or len(text) > 100

    @pytest.mark.parametrize("unit", ["tea ", "x", "?", " ", "\u65e5", "\u0301", "\x00", "\u200b"])
    def test_looks_at_no_more_of_a_long_text_than_fits(self, counting: Counting, unit: str) -> None:
        """A million characters cost what the budget costs."""
        text = (unit * 1_000_000)[:1_000_000]
        counting.characters = 0
        found = cut(text, counting, window=_WINDOW, overlap=_OVERLAP, budget=8)

        assert counting.characters <= 2 * 8 * _ROOM * 8
        assert len(found.slices) <= 8
        assert found.coverage <= 0.001 or not text.strip()

    def test_bounds_the_work_of_any_text(self, pieces: WordPieces, hostile: str) -> None:
        """Whatever it is made of."""
        found = cut(hostile, pieces, window=_WINDOW, overlap=_OVERLAP, budget=5)

        assert 1 <= len(found.slices) <= 5
        assert 0.0 <= found.coverage <= 1.0

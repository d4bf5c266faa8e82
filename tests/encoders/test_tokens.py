from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tiny_bundle import tokenizer
from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer, Replace
from tokenizers.pre_tokenizers import CharDelimiterSplit

from router_extproc.encoders.bundle import TOKENIZER, bundled
from router_extproc.encoders.tokens import CASES, WordPieces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOWER, _TITLE, _UPPER, _MIXED = range(CASES)


class TestEncode:
    @pytest.mark.parametrize(
        ("text", "case"),
        [
            pytest.param("tea", _LOWER, id="lower"),
            pytest.param("Tea", _TITLE, id="title"),
            pytest.param("TEA", _UPPER, id="upper"),
            pytest.param("tEa", _MIXED, id="mixed"),
            pytest.param("TeA", _MIXED, id="mixed with a capital first"),
            pytest.param("A", _TITLE, id="one capital"),
            pytest.param("7", _LOWER, id="a digit"),
            pytest.param("?", _LOWER, id="a sign"),
            pytest.param("\u65e5", _LOWER, id="no case"),
        ],
    )
    def test_tells_how_a_piece_is_written(self, pieces: WordPieces, text: str, case: int) -> None:
        """The vocabulary is lower case."""
        assert pieces.encode(text).cases == [case]

    def test_tells_where_each_piece_stands(self, pieces: WordPieces) -> None:
        """In characters of the text, though it has accents, capitals and characters that take several bytes."""
        text = "Th\u00e9 \U0001f600 TEA"
        found = pieces.encode(text)

        assert [text[start:end] for start, end in found.offsets][-1] == "TEA"
        assert len(found) == len(found.ids) == len(found.cases) == len(found.offsets)

    def test_reads_special_tokens_as_text(self, pieces: WordPieces) -> None:
        """Nobody can end the text early by writing so."""
        special = {pieces.begin, pieces.end, pieces.pad}

        assert special.isdisjoint(pieces.encode("tea [SEP] [PAD] [CLS] tea").ids)

    def test_reads_a_lone_surrogate_as_a_sign(self, pieces: WordPieces) -> None:
        """What stands around it keeps its place."""
        found = pieces.encode("tea \ud800 tea")

        assert found.offsets == [(0, 3), (4, 5), (6, 9)]

    @given(text=st.text(max_size=60), cut=st.tuples(st.integers(0, 20), st.integers(0, 40)))
    def test_gives_ranges_in_order_whatever_the_text(self, pieces: WordPieces, text: str, cut: tuple[int, int]) -> None:
        """Parts of it are ranges of the same."""
        found = pieces.encode(text)
        part = found.part(*cut)

        assert all(0 <= start <= end <= len(text) for start, end in found.offsets)
        assert found.offsets == sorted(found.offsets)
        assert part.ids == found.ids[slice(*cut)]
        assert len(part) == len(part.cases) == len(part.offsets)


@pytest.fixture(scope="module")
def shipped() -> tuple[WordPieces, Tokenizer]:
    """The shipped pieces, and their tokenizer as it comes."""
    path = bundled() / TOKENIZER
    whole = Tokenizer.from_file(str(path))
    whole.no_truncation()
    whole.no_padding()
    whole.encode_special_tokens = True
    return WordPieces(path), whole


class TestQuick:
    """Plain ASCII is read with less of the normalizer."""

    @given(text=st.text(st.characters(max_codepoint=0x17F), max_size=80))
    @example("a\x00b\x7f c")
    @example("tabs\tand\r\nlines\x0b\x0c")
    @example("[SEP] of [CLS] and ##ing")
    @example("Tea" * 40)
    @example("DON'T! it's 3.14%, e-mail <me@x.io>")
    def test_reads_the_same(self, shipped: tuple[WordPieces, Tokenizer], text: str) -> None:
        """Pieces and places, whatever the text."""
        pieces, whole = shipped
        found, wanted = pieces.encode(text), whole.encode(text, add_special_tokens=False)

        assert (found.ids, found.offsets) == (wanted.ids, wanted.offsets)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda made: setattr(made, "normalizer", BertNormalizer(lowercase=False)), id="capitals"),
            pytest.param(lambda made: setattr(made, "normalizer", Replace("t", "T")), id="another normalizer"),
            pytest.param(lambda made: setattr(made, "pre_tokenizer", CharDelimiterSplit(" ")), id="another pre-tokenizer"),
            pytest.param(lambda made: made.add_tokens(["tea time"]), id="an added token"),
            pytest.param(lambda made: setattr(made, "normalizer", None), id="no normalizer"),
        ],
    )
    def test_leaves_other_tokenizers_as_they_are(self, tmp_path: Path, change: Callable[[Tokenizer], object]) -> None:
        """Those that do anything else to ASCII."""
        made = tokenizer()
        change(made)
        made.save(str(tmp_path / "t.json"))
        made.encode_special_tokens = True
        text = "Tea time, tea\nTIME"

        assert WordPieces(tmp_path / "t.json").encode(text).ids == made.encode(text, add_special_tokens=False).ids


class TestWordPieces:
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"{}", id="no tokenizer"),
            pytest.param(b"\xff\xfe\x00", id="not UTF-8"),
        ],
    )
    def test_names_a_file_that_is_no_tokenizer(self, tmp_path: Path, content: bytes) -> None:
        """As a ValueError."""
        path = tmp_path / "tokenizer.json"
        path.write_bytes(content)

        with pytest.raises(ValueError, match=r"tokenizer\.json: not a tokenizer"):
            WordPieces(path)

    def test_names_a_token_that_is_not_there(self, tmp_path: Path) -> None:
        """All special ones are needed."""
        path = tmp_path / "tokenizer.json"
        path.write_text(tokenizer().to_str().replace("[SEP]", "[END]"))

        with pytest.raises(ValueError, match=r"tokenizer\.json: the tokenizer has no \[SEP\]"):
            WordPieces(path)

    def test_numbers_lie_below_its_size(self, tmp_path: Path) -> None:
        """Though the vocabulary leaves one out: tables by piece are as long as that."""
        told = json.loads(tokenizer().to_str())
        gone = max(told["model"]["vocab"], key=told["model"]["vocab"].get)
        told["model"]["vocab"][gone] += 7
        (tmp_path / "t.json").write_text(json.dumps(told))
        pieces = WordPieces(tmp_path / "t.json")

        assert pieces.size == told["model"]["vocab"][gone] + 1 > len(told["model"]["vocab"])

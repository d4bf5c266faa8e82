"""Prompts of exact sizes, as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router_extproc.bench.documents import SizeError, documents, exact_texts
from router_extproc.encoders.tokens import Tokens

if TYPE_CHECKING:
    from router_extproc.encoders.encoder import Encoder
    from router_extproc.encoders.tokens import WordPieces


class Careless:
    """A tokenizer that reads a text of few words otherwise than the beginning of a long one."""

    def encode(self, text: str) -> Tokens:
        """A token for each character, and one more for a short text."""
        count = len(text) + (len(text) < 100)
        return Tokens([7] * count, [0] * count, [(at, at + 1) for at in range(count)])


class TestExactTexts:
    @pytest.mark.parametrize("tokens", [3, 16, 64, 512, 3000])
    def test_have_as_many_tokens_as_asked_for(self, encoder: Encoder, tokens: int) -> None:
        """With the special ones; no two are alike."""
        pieces = encoder.bundle.pieces
        texts = exact_texts(pieces, tokens)

        assert {len(pieces.encode(text)) + 2 for text in texts} == {tokens}
        assert len(set(texts)) == len(documents()) > 1

    def test_begin_where_prompts_begin(self, encoder: Encoder) -> None:
        """No text begins in the middle of a sentence."""
        texts = exact_texts(encoder.bundle.pieces, 32)

        assert all(document.startswith(text) for document, text in zip(documents(), texts, strict=True))

    def test_refuse_a_vocabulary_that_cannot_be_cut(self) -> None:
        """A figure for 64 tokens must not be one for 65."""
        pieces: WordPieces = Careless()  # type: ignore[assignment]  # it has what is needed

        with pytest.raises(SizeError, match="64 tokens of the whole, has 65 in"):
            exact_texts(pieces, 64)

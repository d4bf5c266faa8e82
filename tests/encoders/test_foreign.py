from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_bundle import tokenizer
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE, Unigram, WordLevel
from tokenizers.normalizers import NFKC
from tokenizers.pre_tokenizers import ByteLevel, Metaspace, WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from router_extproc.encoders.foreign import ForeignTokens, TokenizerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Open = Callable[..., ForeignTokens]

_ENDS = ("<s>", "</s>")


def _ended(made: Tokenizer) -> Tokenizer:
    """With special tokens at the ends of each text."""
    made.add_special_tokens([AddedToken(each, special=True, normalized=False) for each in _ENDS])
    numbers = [(each, made.token_to_id(each)) for each in _ENDS]
    made.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=numbers)
    return made


def _pieces() -> Tokenizer:
    return _ended(tokenizer())


def _unigram() -> Tokenizer:
    """As those of sentencepiece: the special tokens are in the vocabulary, and likelier than any spelling of theirs."""
    letters = [(letter, -3.0) for letter in "abs</>"]
    made = Tokenizer(Unigram([("<s>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0), *letters], unk_id=2))
    made.normalizer = NFKC()
    made.pre_tokenizer = Metaspace()
    return _ended(made)


def _words() -> Tokenizer:
    made = Tokenizer(WordLevel({"<s>": 0, "</s>": 1, "<unk>": 2, "a": 3}, unk_token="<unk>"))  # noqa: S106 - no password
    made.pre_tokenizer = WhitespaceSplit()
    return _ended(made)


def _bytes() -> Tokenizer:
    """All can be spelt."""
    made = Tokenizer(BPE({sign: number for number, sign in enumerate(sorted(ByteLevel.alphabet()))}, []))
    made.pre_tokenizer = ByteLevel(add_prefix_space=False)
    return _ended(made)


def _careless() -> Tokenizer:
    """Drops what it cannot spell."""
    made = Tokenizer(BPE({"a": 0, "b": 1}, []))
    made.pre_tokenizer = WhitespaceSplit()
    return _ended(made)


_ALL = [
    pytest.param(_pieces, id="word pieces"),
    pytest.param(_unigram, id="unigram"),
    pytest.param(_words, id="words"),
    pytest.param(_bytes, id="bytes"),
    pytest.param(_careless, id="without an unknown piece"),
]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Reads with such a tokenizer, once it is saved."""

    def make(made: Tokenizer, window: int = 64) -> ForeignTokens:
        path = tmp_path / "tokenizer.json"
        made.save(str(path))
        return ForeignTokens(path, window)

    return make


class TestRead:
    @pytest.mark.parametrize("make", _ALL)
    @pytest.mark.parametrize("text", ["a </s> a", "a</s>", "<s><s><s>", "a <s> " * 40, "\uff1c/s\uff1e a"])
    def test_takes_what_reads_like_a_special_token_for_text(self, opened: Open, make: Callable[[], Tokenizer], text: str) -> None:
        """Special are the two at the ends of each window alone."""
        made = make()
        special = {made.token_to_id(each) for each in _ENDS}

        for window in opened(made).read(text, 4).windows:
            assert {window[0], window[-1]} == special
            assert not special & set(window[1:-1])

    @pytest.mark.parametrize(
        ("make", "text", "coverage"),
        [
            pytest.param(_unigram, "a b", 1.0, id="unigram"),
            pytest.param(_unigram, "a \u0e44\u0e17", 0.5, id="unigram, unknown letters"),
            pytest.param(_unigram, "a \u2764\ufe0f", 1.0, id="unigram, an unknown sign"),
            pytest.param(_words, "a wow a", 4 / 7, id="words, an unknown one"),
            pytest.param(_bytes, "caf\u00e9 \u4f60\u597d \U0001f44d", 1.0, id="bytes"),
            pytest.param(_careless, "a b", 1.0, id="without an unknown piece"),
            pytest.param(_careless, "a wow a b", 6 / 9, id="dropped words"),
            pytest.param(_careless, "a b wow", 4 / 7, id="dropped words at the end"),
            pytest.param(_careless, "wow", 0.0, id="nothing is left"),
        ],
    )
    def test_covers_what_is_read(self, opened: Open, make: Callable[[], Tokenizer], text: str, coverage: float) -> None:
        """Letters and digits that no token stands for are not."""
        assert opened(make()).read(text, 2).coverage == pytest.approx(coverage)

    @pytest.mark.parametrize("make", _ALL)
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(text=st.text(st.characters(codec=None)), budget=st.integers(1, 3))
    def test_reads_any_text(self, opened: Open, make: Callable[[], Tokenizer], text: str, budget: int) -> None:
        """In as many windows as it may, and a share of it."""
        found = opened(make(), 16).read(text, budget)

        assert len(found.windows) <= budget
        assert all(len(window) <= 16 for window in found.windows)
        assert 0.0 <= found.coverage <= 1.0

    @pytest.mark.parametrize(
        ("make", "nothing"), [pytest.param(_careless, "wow", id="dropped"), pytest.param(_pieces, "\u200b", id="none")]
    )
    def test_gives_no_window_without_a_token(self, opened: Open, make: Callable[[], Tokenizer], nothing: str) -> None:
        """A tokenizer that adds special ones gives these."""
        ended, bare = make(), make()
        bare.post_processor = TemplateProcessing(single="$A", special_tokens=[])

        assert opened(bare).read(nothing, 2).windows == []
        assert [len(window) for window in opened(ended).read(nothing, 2).windows] == [2]


class TestForeignTokens:
    def test_knows_the_highest_number_that_a_text_may_have(self, opened: Open) -> None:
        """Special tokens are no part of texts: a model may lack those that it is never given."""
        made = _words()
        assert opened(made).highest == 3

        made.add_tokens(["wow"])
        made.add_special_tokens(["<mask>"])
        assert opened(made).highest == 4

    @pytest.mark.parametrize("content", ["{", "{}", "[]", "\u0000"])
    def test_refuses_what_is_no_tokenizer(self, tmp_path: Path, content: str) -> None:
        """By name."""
        path = tmp_path / "tokenizer.json"
        path.write_text(content)

        with pytest.raises(TokenizerError, match=r"tokenizer\.json: not a tokenizer"):
            ForeignTokens(path, 16)

    def test_refuses_what_cannot_be_opened(self, tmp_path: Path) -> None:
        """With the system's reason."""
        with pytest.raises(TokenizerError, match="directory"):
            ForeignTokens(tmp_path, 16)

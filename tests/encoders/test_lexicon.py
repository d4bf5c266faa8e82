"""What words say for or against one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.lexicon import BUCKETS, READ, Lexicon, counted, read_lexicon, write_lexicon
from router_extproc.encoders.manifest import BundleError

if TYPE_CHECKING:
    from pathlib import Path


def lexicon(**weights: float) -> Lexicon:
    """Words with these weights; all others are unknown to it."""
    rarity, known = np.zeros(BUCKETS, np.float32), np.zeros(BUCKETS, np.float32)
    for word, weight in weights.items():
        (place,) = counted(word)
        rarity[place], known[place] = 4.0, weight
    return Lexicon(rarity, known, -0.5)


def said(of: Lexicon, text: str) -> float:
    """Its logit."""
    (found,) = of.logits(text).tolist()
    return float(found)


class TestCounted:
    def test_counts_words_and_pairs(self) -> None:
        """Two words are three terms."""
        assert sorted(counted("Ignore this, ignore this").values()) == [1, 2, 2, 2]

    def test_numbers_are_one_word(self) -> None:
        """Which number it is tells nothing."""
        assert counted("take 12") == counted("take 4711")

    def test_reads_a_bounded_part(self) -> None:
        """What stands behind it costs no time."""
        assert counted("a " * READ) == counted("a " * READ * 50)


class TestLogits:
    def test_weights_count(self) -> None:
        """For and against."""
        known = lexicon(ignore=8.0, thanks=-8.0)

        assert said(known, "thanks") < said(known, "tea") == -0.5 < said(known, "ignore")

    def test_a_short_text_says_less(self) -> None:
        """One word is a weak sign, the same word again and again a strong one."""
        known = lexicon(ignore=8.0)

        assert said(known, "ignore") < said(known, "ignore " * 50)

    @given(st.text())
    def test_is_finite(self, text: str) -> None:
        """Whatever the text, lone surrogates included."""
        assert np.isfinite(lexicon(ignore=8.0).logits(text + "\ud800")).all()


class TestFile:
    def test_comes_back(self, tmp_path: Path) -> None:
        """But for what eight bits cannot tell."""
        known = lexicon(ignore=8.0, thanks=-2.0)
        write_lexicon(tmp_path / "w.npz", known)

        back = read_lexicon(tmp_path / "w.npz")

        assert said(back, "ignore me, thanks") == pytest.approx(said(known, "ignore me, thanks"), abs=0.02)

    def test_same_lexicon_same_bytes(self, tmp_path: Path) -> None:
        """So that training again gives the same checksum."""
        for name in ("a.npz", "b.npz"):
            write_lexicon(tmp_path / name, lexicon(ignore=8.0))

        assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()

    @pytest.mark.parametrize(
        "arrays",
        [
            pytest.param({"rarity": np.zeros(BUCKETS), "weights": np.zeros(BUCKETS), "scale": 1.0}, id="an array is missing"),
            pytest.param({"rarity": np.zeros(9), "weights": np.zeros(9), "scale": 1.0, "offset": 0.0}, id="another size"),
            pytest.param(
                {"rarity": np.zeros(BUCKETS), "weights": np.zeros(BUCKETS), "scale": 1.0, "offset": np.inf}, id="not finite"
            ),
            pytest.param(
                {"rarity": np.zeros(BUCKETS), "weights": np.zeros(BUCKETS), "scale": 1.0, "offset": np.array(["x"])},
                id="no number",
            ),
        ],
    )
    def test_strange_arrays_are_refused(self, arrays: dict[str, object], tmp_path: Path) -> None:
        """With the file's name."""
        np.savez(tmp_path / "w.npz", **arrays)  # type: ignore[arg-type]  # what savez takes as an array

        with pytest.raises(BundleError, match=r"w\.npz"):
            read_lexicon(tmp_path / "w.npz")

    @pytest.mark.parametrize("data", [pytest.param(b"", id="empty"), pytest.param(b"PK\x03\x04rubbish", id="no archive")])
    def test_rubbish_is_refused(self, data: bytes, tmp_path: Path) -> None:
        """As any file that was swapped."""
        (tmp_path / "w.npz").write_bytes(data)

        with pytest.raises(BundleError, match="not a lexicon"):
            read_lexicon(tmp_path / "w.npz")

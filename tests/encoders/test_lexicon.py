"""What word pieces say for or against one answer."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router_extproc.encoders.lexicon import BUCKETS, Lexicon, counted, read_lexicon, write_lexicon
from router_extproc.encoders.manifest import BundleError

if TYPE_CHECKING:
    from pathlib import Path


IGNORE, THANKS, TEA = 7, 8, 9


def lexicon(**weights: float) -> Lexicon:
    """Pieces with these weights, by their constants' names; all others, and all pairs, are unknown to it."""
    rarity, known = np.zeros(BUCKETS, np.float32), np.zeros(BUCKETS, np.float32)
    for name, weight in weights.items():
        places, _ = counted([globals()[name]])
        rarity[places], known[places] = 4.0, weight
    return Lexicon(rarity, known, -0.5)


def said(of: Lexicon, *ids: int) -> float:
    """Its logit."""
    (found,) = of.logits(ids)
    return found


class TestCounted:
    def test_counts_pieces_and_pairs(self) -> None:
        """Two pieces, twice, are two terms and two kinds of pairs."""
        places, counts = counted([IGNORE, TEA, IGNORE, TEA])

        assert sorted(counts.tolist()) == [1, 2, 2, 2]
        assert (np.diff(places) > 0).all()

    def test_pairs_have_an_order(self) -> None:
        """The dog bites the man."""
        there, back = (set(counted(ids)[0].tolist()) for ids in ([IGNORE, TEA], [TEA, IGNORE]))

        assert len(there & back) == len((there | back) - there) + 1 == 2

    def test_a_pair_of_the_same_is_no_lone_piece(self) -> None:
        """Three terms at most may share a bucket by chance; these do not."""
        assert len(counted([TEA, TEA])[0]) == 2

    def test_spreads_all_pieces(self) -> None:
        """Over the buckets, nearly as evenly as chance would: e-n/b of them are left empty."""
        pieces = 30_000
        places = {int(place) for piece in range(pieces) for place in counted([piece])[0]}

        assert len(places) > 0.95 * BUCKETS * (1 - np.exp(-pieces / BUCKETS))

    def test_none(self) -> None:
        """A window without text."""
        places, counts = counted([])

        assert (places.tolist(), counts.tolist()) == ([], [])


class TestLogits:
    def test_weights_count(self) -> None:
        """For and against."""
        known = lexicon(IGNORE=8.0, THANKS=-8.0)

        assert said(known, THANKS) < said(known, TEA) == said(known) == -0.5 < said(known, IGNORE)

    def test_a_short_text_says_less(self) -> None:
        """One word is a weak sign, the same word again and again a strong one."""
        known = lexicon(IGNORE=8.0)

        assert said(known, IGNORE) < said(known, *[IGNORE] * 50)

    @given(st.lists(st.integers(0, 1 << 20), max_size=300))
    def test_is_finite(self, ids: list[int]) -> None:
        """Whatever the text."""
        assert np.isfinite(lexicon(IGNORE=8.0).logits(ids)).all()

    @given(st.lists(st.integers(0, 30_000), max_size=300))
    @example([TEA, IGNORE, TEA, IGNORE, TEA] * 12)
    @example([TEA, IGNORE, TEA, IGNORE, TEA] * 40)
    @example(list(range(64)))
    @example(list(range(65)))
    def test_is_what_its_terms_weigh(self, ids: list[int]) -> None:
        """By the formula, counted by hand."""
        random = np.random.default_rng(0)
        known = Lexicon(random.random(BUCKETS, np.float32), random.random(BUCKETS, np.float32) - 0.5, 0.25)
        terms = [*([piece] for piece in ids), *([one, other] for one, other in pairwise(ids))]
        counts = Counter(place_of(term) for term in terms)
        values = {place: (1 + log(count)) * float(known.rarity[place]) for place, count in counts.items()}
        length = sqrt(sum(value**2 for value in values.values()) + 15.0**2)
        wanted = sum(value * float(known.weights[place]) for place, value in values.items()) / length + 0.25

        assert said(known, *ids) == pytest.approx(wanted, abs=1e-4)


def place_of(term: list[int]) -> int:
    """The bucket of a piece, or of a pair: what a pair's buckets have that its pieces have not, unless they share one."""
    odd = (0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9) if len(term) == 2 else (0x9E3779B97F4A7C15,)
    return (sum(piece * factor for piece, factor in zip(term, odd, strict=True)) % 2**64) * BUCKETS >> 64


class TestFile:
    def test_comes_back(self, tmp_path: Path) -> None:
        """But for what eight bits cannot tell."""
        known = lexicon(IGNORE=8.0, THANKS=-2.0)
        write_lexicon(tmp_path / "w.npz", known)

        back = read_lexicon(tmp_path / "w.npz")

        assert said(back, IGNORE, TEA, THANKS) == pytest.approx(said(known, IGNORE, TEA, THANKS), abs=0.02)

    def test_same_lexicon_same_bytes(self, tmp_path: Path) -> None:
        """So that training again gives the same checksum."""
        for name in ("a.npz", "b.npz"):
            write_lexicon(tmp_path / name, lexicon(IGNORE=8.0))

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

"""A glossary is learned from texts with labels."""

from __future__ import annotations

import numpy as np
import pytest

from router_extproc.encoders.glossary import Glossary
from router_extproc.training.glossary import Learned, learned

COURT, PLEA, ROOT, SUM, THE, ONCE = range(6)
TEXTS = [[COURT, PLEA, THE], [ROOT, SUM, THE], [THE, COURT], [THE, ROOT], [PLEA, COURT], [SUM, ROOT]] * 4
TARGETS = [0, 1, 0, 1, 0, 1] * 4


def said(found: Learned, ids: list[int]) -> list[float]:
    """The logits of a text."""
    table = np.concatenate((np.square(found.rarity)[:, None], found.rarity[:, None] * found.weights), 1)
    return list(Glossary(table, tuple(found.offsets.tolist())).logits(ids))


class TestLearned:
    def test_knows_whose_words_are_whose(self) -> None:
        """And that a word of all says nothing."""
        found = learned(TEXTS, TARGETS, pieces=6, labels=2)
        law, math = said(found, [PLEA, COURT])
        middle = said(found, [THE])

        assert law > math
        assert abs(middle[0] - middle[1]) < (law - math) / 4

    def test_leaves_out_what_was_seen_once(self) -> None:
        """A name in one question is no subject's."""
        found = learned([*TEXTS, [ONCE]], [*TARGETS, 0], pieces=6, labels=2)

        assert said(found, [ONCE]) == said(found, [])

    def test_leaves_out_texts_without_pieces(self) -> None:
        """They have nothing to teach."""
        one, two = learned(TEXTS, TARGETS, 6, 2), learned([*TEXTS, []], [*TARGETS, 1], 6, 2)

        assert np.array_equal(one.weights, two.weights)

    def test_same_texts_same_glossary(self) -> None:
        """To the bit."""
        one, two = (learned(TEXTS, TARGETS, 6, 2) for _ in range(2))

        assert np.array_equal(one.weights, two.weights)
        assert np.array_equal(one.offsets, two.offsets)

    def test_needs_texts(self) -> None:
        """Else there is nothing to learn."""
        with pytest.raises(ValueError, match="no texts to learn from"):
            learned([[]], [0], 6, 2)

"""Parts of texts, as batches."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from router_extproc.encoders.heads import SPANS
from router_extproc.encoders.scores import Kind
from router_extproc.encoders.tokens import CASES, Tokens
from router_extproc.training.windows import IGNORED, LENGTH, OVERLAP, Window, collate, places, tagged, window

if TYPE_CHECKING:
    from router_extproc.encoders.tokens import WordPieces


def tag(name: str) -> int:
    """The number of B-NAME or I-NAME."""
    return 1 + 2 * SPANS.index(name[2:]) + (name[0] == "I")


class TestPlaces:
    @pytest.mark.parametrize("words", [0, 1, LENGTH - 2, LENGTH - 1, 1000])
    def test_cover_the_text(self, pieces: WordPieces, words: int) -> None:
        """Each window fits with its special tokens, and shares some with the next."""
        found = places(pieces.encode("tea " * words))

        assert (found[0][0], found[-1][1]) == (0, words)
        assert max(end - start for start, end in found) <= LENGTH - 2
        assert all(left[1] - right[0] >= OVERLAP for left, right in pairwise(found))


class TestWindow:
    def test_has_special_tokens(self, pieces: WordPieces) -> None:
        """At both ends, in no case of their own."""
        tokens = pieces.encode("Tell ME")
        made = window(tokens, (0, 2), pieces, Kind.USER)

        assert made == Window([pieces.begin, *tokens.ids, pieces.end], [0, 1, 2, 0])

    def test_is_a_part(self, pieces: WordPieces) -> None:
        """With the tags of its tokens; special ones have none."""
        tokens = pieces.encode("tell me about tea")
        made = window(tokens, (1, 3), pieces, Kind.USER, [0, 5, 6, 0])

        assert made.ids[1:-1] == tokens.ids[1:3]
        assert made.tags == [IGNORED, 5, 6, IGNORED]

    @pytest.mark.parametrize(("kind", "number"), [(Kind.USER, 0), (Kind.TOOL_RESULT, 1), (Kind.DOCUMENT, 1)])
    def test_knows_where_its_text_comes_from(self, pieces: WordPieces, kind: Kind, number: int) -> None:
        """What a user says is one thing, what is brought in another."""
        assert window(pieces.encode("tea"), (0, 1), pieces, kind).kind == number


class TestTagged:
    def test_begins_and_goes_on(self) -> None:
        """B- once a span."""
        tokens = Tokens([1, 2, 3, 4], [0] * 4, [(0, 4), (5, 10), (11, 16), (17, 20)])

        assert tagged(tokens, [(5, 16, "PERSON")]) == [0, tag("B-PERSON"), tag("I-PERSON"), 0]

    def test_neighbours(self) -> None:
        """Are two."""
        tokens = Tokens([1, 2], [0] * 2, [(0, 4), (5, 10)])

        assert tagged(tokens, [(0, 4, "PERSON"), (5, 10, "AGE")]) == [tag("B-PERSON"), tag("B-AGE")]

    def test_parts_of_tokens(self) -> None:
        """A token that a span touches is of it; one that it only borders on is not."""
        tokens = Tokens([1, 2, 3], [0] * 3, [(0, 4), (4, 8), (8, 12)])

        assert tagged(tokens, [(6, 8, "URL")]) == [0, tag("B-URL"), 0]

    def test_pieces_of_a_word(self, pieces: WordPieces) -> None:
        """All of them, as the tokenizer cuts them."""
        tokens = pieces.encode("me Zoe")

        assert tagged(tokens, [(3, 6, "PERSON")]) == [0, tag("B-PERSON"), *[tag("I-PERSON")] * (len(tokens) - 2)]


class TestCollate:
    def test_pads_to_the_longest(self) -> None:
        """What is padding is in no mask and has no tag."""
        batch, tags = collate([Window([2, 7, 3], [0, 1, 0], [IGNORED, 4, IGNORED]), Window([2, 3], [0, 0])], 9)

        assert batch.ids.tolist() == [[2, 7, 3], [2, 3, 9]]
        assert batch.mask.tolist() == [[True, True, True], [True, True, False]]
        assert tags.tolist() == [[IGNORED, 4, IGNORED], [IGNORED] * 3]

    def test_pads_to_a_multiple(self) -> None:
        """Which attention on a GPU likes; what more there is, is padding."""
        batch, tags = collate([Window([2, 7, 3], [0, 1, 0])], 9, 8)

        assert batch.ids.tolist() == [[2, 7, 3, 9, 9, 9, 9, 9]]
        assert batch.mask.sum() == 3
        assert tags.tolist() == [[IGNORED] * 8]

    def test_marks_are_kind_and_case(self) -> None:
        """A document's pieces are told from a user's; padding has none."""
        batch, _ = collate([Window([2, 7, 3], [0, 2, 0], None, 1), Window([2, 3], [0, 3])], 9)

        assert batch.marks.tolist() == [[CASES, CASES + 2, CASES], [0, 3, 0]]

    def test_goes_to_a_device(self) -> None:
        """All of it."""
        batch = collate([Window([2, 3], [0, 0])], 9)[0].to(torch.device("meta"))

        assert {batch.ids.device.type, batch.mask.device.type, batch.marks.device.type} == {"meta"}

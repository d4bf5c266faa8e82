"""Windows: parts of a text that the encoder reads at once, as batches for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from router_extproc.encoders.heads import SPANS, origin
from router_extproc.encoders.passages import SPECIAL, spread
from router_extproc.encoders.tokens import CASES
from router_extproc.training.network import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.encoders.scores import Kind
    from router_extproc.encoders.tokens import Tokens, WordPieces

LENGTH = 200
"""Tokens of a window, special ones included."""
OVERLAP = 32
IGNORED = -100


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text, special tokens included."""

    ids: list[int]
    cases: list[int]
    tags: list[int] | None = None
    """The token head's targets."""
    kind: int = 0


def places(tokens: Tokens) -> list[tuple[int, int]]:
    """Where the windows of a text begin and end."""
    return spread(len(tokens), LENGTH - SPECIAL, OVERLAP)


def window(tokens: Tokens, place: tuple[int, int], pieces: WordPieces, kind: Kind, tags: list[int] | None = None) -> Window:
    """The window at a place."""
    start, end = place
    return Window(
        [pieces.begin, *tokens.ids[start:end], pieces.end],
        [0, *tokens.cases[start:end], 0],
        [IGNORED, *tags[start:end], IGNORED] if tags is not None else None,
        origin(kind),
    )


def tagged(tokens: Tokens, spans: Sequence[tuple[int, int, str]]) -> list[int]:
    """The tag of each token: B- where a span begins, I- inside, else 0."""
    tags = [0] * len(tokens)
    for start, end, type_ in spans:
        first = 1 + 2 * SPANS.index(type_)
        begun = False
        for at, (left, right) in enumerate(tokens.offsets):
            if left < end and right > start:
                tags[at] = first + begun
                begun = True
    return tags


def collate(windows: Sequence[Window], pad: int, multiple: int = 1) -> tuple[Batch, torch.Tensor]:
    """The batch, its length a multiple of that, and the tags (IGNORED where there are none)."""
    longest = -(-max(len(each.ids) for each in windows) // multiple) * multiple
    ids = torch.full((len(windows), longest), pad)
    marks = torch.zeros((len(windows), longest), dtype=torch.long)
    mask = torch.zeros((len(windows), longest), dtype=torch.bool)
    tags = torch.full((len(windows), longest), IGNORED)
    for row, each in enumerate(windows):
        size = len(each.ids)
        ids[row, :size] = torch.tensor(each.ids)
        marks[row, :size] = torch.tensor(each.cases) + each.kind * CASES
        mask[row, :size] = True
        if each.tags is not None:
            tags[row, :size] = torch.tensor(each.tags)
    return Batch(ids, mask, marks), tags

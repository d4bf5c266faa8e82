"""Reading: what the heads say of one text, from the outputs of its windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.heads import CHANCES, CLASSES, SPANS
from router_extproc.encoders.scores import Span
from router_extproc.encoders.softmax import sigmoid, softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router_extproc.encoders.manifest import Calibration, Manifest
    from router_extproc.encoders.passages import Slice

    Floats = NDArray[np.float32]

ANYWHERE = frozenset({"jailbreak"})
"""Heads whose highest window counts, because what they look for may stand anywhere. The others are about the whole text: the mean of
its first and last window counts."""


_TWICE = float(np.log(2))


@dataclass(frozen=True, slots=True)
class Reading:
    """All that the encoder tells of one text. Holds no part of it."""

    classes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By head, then by label; calibrated, each head's sum to 1."""
    chances: Mapping[str, float] = field(default_factory=dict)
    """By head; calibrated, in [0, 1]."""
    embedding: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    """Of length 1: the mean over the windows."""
    spans: tuple[Span, ...] = ()
    """What the token head marks."""
    coverage: float = 1.0
    """Share of the text that was read, in [0, 1]."""


def combined(slices: Sequence[Slice], outputs: Mapping[str, Floats], manifest: Manifest, coverage: float) -> Reading:
    """The reading of a text. Each output has one row a window."""
    calibration = manifest.calibration
    return Reading(
        classes={head: _classes(outputs[head], CLASSES[head], calibration[head]) for head in CLASSES if head in outputs},
        chances={head: _chance(head, outputs[head], calibration[head]) for head in CHANCES if head in outputs},
        embedding=_embedding(outputs["embedding"]) if "embedding" in outputs else np.zeros(0, np.float32),
        spans=_spans(slices, outputs["tags"], manifest.span_threshold) if "tags" in outputs else (),
        coverage=coverage,
    )


def whole(rows: Floats) -> Floats:
    """The logits for a whole text: the mean of its first and last window's."""
    mean: Floats = (rows[0] + rows[-1]) / 2
    return mean


def pooled(head: str, rows: Floats) -> Floats:
    """A head's logits for a text, of those of its windows."""
    if head not in ANYWHERE:
        return whole(rows)
    highest: Floats = rows.max(0)
    return highest


def _classes(rows: Floats, labels: Sequence[str], calibration: Calibration) -> dict[str, float]:
    return dict(zip(labels, softmax(whole(rows) / calibration.temperature).tolist(), strict=True))


def _chance(head: str, rows: Floats, calibration: Calibration) -> float:
    return float(sigmoid((pooled(head, rows)[0] + calibration.bias) / calibration.temperature))


def _embedding(rows: Floats) -> Floats:
    mean = rows.mean(0)
    length: Floats = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return length


def _spans(slices: Sequence[Slice], rows: Floats, threshold: float) -> tuple[Span, ...]:
    """Spans of all windows. Where two windows overlap, what the earlier one found stays; the later one may end what its end cut."""
    found: list[Span] = []
    for piece, logits in zip(slices, rows, strict=True):
        for span in marked(piece, logits[: len(piece)]):
            if span.score < threshold:
                continue
            last = found[-1] if found else None
            if last is None or span.start >= last.end:
                found.append(span)
            elif span.type == last.type and span.end > last.end:
                found[-1] = Span(last.start, span.end, span.type, max(last.score, span.score))
    return tuple(found)


def marked(piece: Slice, logits: Floats) -> list[Span]:
    """The spans of one window: runs of tokens of one type; B- begins another. The score is the mean probability of the type."""
    # Most windows have none. A type's two tags together are at most twice as likely as the likelier of them.
    if (logits[:, 0] - logits[:, 1:].max(-1) > _TWICE).all():
        return []
    chances = softmax(logits)
    types = np.stack((chances[:, 1::2], chances[:, 2::2])).sum(0)
    best = np.where(chances[:, 0] >= types.max(-1), -1, types.argmax(-1))
    spans: list[Span] = []
    at, last = 0, len(piece) - 1
    while at < last:
        kind = int(best[at])
        if kind < 0 or piece.offsets[at][0] == piece.offsets[at][1]:
            at += 1
            continue
        start = at
        at += 1
        while at < last and best[at] == kind and not _begins(chances[at], kind, piece, at):
            at += 1
        score = float(types[start:at, kind].mean())
        spans.append(Span(piece.offsets[start][0], piece.offsets[at - 1][1], SPANS[kind], score))
    return spans


def _begins(chances: Floats, kind: int, piece: Slice, at: int) -> bool:
    """Whether a token begins a new span: its B- is likelier than its I-, and it begins a word."""
    return bool(chances[1 + 2 * kind] > chances[2 + 2 * kind]) and piece.offsets[at][0] > piece.offsets[at - 1][1]

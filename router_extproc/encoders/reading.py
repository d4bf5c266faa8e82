"""Reading: what the heads say of one text, from the outputs of its windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, sqrt, tanh
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.heads import CHANCES, CLASSES, POOLED
from router_extproc.encoders.marking import marked
from router_extproc.encoders.scores import Span
from router_extproc.encoders.tokens import writable
from router_extproc.pii import hinted
from router_extproc.pii.kinds import BY_PATTERN
from router_extproc.pii.merging import Places
from router_extproc.pii.refining import refined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router_extproc.encoders.manifest import Calibration, Manifest
    from router_extproc.encoders.passages import Passage, Slice
    from router_extproc.encoders.scores import Kind

    Floats = NDArray[np.float32]

ANYWHERE = frozenset({"jailbreak"})
"""Heads whose highest window counts, because what they look for may stand anywhere. The others are about the whole text: the mean of
its first and last window counts."""


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
    """What the token head marks: no type that can be checked, but telephone numbers whose shape agrees."""
    coverage: float = 1.0
    """Share of the text that was read, in [0, 1]."""


def combined(text: str, kind: Kind, passage: Passage, outputs: Mapping[str, Floats], manifest: Manifest) -> Reading:
    """The reading of a text. Each output has one row a window."""
    known = {head: manifest.calibration_of(head, kind) for head in POOLED if head in outputs}
    return Reading(
        classes={head: _classes(outputs[head], CLASSES[head], known[head]) for head in CLASSES if head in outputs},
        chances={head: _chance(head, outputs[head], known[head]) for head in CHANCES if head in outputs},
        embedding=_embedding(outputs["embedding"]) if "embedding" in outputs else np.zeros(0, np.float32),
        spans=_spans(text, passage.slices, outputs["tags"], manifest.span_threshold) if "tags" in outputs else (),
        coverage=passage.coverage,
    )


def whole(rows: Floats) -> Floats:
    """The logits for a whole text: the mean of its first and last window's."""
    first: Floats = rows[0]
    return first if len(rows) == 1 else (first + rows[-1]) / 2


def pooled(head: str, rows: Floats) -> Floats:
    """A head's logits for a text, of those of its windows."""
    if head not in ANYWHERE:
        return whole(rows)
    highest: Floats = rows.max(0)
    return highest


def _classes(rows: Floats, labels: Sequence[str], calibration: Calibration) -> dict[str, float]:
    # For a handful of numbers an array costs more than it saves.
    logits = whole(rows).tolist()
    highest = max(logits)
    powers = [exp((logit - highest) / calibration.temperature) for logit in logits]
    total = sum(powers)
    return dict(zip(labels, [power / total for power in powers], strict=True))


def _chance(head: str, rows: Floats, calibration: Calibration) -> float:
    # As `sigmoid`: for one number an array costs more than it saves.
    return 0.5 + 0.5 * tanh((float(pooled(head, rows)[0]) + calibration.bias) / calibration.temperature / 2)


def _embedding(rows: Floats) -> Floats:
    mean: Floats = rows[0] if len(rows) == 1 else rows.mean(0)
    length: Floats = mean / max(sqrt(float(mean @ mean)), 1e-9)
    return length


def _spans(text: str, slices: Sequence[Slice], rows: Floats, threshold: float) -> tuple[Span, ...]:
    """Spans of all windows, by their start. Types that can be checked are left out, but for telephone numbers of a fitting shape."""
    text = writable(text)
    marks = [marked(piece, logits[: len(piece)], text) for piece, logits in zip(slices, rows, strict=True)]
    names = refined(text, _joined([span for each in marks for span in each.spans if span.type not in BY_PATTERN]), threshold)
    hints = _joined([hint for each in marks for hint in each.hints])
    places = Places()
    places.add(hinted.find(text, hints))
    places.add(names)
    return tuple(places.spans)


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Where two windows overlap, what the earlier one found stays; the later one may end what its end cut."""
    found: list[Span] = []
    for span in spans:
        last = found[-1] if found else None
        if last is None or span.start >= last.end:
            found.append(span)
        elif span.type == last.type and span.end > last.end:
            found[-1] = Span(last.start, span.end, span.type, max(last.score, span.score))
    return found

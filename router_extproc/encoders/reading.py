"""Reading: what the heads say of one text, from the outputs of its windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, sqrt, tanh
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.errors import finite
from router_extproc.encoders.heads import CHANCES, CLASSES
from router_extproc.encoders.marking import marked
from router_extproc.encoders.scores import Span
from router_extproc.encoders.tokens import writable
from router_extproc.pii import hinted, named
from router_extproc.pii.kinds import BY_PATTERN
from router_extproc.pii.merging import Places
from router_extproc.pii.refining import refined
from router_extproc.pii.shapes import digits_in, may_have_candidates
from router_extproc.pii.trimming import trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router_extproc.encoders.manifest import Calibration
    from router_extproc.encoders.marking import Tagged
    from router_extproc.encoders.passages import Passage, Slice

    Floats = NDArray[np.float32]
    Rows = Sequence[Sequence[float]]

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
    legible: bool = True
    """Whether any word of it could be read: what the rest says of a text that could not is said of nothing."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the numbers of a head mean for texts of one kind."""

    calibration: Mapping[str, Calibration]
    """By head."""
    span_threshold: float
    """The score from which on a name counts, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the graph gave for the windows of one text: only what was asked for.

    Between two runs of the graph each operation on an array costs some 15 us, however small the array: the few numbers of the heads are
    plain ones.
    """

    logits: Mapping[str, Rows] = field(default_factory=dict)
    """By head, one row a window."""
    tags: Sequence[Tagged] | None = None
    """Of each window."""
    embeddings: Sequence[Floats] = ()
    """Of each window."""


def combined(text: str, passage: Passage, outputs: Outputs, terms: Terms) -> Reading:
    """The reading of a text. Raises StrangeError."""
    logits, known = outputs.logits, terms.calibration
    return Reading(
        classes={head: _classes(head, logits[head], known[head]) for head in CLASSES if head in logits},
        chances={head: _chance(head, logits[head], known[head]) for head in CHANCES if head in logits},
        embedding=_embedding(outputs.embeddings) if outputs.embeddings else _NOTHING,
        spans=() if outputs.tags is None else _spans(text, passage.slices, outputs.tags, terms.span_threshold),
        coverage=passage.coverage,
        legible=passage.legible,
    )


_NOTHING = np.zeros(0, np.float32)
_NOTHING.flags.writeable = False


def pooled(head: str, rows: Rows) -> Sequence[float]:
    """A head's logits for a text, of those of its windows. Raises StrangeError."""
    for row in rows:
        finite(sum(row))
    if len(rows) == 1:  # as in most texts
        return rows[0]
    if head in ANYWHERE:
        return [max(column) for column in zip(*rows, strict=True)]
    return [(first + last) / 2 for first, last in zip(rows[0], rows[-1], strict=True)]


def _classes(head: str, rows: Rows, calibration: Calibration) -> dict[str, float]:
    logits = pooled(head, rows)
    highest, sharpness = max(logits), 1 / calibration.temperature
    powers = [exp((logit - highest) * sharpness) for logit in logits]
    share = 1 / sum(powers)
    return dict(zip(CLASSES[head], [power * share for power in powers], strict=True))


def _chance(head: str, rows: Rows, calibration: Calibration) -> float:
    (logit,) = pooled(head, rows)
    return 0.5 + 0.5 * tanh((logit + calibration.bias) / calibration.temperature / 2)


def _embedding(rows: Sequence[Floats]) -> Floats:
    mean: Floats = rows[0] if len(rows) == 1 else np.mean(rows, 0)
    square = float(mean @ mean)
    finite(square)
    length: Floats = mean / max(sqrt(square), 1e-9)
    return length


def _spans(text: str, slices: Sequence[Slice], tagged: Sequence[Tagged], threshold: float) -> tuple[Span, ...]:
    """Spans of all windows, by their start. Types that can be checked are left out, but for telephone numbers of a fitting shape."""
    text = writable(text)
    digits = digits_in(text)
    numbers = may_have_candidates(text, digits)
    marks = marked(zip(slices, tagged, strict=True), text, threshold, numbers=numbers)
    known = named.find(text)
    if not (marks or digits or known):  # as in many texts; a few addresses need no model, but a digit
        return ()
    found = _joined([span for each in marks for span in each.spans if span.type not in BY_PATTERN])
    found = named.joined(known, found, threshold) if known else found
    hints = _joined([hint for each in marks for hint in each.hints])
    places = Places()
    if numbers and (found or hints):  # in few texts
        places.add(hinted.find(text, hints))
        places.add(hinted.in_addresses(text, found))
        found = list(trimmed(text, found, places.spans))
    names = refined(text, found, threshold)
    if names:
        if numbers:
            places.add(hinted.in_blocks(text, names))
        places.add(trimmed(text, names, list(places.spans)) if places.spans else names)
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

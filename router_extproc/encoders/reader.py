"""Reader: texts through a bundle, in the calling thread: cut into windows, run with others of like length, put together again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from router_extproc.encoders.bundle import EMBEDDING, PEAKS, TAGS, TYPES, Window
from router_extproc.encoders.errors import StrangeError
from router_extproc.encoders.experts import heard, said
from router_extproc.encoders.heads import POOLED, origin, output
from router_extproc.encoders.marking import Tagged
from router_extproc.encoders.passages import cut
from router_extproc.encoders.reading import Outputs, Terms, combined
from router_extproc.encoders.scores import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from router_extproc.encoders.bundle import Bundle
    from router_extproc.encoders.figures import Figures
    from router_extproc.encoders.passages import Passage
    from router_extproc.encoders.reading import Reading, Rows

    _Row = dict[str, Any]

_BUCKETS = (32, 64, 128, 192, 256, 512)
"""Windows are run with those of their own length class, so that padding costs little."""
_ROWS = 4
"""Windows of one run. More gain nothing at 64 tokens and hold a core for longer."""

_ARRAYS = frozenset({TAGS, TYPES, EMBEDDING})
"""Outputs with too many numbers for lists."""


@dataclass(frozen=True, slots=True)
class Work:
    """A text, and what is wanted of it."""

    text: str
    kind: Kind
    windows: int
    outputs: tuple[str, ...]


class Reader:
    """Reads texts with one bundle. Safe from several threads."""

    def __init__(self, bundle: Bundle, figures: Figures) -> None:
        self._bundle = bundle
        self._figures = figures
        manifest = bundle.manifest
        self._terms = {
            kind: Terms({head: manifest.calibration[output(head, kind)] for head in POOLED}, manifest.span_threshold)
            for kind in Kind
        }

    def run(self, works: Sequence[Work]) -> list[Reading | Exception]:
        """A reading of each text, or what went wrong with it alone: all their windows, in runs of like length."""
        manifest = self._bundle.manifest
        passages = [
            cut(work.text, self._bundle.pieces, window=manifest.window, overlap=manifest.overlap, budget=work.windows)
            for work in works
        ]
        # Before the graph runs: it leaves nothing of theirs in the core's caches, and behind it they take longer.
        beside = [self._beside(*each) for each in zip(works, passages, strict=True)]
        rows = self._rows(works, passages, tuple({output(name, work.kind): None for work in works for name in work.outputs}))
        return [self._told(*each) for each in zip(works, passages, beside, rows, strict=True)]

    def _beside(self, work: Work, passage: Passage) -> dict[str, list[Rows]]:
        """What experts say of a text's windows, by the head that they stand beside."""
        experts = self._bundle.experts
        asked = [head for head in experts if head in work.outputs]
        pieces = [each.ids[1:-1] for each in passage.slices] if asked else []
        return {head: said(experts[head], work.kind, pieces) for head in asked}

    def _told(
        self, work: Work, passage: Passage, beside: Mapping[str, Sequence[Rows]], windows: Sequence[_Row]
    ) -> Reading | Exception:
        kind, asked = work.kind, [name for name in work.outputs if name not in _ARRAYS]
        logits: dict[str, Rows] = {name: [row[output(name, kind)] for row in windows] for name in asked}
        for head, others in beside.items():
            logits[head] = heard(logits[head], others)
        tags = [Tagged(row[TAGS], row[TYPES], row[PEAKS]) for row in windows] if TAGS in work.outputs else None
        embeddings = [row[EMBEDDING] for row in windows] if EMBEDDING in work.outputs else ()
        try:
            return combined(work.text, passage, Outputs(logits, tags, embeddings), self._terms[work.kind])
        except StrangeError as error:
            return error

    def _rows(self, works: Sequence[Work], passages: Sequence[Passage], outputs: Sequence[str]) -> list[list[_Row]]:
        """Each text's outputs, window by window: lists of numbers, but for _ARRAYS."""
        places = [(text, number) for text, passage in enumerate(passages) for number in range(len(passage.slices))]
        places.sort(key=lambda place: len(passages[place[0]].slices[place[1]]))
        found: list[list[_Row]] = [[{} for _ in passage.slices] for passage in passages]
        if not outputs:
            return found
        self._figures.read(len(places))
        asked = (*outputs, TYPES, PEAKS) if TAGS in outputs else outputs
        for run in _runs([len(passages[text].slices[number]) for text, number in places]):
            chosen = [places[at] for at in run]
            windows = [Window(passages[text].slices[number], origin(works[text].kind)) for text, number in chosen]
            arrays = self._bundle.run(windows, asked)
            given = {name: values if name in _ARRAYS else values.tolist() for name, values in arrays.items()}
            for row, (text, number) in enumerate(chosen):
                found[text][number] = {name: values[row] for name, values in given.items()}
        return found


def _runs(lengths: Sequence[int]) -> Iterable[range]:
    """Places in a list of ascending lengths that are run together."""
    start = 0
    for at in range(1, len(lengths) + 1):
        full = at - start == _ROWS
        if at == len(lengths) or full or _bucket(lengths[at]) != _bucket(lengths[start]):
            yield range(start, at)
            start = at


def _bucket(length: int) -> int:
    return next((number for number, limit in enumerate(_BUCKETS) if length <= limit), len(_BUCKETS))

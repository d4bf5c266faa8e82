"""Reader: texts through a bundle, in the calling thread: cut into windows, run with others of like length, put together again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from router_extproc.encoders.bundle import EMBEDDING, PEAKS, TAGS, TYPES, Window
from router_extproc.encoders.course import Course
from router_extproc.encoders.errors import LateError, StrangeError
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
_TOKENS = 256
"""Of one run, with what fills its windows up, but for one window that is longer: beyond, more windows gain nothing, and a text can only
be given up between runs."""

_TO_THE_END = Course()

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
        self._names = {kind: {head: output(head, kind) for head in POOLED} for kind in Kind}
        """The graph's output for each head."""

    def run(self, works: Sequence[Work], course: Course = _TO_THE_END) -> list[Reading | Exception]:
        """A reading of each text, or what went wrong with it alone: all their windows, in runs of like length, which are its steps."""
        manifest = self._bundle.manifest
        passages = [
            cut(work.text, self._bundle.pieces, window=manifest.window, overlap=manifest.overlap, budget=work.windows)
            for work in works
        ]
        # Before the graph runs: it leaves nothing of theirs in the core's caches, and behind it they take longer.
        beside = [self._beside(*each) for each in zip(works, passages, strict=True)]
        rows = self._rows(
            works, passages, tuple({output(name, work.kind): None for work in works for name in work.outputs}), course
        )
        return [self._told(*each) for each in zip(works, passages, beside, rows, strict=True)]

    def _beside(self, work: Work, passage: Passage) -> dict[str, list[Rows]]:
        """What experts say of a text's windows, by the head that they stand beside."""
        experts = self._bundle.experts
        asked = [head for head in experts if head in work.outputs]
        pieces = [each.ids[1:-1] for each in passage.slices] if asked else []
        return {head: said(experts[head], work.kind, pieces) for head in asked}

    def _told(
        self, work: Work, passage: Passage, beside: Mapping[str, Sequence[Rows]], windows: Sequence[_Row] | None
    ) -> Reading | Exception:
        if windows is None:
            return LateError("the text was given up")
        names = self._names[work.kind]
        logits: dict[str, Rows] = {
            head: [row[name] for row in windows] for head in work.outputs if (name := names.get(head)) is not None
        }
        for head, others in beside.items():
            logits[head] = heard(logits[head], others)
        tags = [Tagged(row[TAGS], row[TYPES], row[PEAKS]) for row in windows] if TAGS in work.outputs else None
        embeddings = [row[EMBEDDING] for row in windows] if EMBEDDING in work.outputs else ()
        try:
            return combined(work.text, passage, Outputs(logits, tags, embeddings), self._terms[work.kind])
        except StrangeError as error:
            return error

    def _rows(
        self, works: Sequence[Work], passages: Sequence[Passage], outputs: Sequence[str], course: Course
    ) -> list[list[_Row] | None]:
        """Each text's outputs, window by window: lists of numbers, but for _ARRAYS; None for a text that was given up."""
        sizes = {(text, number): len(piece) for text, each in enumerate(passages) for number, piece in enumerate(each.slices)}
        places = sorted(sizes, key=sizes.__getitem__)
        found: list[list[_Row]] = [[{} for _ in passage.slices] for passage in passages]
        gone: set[int] = set()
        total = sum(sizes.values())
        asked = (*outputs, TYPES, PEAKS) if TAGS in outputs else outputs
        for run in _runs([sizes[place] for place in places]) if outputs else ():
            texts = {places[at][0] for at in run}
            gone |= texts.difference(course.going(texts))
            chosen = [places[at] for at in run if places[at][0] not in gone]
            if not chosen:
                continue
            self._figures.read(len(chosen))
            windows = [Window(passages[text].slices[number], origin(works[text].kind)) for text, number in chosen]
            arrays = self._bundle.run(windows, asked)
            given = {name: values if name in _ARRAYS else values.tolist() for name, values in arrays.items()}
            for row, (text, number) in enumerate(chosen):
                found[text][number] = {name: values[row] for name, values in given.items()}
            course.did(sum(sizes[place] for place in chosen) / total)
        return [None if text in gone else windows for text, windows in enumerate(found)]


def _runs(lengths: Sequence[int]) -> Iterable[range]:
    """Places in a list of ascending lengths that are run together."""
    start = 0
    for at, length in enumerate(lengths):
        rows = at - start + 1
        if at > start and (rows > _ROWS or rows * length > _TOKENS or _bucket(length) != _bucket(lengths[start])):
            yield range(start, at)
            start = at
    if lengths:
        yield range(start, len(lengths))


def _bucket(length: int) -> int:
    return next((number for number, limit in enumerate(_BUCKETS) if length <= limit), len(_BUCKETS))

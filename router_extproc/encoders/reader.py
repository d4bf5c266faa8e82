"""Reader: texts through a bundle, in the calling thread: cut into windows, run with others of like length, put together again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.bundle import TAGS, Window
from router_extproc.encoders.errors import StrangeError
from router_extproc.encoders.experts import heard
from router_extproc.encoders.heads import origin
from router_extproc.encoders.passages import cut
from router_extproc.encoders.reading import combined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from router_extproc.encoders.bundle import Bundle
    from router_extproc.encoders.figures import Figures
    from router_extproc.encoders.graph import Arrays
    from router_extproc.encoders.passages import Passage
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.scores import Kind

_BUCKETS = (32, 64, 128, 192, 256, 512)
"""Windows are run with those of their own length class, so that padding costs little."""
_ROWS = 4
"""Windows of one run. More gain nothing at 64 tokens and hold a core for longer."""


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

    def run(self, works: Sequence[Work]) -> list[Reading | Exception]:
        """A reading of each text, or what went wrong with it alone: all their windows, in runs of like length."""
        manifest = self._bundle.manifest
        passages = [
            cut(work.text, self._bundle.pieces, window=manifest.window, overlap=manifest.overlap, budget=work.windows)
            for work in works
        ]
        rows = self._rows(works, passages, tuple({name: None for work in works for name in work.outputs}))
        return [
            self._told(work, passage, _stacked(found, work.outputs))
            for work, passage, found in zip(works, passages, rows, strict=True)
        ]

    def _told(self, work: Work, passage: Passage, outputs: Arrays) -> Reading | Exception:
        if not all(np.isfinite(rows).all() for rows in outputs.values()):
            return StrangeError("the model gave numbers that are not finite")
        for head, seats in self._bundle.experts.items():
            if head in outputs:
                outputs[head] = heard(seats, work.kind, outputs[head], [each.ids[1:-1] for each in passage.slices])
        return combined(work.text, work.kind, passage, outputs, self._bundle.manifest)

    def _rows(self, works: Sequence[Work], passages: Sequence[Passage], outputs: Sequence[str]) -> list[list[Arrays]]:
        """Each text's outputs, window by window."""
        places = [(text, number) for text, passage in enumerate(passages) for number in range(len(passage.slices))]
        places.sort(key=lambda place: len(passages[place[0]].slices[place[1]]))
        found: list[list[Arrays]] = [[{} for _ in passage.slices] for passage in passages]
        if not outputs:
            return found
        self._figures.read(len(places))
        for run in _runs([len(passages[text].slices[number]) for text, number in places]):
            chosen = [places[at] for at in run]
            windows = [Window(passages[text].slices[number], origin(works[text].kind)) for text, number in chosen]
            arrays = self._bundle.run(windows, outputs)
            for row, (text, number) in enumerate(chosen):
                found[text][number] = {name: values[row] for name, values in arrays.items()}
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


def _stacked(found: Sequence[Arrays], outputs: Sequence[str]) -> Arrays:
    """One text's outputs with a row a window. Tags stay as long as each window's run made them."""
    stacked: Arrays = {}
    for name in outputs:
        rows = [each[name] for each in found]
        if len(rows) == 1:
            stacked[name] = rows[0][None]
            continue
        if name == TAGS:
            longest = max(len(row) for row in rows)
            rows = [row if len(row) == longest else np.pad(row, ((0, longest - len(row)), (0, 0))) for row in rows]
        stacked[name] = np.stack(rows)
    return stacked

"""Experts: what is added to a head's logits, window by window, beside what the graph says."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING, Protocol

from router_extproc.encoders.glossary import read_glossary
from router_extproc.encoders.heads import width
from router_extproc.encoders.lexicon import read_lexicon
from router_extproc.encoders.manifest import FILE_NAME, BundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from router_extproc.encoders.manifest import Manifest
    from router_extproc.encoders.scores import Kind

    Rows = Sequence[Sequence[float]]


class Expert(Protocol):
    """Judges windows for one head. Safe from several threads; takes a small part of the graph's time."""

    def logits(self, ids: Sequence[int], /) -> Sequence[float]:
        """Finite numbers, as many as the head has outputs. `ids` are the window's pieces, none at least, without the special ones."""
        ...


@dataclass(frozen=True, slots=True)
class Seat:
    """An expert's place beside a head."""

    expert: Expert
    weight: float
    kinds: frozenset[Kind]
    """Texts that it is asked about: those like what it learned from."""


Experts = dict[str, tuple[Seat, ...]]
"""By head."""

PIECES, GLOSSARY = "pieces", "glossary"
_READERS: Mapping[str, Callable[[Path], Expert]] = {PIECES: read_lexicon, GLOSSARY: read_glossary}
"""By name in the manifest."""


def file_of(name: str, head: str) -> str:
    """The bundle's file that holds an expert."""
    return f"{name}.{head}.npz"


def read_experts(folder: Path, manifest: Manifest, pieces: int) -> Experts:
    """All experts of a bundle, whose files were checked already; its tokenizer has that many pieces. Raises BundleError."""
    return {
        head: tuple(
            Seat(_read(folder, manifest, (name, head), pieces), entry.weight, frozenset(entry.kinds))
            for name, entry in entries.items()
        )
        for head, entries in manifest.experts.items()
    }


def said(seats: Sequence[Seat], kind: Kind, windows: Sequence[Sequence[int]]) -> list[Rows]:
    """What each of a head's experts that is asked about such texts says of every window's pieces, times its weight."""
    return [[[seat.weight * each for each in seat.expert.logits(ids)] for ids in windows] for seat in seats if kind in seat.kinds]


def heard(rows: Rows, beside: Sequence[Rows]) -> Rows:
    """A head's logits, one row a window, with what `said` gave for these windows."""
    for other in beside:
        rows = [[*map(add, mine, theirs)] for mine, theirs in zip(rows, other, strict=True)]
    return rows


def _read(folder: Path, manifest: Manifest, place: tuple[str, str], pieces: int) -> Expert:
    name, head = place
    cure = "use a bundle of this release"
    if name not in _READERS:
        raise BundleError(
            f"{folder / FILE_NAME}: the head {head} has the expert {name}, which this program does not know; {cure}"
        )
    file = file_of(name, head)
    if file not in manifest.files:
        raise BundleError(f"{folder / FILE_NAME}: {file} is not among its files; restore the bundle from its release")
    expert = _READERS[name](folder / file)
    if len(expert.logits(())) != width(head):
        raise BundleError(f"{folder / file}: it does not give what the head {head} has; {cure}")
    try:
        expert.logits((pieces - 1,))
    except IndexError as error:
        raise BundleError(f"{folder / file}: it does not know all {pieces} pieces of the tokenizer; {cure}") from error
    return expert

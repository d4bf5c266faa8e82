"""Local: a bundle as a Classifier and an Embedder in this process, for `classify` and `eval`.

Every head of one text, by the same reading as in serving.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.bundle import EMBEDDING, TAGS
from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.encoder import WINDOWS
from router_extproc.encoders.heads import CHANCES, CLASSES, POOLED
from router_extproc.encoders.models import Models
from router_extproc.encoders.plain import plain
from router_extproc.encoders.scores import Kind, Scores
from router_extproc.encoders.tokens import writable
from router_extproc.pii.merging import merged
from router_extproc.pii.patterns import find
from router_extproc.pii.trimming import trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from router_extproc.encoders.encoder import Encoder
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.scores import Item

_BROUGHT_IN = frozenset({"tool", "function"})
"""Roles whose texts are no person's."""


class LocalClassifier:
    """Reads texts with one encoder, several at once. Safe from several threads."""

    def __init__(self, encoder: Encoder, *, threads: int = 1, windows: int = WINDOWS) -> None:
        """`windows`: stretches of one text that are read at most."""
        self._encoder = encoder
        self._threads = threads
        self._windows = windows

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """Of each class head."""
        return CLASSES

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Of each head that answers yes or no."""
        return self._encoder.bundle.manifest.thresholds

    def classify(self, items: Sequence[Item], /) -> list[Scores]:
        """The scores of each item, in order."""
        return list(self.stream(items))

    def stream(self, items: Sequence[Item]) -> Iterator[Scores]:
        """The scores of each item, in order, as they come."""
        with ThreadPoolExecutor(self._threads) as pool:
            yield from pool.map(self._one, items)

    def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """The vector of each text, one at least, in order; texts are a user's."""
        with ThreadPoolExecutor(self._threads) as pool:
            return np.stack(list(pool.map(self._vector, texts)))

    def _vector(self, text: str) -> NDArray[np.float32]:
        return self._read(text, Kind.USER, (EMBEDDING,)).embedding

    def _one(self, item: Item) -> Scores:
        began = time.perf_counter()
        reading = self._read(item.text, item.kind)
        classes = {head: reading.classes[head] for head in CLASSES if head != "feedback" or _answered(item)}
        chances = {head: reading.chances[head] for head in CHANCES}
        others = list(self._elsewhere(item))
        undisguised = plain(item.text)
        if undisguised != item.text:
            chances["jailbreak"] = self._read(undisguised, item.kind, ("jailbreak",)).chances["jailbreak"]
        chances["jailbreak"] = max(chances["jailbreak"], *(other.chances["jailbreak"] for _, other in others), 0.0)
        text = writable(item.text)
        checked = find(text)
        spans = merged(checked, list(trimmed(text, reading.spans, checked)))
        read = [(len(item.text), reading.coverage), *((size, other.coverage) for size, other in others)]
        return Scores(classes, chances, spans, _together(read), (time.perf_counter() - began) * 1000)

    def _read(self, text: str, kind: Kind, outputs: tuple[str, ...] = (*POOLED, TAGS)) -> Reading:
        return self._encoder.read([text], kind, windows=self._windows, outputs=outputs)[0]

    def _elsewhere(self, item: Item) -> Iterator[tuple[int, Reading]]:
        """Size and jailbreak reading of what else the conversation holds, as a guard that reads everything sees it."""
        for turn in item.turns:
            if turn.text.strip() and turn.text != item.text:
                kind = Kind.TOOL_RESULT if turn.role in _BROUGHT_IN else Kind.USER
                yield len(turn.text), self._read(plain(turn.text), kind, ("jailbreak",))


def _together(read: Sequence[tuple[int, float]]) -> float:
    """The coverage of several texts of these sizes; 1 where there is no text."""
    total = sum(size for size, _ in read)
    return sum(size * coverage for size, coverage in read) / total if total else 1.0


def _answered(item: Item) -> bool:
    return any(turn.role == "assistant" for turn in item.turns)


def open_classifier(folder: Path | None, *, windows: int = WINDOWS) -> LocalClassifier:
    """A bundle, or the one that comes with the program, on all CPUs. Raises BundleError."""
    return LocalClassifier(Models(folder=folder).encoder(), threads=available_cpus(), windows=windows)

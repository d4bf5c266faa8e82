"""Experts: what a bundle's heads hear beside its graph, learned and weighed. Needs no torch, and leaves the graph as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.experts import GLOSSARY, PIECES, Seat, file_of
from router_extproc.encoders.glossary import read_glossary, write_glossary
from router_extproc.encoders.heads import CLASSES, width
from router_extproc.encoders.lexicon import BUCKETS, Lexicon, counted, read_lexicon, weighed, write_lexicon
from router_extproc.encoders.manifest import ExpertEntry
from router_extproc.encoders.scores import Kind
from router_extproc.encoders.term_weights import scaled
from router_extproc.training import glossary
from router_extproc.training.calibrate import chance_calibration, class_calibration
from router_extproc.training.corpus import read
from router_extproc.training.tuning import readings_of, some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from router_extproc.encoders.encoder import Encoder
    from router_extproc.encoders.experts import Expert
    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.corpus import Example, Licence

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a head may hear."""

    name: str
    kinds: tuple[Kind, ...]
    """Texts that it learns from and is asked about."""
    weights: tuple[float, ...]
    """That the dev set chooses from: no more than the head has itself, since on what was not seen, words go wrong first."""


HEAD = "jailbreak"
_PLANS = {
    # What hides in documents is too various to be told by its words.
    HEAD: _Plan(PIECES, (Kind.USER,), (0.5, 1.0)),
    "domain": _Plan(GLOSSARY, tuple(Kind), (0.1, 0.2, 0.3, 0.4, 0.5)),
}
HEADS = tuple(_PLANS)
"""Those that words help on sources that they were not learned from: docs/training.md."""
_LEAST_GAIN = 0.002
"""Of cross-entropy on the dev set, or there is no expert."""
_PENALTY = 5e-6
"""Of the squared weights, beside the mean loss of a text."""
_READ = 4000
"""Characters of a text that it is learned from."""
_SEEN = 2
"""Texts that must have a term, or it is left out."""
_STEPS, _ROUNDS = 200, 20


def taught(
    encoder: Encoder, examples: Mapping[str, Sequence[Example]], data: Path, licence: Licence, heads: Sequence[str] = HEADS
) -> dict[str, dict[str, ExpertEntry]]:
    """Learn experts of some heads, write their files beside the encoder's graph, and seat them; those of other heads stay.

    Gives the manifest's entries; none of a head for which the dev set gains nothing. These heads must not be calibrated. Raises OSError,
    ValueError.
    """
    known = read(data, "dev", licence)
    others = {head: seats for head, seats in encoder.bundle.experts.items() if head not in heads}
    entries: dict[str, dict[str, ExpertEntry]] = {}
    for head in heads:
        plan, path = _PLANS[head], encoder.bundle.folder / file_of(_PLANS[head].name, head)
        expert = _learnt(encoder.bundle.pieces, head, examples[head], path)
        encoder.bundle.experts = others
        dev = some([row for row in known[head] if row.kind in plan.kinds])
        least, chosen = _loss(encoder, head, dev) - _LEAST_GAIN, 0.0
        for weight in plan.weights:
            encoder.bundle.experts = others | {head: (Seat(expert, weight, frozenset(plan.kinds)),)}
            loss = _loss(encoder, head, dev)
            if loss < least:
                least, chosen = loss, weight
        if chosen:
            others = others | {head: (Seat(expert, chosen, frozenset(plan.kinds)),)}
            entries[head] = {plan.name: ExpertEntry(weight=chosen, kinds=plan.kinds)}
        else:
            path.unlink()
        encoder.bundle.experts = others
    return entries


def _learnt(pieces: WordPieces, head: str, examples: Sequence[Example], path: Path) -> Expert:
    """An expert as the bundle will have it: written, and read again."""
    texts = {example.text: example.target for example in examples if example.kind in _PLANS[head].kinds}
    ids = [pieces.encode(text[:_READ]).ids for text in texts]
    if _PLANS[head].name == GLOSSARY:
        found = glossary.learned(ids, list(texts.values()), pieces.size, width(head))
        write_glossary(path, found.rarity, found.weights, found.offsets)
        return read_glossary(path)
    write_lexicon(path, learned(ids, [target >= 0.5 for target in texts.values()]))
    return read_lexicon(path)


def _loss(encoder: Encoder, head: str, dev: Sequence[Example]) -> float:
    """The cross-entropy that is left when the head has been calibrated."""
    readings = readings_of(encoder, dev, head)
    if head in CLASSES:
        logits = np.log([[reading.classes[head][label] for label in CLASSES[head]] for reading in readings])
        made = logits / class_calibration(logits, np.array([row.target for row in dev])).temperature
        made -= np.log(np.exp(made).sum(1, keepdims=True))
        return float(-made[range(len(dev)), [row.target for row in dev]].mean())
    chances = np.array([reading.chances[head] for reading in readings]).clip(1e-9, 1 - 1e-9)
    targets = np.array([row.target for row in dev], np.float64)
    logits = np.log(chances / (1 - chances))
    found = chance_calibration(logits, targets)
    return float((np.logaddexp(0, made := (logits + found.bias) / found.temperature) - targets * made).mean())


@dataclass(frozen=True, slots=True)
class _Rows:
    """Term vectors, one after the other: a sparse matrix."""

    places: NDArray[np.int64]
    values: NDArray[np.float32]
    starts: NDArray[np.int64]
    owners: NDArray[np.int64]

    def times(self, vector: Floats) -> Floats:
        """(rows,)."""
        found: Floats = np.add.reduceat(self.values * vector[self.places], self.starts)
        return found

    def gathered(self, vector: Floats) -> Floats:
        """(BUCKETS,): the transposed matrix times that."""
        return np.bincount(self.places, self.values * vector[self.owners], BUCKETS).astype(np.float64)


def learned(texts: Sequence[Sequence[int]], targets: Sequence[bool]) -> Lexicon:
    """The lexicon with the least cross-entropy, in which yes and no count the same, plus _PENALTY * |weights|^2 / 2.

    Texts are the numbers of their pieces, and left out without any. Accelerated gradient descent (Nesterov 1983). Raises ValueError if
    yes or no has no text.
    """
    kept = [(counted(ids), target) for ids, target in zip(texts, targets, strict=True) if len(ids)]
    wanted = np.array([target for _, target in kept], np.float64)
    if len(set(wanted.tolist())) < 2:
        raise ValueError(f"{PIECES}: no texts, or none of one side, to learn from")
    sizes = np.array([len(places) for (places, _), _ in kept])
    places = np.concatenate([places for (places, _), _ in kept])
    counts = np.concatenate([counts for (_, counts), _ in kept])
    spread = np.bincount(places, minlength=BUCKETS)
    rarity = np.where(spread >= _SEEN, np.log((1 + len(kept)) / (1 + spread)) + 1, 0).astype(np.float16).astype(np.float32)
    values, starts = weighed(counts, rarity[places]), sizes.cumsum() - sizes
    lengths = scaled(np.add.reduceat(np.square(values), starts))
    values = (values / np.repeat(lengths, sizes)).astype(np.float32)
    rows = _Rows(places, values, starts, np.repeat(np.arange(len(kept)), sizes))
    weights, offset = _descended(rows, wanted)
    return Lexicon(rarity, weights.astype(np.float32), offset)


def _descended(rows: _Rows, wanted: Floats) -> tuple[Floats, float]:
    share = np.where(wanted > 0, 0.5 / wanted.sum(), 0.5 / (1 - wanted).sum())
    # A logistic's curve is at most 1/4; weights and offset are two blocks, each of which may turn half of the way.
    curve, offset_curve = _largest(rows, share) / 2 + _PENALTY, 0.5
    weights, offset = np.zeros(BUCKETS), 0.0
    ahead, offset_ahead = weights, offset
    for step in range(_STEPS):
        slope = (0.5 + 0.5 * np.tanh((rows.times(ahead) + offset_ahead) / 2) - wanted) * share
        fresh = ahead - (rows.gathered(slope) + _PENALTY * ahead) / curve
        offset_fresh = offset_ahead - float(slope.sum()) / offset_curve
        push = step / (step + 3)
        ahead, offset_ahead = fresh + push * (fresh - weights), offset_fresh + push * (offset_fresh - offset)
        weights, offset = fresh, offset_fresh
    return weights, offset


def _largest(rows: _Rows, share: Floats) -> float:
    """The largest eigenvalue of the rows' weighted second moments, by powers, and a little more."""
    vector, length = np.ones(BUCKETS), 1.0
    for _ in range(_ROUNDS):
        vector = rows.gathered(share * rows.times(vector / np.linalg.norm(vector)))
        length = float(np.linalg.norm(vector))
    return 1.05 * length

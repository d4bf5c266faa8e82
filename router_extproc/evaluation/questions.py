"""Questions: how often the response cache takes two questions for one, on pairs that are labelled."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.cache.agreement import disagreement
from router_extproc.cache.meaning import meaning
from router_extproc.evaluation.datasets import lines
from router_extproc.evaluation.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from router_extproc.encoders.scores import Embedder

FILES = {"same": "paraphrase.jsonl.gz", "different": "lookalike.jsonl.gz"}
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
HALVES = ("tuned", "held out", "all")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions."""

    one: str
    other: str
    same: bool
    """Whether one answer serves both."""
    tuned: bool
    """Whether the pair is of the half, by a hash of its id, that rules were made on."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair with what the cache makes of it."""

    pair: Pair
    cosine: float
    agree: bool
    """Whether the verification takes them for one."""


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one half at one threshold."""

    half: str
    threshold: float
    paraphrases: int
    lookalikes: int
    hits: int
    """Paraphrases that are served."""
    false_hits: int
    """Look-alikes that are served."""
    cosine_hits: int
    """Paraphrases that would be served by cosine alone."""
    cosine_false_hits: int


@dataclass(frozen=True, slots=True)
class CacheEvaluation:
    """All figures."""

    rows: tuple[Row, ...]
    verify_us: float
    """Time to verify one pair, median: both texts read, and compared."""


def pairs(data: Path) -> list[Pair]:
    """All labelled pairs. Raises DataError where a file is missing or is not what it should be."""
    found: list[Pair] = []
    for label, name in FILES.items():
        path = data / "cache" / name
        for place, fields in enumerate(lines(path), 1):
            one, other, identity = (fields.get(key) for key in ("a", "b", "id"))
            if not (isinstance(one, str) and isinstance(other, str) and isinstance(identity, str)):
                raise DataError(f"{path}:{place}: not a pair of questions: id, a and b, each a text")
            found.append(Pair(one, other, label == "same", _is_tuned(identity)))
    return found


def _is_tuned(identity: str) -> bool:
    return hashlib.sha256(identity.encode()).digest()[0] % 2 == 0


def evaluate(listed: Sequence[Pair], embedder: Embedder, tick: Callable[[int], None] = lambda _: None) -> CacheEvaluation:
    """Measure by what serving runs: the same encoder, the same verification."""
    texts = sorted({text for pair in listed for text in (pair.one, pair.other)})
    vectors: dict[str, np.ndarray] = {}
    for start in range(0, len(texts), 100):
        part = texts[start : start + 100]
        vectors |= dict(zip(part, embedder.embed(part), strict=True))
        tick(len(part))
    judged: list[Judged] = []
    taken: list[float] = []
    for pair in listed:
        began = time.perf_counter()
        one, other = meaning(pair.one), meaning(pair.other)
        agree = one is not None and other is not None and not disagreement(one, other)
        taken.append(time.perf_counter() - began)
        judged.append(Judged(pair, float(vectors[pair.one] @ vectors[pair.other]), agree))
    rows = tuple(_row(judged, half, threshold) for half in HALVES for threshold in THRESHOLDS)
    return CacheEvaluation(rows, float(np.median(taken)) * 1e6)


def _row(judged: Sequence[Judged], half: str, threshold: float) -> Row:
    chosen = [each for each in judged if half == "all" or each.pair.tuned == (half == HALVES[0])]
    same = [each for each in chosen if each.pair.same]
    different = [each for each in chosen if not each.pair.same]
    near = [each for each in chosen if each.cosine >= threshold]
    return Row(
        half,
        threshold,
        len(same),
        len(different),
        hits=sum(each.pair.same and each.agree for each in near),
        false_hits=sum(not each.pair.same and each.agree for each in near),
        cosine_hits=sum(each.pair.same for each in near),
        cosine_false_hits=sum(not each.pair.same for each in near),
    )

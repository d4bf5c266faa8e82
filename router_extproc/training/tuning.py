"""Tuning: calibrations and thresholds of a bundle that has none yet, from the dev set. Needs no torch."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from router_extproc.encoders.bundle import TAGS
from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.heads import CLASSES, POOLED
from router_extproc.encoders.manifest import Calibration
from router_extproc.encoders.scores import Kind
from router_extproc.pii.merging import merged
from router_extproc.pii.patterns import find
from router_extproc.pii.trimming import trimmed
from router_extproc.training.calibrate import best_threshold, chance_calibration, class_calibration, threshold_at
from router_extproc.training.corpus import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from router_extproc.encoders.encoder import Encoder
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.scores import Span
    from router_extproc.training.corpus import Example, Licence

_FALSE_ALARMS = 0.005
"""Of benign user texts of the dev set, at the shipped jailbreak threshold."""
_SPAN_THRESHOLDS = np.linspace(0.3, 0.9, 25)
_TINY = 1e-6
DEV_ROWS = 2000
"""Of each head, for calibration."""


def calibrated(
    encoder: Encoder, data: Path, licence: Licence, heads: Sequence[str] = POOLED
) -> tuple[dict[str, Calibration], dict[str, float]]:
    """Calibrations and thresholds, from the dev set, with an encoder that has none yet for these heads."""
    dev = read(data, "dev", licence)
    calibration: dict[str, Calibration] = {}
    thresholds: dict[str, float] = {}
    for head in heads:
        rows = some(dev[head])
        readings = readings_of(encoder, rows, head)
        if head in CLASSES:
            logits = np.log([[reading.classes[head][label] for label in CLASSES[head]] for reading in readings])
            calibration[head] = class_calibration(logits, np.array([row.target for row in rows]))
            continue
        chances = np.array([reading.chances[head] for reading in readings]).clip(1e-9, 1 - 1e-9)
        targets = np.array([row.target for row in rows], np.float64)
        logits = np.log(chances / (1 - chances))
        calibration[head] = chance_calibration(logits, targets)
        made = 1 / (1 + np.exp(-(logits + calibration[head].bias) / calibration[head].temperature))
        thresholds[head] = math.ceil(_threshold(head, made, targets, rows) * 10_000) / 10_000
    return calibration, thresholds


def unheard(
    encoder: Encoder, data: Path, licence: Licence, thresholds: Mapping[str, float], heads: Sequence[str] = POOLED
) -> dict[str, Calibration]:
    """Calibrations of these heads for texts that no expert is asked about, if there are any: the graph's alone, by the same rows.

    The encoder has none yet for these heads. They are moved so that the thresholds, which were chosen with the experts, are as strict
    as those that would be chosen without.
    """
    experts, encoder.bundle.experts = encoder.bundle.experts, {}
    partly = tuple(head for head in heads if head in experts and not any(seat.kinds >= set(Kind) for seat in experts[head]))
    try:
        alone, cuts = calibrated(encoder, data, licence, partly)
    finally:
        encoder.bundle.experts = experts
    return {head: _moved(found, cuts[head], thresholds[head]) if head in cuts else found for head, found in alone.items()}


def _moved(found: Calibration, cut: float, wanted: float) -> Calibration:
    """The calibration with which a text has the chance `wanted` that had `cut` with this one."""
    apart = _logit(wanted) - _logit(cut)
    return Calibration(temperature=found.temperature, bias=round(found.bias + found.temperature * apart, 5))


def _logit(chance: float) -> float:
    chance = min(max(chance, _TINY), 1 - _TINY)
    return math.log(chance / (1 - chance))


def some(rows: list[Example]) -> list[Example]:
    """At most DEV_ROWS of them."""
    return Random(3).sample(rows, min(len(rows), DEV_ROWS))


def readings_of(encoder: Encoder, rows: Sequence[Example], output: str) -> list[Reading]:
    """What one output says of each row."""
    with ThreadPoolExecutor(available_cpus()) as pool:
        return list(pool.map(lambda row: encoder.read([row.text], row.kind, outputs=(output,))[0], rows))


def span_threshold(encoder: Encoder, data: Path, licence: Licence) -> float:
    """From which score on a span counts: the one with the best F1 on the dev set, together with what patterns find."""
    rows = read(data, "dev", licence)["pii"]
    found = [
        (_both(row.text, reading.spans), frozenset(row.target), row.types)
        for row, reading in zip(rows, readings_of(encoder, rows, TAGS), strict=True)
    ]
    return float(max(_SPAN_THRESHOLDS, key=lambda cut: _span_f1(found, cut)))


def _both(text: str, spans: Sequence[Span]) -> Sequence[Span]:
    checked = find(text)
    return merged(checked, list(trimmed(text, spans, checked)))


def _span_f1(found: Sequence[tuple[Sequence[Span], frozenset[Any], frozenset[str]]], cut: float) -> float:
    hits = given = wanted = 0
    for spans, truth, types in found:
        said = {(span.start, span.end, span.type) for span in spans if span.score >= cut and span.type in types}
        hits, given, wanted = hits + len(said & truth), given + len(said), wanted + len(truth)
    return 2 * hits / max(given + wanted, 1)


def _threshold(head: str, chances: Any, targets: Any, rows: Sequence[Example]) -> float:
    if head == "jailbreak":
        benign = np.array([row.kind is Kind.USER and row.target == 0 for row in rows])
        return max(0.5, threshold_at(chances[benign], _FALSE_ALARMS))
    if head == "difficulty":
        return 0.5
    return best_threshold(chances, targets)

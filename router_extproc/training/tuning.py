"""Tuning: calibrations and thresholds of a bundle that has none yet, from the dev set. Needs no torch."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from router_extproc.encoders.bundle import TAGS
from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.heads import CLASSES, CONTENTS, JAILBREAK, OUTPUTS, head_of, output
from router_extproc.encoders.manifest import Calibration
from router_extproc.pii.merging import merged
from router_extproc.pii.patterns import find
from router_extproc.pii.trimming import trimmed
from router_extproc.training.calibrate import best_threshold, chance_calibration, class_calibration, threshold_at
from router_extproc.training.corpus import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from router_extproc.encoders.encoder import Encoder
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.scores import Span
    from router_extproc.training.corpus import Example, Licence

_FALSE_ALARMS = 0.001
"""Of benign user texts of the dev set, at the shipped jailbreak threshold. Few of these are elaborate, and of elaborate ones a head stops
some twenty times as many: a rule that refuses what people ask for has to be wrong less often than right."""
_SPAN_THRESHOLDS = np.linspace(0.3, 0.9, 25)
DEV_ROWS = 2000
"""Of each head, for calibration."""


def calibrated(
    encoder: Encoder, data: Path, licence: Licence, outputs: Sequence[str] = OUTPUTS
) -> tuple[dict[str, Calibration], dict[str, float]]:
    """Calibrations by output and thresholds by head, from the dev set, with an encoder that has none yet for these outputs.

    CONTENTS has a calibration and no threshold: that of its head is what users' texts need.
    """
    dev = read(data, "dev", licence)
    calibration: dict[str, Calibration] = {}
    thresholds: dict[str, float] = {}
    for name in sorted(outputs, key=OUTPUTS.index):
        head = head_of(name)
        rows = some([row for row in dev[head] if output(head, row.kind) == name])
        if name == CONTENTS and not rows:  # the dev set of jailbreak may have none of what tools and documents bring in
            calibration[name] = Calibration()
            continue
        readings = readings_of(encoder, rows, head)
        if head in CLASSES:
            logits = np.log([[reading.classes[head][label] for label in CLASSES[head]] for reading in readings])
            calibration[name] = class_calibration(logits, np.array([row.target for row in rows]))
            continue
        chances = np.array([reading.chances[head] for reading in readings]).clip(1e-9, 1 - 1e-9)
        targets = np.array([row.target for row in rows], np.float64)
        logits = np.log(chances / (1 - chances))
        found = chance_calibration(logits, targets)
        made = 1 / (1 + np.exp(-(logits + found.bias) / found.temperature))
        if name != CONTENTS:
            thresholds[head] = math.ceil(_threshold(name, made, targets) * 10_000) / 10_000
        calibration[name] = found
    return calibration, thresholds


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


def _threshold(output: str, chances: Any, targets: Any) -> float:
    if output == JAILBREAK:
        return max(0.5, threshold_at(chances[targets == 0], _FALSE_ALARMS))
    if output == "difficulty":
        return 0.5
    return best_threshold(chances, targets)

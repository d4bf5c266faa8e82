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
    from collections.abc import Iterable, Mapping, Sequence
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
    encoder: Encoder, data: Path, licence: Licence, outputs: Sequence[str] = OUTPUTS, known: Mapping[str, float] | None = None
) -> tuple[dict[str, Calibration], dict[str, float]]:
    """Calibrations by output and thresholds by head, from the dev set, with an encoder that has none yet for these outputs.

    `known` are the thresholds of the other heads. CONTENTS has none of its own: its calibration is moved so that the threshold of its
    head is as strict as the one that it would have.
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
        cut = math.ceil(_threshold(name, made, targets) * 10_000) / 10_000
        if name == CONTENTS:
            found = _moved(found, cut, {**(known or {}), **thresholds}[head])
        else:
            thresholds[head] = cut
        calibration[name] = found
    return calibration, thresholds


def tuned_with(outputs: Iterable[str]) -> tuple[str, ...]:
    """These, and those whose calibration hangs on the threshold of one of these."""
    wanted = set(outputs)
    return tuple(name for name in OUTPUTS if name in wanted or head_of(name) in wanted)


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


def _threshold(output: str, chances: Any, targets: Any) -> float:
    if output == JAILBREAK:
        return max(0.5, threshold_at(chances[targets == 0], _FALSE_ALARMS))
    if output == "difficulty":
        return 0.5
    return best_threshold(chances, targets)

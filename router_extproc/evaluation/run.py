"""Run: every head of a classifier on its data sets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.chance_table import ChanceTable
from router_extproc.evaluation.datasets import INTENT, MEASURED, read
from router_extproc.evaluation.floors import FLOORS
from router_extproc.evaluation.intent_table import IntentTable
from router_extproc.evaluation.intents import examples, prototypes
from router_extproc.evaluation.meter import Meter
from router_extproc.evaluation.metrics import bootstrap, mean
from router_extproc.evaluation.perturbations import perturbations
from router_extproc.evaluation.results import Evaluation, FloorResult, Group, HeadResult, Main, Shift
from router_extproc.evaluation.tables import FINE, groups, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from router_extproc.encoders.scores import Classifier, Embedder
    from router_extproc.evaluation.datasets import Row, Split
    from router_extproc.evaluation.meter import Tick
    from router_extproc.evaluation.perturbations import Perturbation
    from router_extproc.evaluation.tables import Table

    Answers = Callable[[Sequence[Row]], Table]
    """Has rows of one head answered."""

_ROC = ("all", "user", "documents")


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure."""

    split: Split = "eval"
    heads: tuple[str, ...] = tuple(MEASURED)
    limit: int | None = None
    """Rows of each file at most."""
    perturbed: int = 300
    """Rows of each head that are also measured changed; 0 for none."""


@dataclass(frozen=True, slots=True)
class Work:
    """The rows of one head, and those of them that are also measured changed."""

    head: str
    rows: Sequence[Row]
    sample: Sequence[int]
    """Indexes of rows."""
    examples: Sequence[Row] = ()
    """That tell what the labels are; of intents only."""

    @property
    def texts(self) -> int:
        """To be classified or embedded."""
        return len(self.rows) + len(self.sample) * len(perturbations(self.head)) + len(self.examples)


def plan(data: Path, options: Options) -> list[Work]:
    """All that is to be classified. Raises DataError: no file is skipped."""
    work = []
    for head in options.heads:
        rows = read(data, head, options.split, options.limit)
        told = examples(data, options.split) if head == INTENT else ()
        work.append(Work(head, rows, _sample(rows, options.perturbed), told))
    return work


def _sample(rows: Sequence[Row], size: int) -> list[int]:
    """That many of the pooled rows, by a hash of the id: the same rows whatever the order."""
    pooled = [place for place, row in enumerate(rows) if not row.apart]
    return sorted(pooled, key=lambda place: hashlib.sha256(rows[place].id.encode()).digest())[:size]


def evaluate(
    classifier: Classifier,
    work: Sequence[Work],
    options: Options,
    tick: Tick = lambda _, __: None,
    *,
    embedder: Embedder | None = None,
) -> Evaluation:
    """Measure; `tick` hears of each head's texts that are done, intents need the embedder. Raises ClassifierError."""
    meter = Meter(classifier, embedder, tick)
    heads = tuple(_head(each, _answers(each, meter)) for each in work)
    ms = np.array(meter.ms or [np.nan])
    return Evaluation(
        split=options.split,
        limit=options.limit,
        heads=heads,
        floors=_floors({each.head: each for each in heads}) if options.split == "eval" else (),
        texts=meter.texts,
        ms_median=float(np.median(ms)),
        ms_p95=float(np.percentile(ms, 95)),
        coverage=mean(np.array(meter.coverage, np.float64)),
    )


def _answers(work: Work, meter: Meter) -> Answers:
    if work.head != INTENT:
        return lambda rows: table(work.head, rows, meter.scores(work.head, rows), meter.classifier)
    known = prototypes(work.examples, meter.vectors(work.head, work.examples))
    return lambda rows: IntentTable.of(rows, meter.vectors(work.head, rows), known)


def _head(work: Work, answers: Answers) -> HeadResult:
    whole = answers(work.rows)
    parts = {name: np.array(places, np.int64) for name, places in groups(work.head, work.rows).items()}
    pooled = whole.take(parts["all"])
    low, high = bootstrap(len(parts["all"]), lambda chosen: pooled.take(chosen).figure(pooled.main))
    taken = {name: whole.take(places) for name, places in parts.items()}
    before = whole.take(np.array(work.sample, np.int64)) if work.sample else None
    return HeadResult(
        head=work.head,
        threshold=whole.threshold if isinstance(whole, ChanceTable) else None,
        main=Main(pooled.main, pooled.figure(pooled.main), low, high),
        groups=tuple(Group(name, len(parts[name]), part.figures()) for name, part in taken.items()),
        watched=whole.watched,
        shifts=tuple(_shift(each, work, before, answers) for each in perturbations(work.head)) if before else (),
        diagrams=replace(pooled.diagrams(), roc=_curves(taken)),
        cuts={name: part.cuts() for name, part in taken.items() if isinstance(part, ChanceTable) and not name.startswith(FINE)},
    )


def _shift(perturbation: Perturbation, work: Work, before: Table, answers: Answers) -> Shift:
    rows = [perturbation.of(work.rows[place]) for place in work.sample]
    after = answers(rows)
    return Shift(
        perturbation.name,
        perturbation.note,
        len(rows),
        before.figures(),
        after.figures(),
    )


def _curves(parts: Mapping[str, Table]) -> dict[str, tuple[tuple[float, float], ...]]:
    return {name: tuple(part.roc()) for name, part in parts.items() if name in _ROC and isinstance(part, ChanceTable)}


def _floors(heads: Mapping[str, HeadResult]) -> tuple[FloorResult, ...]:
    found = []
    for floor in FLOORS:
        value = heads[floor.head].figure(floor.group, floor.measure) if floor.head in heads else None
        if value is not None:
            found.append(FloorResult(floor, value, floor.met(value)))
    return tuple(found)

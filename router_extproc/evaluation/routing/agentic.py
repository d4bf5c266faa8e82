"""Agentic: the cheapest sufficient tier for a step of an agent, and for requests of graded complexity.

A step is read as it is in service: the embedding of its last user turn, and the facts of its shape.
A tier takes the part of a model: it answers well where it is sufficient. ROWPASS, ROWEXACT, TRAJPASS and COSTSAVE are TwinRouterBench's;
the data hold no prices, so COSTSAVE here is by TIER_PRICES and without prompt caching, and COMBINED is the mean of the four.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router_extproc.errors import RequestRefusedError
from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.routing.rows import asked, conversation, said_last
from router_extproc.quality.facts import FACTS, with_facts
from router_extproc.quality.outcomes import Outcomes
from router_extproc.quality.profile import ModelProfile
from router_extproc.quality.training import cross_trained, held_out, train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from router_extproc.evaluation.routing.sets import Reads
    from router_extproc.quality.outcomes import Singles
    from router_extproc.request import Request

    Places = NDArray[np.int64]

FOLDER = "agentic"
TIER_PRICES = (1.0, 4.0, 10.0, 20.0)
"""Of low, mid, mid_high and high, relative: an assumption."""
TIERS = tuple(
    ModelProfile(name, price, price) for name, price in zip(("low", "mid", "mid_high", "high"), TIER_PRICES, strict=True)
)
GRADES = tuple(ModelProfile(name) for name in ("SIMPLE", "MEDIUM", "COMPLEX", "REASONING"))
FOLDS = 10
"""Of the cross-validation by instance."""
_PARTS = 5
"""Of the rows that are fitted on, by instance: each is left out in turn, for the calibration."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an agent."""

    instance: str
    request: Request
    tier: int
    """The cheapest sufficient one."""
    length: int
    """Characters of all its messages."""
    coding: bool
    """Whether it is of SWE-bench."""
    tools: bool
    """Whether a tool has answered."""


@dataclass(frozen=True, slots=True)
class TwinResult:
    """Percentages."""

    name: str
    rowpass: float
    rowexact: float
    trajpass: float
    costsave: float

    @property
    def combined(self) -> float:
        """The mean of the four."""
        return (self.rowpass + self.rowexact + self.trajpass + self.costsave) / 4


def read_steps(data: Path) -> list[Step]:
    """Of both published parts. Raises DataError."""
    return [_step(row) for part in ("train_twin", "dev_twin") for row in _lines(data / FOLDER / f"{part}.jsonl.gz")]


def twin(steps: Sequence[Step], reads: Reads, methods: Sequence[str], tick: Callable[[], None]) -> list[TwinResult]:
    """One-line rules, and each method in cross-validation: no instance is on both sides."""
    gold = np.array([step.tier for step in steps])
    rules: Mapping[str, Places] = {
        "always high": np.full(len(steps), 3),
        "always low": np.zeros(len(steps), np.int64),
        "rule: SWE-bench high, else low": np.array([3 * step.coding for step in steps]),
        "rule: any tool message high, else low": np.array([3 * step.tools for step in steps]),
        "oracle": gold,
    }
    told = [_result(name, said, steps) for name, said in rules.items()]
    inputs = _inputs([step.request for step in steps], reads)
    scores = (np.arange(4)[None, :] >= gold[:, None]).astype(np.float64)
    table = Outcomes(inputs, scores, TIERS, FACTS)
    groups = _groups([step.instance for step in steps], FOLDS)
    for method in methods:
        said = np.zeros(len(steps), np.int64)
        for fold in range(FOLDS):
            held = groups == fold
            said[held] = _tiers(method, table.rows(~held), groups[~held], table.inputs[held])
        told.append(_result(method, said, steps))
        tick()
    return told


def graded(data: Path, reads: Reads, methods: Sequence[str], tick: Callable[[], None]) -> dict[str, float]:
    """Accuracy on uncommonroute's dev rows, by method. Raises DataError."""
    tables = {}
    for part in ("train", "dev"):
        rows = list(_lines(data / FOLDER / f"{part}_uncommonroute.jsonl.gz"))
        labels = [str(row["label"]) for row in rows]
        scores = np.array([[float(label == grade.name) for grade in GRADES] for label in labels])
        tables[part] = Outcomes(_inputs([asked(str(row["text"])) for row in rows], reads), scores, GRADES, FACTS)
    told = {}
    for method in methods:
        said = train(method, *held_out(tables["train"])).predict_all(tables["dev"].inputs, GRADES).argmax(1)
        told[method] = float((said == tables["dev"].scores.argmax(1)).mean())
        tick()
    return told


def _inputs(requests: Sequence[Request], reads: Reads) -> Singles:
    return with_facts(reads([said_last(request) for request in requests]), requests)


def _tiers(method: str, table: Outcomes, groups: Places, inputs: Singles) -> Places:
    """The tier with the most expected merit: of passing (twice: row and trajectory), of being exact, of what it saves."""
    fitted, _ = cross_trained(method, table, np.unique(groups, return_inverse=True)[1] % _PARTS)
    chances = np.maximum.accumulate(fitted.predict_all(inputs, TIERS), axis=1)
    exact = np.diff(chances, axis=1, prepend=0.0)
    found: Places = (2 * chances + exact - np.array(TIER_PRICES) / TIER_PRICES[-1]).argmax(1)
    return found


def _result(name: str, said: Places, steps: Sequence[Step]) -> TwinResult:
    gold = np.array([step.tier for step in steps])
    passed, prices = said >= gold, np.array(TIER_PRICES)
    lengths = np.array([step.length for step in steps], np.float64)
    instances = np.array([step.instance for step in steps])
    whole = {instance: bool(passed[instances == instance].all()) for instance in set(instances.tolist())}
    return TwinResult(
        name,
        100 * float(passed.mean()),
        100 * float((said == gold).mean()),
        100 * float(np.mean([whole[instance] for instance in instances.tolist()])),
        100 * (1 - float((prices[said] * lengths).sum() / (prices[-1] * lengths.sum()))),
    )


def _groups(instances: Sequence[str], count: int) -> Places:
    """(n,): a fold for each row; rows of one instance share it."""
    names = sorted(set(instances))
    order = np.random.default_rng(0).permutation(len(names))
    fold = {name: int(place) % count for name, place in zip(names, order, strict=True)}
    return np.array([fold[instance] for instance in instances])


def _step(row: Mapping[str, Any]) -> Step:
    try:
        messages = [(str(each["role"]), _said(each.get("content"))) for each in row["messages"]]
        return Step(
            instance=str(row["instance_id"]),
            request=conversation(row["messages"]),
            tier=int(row["target_tier_id"]),
            length=sum(len(text) for _, text in messages),
            coding=row["benchmark"] == "swebench",
            tools=any(role == "tool" for role, _ in messages),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RequestRefusedError) as error:
        raise DataError(f"a row of twin is not as it should be: {type(error).__name__}: {error}") from error


def _said(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    except (json.JSONDecodeError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not gzipped JSON lines: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error

"""Corpus: training examples of every head, read from normalised JSON lines."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Any

from router_extproc.encoders.heads import CLASSES
from router_extproc.encoders.scores import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from random import Random


class Licence(StrEnum):
    """Which sources are used."""

    SHIPPED = "shipped"
    """All but non-commercial and research-only ones: what the shipped weights are made of."""
    STRICT = "strict"
    """Only sources that carry a licence file."""
    ALL = "all"
    """Everything; for comparison only, such weights must not be shipped."""


_CLOSED = ("alpaca", "conll2003")
_UNCLEAR = (
    "autoj", "hwu64", "tensor_trust", "sentinel", "factoid", "nisq", "openprompts", "routerdc",
)  # fmt: skip


SOURCE = "made"
"""The source of what this program makes itself."""
SHORT = 240
"""Characters below which a text is a line that others may be put around, or put together with."""


@dataclass(frozen=True, slots=True)
class Example:
    """One text with what one head should say of it."""

    task: str
    text: str
    target: Any
    """Class heads: the label's index. Chances: in [0, 1]. pii: a tuple of (start, end, type)."""
    source: str
    kind: Kind = Kind.USER
    types: frozenset[str] = frozenset()
    """pii: what the source annotates."""


def allowed(source: str, licence: Licence) -> bool:
    """Whether a source may be used."""
    if licence == Licence.ALL:
        return True
    closed = _CLOSED if licence == Licence.SHIPPED else (*_CLOSED, *_UNCLEAR)
    return not source.startswith(closed)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a gzipped JSON lines file. Raises OSError if it cannot be read."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def read(data: Path, split: str, licence: Licence) -> dict[str, list[Example]]:
    """All examples of a split ("train" or "dev"), by task."""
    made = {
        task: [_classed(task, row) for row in _kept(data / task / f"{split}.jsonl.gz", licence)]
        for task in ("domain", "modality")
    }
    made["feedback"] = [_feedback(row) for row in _kept(data / "feedback" / f"{split}.jsonl.gz", licence)]
    made["fact_check"] = [_chance("fact_check", row) for row in _kept(data / "fact_check" / f"{split}.jsonl.gz", licence)]
    made["jailbreak"] = [_chance("jailbreak", row) for row in _kept(data / "jailbreak" / f"{split}.jsonl.gz", licence)]
    made["pii"] = [_spans(row) for row in _kept(data / "pii" / f"{split}.jsonl.gz", licence)]
    made["difficulty"] = list(_difficulties(_kept(data / "routing" / f"{split}.jsonl.gz", licence)))
    if split == "train":
        made["pii"] += [_spans(row) for row in _kept(data / "pii" / "train_ner.jsonl.gz", licence)]
        harmful = _kept(data / "jailbreak" / "train_harmful.jsonl.gz", licence)
        made["jailbreak"] += [Example("jailbreak", row["text"], 0.0, row["source"]) for row in harmful]
    return made


def _kept(path: Path, licence: Licence) -> list[dict[str, Any]]:
    return [row for row in rows(path) if allowed(str(row["source"]), licence)]


def _classed(task: str, row: Mapping[str, Any]) -> Example:
    return Example(task, row["text"], CLASSES[task].index(row["label"]), row["source"])


def _chance(task: str, row: Mapping[str, Any]) -> Example:
    return Example(task, row["text"], float(row["label"]), row["source"], Kind(row.get("kind", "user")))


def _feedback(row: Mapping[str, Any]) -> Example:
    said = next(message["content"] for message in reversed(row["messages"]) if message["role"] == "user")
    return Example("feedback", said, CLASSES["feedback"].index(row["label"]), row["source"])


def _spans(row: Mapping[str, Any]) -> Example:
    spans = tuple((span["start"], span["end"], span["type"]) for span in row["spans"])
    return Example("pii", row["text"], spans, row["source"], types=frozenset(row["types"]))


def evened(found: list[Example], random: Random) -> list[Example]:
    """Those examples of a head with classes, and those of rarer labels again until each label has as many, but for the rarest.

    No more than _AGAIN times: what is seen too often is learnt by heart.
    """
    by_label: dict[Any, list[Example]] = {}
    for example in found:
        by_label.setdefault(example.target, []).append(example)
    most = max(len(examples) for examples in by_label.values())
    more = list(found)
    for examples in by_label.values():
        missing = min(most, _AGAIN * len(examples)) - len(examples)
        more += [*examples * (missing // len(examples)), *random.sample(examples, missing % len(examples))]
    return more


_AGAIN = 4


def small_models(found: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """By source: the models whose mean score is at or below that of the source's median model."""
    scores: dict[str, dict[str, list[float]]] = {}
    for row in found:
        by_model = scores.setdefault(row["source"], {})
        for model, score in row["scores"].items():
            if score is not None:
                by_model.setdefault(model, []).append(score)
    small = {}
    for source, by_model in scores.items():
        means = {model: sum(seen) / len(seen) for model, seen in by_model.items()}
        middle = median(means.values())
        small[source] = frozenset(model for model, mean in means.items() if mean <= middle)
    return small


def _difficulties(found: list[dict[str, Any]]) -> Iterator[Example]:
    small = small_models(found)
    for row in found:
        scores = [score for model, score in row["scores"].items() if score is not None and model in small[row["source"]]]
        if scores:
            yield Example("difficulty", row["prompt"], 1 - sum(scores) / len(scores), row["source"])

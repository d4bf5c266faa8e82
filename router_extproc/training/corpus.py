"""Corpus: training examples of every head, read from normalised JSON lines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

from router_extproc.encoders.heads import CLASSES
from router_extproc.encoders.scores import Kind
from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.gzipped import objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from random import Random

R = TypeVar("R")


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


class _RowError(ValueError):
    """What is wrong with a row; it quotes none of its words."""


def each(path: Path, made: Callable[[Mapping[str, Any]], R]) -> Iterator[R]:
    """What is made of each row. Raises OSError; DataError, with the line, where a row is not what it should be."""
    for place, row in enumerate(objects(path), 1):
        try:
            found = made(row)
        except KeyError as error:
            raise DataError(f"{path}:{place}: has no {error.args[0]!r}") from error
        except _RowError as error:
            raise DataError(f"{path}:{place}: {error}") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path}:{place}: not a row of this file: {type(error).__name__}") from error
        yield found


def text(row: Mapping[str, Any], name: str = "text") -> str:
    """A field that is a text. Raises KeyError, ValueError."""
    value = row[name]
    if not isinstance(value, str):
        raise _RowError(f"{name!r} is not a text")
    return value


def read(data: Path, split: str, licence: Licence) -> dict[str, list[Example]]:
    """All examples of a split ("train" or "dev"), by task. Raises OSError; DataError if a row is none or a task has none."""

    def kept(name: str, made: Callable[[Mapping[str, Any]], R]) -> list[R]:
        found = each(data / f"{name}.jsonl.gz", lambda row: made(row) if allowed(text(row, "source"), licence) else None)
        return [one for one in found if one is not None]

    found = {task: kept(f"{task}/{split}", partial(_classed, task)) for task in ("domain", "modality")}
    found["feedback"] = kept(f"feedback/{split}", _feedback)
    for task in ("fact_check", "jailbreak"):
        found[task] = kept(f"{task}/{split}", partial(_chance, task))
    found["pii"] = kept(f"pii/{split}", _spans)
    found["difficulty"] = list(_difficulties(kept(f"routing/{split}", _asked)))
    if split == "train":
        found["pii"] += kept("pii/train_ner", _spans)
        found["jailbreak"] += kept("jailbreak/train_harmful", lambda row: Example("jailbreak", text(row), 0.0, row["source"]))
    if bare := [task for task, examples in found.items() if not examples]:
        raise DataError(f"{data}: no row of {split} that may be used for {', '.join(bare)}")
    return found


def _classed(task: str, row: Mapping[str, Any]) -> Example:
    return Example(task, text(row), _index(task, row), row["source"])


def _index(task: str, row: Mapping[str, Any]) -> int:
    if row["label"] not in CLASSES[task]:
        raise _RowError(f"'label' is none of {', '.join(CLASSES[task])}")
    return CLASSES[task].index(row["label"])


def _chance(task: str, row: Mapping[str, Any]) -> Example:
    kinds, kind, label = [kind.value for kind in Kind], row.get("kind", "user"), row["label"]
    if kind not in kinds:
        raise _RowError(f"'kind' is none of {', '.join(kinds)}")
    if not isinstance(label, int | float) or not 0 <= label <= 1:
        raise _RowError("'label' is no number from 0 to 1")
    return Example(task, text(row), float(label), row["source"], Kind(kind))


def _feedback(row: Mapping[str, Any]) -> Example:
    said = [message for message in row["messages"] if message["role"] == "user"]
    if not said:
        raise _RowError("'messages' has none of a user")
    return Example("feedback", text(said[-1], "content"), _index("feedback", row), row["source"])


def _spans(row: Mapping[str, Any]) -> Example:
    said = text(row)
    spans = tuple((span["start"], span["end"], text(span, "type")) for span in row["spans"])
    if not all(0 <= start < end <= len(said) for start, end, _ in spans):
        raise _RowError("'spans' has one that is not in the text")
    return Example("pii", said, spans, row["source"], types=frozenset(row["types"]))


def _asked(row: Mapping[str, Any]) -> Mapping[str, Any]:
    text(row, "prompt")
    if not all(score is None or isinstance(score, int | float) for score in row["scores"].values()):
        raise _RowError("'scores' has one that is no number")
    return row


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


def _difficulties(found: Sequence[Mapping[str, Any]]) -> Iterator[Example]:
    small = small_models(found)
    for row in found:
        scores = [score for model, score in row["scores"].items() if score is not None and model in small[row["source"]]]
        if scores:
            yield Example("difficulty", row["prompt"], 1 - sum(scores) / len(scores), row["source"])

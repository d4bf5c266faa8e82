"""Labelled rows on disk, and a classifier that knows their words: what the tests of `eval` build on."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from router_extproc.encoders.heads import CHANCES, CLASSES
from router_extproc.encoders.scores import Item, Kind, Scores, Span
from router_extproc.evaluation.datasets import MEASURED, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

HIGH, LOW = 0.9, 0.1
"""Chances that the words `high` and `low` get; other texts get the middle."""
SURE = 0.8
"""Chance of a label whose word is there."""
_FOUND = {"PERSON": re.compile(r"\bAda\b"), "EMAIL": re.compile(r"\S+@\S+\.org\b")}
_SIZE = 32


class FakeClassifier:
    """Says what a text's words say: `law` is law, `high` is likely, `Ada` is a person. Sees no word in another case.

    It embeds a text as the words that it has. It tells no feedback of a lone text, as the contract has it.
    """

    def __init__(self, labels: Mapping[str, tuple[str, ...]] = CLASSES, thresholds: Mapping[str, float] | None = None) -> None:
        self.labels = labels
        self.thresholds = dict.fromkeys(CHANCES, 0.5) if thresholds is None else thresholds
        self.batches: list[int] = []
        """How many texts each call brought."""

    def classify(self, items: Sequence[Item], /) -> list[Scores]:
        """One after the other."""
        self.batches.append(len(items))
        return [self._one(item) for item in items]

    def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """A place for each word."""
        self.batches.append(len(texts))
        vectors = np.full((len(texts), _SIZE), 1e-3, np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in text.split():
                vector[zlib.crc32(word.encode()) % _SIZE] += 1
        lengths: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return lengths

    def _one(self, item: Item) -> Scores:
        words = item.text.split()
        classes = {head: _classes(item.text, labels) for head, labels in self.labels.items() if head != "feedback" or item.turns}
        chance = HIGH if "high" in words else LOW if "low" in words else 0.5
        spans = tuple(Span(*match.span(), kind, 1.0) for kind, known in _FOUND.items() for match in known.finditer(item.text))
        return Scores(classes, dict.fromkeys(self.thresholds, chance), spans, coverage=0.5, ms=2.0)


def _classes(text: str, labels: Sequence[str]) -> dict[str, float]:
    said = next((label for label in labels if f" {label} " in f" {text} "), None)
    if said is None:
        return dict.fromkeys(labels, 1 / len(labels))
    return {label: SURE if label == said else (1 - SURE) / (len(labels) - 1) for label in labels}


def row(name: str = "r1", text: str = "low", *, kind: Kind = Kind.USER, source: str = "s", file: str = "f", **more: Any) -> Row:
    """A row as it is after reading."""
    return Row(id=name, file=file, source=source, item=Item(text, kind), **more)


def write(path: Path, rows: Iterable[object]) -> Path:
    """Gzipped JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(fields) + "\n" for fields in rows)
    return path


def write_all(data: Path) -> Path:
    """Some rows in every file of every head, all of which the fake classifier gets right; returns the folder."""
    for head, source in MEASURED.items():
        for name in (*source.files("dev"), *source.files("eval")):
            write(data / source.folder / f"{name}.jsonl.gz", rows_of(head, name))
    for name in ("clinc150", "banking77", "hwu64"):
        write(data / "intent" / f"train_{name}.jsonl.gz", rows_of("intent", f"train_{name}", 40))
    return data


def rows_of(head: str, name: str, count: int = 6) -> list[dict[str, Any]]:
    """Rows as a file has them."""
    common = ({"id": f"{name}:{number}", "source": name.removeprefix("eval_")} for number in range(count))
    return [fields | _fields(head, name, number) for number, fields in enumerate(common)]


def _fields(head: str, name: str, number: int) -> dict[str, Any]:
    said = f"{('low', 'high')[number % 2]} text number {number}"
    match head:
        case "difficulty":
            wrong = float(number % 2 == 0)
            return {"prompt": said, "scores": {"small": wrong, "middle": wrong, "large": 1.0, "unasked": None}}
        case "pii":
            return _private(number)
        case "jailbreak" | "fact_check":
            label: object = "harmful_request" if name == "eval_harmful" else number % 2
            kind = "document" if name == "eval_documents" else "user"
            text = said if name != "eval_harmful" else f"low text {number}"
            return {"text": text, "label": label, "kind": kind, "lang": ("en", "en", "zh")[number % 3]}
        case "intent":
            label = ("play", "alarm", "oos")[number % 3]
            return {"text": f"{label} please", "label": label}
        case "feedback":
            label = CLASSES[head][number % len(CLASSES[head])]
            told = [("user", "hello"), ("assistant", "good day"), ("user", f"that is {label}")]
            return {"messages": [{"role": role, "content": content} for role, content in told], "label": label}
    label = CLASSES[head][number % len(CLASSES[head])]
    return {"text": f"this is about {label} again", "label": label}


def _private(number: int) -> dict[str, Any]:
    if number % 2:
        return {"text": "nothing to see in this text", "spans": [], "types": ["PERSON", "EMAIL"]}
    spans = [{"start": 6, "end": 9, "type": "PERSON"}, {"start": 13, "end": 22, "type": "EMAIL"}]
    return {"text": "Write Ada at ada@x.org today", "spans": spans, "types": ["PERSON", "EMAIL", "PHONE"]}

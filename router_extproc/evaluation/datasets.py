"""Data sets: labelled rows of every head, read from gzipped JSON lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from router_extproc.encoders.scores import Item, Kind, Span, Turn
from router_extproc.evaluation.difficulty import small_models, target
from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.gzipped import objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Fields = Mapping[str, Any]

Split = Literal["dev", "eval", "field"]
"""Thresholds are chosen on dev, floors are of eval; field comes with the program, and nothing is trained or chosen on it."""
FIELD = Path(__file__).with_name("field")
"""The folder of the field rows: what people, applications and tools send, written and labelled for this project.

`source` is "seen" where errors were looked at while training texts were written, else "unseen".
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of a head are."""

    folder: str
    eval: tuple[str, ...]
    """Files of the eval split that count together."""
    apart: tuple[str, ...] = ()
    """Files of the eval split that are measured, and reported, by themselves only."""
    dev: tuple[str, ...] = ("dev",)
    field: tuple[str, ...] = ("field",)

    def files(self, split: Split) -> tuple[str, ...]:
        """Names, without the ending; none if the split does not measure the head."""
        return {"dev": self.dev, "eval": self.eval + self.apart, "field": self.field}[split]


SOURCES: dict[str, Source] = {
    "domain": Source("domain", ("eval_mmlu_pro", "eval_natural70")),
    "jailbreak": Source(
        "jailbreak",
        ("eval_jbb_artifacts", "eval_sentinel_test", "eval_xstest_safe", "eval_wildguard_benign", "eval_documents"),
        apart=("eval_harmful",),
        field=("field_users", "field_documents"),
    ),
    "fact_check": Source("fact_check", ("eval_mixed", "eval_truthfulqa")),
    "modality": Source("modality", ("eval_frames", "eval_parti_dpg", "eval_text")),
    "feedback": Source("feedback", ("eval_composed", "eval_sgd")),
    "pii": Source("pii", ("eval_presidio_templates", "eval_conll_testa", "eval_chat")),
    "difficulty": Source(
        "routing",
        (
            "eval_llmrouter_9models", "eval_mmlu_pro_x33models", "eval_mmlu_x26models",
            "eval_routerbench_11models", "eval_routerdc_split2", "eval_zeroeval",
        ),
        field=(),
    ),
}  # fmt: skip
"""By head of a bundle, in the order of the report."""

INTENT = "intent"
"""No head: labels that are told by a few examples of each, on the embedding."""
MEASURED: dict[str, Source] = SOURCES | {
    INTENT: Source("intent", ("eval_clinc150", "eval_banking77", "eval_hwu64"), dev=("dev_clinc150", "dev_hwu64"), field=())
}
"""All that is measured, in the order of the report."""
_OUTSIDE = "oos"
"""Label of texts with none of the collection's intents: what has no examples is not asked for."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text."""

    id: str
    file: str
    """Without the ending."""
    source: str
    item: Item
    lang: str = ""
    """As the file tells it; empty if it does not."""
    label: str = ""
    """Of a class head."""
    target: float = 0.0
    """Of a chance head, in [0, 1]."""
    spans: tuple[Span, ...] = ()
    """Of pii."""
    types: frozenset[str] = frozenset()
    """Of pii: what the row's source annotates; other types are neither right nor wrong on it."""
    apart: bool = False
    """Measured by itself only."""


def measured(split: Split) -> tuple[str, ...]:
    """What a split has rows of, in the order of the report."""
    return tuple(head for head, source in MEASURED.items() if source.files(split))


def field_files() -> list[Path]:
    """Every file that comes with the program."""
    return [FIELD / source.folder / f"{name}.jsonl.gz" for source in MEASURED.values() for name in source.field]


def read(data: Path, head: str, split: Split, limit: int | None = None) -> list[Row]:
    """The rows of a head, at most `limit` of each file, spread evenly over it. Raises DataError."""
    rows: list[Row] = []
    for name in MEASURED[head].files(split):
        found = read_file(data, head, name)
        rows += found if limit is None else spread(found, limit)
    return rows


def read_file(data: Path, head: str, name: str) -> list[Row]:
    """The rows of one file of a head, which is named without its ending. Raises DataError."""
    source = MEASURED[head]
    path = data / source.folder / f"{name}.jsonl.gz"
    rows = list(_rows(path, head, name, apart=name in source.apart))
    if not rows:
        raise DataError(f"{path}: has no rows")
    return rows


def spread(rows: Sequence[Row], limit: int) -> list[Row]:
    """At most that many, evenly spaced."""
    count = min(limit, len(rows))
    return [rows[place * len(rows) // count] for place in range(count)]


def _rows(path: Path, head: str, name: str, *, apart: bool) -> Iterator[Row]:
    place = 0
    try:
        found = list(lines(path))
        parse = _difficulties(found) if head == "difficulty" else _PARSE.get(head, _classed)
        for place, fields in enumerate(found, 1):  # noqa: B007 - told in the error
            details = parse(fields)
            if details is not None:
                source, lang = str(fields["source"]), str(fields.get("lang") or "")
                yield Row(id=str(fields["id"]), file=name, source=source, lang=lang, apart=apart, **details)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        where = f"line {place} is" if place else "some line is"
        raise DataError(f"{path}: {where} not a row of {head}: {type(error).__name__}") from error


def lines(path: Path) -> Iterator[Fields]:
    """The objects of gzipped JSON lines, one for each line. Raises DataError, also where the file cannot be opened or is damaged."""
    try:
        yield from objects(path)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _item(fields: Fields) -> Item:
    return Item(str(fields["text"]), Kind(fields.get("kind", "user")))


def _classed(fields: Fields) -> dict[str, Any]:
    return {"item": _item(fields), "label": str(fields["label"])}


def _chance(fields: Fields) -> dict[str, Any]:
    label = fields["label"]
    target = 0.0 if label == "harmful_request" else float(label)
    if target not in (0, 1):
        raise ValueError("neither yes nor no")
    return {"item": _item(fields), "target": target}


def _intent(fields: Fields) -> dict[str, Any] | None:
    return None if fields["label"] == _OUTSIDE else _classed(fields)


def _feedback(fields: Fields) -> dict[str, Any]:
    turns = tuple(Turn(str(message["role"]), str(message["content"])) for message in fields["messages"])
    said = [turn.text for turn in turns if turn.role == "user"]
    if not said:
        raise ValueError("no user message")
    return {"item": Item(said[-1], turns=turns), "label": str(fields["label"])}


def _spans(fields: Fields) -> dict[str, Any]:
    spans = tuple(Span(int(span["start"]), int(span["end"]), str(span["type"]), 1.0) for span in fields["spans"])
    item = _item(fields)
    if not all(0 <= span.start < span.end <= len(item.text) for span in spans):
        raise ValueError("a span is not in the text")
    return {"item": item, "spans": spans, "types": frozenset(map(str, fields["types"]))}


_PARSE: dict[str, Callable[[Fields], dict[str, Any] | None]] = {
    "jailbreak": _chance,
    "fact_check": _chance,
    "feedback": _feedback,
    "pii": _spans,
    INTENT: _intent,
}
"""By head; the others have one label."""


def _difficulties(found: Sequence[Fields]) -> Callable[[Fields], dict[str, Any] | None]:
    """Reads routing rows: which models are small depends on all rows of their source."""
    by_source: dict[str, list[Mapping[str, float | None]]] = {}
    for fields in found:
        by_source.setdefault(str(fields["source"]), []).append(fields["scores"])
    small = {source: small_models(scores) for source, scores in by_source.items()}

    def parse(fields: Fields) -> dict[str, Any] | None:
        hard = target(fields["scores"], small[str(fields["source"])])
        return None if hard is None else {"item": Item(str(fields["prompt"])), "target": hard}

    return parse

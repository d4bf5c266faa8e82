"""Report: the figures as a page of Markdown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from router_extproc.evaluation.floors import FIELD_NOTES, NOTES
from router_extproc.evaluation.metrics import BINS, RESAMPLES
from router_extproc.evaluation.tables import FINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from router_extproc.evaluation.results import Evaluation, FloorResult, HeadResult

_SPLITS = {
    "dev": "on dev, which thresholds were chosen on",
    "field": "on field, which the router's makers wrote",
}
"""What is said of a split in the title; nothing of eval."""
_DATA = "where DATA holds a folder for each task with gzipped JSON lines."
_FIELD = (
    "whose rows come with the program: what people, applications and tools send, written and labelled for this project. Nothing is "
    "trained or chosen on them; but errors on those of `source seen` were looked at while training texts were written, on those of "
    "`source unseen` by nobody."
)
_PLOTS = "eval"
"""Folder of the plots, beside the page."""
_COUNTS = "false positive rows"
_BY_TYPE = ("precision", "recall", "F1", "overlap-F1")
"""Of private data, shown for each type."""
_RATES = (*_BY_TYPE, "overlap-precision", "overlap-recall")
"""Those that `eval.json` has for each type."""


def markdown(evaluation: Evaluation, plots: Mapping[str, Sequence[str]], *, all_heads: int) -> str:
    """The page. `plots` are file names by head; `all_heads` is how many there are in all."""
    parts = [_title(evaluation, all_heads), _opening(evaluation, all_heads), _floors(evaluation.floors)]
    notes = FIELD_NOTES if evaluation.split == "field" else NOTES
    parts += [_head(head, plots.get(head.head, ()), notes.get(head.head, "")) for head in evaluation.heads]
    return "\n\n".join(part for part in parts if part) + "\n"


def number(value: float | None, *, sign: bool = False) -> str:
    """Three digits; a dash for what is not defined."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def shown(measure: str, value: float | None) -> str:
    """A figure as its measure is written: counts have no digits after the point."""
    if measure.startswith(_COUNTS) and value is not None and math.isfinite(value):
        return f"{value:.0f}"
    return number(value)


def _title(evaluation: Evaluation, all_heads: int) -> str:
    doubts = []
    if evaluation.limit is not None:
        doubts.append(f"a quick look: at most {evaluation.limit} rows of each file")
    if evaluation.split in _SPLITS:
        doubts.append(_SPLITS[evaluation.split])
    if len(evaluation.heads) < all_heads:
        doubts.append("only " + ", ".join(head.head for head in evaluation.heads))
    return "# Evaluation" + (f" ({'; '.join(doubts)})" if doubts else "")


def _opening(evaluation: Evaluation, all_heads: int) -> str:
    field = evaluation.split == "field"
    command = "router-extproc eval" + ("" if field else " --data DATA") + f" --split {evaluation.split}"
    if len(evaluation.heads) < all_heads:
        command += " --heads " + ",".join(head.head for head in evaluation.heads)
    if evaluation.limit is not None:
        command += f" --limit {evaluation.limit}"
    return (
        "How right the bundle's heads are, measured on the shipped model through the code path that serving uses: tokenizer, "
        "windows, pooling, calibration and thresholds.\n\n"
        f"Reproduce it with\n\n```sh\n{command}\n```\n\n"
        f"{_FIELD if field else _DATA} `eval.json` beside this page has the same figures and more digits.\n\n"
        f"{_speed(evaluation)}Intervals are 95 % of {RESAMPLES:,} bootstrap resamples. ECE has {BINS} bins of equal mass. A dash "
        "stands for what the rows do not define, such as an AUC where all labels are equal. `recall` and `FPR` without a rate are "
        "at the shipped threshold."
    )


def _speed(evaluation: Evaluation) -> str:
    told = f"{evaluation.texts:,} texts were classified"
    if not math.isfinite(evaluation.ms_median):
        return told + ". "
    return (
        f"{told}; one took {evaluation.ms_median:.1f} ms in the median, {evaluation.ms_p95:.1f} ms in the 95th percentile, and "
        f"{evaluation.coverage:.1%} of a text was read in the mean. "
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _floors(floors: Sequence[FloorResult]) -> str:
    if not floors:
        return ""
    met = sum(each.met for each in floors)
    rows = [
        (
            each.floor.head,
            each.floor.group,
            each.floor.measure,
            shown(each.floor.measure, each.value),
            ("<= " if each.floor.at_most else ">= ") + shown(each.floor.measure, each.floor.floor),
            shown(each.floor.measure, each.floor.aim),
            "yes" if each.met else "**no**",
            number(each.floor.baseline),
            each.floor.reference,
        )
        for each in floors
    ]
    header = ("head", "rows", "figure", "measured", "floor", "aim", "met", "frozen baseline", "reference")
    return (
        f"## Floors\n\n{met} of {len(floors)} are met. The frozen baseline is all-MiniLM-L6-v2 with logistic regression. References "
        f"are what others published; seldom on the same rows.\n\n{_table(header, rows)}"
    )


def _head(head: HeadResult, plots: Sequence[str], note: str) -> str:
    main = head.main
    lead = f"{main.measure} over all rows: **{number(main.value)}** ({number(main.low)} to {number(main.high)})."
    if head.threshold is not None:
        lead += f" Threshold: {head.threshold:.4g}."
    images = " ".join(f"![{name.removesuffix('.png').replace('_', ' ')}]({_PLOTS}/{name})" for name in plots)
    parts = [f"## {head.head}", lead, note, _groups(head), _details(head), _cuts(head), _shifts(head), images]
    return "\n\n".join(part for part in parts if part)


def _columns(head: HeadResult) -> tuple[list[str], dict[str, list[str]]]:
    """Figures of all rows, and by label or type those that get a table of their own."""
    plain: list[str] = []
    parts: dict[str, list[str]] = {}
    for name in head.groups[0].figures:
        rate, _, part = name.partition(" ")
        if name.startswith("recall of "):
            parts.setdefault(name.removeprefix("recall of "), []).append(name)
        elif not part or rate not in _RATES:
            plain.append(name)
        elif rate in _BY_TYPE:
            parts.setdefault(part, []).append(name)
    return plain, parts


def _groups(head: HeadResult) -> str:
    plain, _ = _columns(head)
    rows = [(group.name, f"{group.rows:,}", *(shown(name, group.figures[name]) for name in plain)) for group in head.groups]
    return _table(("rows of", "number", *plain), rows)


def _details(head: HeadResult) -> str:
    """By label: recall. By type of private data: precision, recall, F1 and overlap-F1. In all rows, by kind of text and by file."""
    _, parts = _columns(head)
    if not parts:
        return ""
    shown_groups = [group for group in head.groups if not group.name.startswith(FINE)]
    rows = [
        (part, *(" / ".join(number(group.figures[name]) for name in names) for group in shown_groups))
        for part, names in parts.items()
    ]
    what = f"{' / '.join(_BY_TYPE)} of" if head.head == "pii" else "recall of"
    return _table((what, *(group.name for group in shown_groups)), rows)


def _cuts(head: HeadResult) -> str:
    """What rules with other thresholds would find, and what they would stop."""
    if not head.cuts:
        return ""
    rows = [
        (
            f"**{here[0].threshold:.4g}**" if here[0].threshold == head.threshold else f"{here[0].threshold:.4g}",
            *(f"{number(cut.recall)} / {number(cut.false_positive_rate)}" for cut in here),
        )
        for here in zip(*head.cuts.values(), strict=True)
    ]
    return "Recall / FPR by the threshold (`atLeast` of a rule); the shipped one is bold.\n\n" + _table(
        ("threshold", *head.cuts), rows
    )


def _shifts(head: HeadResult) -> str:
    if not head.shifts:
        return ""
    names = head.watched
    unchanged = ", ".join(f"{name} {number(head.shifts[0].before[name])}" for name in names)
    rows = [
        (
            shift.perturbation + (f" ({shift.note})" if shift.note else ""),
            *(number(shift.delta(name), sign=True) for name in names),
        )
        for shift in head.shifts
    ]
    return f"What changes if {head.shifts[0].rows:,} of the rows are perturbed; unchanged they give {unchanged}.\n\n" + _table(
        ("perturbation", *(f"{name}, change" for name in names)), rows
    )

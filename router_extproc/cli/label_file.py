"""Label file: what `train-head` learns from, checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from rich.text import Text

from router_extproc.cli.console import err, fail
from router_extproc.cli.exits import Exit
from router_extproc.cli.json_lines import LineError, decoded, numbered, opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MAX_ROWS = 50_000
"""More bring little to a linear head, and would take more than minutes."""
MAX_LABELS = 500
"""That a head file may hold."""
_MAX_LABEL = 200
_TOLD = 10
"""Bad lines that are named."""


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows to learn from, each (text, label) once, in the order of the file."""

    texts: tuple[str, ...]
    targets: tuple[int, ...]
    """Each text's place in `labels`."""
    labels: tuple[str, ...]
    """Sorted: the same rows in another order are the same head's labels."""
    repeats: int
    """Rows that were left out because they say what another said."""
    contradictions: int
    """Texts that have several labels."""


def read_labels(path: Path) -> Labelled:
    """The rows of a file; ends the program with what is wrong with it."""
    rows, total = _rows(path)
    labels = tuple(sorted({label for _, label in rows}))
    _check(path, labels, _first_lines(rows))
    place = {label: number for number, label in enumerate(labels)}
    several = Counter(text for text, _ in rows)
    return Labelled(
        texts=tuple(text for text, _ in rows),
        targets=tuple(place[label] for _, label in rows),
        labels=labels,
        repeats=total - len(rows),
        contradictions=sum(count > 1 for count in several.values()),
    )


def _rows(path: Path) -> tuple[dict[tuple[str, str], int], int]:
    """The line of each (text, label), and the number of all rows."""
    rows: dict[tuple[str, str], int] = {}
    total = bad = 0
    with opened(path, "rb") as lines:
        for number, text in numbered(lines, path):
            try:
                row = _row(text)
            except LineError as error:
                bad += 1
                if bad <= _TOLD:
                    err.print(Text.assemble(f"{path}:{number}: ", ("error:", "red"), f" {error}"), soft_wrap=True)
                continue
            total += 1
            rows.setdefault((row.text, row.label), number)
            if len(rows) > MAX_ROWS:
                fail(Exit.INPUT, f"{path}:{number}: more than {MAX_ROWS} rows; take a sample of them")
    if bad:
        fail(Exit.INPUT, f"{path}: {bad} lines cannot be read; nothing was trained")
    return rows, total


def _row(text: bytes) -> _Row:
    row = decoded(text, _Row)
    if not row.text.strip():
        raise LineError("`text` is empty")
    if not row.label.strip() or len(row.label) > _MAX_LABEL:
        raise LineError(f"`label` must have 1 to {_MAX_LABEL} characters")
    if row.label != row.label.strip():
        raise LineError(
            "`label` has blanks around it, which would make it another label than the same word without them; remove them"
        )
    return row


def _first_lines(rows: Mapping[tuple[str, str], int]) -> dict[str, list[int]]:
    lines: dict[str, list[int]] = {}
    for (_, label), number in rows.items():
        lines.setdefault(label, []).append(number)
    return lines


def _check(path: Path, labels: Sequence[str], lines: Mapping[str, Sequence[int]]) -> None:
    """Whether there is something to tell apart, and each label can be learnt from one row while it is tried on another."""
    if not labels:
        fail(Exit.INPUT, f'{path}: it has no rows; write lines of {{"text": ..., "label": ...}}')
    if len(labels) == 1:
        fail(Exit.INPUT, f"{path}: all rows have the label {labels[0]!r}; a head tells two labels apart or more")
    if len(labels) > MAX_LABELS:
        fail(Exit.INPUT, f"{path}: {len(labels)} labels, at most {MAX_LABELS}")
    lone = [label for label in labels if len(lines[label]) == 1]
    for label in lone[:_TOLD]:
        err.print(Text.assemble(f"{path}:{lines[label][0]}: ", ("error:", "red"), f" {label!r} has one row only"), soft_wrap=True)
    if lone:
        fail(Exit.INPUT, f"{path}: {len(lone)} labels have one row; give each two different texts or more, better twenty")

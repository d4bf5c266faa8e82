"""`train-head`: a linear head on the model's embedding, from the operator's own labels."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit
from router_extproc.cli.head_figures import Figures, figures
from router_extproc.cli.json_lines import keep_apart
from router_extproc.cli.label_file import Labelled, read_labels
from router_extproc.cli.output_file import check_place, replaced
from router_extproc.encoders.bundle import EMBEDDING, embedder
from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.headfile import packed
from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.models import Models
from router_extproc.encoders.scores import Kind
from router_extproc.encoders.softmax import FOLDS, best_penalty, fit
from router_extproc.policy.scalars import resolve
from router_extproc.signals.registry import EXTRACTORS

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.encoders.encoder import Encoder
    from router_extproc.encoders.reading import Reading
    from router_extproc.encoders.softmax import Softmax

_NAME = re.compile(r"[^A-Za-z0-9_]+")
_MAX_NAME = 60
"""A decision's name has 64 characters at most, and begins with `by-` here."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A head and how right it is."""

    head: Softmax
    penalty: float
    figures: Figures
    partly: int
    """Texts that were not read whole."""


def run(*, source: Path, target: Path, bundle: Path | None, as_json: bool) -> Exit:
    """Train and write a head; see `router-extproc train-head --help`."""
    keep_apart(source, target)
    check_place(target)
    if not _is_text(target.name):
        fail(Exit.USAGE, f"a policy cannot name the file {target.name!r}: its name is not UTF-8")
    rows = read_labels(source)
    _warn(rows)
    try:
        encoder = Models(folder=bundle).encoder()
    except BundleError as error:
        fail(Exit.INPUT, str(error))
    trained = train(rows, encoder)
    if trained.partly:
        _warning(f"{trained.partly} texts are so long that they were read in part, as serving would read them")
    told = _told(rows, trained)
    model = embedder(encoder.bundle.manifest)
    problem = replaced(target, packed(trained.head, rows.labels, model, told).model_dump_json().encode() + b"\n")
    if as_json:
        typer.echo(json.dumps({"file": None if problem else str(target), **told, "policy": snippet(target, rows.labels[0])}))
    else:
        _show(rows, trained)
    if problem:
        fail(Exit.INPUT, problem)
    if not as_json:
        # As Text: rich makes pictures of words between colons.
        out.print(Text(f"Wrote {target}. In a policy beside it:\n\n{snippet(target, rows.labels[0])}"), soft_wrap=True, end="")
    return Exit.OK


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _warning(text: str) -> None:
    err.print(Text.assemble(("warning:", "yellow"), f" {text}"), soft_wrap=True)


def _warn(rows: Labelled) -> None:
    if rows.repeats:
        _warning(f"{rows.repeats} rows repeat the text and label of another; each counts once")
    if rows.contradictions:
        _warning(f"{rows.contradictions} texts have more than one label; the head cannot be right on all of their rows")


def train(rows: Labelled, encoder: Encoder) -> Trained:
    """A head for these rows: the penalty is chosen by cross-validation, then all rows are used."""
    targets = np.array(rows.targets, np.int64)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        readings = _read(rows, encoder, progress)
        fitting = progress.add_task("fit", total=None)
        embeddings = np.stack([reading.embedding for reading in readings])
        penalty, chances = best_penalty(embeddings, targets, len(rows.labels))
        head = fit(embeddings, targets, len(rows.labels), penalty)
        progress.update(fitting, total=1, completed=1)
    partly = sum(reading.coverage < 1 for reading in readings)
    return Trained(head, penalty, figures(chances, targets, rows.labels), partly)


def _read(rows: Labelled, encoder: Encoder, progress: Progress) -> list[Reading]:
    """Each text's reading, as the signal would get it."""

    def one(text: str) -> Reading:
        return encoder.read([text], Kind.USER, outputs=(EMBEDDING,))[0]

    readings: list[Reading] = []
    with ThreadPoolExecutor(available_cpus()) as pool:
        for reading in progress.track(pool.map(one, rows.texts), total=len(rows.texts), description="read"):
            readings.append(reading)  # noqa: PERF402 - the bar moves with each
    return readings


def _told(rows: Labelled, trained: Trained) -> dict[str, Any]:
    """What the head file and --json say of the training."""
    return {
        "rows": len(rows.texts),
        "repeats": rows.repeats,
        "contradictions": rows.contradictions,
        "partly_read": trained.partly,
        "folds": FOLDS,
        "penalty": trained.penalty,
        **asdict(trained.figures),
    }


def snippet(target: Path, label: str) -> str:
    """What to write in the policy."""
    name = _signal(target)
    # A plain 123 or true is no text to YAML.
    word = name if name[0].isalpha() and resolve(name) == name else _quoted(name)
    return (
        f"signals:\n  {word}: {{type: linear, file: {_quoted(target.name)}}}\n\n"
        f"decisions:\n  - name: by-{name}\n    when: {{signal: {word}, is: {_quoted(label)}, atLeast: 0.7}}\n"
        "    route: POOL  # one of your pools\n"
    )


def _signal(target: Path) -> str:
    """A name after the file's, and none that a policy means another signal by."""
    name = _NAME.sub("_", target.stem).strip("_")[:_MAX_NAME] or "own_labels"
    return f"own_{name}" if name in EXTRACTORS else name


def _quoted(text: str) -> str:
    """As YAML reads it in double quotes. Not JSON: what that leaves as it is, YAML folds (U+0085) or refuses (U+007F)."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _show(rows: Labelled, trained: Trained) -> None:
    table = Table("label", "n", "precision", "recall", "F1", box=None)
    for label, one in trained.figures.labels.items():
        table.add_row(Text(label), str(one.n), _figure(one.precision), _figure(one.recall), _figure(one.f1))
    told = trained.figures
    out.print(table)
    out.print(
        f"\n{len(rows.texts)} rows, {FOLDS}-fold cross-validation: accuracy {told.accuracy:.3f}, macro-F1 {told.macro_f1:.3f}, "
        f"ECE {told.ece:.3f}",
        soft_wrap=True,
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

"""`eval-cache`: how often the response cache's semantic lookups hit, and how often they would be wrong."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from router_extproc.cache.rule import THRESHOLD
from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit
from router_extproc.encoders.local import open_classifier
from router_extproc.encoders.manifest import BundleError
from router_extproc.evaluation.errors import DataError
from router_extproc.evaluation.questions import evaluate, pairs

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.evaluation.questions import CacheEvaluation, Row


def run(data: Path, models: Path | None, *, as_json: bool) -> Exit:
    """Measure; see `router-extproc eval-cache --help`."""
    try:
        listed = pairs(data)
        embedder = open_classifier(models)
    except DataError as error:
        fail(Exit.INPUT, str(error))
    except BundleError as error:
        fail(Exit.INPUT, str(error))
    columns = (TextColumn("texts read"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        texts = len({text for pair in listed for text in (pair.one, pair.other)})
        task = progress.add_task("read", total=texts)
        found = evaluate(listed, embedder, lambda count: progress.advance(task, count))
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        out.print(_table(found))
        out.print(f"A pair is verified in {found.verify_us:.0f} us.")
    return Exit.FINDINGS if any(row.false_hits for row in found.rows) else Exit.OK


def _table(found: CacheEvaluation) -> Table:
    columns = ("pairs", "threshold", "paraphrases served", "look-alikes served", "by cosine alone: paraphrases", "look-alikes")
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in found.rows:
        mark = " (default)" if row.threshold == THRESHOLD else ""
        table.add_row(row.half, f"{row.threshold:.1f}{mark}", *_shares(row))
    return table


def _shares(row: Row) -> tuple[str, ...]:
    told = (
        (row.hits, row.paraphrases),
        (row.false_hits, row.lookalikes),
        (row.cosine_hits, row.paraphrases),
        (row.cosine_false_hits, row.lookalikes),
    )
    return tuple(f"{count} of {total} ({count / total:.3f})" if total else "-" for count, total in told)

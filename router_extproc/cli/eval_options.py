"""The options of `eval`: their types and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

HEADS = ("domain", "jailbreak", "fact_check", "modality", "feedback", "pii", "difficulty", "intent")
"""That `eval` measures."""


def heads(text: str) -> tuple[str, ...]:
    """Names of heads, in the order of the report. Raises BadParameter."""
    wanted = {part.strip() for part in text.split(",")}
    if not wanted <= set(HEADS):
        raise typer.BadParameter(f"names of {', '.join(HEADS)} with commas between", param_hint="--heads")
    return tuple(head for head in HEADS if head in wanted)


def place(split: str) -> Path:
    """Where a report goes unless told: `models` has that of the eval split, which no other may take the place of."""
    return Path("models") if split == "eval" else Path("out", split)


Data = Annotated[
    Path | None,
    typer.Option(
        help="A folder of data sets: a folder for each task with gzipped JSON lines. Not for field.", show_default=False
    ),
]
Split = Annotated[
    Literal["dev", "eval", "field"], typer.Option(help="Which rows; those of field come with the program and need no --data.")
]
Heads = Annotated[
    str | None,
    typer.Option(
        help=f"Heads to measure, comma-separated: {', '.join(HEADS)}. \\[all; of field all but difficulty and intent]",
        show_default=False,
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Rows of each file at most, for a quick look.")]
Perturbed = Annotated[int, typer.Option(min=0, help="Rows of each head that are also measured changed.")]
Output = Annotated[
    Path | None,
    typer.Option(
        help="Where EVAL.md, eval.json and the plots go. \\[models; of other splits out/dev, out/field]", show_default=False
    ),
]
Plots = Annotated[bool, typer.Option(help="Draw plots; needs the plots extra.")]
Record = Annotated[bool, typer.Option(help="Write the figures of the eval split into the bundle's manifest and card too.")]

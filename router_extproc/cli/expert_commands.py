"""The command about what heads hear beside the graph."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import Annotated

import typer

from router_extproc.cli.options import Bundle, JsonOutput  # noqa: TC001 - as above

commands = typer.Typer()
"""Joins the command table."""


@commands.command(
    name="train-experts", epilog="Example: router-extproc train-experts --data ./data --output out/mine --version 3"
)
def train_experts(
    *,
    data: Annotated[Path, typer.Option(help="The folder of data sets that the bundle was trained on.")],
    output: Annotated[Path, typer.Option(help="The folder of the new bundle; it may be the old one's.")],
    version: Annotated[str, typer.Option(help="Of the new bundle.")],
    models: Bundle = None,
    json: JsonOutput = False,
) -> None:
    """Learn a bundle's experts anew, what its heads hear beside the graph, and calibrate those heads. The graph stays.

    Needs the train extra: pip install 'router-extproc[train]'. Takes minutes on a CPU. Measure the bundle afterwards: `eval --record`.
    """
    from router_extproc.cli.train_experts import run  # noqa: PLC0415 - as in app

    raise typer.Exit(int(run(data=data, source=models, output=output, version=version, as_json=json)))

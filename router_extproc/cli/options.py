"""Options: what several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PolicyFile = Annotated[Path, typer.Argument(help="The policy file, or a directory with policy.yaml in it.", show_default=False)]
Bundle = Annotated[
    Path | None,
    typer.Option("--models", help="The folder of a model bundle; the one inside the package if not given.", show_default=False),
]
JsonOutput = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text for people.")]

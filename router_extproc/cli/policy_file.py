"""Loading a policy for a command, and showing its problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.text import Text

from router_extproc.cli.console import err, fail
from router_extproc.cli.exits import Exit
from router_extproc.config.loader import load
from router_extproc.encoders.models import Models
from router_extproc.policy.problems import PolicyError
from router_extproc.pools import PoolStats
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from router_extproc.policy.problems import Problem
    from router_extproc.router import Router


def show(problems: Iterable[Problem]) -> None:
    """Print problems on stderr as a compiler would, coloured on a terminal."""
    for problem in problems:
        text = Text(str(problem))
        text.highlight_regex(r"^[^\n]*?: (?=error:)|error:", "bold red")
        text.highlight_regex(r"warning:", "bold yellow")
        err.print(text, soft_wrap=True)


def services(models: Path | None) -> SignalServices:
    """What signals may use, with that model bundle in place of the one inside the package."""
    return SignalServices(models=Models(folder=models), needs_secrets=False)


def load_or_exit(path: Path, models: Path | None = None) -> Router:
    """The router for a policy file, in no hurry; ends the program with the problems if there is none."""
    try:
        return load(path, services=services(models), stats=PoolStats()).router.unhurried()
    except PolicyError as error:
        show(error.problems)
        raise typer.Exit(int(Exit.FINDINGS)) from None
    except OSError as error:
        fail(Exit.INPUT, f"{error.filename or path}: {error.strerror or error}")

"""Staging: what a benchmark needs is started, measured under a progress bar, and ended."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from router_extproc.demo.processes import Processes, StartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

S = TypeVar("S")
_MISSING = 4


def staged(
    start: Callable[[Processes, Path], S], work: Callable[[S, Callable[[], None]], None], *, steps: int, console: Console
) -> int:
    """Start everything, show progress, end everything; 4 if something could not be started. `work` gets what advances the bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn())
    with tempfile.TemporaryDirectory(prefix="router-extproc-bench-") as name, Processes(Path(name)) as processes:
        try:
            with Progress(*columns, console=console, transient=True) as bar:
                task = bar.add_task("starting", total=steps)
                stage = start(processes, Path(name))
                bar.update(task, description="measuring")
                work(stage, lambda: bar.advance(task))
        except StartError as error:
            console.print(Text(str(error), "red"), soft_wrap=True)
            return _MISSING
    return 0

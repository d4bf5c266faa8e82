"""Consoles: people get colour and tables on a terminal, machines get plain lines on stdout."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, NoReturn, TextIO, cast

import typer
from rich.console import Console
from rich.text import Text

from router_extproc.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

_WIDE = 150
"""Columns where there is no terminal to ask: a log keeps long lines."""


def _console(*, stderr: bool) -> Console:
    # No markup: paths, patterns and evidence may hold [brackets], which would vanish, or end the program as unbalanced tags. Nor pictures
    # for words between colons.
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDE
    return console


out = _console(stderr=False)
"""For results."""
err = _console(stderr=True)
"""For progress and errors, so that stdout can be piped."""


def fail(code: Exit, message: str) -> NoReturn:
    """Say what is wrong on stderr and end the program with that exit code."""
    err.print(Text.assemble(("error:", "red"), f" {message}"), soft_wrap=True)
    raise typer.Exit(int(code))


_TRAINING = ("torch", "onnx", "safetensors", "faker")
"""What the modules of `training` import, of the train extra."""


def require_training(*more: str) -> None:
    """End the program unless the packages are there, and these too, which only training needs."""
    if missing := [name for name in (*_TRAINING, *more) if find_spec(name) is None]:
        fail(Exit.ENVIRONMENT, f"training needs {', '.join(missing)}: pip install 'router-extproc[train]'")


def read_bytes(path: Path, code: Exit) -> bytes:
    """A file's content, or standard input for `-`; ends the program if it cannot be read."""
    try:
        return stdin().read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        fail(code, f"{path}: {error.strerror or error}")


def stdin() -> IO[bytes]:
    """Standard input; ends the program if it was closed before the program began, as some supervisors start jobs."""
    # Typeshed does not know that Python has None for it then.
    stream = cast("TextIO | None", sys.stdin)
    if stream is None:
        fail(Exit.INPUT, "standard input is closed")
    return stream.buffer

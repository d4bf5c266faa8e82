"""JSON lines: files with one JSON object a line, or the standard streams; gzipped where the name ends in .gz."""

from __future__ import annotations

import contextlib
import gzip
import os
import stat
import sys
import zlib
from typing import IO, TYPE_CHECKING, TextIO, TypeVar, cast

import msgspec

from router_extproc.apis.reader import read
from router_extproc.cli.console import fail, stdin
from router_extproc.cli.exits import Exit
from router_extproc.errors import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

L = TypeVar("L", bound=msgspec.Struct)

_MAX_DEPTH = 64


class LineError(ValueError):
    """A line is not what it should be. The text does not name the file."""


def keep_apart(source: Path, target: Path) -> None:
    """End the program if both are one file, by whatever names, or by a redirection where one is `-`."""
    one, other = _identity(source, sys.stdin), _identity(target, sys.stdout)
    if one is not None and one == other:
        name = "standard output" if str(target) == "-" else target
        fail(Exit.USAGE, f"{name} is the input, too: writing the output there would destroy it")


def _identity(path: Path, stream: TextIO | None) -> tuple[int, int] | None:
    """What a file is to the system, under all of its names; None of what keeps no content: nothing there, a terminal, a pipe."""
    try:
        if str(path) != "-":
            told = path.stat()
        elif stream is not None:
            told = os.fstat(stream.fileno())
        else:
            return None
    except (OSError, ValueError):
        return None
    return (told.st_dev, told.st_ino) if stat.S_ISREG(told.st_mode) else None


@contextlib.contextmanager
def opened(path: Path, mode: str) -> Iterator[IO[bytes]]:
    """A binary file, or the standard stream for `-`. Ends the program if it cannot be opened, read or written."""
    try:
        with _stream(path, mode) as stream:
            yield stream
    except BrokenPipeError:
        raise  # who reads our output has enough of it: typer ends the program without a word
    except OSError as error:
        fail(Exit.INPUT, f"{path}: {error.strerror or error}")


def _stream(path: Path, mode: str) -> contextlib.AbstractContextManager[IO[bytes]]:
    if str(path) == "-":
        return contextlib.nullcontext(stdin() if "r" in mode else _stdout())
    return cast("IO[bytes]", gzip.open(path, mode) if path.suffix == ".gz" else path.open(mode))


def _stdout() -> IO[bytes]:
    # Typeshed does not know that Python has None for a stream that was closed before it began.
    stream = cast("TextIO | None", sys.stdout)
    if stream is None:
        fail(Exit.INPUT, "standard output is closed")
    return stream.buffer


def numbered(lines: IO[bytes], path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers from 1. Ends the program where the file cannot be read on."""
    number = 0
    try:
        for number, text in enumerate(lines, start=1):
            if text.strip():
                yield number, text
    except (OSError, EOFError, zlib.error) as error:
        fail(Exit.INPUT, f"{path}:{number + 1}: {error}")


def decoded(text: bytes, shape: type[L]) -> L:
    """The object of a line. Raises LineError, also for what JSON parsers are known to disagree about, as serving does."""
    try:
        return msgspec.convert(read(text, max_depth=_MAX_DEPTH).value, shape)
    except RequestRefusedError as error:
        raise LineError(error.message.replace("The request body", "the line")) from error
    except msgspec.ValidationError as error:
        raise LineError(str(error)) from error

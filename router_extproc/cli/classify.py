"""`classify`: what every head of the model says of a file of texts, line by line."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from router_extproc.cli.console import err, fail
from router_extproc.cli.exits import Exit
from router_extproc.cli.json_lines import LineError, keep_apart, numbered, opened
from router_extproc.cli.scored_line import answer, parsed
from router_extproc.encoders.local import open_classifier
from router_extproc.encoders.manifest import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from router_extproc.encoders.local import LocalClassifier
    from router_extproc.encoders.scores import Item, Scores

_AT_ONCE = 64
"""Lines in memory, whatever the file's size."""
_TOLD = 10
"""Errors that are told on stderr; all are in the output."""


@dataclass(frozen=True, slots=True)
class Given:
    """A line in: its number, its size in bytes, and what it asks for or why it cannot be read."""

    number: int
    size: int
    asked: tuple[str | int, Item] | LineError


def given(number: int, text: bytes) -> Given:
    """One line, read."""
    try:
        return Given(number, len(text), parsed(text))
    except LineError as error:
        return Given(number, len(text), error)


class Tally:
    """Counts for the summary; bad lines are told as they come."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self.texts = 0
        self.partly = 0
        """Texts that were not read whole."""
        self.bad = 0
        self.last = 0
        """The number of the last line that is not blank."""

    def scored(self, scores: Scores) -> None:
        """Count a text."""
        self.texts += 1
        self.partly += scores.coverage < 1

    def refused(self, number: int, error: LineError) -> None:
        """Count a line that cannot be read, and tell of the first few."""
        self.bad += 1
        if self.bad <= _TOLD:
            err.print(Text.assemble(f"{self._source}:{number}: ", ("error:", "red"), f" {error}"), soft_wrap=True)

    def report(self) -> None:
        """The summary on stderr."""
        partly = f"; {self.partly} of them read in part, see their coverage" if self.partly else ""
        blank = self.last - self.texts - self.bad
        err.print(f"{self.texts} texts{partly}" + (f"; {blank} blank lines before or between them passed over" if blank else ""))
        if self.bad:
            err.print(Text.assemble((f"{self.bad} lines could not be read", "red"), "; their lines in the output say why"))


def scored(classifier: LocalClassifier, lines: Sequence[Given], tally: Tally) -> Iterator[tuple[Given, dict[str, object]]]:
    """The line out for each line in, in order, as they come."""
    results = classifier.stream([line.asked[1] for line in lines if not isinstance(line.asked, LineError)])
    for line in lines:
        if isinstance(line.asked, LineError):
            tally.refused(line.number, line.asked)
            yield line, {"id": None, "line": line.number, "error": str(line.asked)}
            continue
        scores = next(results)
        tally.scored(scores)
        yield line, answer(line.asked[0], scores)


def run(*, source: Path, target: Path, bundle: Path | None, windows: int) -> Exit:
    """Classify every line of `source`; see `router-extproc classify --help`."""
    keep_apart(source, target)
    try:
        classifier = open_classifier(bundle, windows=windows)
    except BundleError as error:
        fail(Exit.INPUT, str(error))
    tally = Tally(source)
    with opened(source, "rb") as lines, opened(target, "wb") as sink, _progress() as progress:
        task = progress.add_task("classify", total=_size(source))
        for part in _parts(given(number, text) for number, text in numbered(lines, source)):
            for line, told in scored(classifier, part, tally):
                sink.write(msgspec.json.encode(told) + b"\n")
                tally.last = line.number
                progress.update(task, advance=line.size, description=f"{tally.texts + tally.bad} texts")
        sink.flush()
    tally.report()
    return Exit.INPUT if tally.bad else Exit.OK


def _progress() -> Progress:
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True)


def _size(source: Path) -> int | None:
    """Bytes to come; None where they are not known."""
    with contextlib.suppress(OSError):
        if source.is_file() and source.suffix != ".gz":
            return source.stat().st_size
    return None


def _parts(lines: Iterable[Given]) -> Iterator[list[Given]]:
    part: list[Given] = []
    for line in lines:
        part.append(line)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    yield part

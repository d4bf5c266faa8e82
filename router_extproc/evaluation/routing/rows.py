"""Rows: outcome tables on disk: JSON lines, gzipped where the name ends in .gz."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import msgspec

from router_extproc.evaluation.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_CHARACTERS = 200_000


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What models made of one request."""

    id: str
    prompt: str
    scores: dict[str, float | None]
    """By model, in [0, 1]; null where it was not tried."""
    cost: dict[str, float | None] = {}
    """By model, in US dollars; null where it is not known."""
    task: str = ""
    source: str = ""


def read_rows(path: Path) -> list[Row]:
    """All rows of a file. Raises DataError, which names file and line."""
    rows = list(_rows(path))
    if not rows:
        raise DataError(f"{path}: has no rows")
    return rows


def _rows(path: Path) -> Iterator[Row]:
    decoder = msgspec.json.Decoder(Row)
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _checked(decoder.decode(line), f"{path}:{number}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}:{number}: {error}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}:{number + 1}: not gzipped: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _checked(row: Row, where: str) -> Row:
    if not row.prompt.strip() or len(row.prompt) > MAX_CHARACTERS:
        raise DataError(f"{where}: `prompt` must have 1 to {MAX_CHARACTERS} characters")
    told = [score for score in row.scores.values() if score is not None]
    if not told:
        raise DataError(f"{where}: `scores` holds no score")
    if not all(0 <= score <= 1 for score in told):
        raise DataError(f"{where}: `scores` must be in [0, 1]")
    if not all(cost is None or cost >= 0 for cost in row.cost.values()):
        raise DataError(f"{where}: `cost` must not be negative")
    return row

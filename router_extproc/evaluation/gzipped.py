"""Gzipped: data sets as gzipped JSON lines, an object a line."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

from router_extproc.evaluation.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file, one for each line. Raises OSError if it cannot be opened; DataError, with the line, which is not quoted."""
    place = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for place, line in enumerate(lines, 1):
                found = json.loads(line)
                if not isinstance(found, dict):
                    raise DataError(f"{path}:{place}: not a JSON object")
                yield found
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{place}: not JSON: {error.msg} at column {error.colno}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise DataError(f"{path}:{place + 1}: not gzipped UTF-8, or cut off: {type(error).__name__}") from error

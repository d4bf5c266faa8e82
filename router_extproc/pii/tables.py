"""Tables: the values of a column, in rows below a header of names, and in SQL that inserts rows."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    _Cells = Sequence[tuple[int, int]]

_MAX_COLUMNS = 64
_LONGEST_NAME = 40
"""Characters of a column's name."""
_FEWEST = 2
"""Columns of a table."""
_INSERT = re2.compile(r"(?i)\binsert\s+(?:or\s+\w+\s+)?into\s+[^\s()]{1,80}\s*\(([^()]+)\)\s*values\b")
_ROW = re2.compile(r"[\s,]*\(((?:'(?:[^'\\]|''|\\.)*'|\"[^\"]*\"|[^()'\"])+)\)")
_VALUE = re2.compile(r"\s*('(?:[^'\\]|''|\\.)*'|\"[^\"]*\"|[^,'\"]*)\s*(?:,|$)")
_CELLS = {sign: re2.compile(rf'[ ]*("(?:[^"]|"")*"|[^\{sign}"]*)[^\{sign}]*(?:\{sign}|$)') for sign in ",;\t|"}
"""By delimiter: a cell and what ends it."""
_RULE = re2.compile(r"^[\s|:+\-]+$")
"""The line below the header of a table in Markdown."""
_QUOTES = " \t\r\n\"'`[]*"


class Columns:
    """Columns of some names. Safe from several threads."""

    def __init__(self, names: str) -> None:
        """`names` are one pattern in RE2's syntax, in small letters."""
        self._named = re2.compile(rf"(?i)(?:^|[^\pL])(?:{names})(?:$|[^\pL])")
        self._name = re2.compile(rf"(?:{names})")

    def values(self, text: str) -> Iterator[tuple[int, int]]:
        """Where they stand, without the quotes around them."""
        if self._named.search(text):
            yield from self._inserted(text)
            yield from self._listed(text)

    def _wanted(self, names: Sequence[str]) -> list[int]:
        return [at for at, name in enumerate(names[:_MAX_COLUMNS]) if self._name.fullmatch(name.strip(_QUOTES).lower())]

    def _inserted(self, text: str) -> Iterator[tuple[int, int]]:
        inserts = list(_INSERT.finditer(text))
        for insert, following in zip(inserts, [*inserts[1:], None], strict=False):
            names, first = insert.group(1).split(","), insert.end()
            wanted = self._wanted(names)
            for row in _rows(text[first : following.start() if following else len(text)]) if wanted else ():
                written = row.group(1)
                cells = _split(written, ",") if written.count(",") + 1 == len(names) else _cells(written, _VALUE)
                yield from _bare(text, first + row.start(1), cells, wanted if len(cells) == len(names) else ())

    def _listed(self, text: str) -> Iterator[tuple[int, int]]:
        """Of rows with as many cells as the header above them."""
        sign, wanted, width, at = "", list[int](), 0, 0
        for line in text.split("\n"):
            cells = _split(line, sign) if wanted else ()
            if wanted and len(cells) == width:
                yield from _bare(text, at, cells, () if _RULE.search(line) else wanted)
            elif not (wanted and _RULE.search(line)):
                sign, wanted, width = self._header(line)
            at += len(line) + 1

    def _header(self, line: str) -> tuple[str, list[int], int]:
        """Delimiter, wanted columns and width, if it is a line of names and some are wanted."""
        for sign in _CELLS if len(line) <= _MAX_COLUMNS * _LONGEST_NAME and self._named.search(line) else ():
            cells = _split(line, sign)
            wanted = self._wanted([line[slice(*cell)] for cell in cells]) if len(cells) >= _FEWEST else []
            if wanted and all(end - start <= _LONGEST_NAME for start, end in cells):
                return sign, wanted, len(cells)
        return "", [], 0


def _rows(behind: str) -> Iterator[re2.Match[str]]:
    """The rows that an insertion begins with."""
    at = 0
    for row in _ROW.finditer(behind):
        if row.start() != at:
            return
        at = row.end()
        yield row


def _split(line: str, sign: str) -> _Cells:
    """The cells of a line, a few more than a table has at most."""
    if sign not in line:
        return ((0, len(line)),)
    if '"' in line:
        return _cells(line, _CELLS[sign])
    found, at = [], 0
    for cell in line.split(sign, _MAX_COLUMNS):
        found.append((at, at + len(cell)))
        at += len(cell) + 1
    return found


def _cells(line: str, pattern: re2.Pattern[str]) -> _Cells:
    found = [(cell.span(1), cell.end()) for cell in islice(pattern.finditer(line), _MAX_COLUMNS + 1)]
    # What ends with the line and no delimiter is the last one: behind it stands an empty match.
    last = next((at for at, (cell, end) in enumerate(found) if end == len(line) and cell[1] == end), len(found))
    return [cell for cell, _ in found[: last + 1]]


def _bare(text: str, first: int, cells: _Cells, wanted: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The wanted cells of a line that begins at `first`, without blanks and quotes around them."""
    for at in wanted:
        start, end = first + cells[at][0], first + cells[at][1]
        written = text[start:end]
        yield start + len(written) - len(written.lstrip(_QUOTES)), start + len(written.rstrip(_QUOTES))

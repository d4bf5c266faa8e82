"""Structure: how a text is built: questions, lists, code, numbers; as counts or as densities."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from router_extproc.routing import Cost, Signal, SignalKind, SignalShape
from router_extproc.signals.options import Options, Reads
from router_extproc.signals.texts import texts

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.signals.services import SignalServices

MAX_CHARACTERS = 200_000
"""Characters of all texts together that are looked at; coverage says how much that was."""

_WORD = re.compile(r"\w+")


class Thing(StrEnum):
    """What is counted."""

    QUESTIONS = "questions"
    EXCLAMATIONS = "exclamations"
    LIST_ITEMS = "list_items"
    CODE_BLOCKS = "code_blocks"
    NUMBERS = "numbers"
    WORDS = "words"
    LINES = "lines"
    CHARACTERS = "characters"
    URLS = "urls"
    FORMULAS = "formulas"


class Per(StrEnum):
    """What the count is set against."""

    TEXT = "text"
    HUNDRED_WORDS = "100_words"


# Each of these is linear: one pass, no nested repetition.
_PATTERNS = {
    Thing.QUESTIONS: re.compile(r"[?？؟]+"),  # noqa: RUF001 - the question marks of other scripts
    Thing.EXCLAMATIONS: re.compile(r"[!！]+"),  # noqa: RUF001 - as above
    Thing.LIST_ITEMS: re.compile(r"^[ \t]{0,8}(?:[-*+•]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE),
    Thing.CODE_BLOCKS: re.compile(r"^[ \t]{0,3}(?:```|~~~)", re.MULTILINE),
    Thing.NUMBERS: re.compile(r"\d+(?:[.,]\d+)*"),
    Thing.WORDS: _WORD,
    Thing.URLS: re.compile(r"https?://\S", re.IGNORECASE),
    Thing.FORMULAS: re.compile(r"\\(?:frac|sqrt|sum|int|prod|lim|begin)\b|[=<>≤≥≠≈]|\$[^$\n]{1,200}\$|[∀∃∑∏∫√∞∈∂]"),
}


class StructureOptions(Options):
    """What is counted, against what, and where."""

    count: Thing
    """What is counted."""
    per: Per = Per.TEXT
    """`text`: a count. `100_words`: a density."""
    reads: Reads = Reads.LAST_USER
    """Which text is looked at."""


class Structure:
    """A count, or a density per hundred words."""

    cost = Cost.TEXT

    def __init__(self, name: str, options: StructureOptions) -> None:
        self.name = name
        self._options = options
        unit = options.count.value if options.per is Per.TEXT else f"{options.count.value} per 100 words"
        self.shape = SignalShape(SignalKind.NUMBER, unit=unit, partial=True)

    def extract(self, request: Request, /) -> Signal:
        """The signal."""
        read = texts(request, self._options.reads)
        seen = _beginning(read)
        total = float(sum(counted(self._options.count, text) for text in seen))
        if self._options.per is Per.HUNDRED_WORDS:
            words = sum(counted(Thing.WORDS, text) for text in seen)
            total = 100.0 * total / words if words else 0.0
        size = sum(map(len, read))
        coverage = sum(map(len, seen)) / size if size else 1.0
        return Signal(self.name, 1.0 if total else 0.0, measure=total, coverage=coverage)


def _beginning(read: tuple[str, ...]) -> list[str]:
    left = MAX_CHARACTERS
    seen: list[str] = []
    for text in read:
        if left <= 0:
            break
        seen.append(text[:left])
        left -= len(text)
    return seen


def counted(thing: Thing, text: str) -> int:
    """How many of them a text has."""
    if thing is Thing.CHARACTERS:
        return len(text)
    if thing is Thing.LINES:
        return text.count("\n") + 1 if text else 0
    found = sum(1 for _ in _PATTERNS[thing].finditer(text))
    # A block has two fences; one that is never closed goes on to the end.
    return (found + 1) // 2 if thing is Thing.CODE_BLOCKS else found


def build(name: str, options: StructureOptions, _services: SignalServices) -> Structure:
    """The extractor."""
    return Structure(name, options)

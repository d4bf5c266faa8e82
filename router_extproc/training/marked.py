"""Marked: whole texts in which a hand marked what is private, and the same texts with what is private in others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router_extproc.training.corpus import SOURCE, Example
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from random import Random

_FILES = (
    "marked_blocks", "marked_blocks_abroad", "marked_sentences", "marked_fields", "marked_scripts", "marked_talk", "marked_languages",
    "marked_cards", "marked_letters", "marked_records", "marked_agents", "marked_documents", "marked_names", "marked_firms",
    "marked_places",
)  # fmt: skip
_MARK = re.compile(r"\[\[([A-Z_]+)\|([^\[\]|]+)\]\]")
_TYPES = frozenset({"PERSON", "ORGANIZATION", "ADDRESS", "PHONE"})
"""All that is marked: mail addresses, dates and the like stand there as they come."""
_COPIES = 4
"""Of each text with marks, filled with what stands in other texts of its file."""


def marked(random: Random) -> Iterator[Example]:
    """Each text as it was written, and again with the names, addresses and numbers of others."""
    for name in _FILES:
        texts = [text.replace("\\t", "\t") for text in lines(f"pii/{name}")]
        values: dict[str, list[str]] = {}
        for text in texts:
            for mark in _MARK.finditer(text):
                values.setdefault(mark[1], []).append(mark[2])
        for text in texts:
            yield _filled(text, {}, random)
            if _MARK.search(text):
                yield from (_filled(text, values, random) for _ in range(_COPIES))


def _filled(text: str, values: Mapping[str, Sequence[str]], random: Random) -> Example:
    """The text with its own values, or with others where there are any; a value of one line keeps to one."""
    parts: list[str] = []
    spans, at, length = [], 0, 0
    for mark in _MARK.finditer(text):
        value = random.choice(values[mark[1]]) if values else mark[2]
        if "\n" not in mark[2]:
            value = re.sub(r",?\s*\n\s*", ", ", value)
        parts += [text[at : mark.start()], value]
        begin = length + mark.start() - at
        length = begin + len(value)
        spans.append((begin, length, mark[1]))
        at = mark.end()
    return Example("pii", "".join([*parts, text[at:]]), tuple(spans), SOURCE, types=_TYPES)

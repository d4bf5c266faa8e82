"""Placeholders: what stands for private data: its type and a number, the same for the same value all through a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SHAPE = re.compile(r"\[[A-Z][A-Z_]*_[0-9]+[a-z]*\]")
_LONGEST = 48


def in_text(text: str, kinds: frozenset[str]) -> frozenset[str]:
    """Placeholders of these types, or what looks like them, that stand in a text."""
    return frozenset(found for found in _SHAPE.findall(text) if found[1:].rpartition("_")[0] in kinds)


class Placeholders:
    """Hands out placeholders in the order of asking: as a chat grows, the numbers of its earlier turns stay."""

    def __init__(self, taken: frozenset[str], suffix: str = "") -> None:
        """`taken` are those that may not be used; `suffix` is letters that keep two series apart."""
        self._taken = taken
        self._suffix = suffix
        self._of: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def placeholder(self, value: str, kind: str) -> str:
        """What stands for that value. Whatever type it is found as later, it stays the one that was told first."""
        known = self._of.get(value)
        if known is not None:
            return known
        while True:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            made = f"[{kind}_{number}{self._suffix}]"
            if made not in self._taken:
                break
        self._of[value] = made
        return made


class Restorer:
    """Puts values back in place of their placeholders. Holds private data: lives as long as its request."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """`values` by placeholder."""
        self._values = values

    def __bool__(self) -> bool:
        return bool(self._values)

    def __repr__(self) -> str:
        return f"Restorer({len(self._values)} values)"

    def restored(self, text: str, *, write: Callable[[str], str] | None = None) -> str:
        """The text with all values back; `write` says how a value is written where the text is code of some kind."""
        if "[" not in text:
            return text
        return _SHAPE.sub(lambda match: self._value(match.group(), write), text)

    def _value(self, placeholder: str, write: Callable[[str], str] | None) -> str:
        value = self._values.get(placeholder)
        if value is None:
            return placeholder
        return write(value) if write else value

    def unfinished(self, text: str) -> int:
        """How many characters at the end may be the beginning of a placeholder: they must wait for what follows."""
        at = text.rfind("[", max(0, len(text) - _LONGEST))
        if at < 0:
            return 0
        tail = text[at:]
        return len(tail) if any(placeholder.startswith(tail) and tail != placeholder for placeholder in self._values) else 0

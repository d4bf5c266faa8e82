"""Frames: what the events of one text have in common: every byte but those of its next piece."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from router_extproc.apis.edits import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.apis.leaves import Leaf
    from router_extproc.apis.pieces import Fragment, Pieces

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_decode = msgspec.json.Decoder(str).decode


@dataclass(frozen=True, slots=True)
class Frame:
    """An event whose only text is one piece. One that differs in nothing but that string says all else that it said.

    Half of the work on an event is to find each of its strings: model servers send the same ones hundreds of times.
    """

    before: bytes
    """Bytes of the event's data up to its piece."""
    behind: bytes
    fragment: Fragment
    told: dict[str, Any]
    """The event."""

    def piece(self, data: bytes) -> str | None:
        """The piece of another event; None if more than that is different, or if it is no JSON."""
        if not (data.startswith(self.before) and data.endswith(self.behind)):
            return None
        raw = data[len(self.before) : len(data) - len(self.behind)]
        if _STRING.fullmatch(raw) is None:
            return None
        try:
            return _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def filled(self, text: str) -> bytes:
        """The event's data with another piece."""
        return self.before + encode(text) + self.behind


def framed(data: bytes, told: dict[str, Any], pieces: Pieces, passed: Sequence[tuple[Leaf, str | None]]) -> Frame | None:
    """The frame of an event; None if it says more than one piece, ends a text, has a number, or if anything else in it is replaced."""
    if len(pieces.fragments) != 1 or pieces.closes or "sequence_number" in told or b"\n" in data:
        return None
    (fragment,) = pieces.fragments
    own = [leaf for leaf, _ in passed if leaf.path == fragment.path]
    if len(own) != 1 or any(new is not None for leaf, new in passed if leaf is not own[0]):
        return None
    return Frame(data[: own[0].start], data[own[0].end :], fragment, told)

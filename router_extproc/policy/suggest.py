"""Suggest: what an operator probably meant by a word that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process, utils

from router_extproc.policy.problems import listed

if TYPE_CHECKING:
    from collections.abc import Iterable

_CUTOFF = 70.0
"""Of 100. At 60, short names suggest each other (`math` for `path`)."""
_MAX_LISTED = 12


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like it, or None if none does."""
    found = process.extractOne(
        word[:100], sorted(known), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=_CUTOFF
    )
    return str(found[0]) if found else None


def suggestion(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A cure: `did you mean 'x'?`, else the known words if they are few, else the other advice."""
    words = sorted(known)
    likely = closest(word, words)
    if likely is not None and likely != word:
        return f"did you mean {likely!r}?"
    if words and len(words) <= _MAX_LISTED:
        return f"expected {listed(words)}"
    return otherwise

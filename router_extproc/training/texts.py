"""Texts: our own, one a line, in folders by head; made without a look at any evaluation set."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_suffix("")


@cache
def lines(name: str) -> tuple[str, ...]:
    """The texts of a file, such as "domain/law". A backslash and an n stand for a line break."""
    found = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.strip().replace("\\n", "\n") for line in found if line.strip())

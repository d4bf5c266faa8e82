"""Phrases: wordings of our own, where the data has few."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class Phrases:
    """The lists of phrases.toml, which says what each is."""

    orders: list[str]
    overrides: list[str]
    domains: list[str]
    quoting: list[str]
    quoted: list[str]
    frames: Mapping[str, list[str]]
    """By label of the modality head."""
    feedback: Mapping[str, list[str]]
    """By label of the feedback head."""
    topics: Mapping[str, list[str]]
    """By label of the domain head."""
    asking: Mapping[str, list[str]]
    reframed: Mapping[str, list[str]]
    lookalikes: Mapping[str, list[str]]


def phrases() -> Phrases:
    """All of them."""
    return Phrases(**tomllib.loads(_FILE.read_text(encoding="utf-8")))

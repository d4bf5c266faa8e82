"""Lexicon: what the verification of semantic hits knows of English, from lexicon.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words and rules. Shared by all; never changes."""

    english: frozenset[str]
    empty: frozenset[str]
    prepositions: frozenset[str]
    compatible: frozenset[frozenset[str]]
    lemmas: Mapping[str, str]
    """By form: irregular forms, and words that no ending may be taken from."""
    past: frozenset[str]
    """Irregular forms of the past."""
    synonyms: Mapping[str, str]
    numbers: Mapping[str, int]
    tens: Mapping[str, int]
    rules: tuple[tuple[re.Pattern[str], str], ...]


@cache
def lexicon() -> Lexicon:
    """The one that comes with the program; read at the first call."""
    raw = tomllib.loads(resources.files("router_extproc.cache").joinpath("lexicon.toml").read_text(encoding="utf-8"))
    lemmas, past = _irregular(raw["irregular"])
    lemmas |= {word: word for word in raw["invariant"].split()}
    return Lexicon(
        english=frozenset(raw["english"].split()),
        empty=frozenset(raw["empty"].split()),
        prepositions=frozenset(raw["prepositions"].split()),
        compatible=frozenset(frozenset(pair) for pair in raw["compatible"]),
        lemmas=lemmas,
        past=past,
        synonyms={word: line.split()[0] for line in raw["synonyms"].strip().splitlines() for word in line.split()},
        numbers={word: number for number, word in enumerate(raw["numbers"].split())},
        tens={word: 10 * number for number, word in enumerate(raw["tens"].split(), 2)},
        rules=tuple(_rule(rule) for rule in raw["rule"]),
    )


def _irregular(text: str) -> tuple[dict[str, str], frozenset[str]]:
    lemmas: dict[str, str] = {}
    past: set[str] = set()
    for line in text.strip().splitlines():
        lemma, _, forms = line.partition(":")
        before, _, others = forms.partition("|")
        past.update(before.split())
        lemmas |= dict.fromkeys((*before.split(), *others.split()), lemma.strip())
    return lemmas, frozenset(past)


def _rule(rule: dict[str, Any]) -> tuple[re.Pattern[str], str]:
    # Bounded: on a text of the caller's choice no pattern may look far from where it began.
    find = rule["find"].replace("WORDS", r"((?:\S+ ){0,11}?\S+)").replace("START", r"(?:^|(?<=[.,;:?!] ))")
    return re.compile(rf"(?<!\S)(?:{find})(?!\S)"), rule["put"]

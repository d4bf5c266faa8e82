"""Words: texts of so many tokens, of ordinary English words, no two alike."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from router_extproc.encoders.passages import SPECIAL

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIST = """
time year people way day man thing woman life child world school state family student group country problem hand part place case week
company system program question work government number night point home water room mother area money story fact month lot right study
book eye job word business issue side kind head house service friend father power hour game line end member law car city community name
president team minute idea kid body information back parent face others level office door health person art war history party result
change morning reason research girl moment air teacher force education
"""
_WORDS = tuple(_LIST.split())
"""Each is one token of the usual English vocabularies."""
EASY = "garden"
"""The word by which the benchmark's cheap rule knows a request that needs no model."""
_BASE = 64
_OPENING = 4
"""Words that number a text: 64^4 different ones."""


def words(number: int, count: int) -> list[str]:
    """That many words; the first four tell the number, so that texts of different numbers differ (up to 64^4)."""
    opening = [_WORDS[number // _BASE**place % _BASE] for place in range(_OPENING)]
    filling = itertools.cycle(_WORDS[number % len(_WORDS) :] + _WORDS[: number % len(_WORDS)])
    return (opening + list(itertools.islice(filling, max(0, count - _OPENING))))[:count]


def prompt(number: int, tokens: int) -> str:
    """A text of that many tokens, the special ones included, for an English vocabulary."""
    return " ".join(words(number, max(0, tokens - SPECIAL)))


def easy_prompt(number: int, tokens: int) -> str:
    """The same, with the word in it that the cheap rule looks for."""
    return " ".join([*words(number, max(0, tokens - SPECIAL - 1)), EASY])


def prompts(numbers: Iterator[int], tokens: int) -> Iterator[str]:
    """Texts without end, each another."""
    return (prompt(number, tokens) for number in numbers)


def easy_prompts(numbers: Iterator[int], tokens: int) -> Iterator[str]:
    """The same, all of them easy."""
    return (easy_prompt(number, tokens) for number in numbers)


def half_easy_prompts(numbers: Iterator[int], tokens: int) -> Iterator[str]:
    """The same, every other one easy."""
    makers = itertools.cycle((prompt, easy_prompt))
    return (make(number, tokens) for make, number in zip(makers, numbers, strict=False))

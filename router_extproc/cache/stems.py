"""Stems: the form that stands for all forms of an English word."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_extproc.cache.lexicon import Lexicon


def lemma(word: str, known: Lexicon) -> str:
    """The form that stands for all forms of a word. Rather two for one word than one for two words."""
    found = known.lemmas.get(word)
    if found is None:
        found = word if not word.isascii() or not word.isalpha() else _stem(word)
    return known.synonyms.get(found, found)


_VOWELS = frozenset("aeiouy")
_LEAST = 2
_SHORT = 4


def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > _SHORT:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes", "oes")) and len(word) > _SHORT:
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) >= _SHORT:
        return word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + _LEAST:
            rest = word[: -len(ending)]
            if any(letter in _VOWELS for letter in rest):
                return rest[:-1] + "y" if ending == "ed" and rest.endswith("i") else _restored(rest)
    return word


def _restored(rest: str) -> str:
    """What stood before -ing or -ed: a doubled consonant is single, a silent e is back."""
    if len(rest) > _LEAST and rest[-1] == rest[-2] and rest[-1] not in "lsfzaeiou":
        return rest[:-1]
    if rest[-1] in "cvuz" or rest.endswith(("dg", "rg", "ng", "as", "os", "rs", "ns", "at", "it", "bl", "pl", "tl", "dl", "gl")):
        return rest + "e" if not rest.endswith(("eat", "oat", "ait", "uit")) else rest
    closed = len(rest) > 1 and rest[-1] not in _VOWELS | {"w", "x"} and rest[-2] in _VOWELS
    alone = closed and (len(rest) <= _LEAST or rest[-3] not in _VOWELS) and sum(letter in _VOWELS for letter in rest) == 1
    return rest + "e" if alone else rest

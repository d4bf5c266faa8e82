"""Agreement: whether two texts ask the same, so that one answer serves both. In doubt they do not."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from router_extproc.cache.lexicon import lexicon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.cache.meaning import Meaning

_SOFT = frozenset({"howto", "what"})
"""Kinds of question that an order or a heading may stand for."""
_HAPPENED = frozenset({"happened"})
_LIKE = (frozenset({"can", "possible"}), frozenset({"can", "safe"}), frozenset({"can", "allowed"}))


def disagreement(one: Meaning, other: Meaning) -> str:
    """In what they differ, in one word; empty if they ask the same."""
    if one.exact or other.exact:
        return "" if one.exact == other.exact else "words"
    return next((name for name, differs in _CHECKS if differs(one, other)), "")


def _words(one: Meaning, other: Meaning) -> bool:
    if one.bag != other.bag:
        mine = {word for word, count in one.bag.items() if other.bag.get(word) != count}
        theirs = {word for word, count in other.bag.items() if one.bag.get(word) != count}
        if mine - other.light or theirs - one.light:
            return True
    extra, lacking = one.light - other.light - set(other.bag), other.light - one.light - set(one.bag)
    return bool(extra and lacking)


def _numbers(one: Meaning, other: Meaning) -> bool:
    mine, theirs = dict(one.bound), dict(other.bound)
    if any(number in theirs and theirs[number] != word for number, word in mine.items()):
        return True
    first, second = dict(one.numbers), dict(other.numbers)
    if any(kind in second and second[kind] != found for kind, found in first.items()):
        return True
    loose = [kind for kind in first if kind not in second]
    # A number that counts something here and nothing there is the same number; of two, each could be either.
    return len(loose) > 1 or any(len(first[kind]) > 1 for kind in loose)


def _questions(one: Meaning, other: Meaning) -> bool:
    mine, theirs = one.questions - other.questions, other.questions - one.questions
    if not mine and not theirs:
        return False
    if any(frozenset({first, second}) in _LIKE for first in mine for second in theirs) and len(mine) == len(theirs) == 1:
        return False
    if (mine | theirs) - _SOFT:
        return True
    return bool(mine and theirs) or ("howto" in mine | theirs and bool(one.questions and other.questions))


def _grammar(one: Meaning, other: Meaning) -> bool:
    if one.speakers != other.speakers:
        return True
    if ("happened" in one.tenses and "past" not in other.tenses) or ("happened" in other.tenses and "past" not in one.tenses):
        return True
    pairs = ((one.tenses - _HAPPENED, other.tenses - _HAPPENED), (one.persons, other.persons), (one.links, other.links))
    return any(mine and theirs and not mine & theirs for mine, theirs in pairs)


def _roles(one: Meaning, other: Meaning) -> bool:
    known = lexicon()
    mine, theirs = _prepositions(one), _prepositions(other)
    for word, before in mine.items():
        after = theirs.get(word, "")
        if before and after and before != after and frozenset({before, after}) not in known.compatible:
            return True
    agents, others = _after(one, "by"), _after(other, "by")
    if agents != others:
        return True
    for before in {name for name, _ in (*one.segments, *other.segments)} - {""}:
        here, there = _after(one, before), _after(other, before)
        if here - there and there - here:
            return True
    return False


def _prepositions(text: Meaning) -> dict[str, str]:
    """The preposition that each word follows, for words that are there once."""
    return {word: before for before, found in text.segments for word in found if text.bag.get(word) == 1}


def _after(text: Meaning, preposition: str) -> set[str]:
    return {word for before, found in text.segments if before == preposition for word in found}


def _order(one: Meaning, other: Meaning) -> bool:
    here, there = set(_pairs(one)), set(_pairs(other))
    return any((second, first) in there for first, second in here)


def _pairs(text: Meaning) -> Iterator[tuple[str, str]]:
    """Words of one stretch in their order; `the element of a list` is `the list element`."""
    head = ""
    for before, found in text.segments:
        once = [word for word in found if text.bag.get(word) == 1]
        yield from combinations(once, 2)
        if before == "of" and head:
            yield from ((word, head) for word in once if word != head)
        head = found[-1]


_CHECKS = (
    ("words", _words),
    ("numbers", _numbers),
    ("question", _questions),
    ("grammar", _grammar),
    ("roles", _roles),
    ("order", _order),
)

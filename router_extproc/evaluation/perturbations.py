"""Perturbations: harmless changes to a text that should change no answer. The same row is always changed the same way."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from router_extproc.encoders.scores import Turn
from router_extproc.evaluation.filler import ENDINGS, GREETINGS, SENTENCES, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from router_extproc.encoders.scores import Item, Span
    from router_extproc.evaluation.datasets import Row

    Change = Callable[[Row, Random], Row]

_WORD = re.compile(r"[A-Za-z]{4,}")
_TYPO = 0.1
"""Chance of a typo in a word of four letters or more."""
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_AROUND = 40
"""Sentences before and after a text that is hidden; about 500 words each, more than one window of the encoder."""
_CASED = frozenset({"API_KEY"})
"""Types that would be no longer what they are in another case."""


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One way to change texts."""

    name: str
    change: Change
    heads: tuple[str, ...] = ()
    """Those that it is for; all if empty."""
    note: str = ""

    def of(self, row: Row) -> Row:
        """The changed row: spans stand where their words went."""
        return self.change(row, Random(f"{self.name}:{row.id}"))  # noqa: S311 - repeatable, not secret


def perturbations(head: str) -> tuple[Perturbation, ...]:
    """Those for a head."""
    return tuple(each for each in PERTURBATIONS if not each.heads or head in each.heads)


def _with(row: Row, text: str, spans: Sequence[Span] | None = None) -> Row:
    return replace(row, item=_said(row.item, text), spans=row.spans if spans is None else tuple(spans))


def _said(item: Item, text: str) -> Item:
    """The item with another text, which is also what the user says last in its conversation."""
    turns = list(item.turns)
    last = max((place for place, turn in enumerate(turns) if turn.role == "user"), default=None)
    if last is not None:
        turns[last] = Turn("user", text)
    return replace(item, text=text, turns=tuple(turns))


def _inside(spans: Sequence[Span], start: int, end: int) -> bool:
    return any(span.start < end and start < span.end for span in spans)


def _typos(row: Row, chance: Random) -> Row:
    """Neighbouring letters swapped or a neighbouring key hit, in words that are no private data; no text changes its length."""
    letters = list(row.item.text)
    words = [match for match in _WORD.finditer(row.item.text) if not _inside(row.spans, *match.span())]
    hit = [word for word in words if chance.random() < _TYPO] or words[:1]
    for word in hit:
        place = chance.randrange(word.start() + 1, word.end() - 1)
        if letters[place] != letters[place + 1] and chance.random() < 0.5:  # noqa: PLR2004 - a coin
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
        else:
            letters[place] = _neighbour(letters[place], chance)
    return _with(row, "".join(letters))


def _neighbour(letter: str, chance: Random) -> str:
    keys = next(line for line in _KEYS if letter.lower() in line)
    place = keys.index(letter.lower())
    return chance.choice([keys[near] for near in (place - 1, place + 1) if 0 <= near < len(keys)])


def _cased(row: Row, case: Callable[[str], str]) -> Row:
    fixed = [span for span in row.spans if span.type in _CASED]
    text = row.item.text
    changed = [letter if len(case(letter)) != 1 else case(letter) for letter in text]
    for span in fixed:
        changed[span.start : span.end] = text[span.start : span.end]
    return _with(row, "".join(changed))


def _upper(row: Row, _: Random) -> Row:
    return _cased(row, str.upper)


def _lower(row: Row, _: Random) -> Row:
    return _cased(row, str.lower)


def _between(row: Row, before: str, after: str) -> Row:
    shift = len(before)
    spans = [replace(span, start=span.start + shift, end=span.end + shift) for span in row.spans]
    return _with(row, before + row.item.text + after, spans)


def _prefix(row: Row, chance: Random) -> Row:
    return _between(row, chance.choice(GREETINGS) + " ", "")


def _suffix(row: Row, chance: Random) -> Row:
    return _between(row, "", " " + chance.choice(ENDINGS))


def _three_words(row: Row, chance: Random) -> Row:
    return _between(row, "", " " + " ".join(chance.sample(WORDS, 3)))


def _half(row: Row, _: Random) -> Row:
    """The first half, cut between words and never through private data."""
    text = row.item.text
    cut = text.rfind(" ", 0, len(text) // 2 + 1)
    for span in sorted(row.spans, key=lambda span: span.start, reverse=True):
        if span.start < cut < span.end:
            cut = span.start
    kept = text[:cut].rstrip() if cut > 0 else ""
    return _with(row, kept, [span for span in row.spans if span.end <= len(kept)]) if kept else row


def _hidden(row: Row, chance: Random) -> Row:
    """In the middle of a long harmless text; harmless rows too, so that length tells nothing."""
    before, after = (" ".join(chance.choices(SENTENCES, k=_AROUND)) for _ in range(2))
    return _between(row, before + "\n\n", "\n\n" + after)


PERTURBATIONS = (
    Perturbation("typos", _typos),
    Perturbation("upper case", _upper),
    Perturbation("lower case", _lower),
    Perturbation("greeting before", _prefix),
    Perturbation("remark after", _suffix),
    Perturbation("three words after", _three_words),
    Perturbation("first half", _half, note="what decides may be in the other half, so some loss is right"),
    Perturbation("inside a long text", _hidden, heads=("jailbreak",), note="harmless rows are put inside one too"),
)
"""In the order of the report."""

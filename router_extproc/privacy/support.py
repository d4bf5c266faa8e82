"""Support: how far a sentence of an answer says what the request's own sources say.

Lexical: the share of a sentence's content words that one passage of three sentences has, less where it has numbers or names that the
passage does not have. The precision of such overlap is a known baseline for faithfulness (Maynez et al. 2020; Dziri et al. 2022,
knowledge F1); numbers and names are what answers get wrong and what wording does not excuse. It is not entailment: a sentence that turns
a statement round with the same words is taken for supported.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from threading import Lock
from typing import TYPE_CHECKING

from router_extproc.privacy.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_CONTEXT = 100_000
"""Characters of sources that are looked at, the last ones of the request first."""
MAX_PASSAGES = 10_000
"""Sentences of sources that are looked at: what 100,000 characters have but where lines are very short."""
MAX_SENTENCES = 200
MAX_ANSWER = 50_000
"""Of an answer, its sentences and characters: a longer one is judged by its first ones."""
_WINDOW = 3
_FREQUENT = 64
"""Sentences that have a word, from which on their passages are kept: to find them takes as long as to compare them with ten words."""
_LEAST_WORDS = 2
"""Content words of a sentence that says anything."""
_WRONG_NUMBER, _WRONG_NAME = 0.2, 0.4

_END = re.compile(r"(?<=[.!?。！？])[\"')\]]*\s+(?=[^\s])|\n+")  # noqa: RUF001 - the full stops of other scripts
_WORD = re.compile(r"[^\W_]+(?:[.,:/\-]\d+)*")
_NAME = re.compile(r"(?<![.!?:\n] )(?<!^)(?<![\"*#\-] )\b[A-Z][^\W_]+")
_CAPITAL = re.compile(r"\b[A-Z][^\W_]+")
_TEENS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty"""
_TENS = "thirty forty fifty sixty seventy eighty ninety hundred"
_NUMBERS = {word: str(number) for number, word in enumerate(_TEENS.split())} | {
    word: str(number) for number, word in zip(range(30, 101, 10), _TENS.split(), strict=True)
}
_FUNCTION_WORDS = """a about after all also an and any are as at be been before being both but by can could did do does each for
from had has have he her here his how i if in into is it its may me more most my no nor not of on only or our
out over she should so some such than that the their them then there these they this those through to too
under until up very was we were what when where which while who whom why will with would you your"""
_STOP = frozenset(_FUNCTION_WORDS.split())
_ENDINGS = ("ing", "ed", "es", "s", "ly")
_STEM = 3


@dataclass(frozen=True, slots=True)
class Grounding:
    """How an answer stands to its sources."""

    sentences: int
    """That say anything."""
    unsupported: tuple[int, ...]
    """Those whose support is below the policy's bound, by their number among all sentences of the answer, from 0."""
    coverage: float = 1.0
    """Share of the sources that was looked at."""


class _Index:
    """Passages by what stands in them: the bits of a whole number, each for the first sentence of one.

    The first bits are those of passages that begin before the first sentence, and have but their last ones.
    """

    def __init__(self) -> None:
        self._places: dict[str, list[int]] = {}
        self._kept: dict[str, int] = {}
        """Passages of what many sentences have."""

    def add(self, key: str, sentences_: Iterable[int]) -> None:
        """Note that these sentences have it."""
        self._places.setdefault(key, []).extend(sentences_)

    def passages(self, key: str, count: int) -> int:
        """Passages with one of the sentences that have it, of `count` sentences in all."""
        places = self._places.get(key)
        if places is None:
            return 0
        passages = self._kept.get(key)
        if passages is None:
            passages = _spread(places, count)
            if len(places) >= _FREQUENT:
                self._kept[key] = passages
        return passages


class Sources:
    """What a request brought along to answer from. Safe from several threads."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._reading = Lock()
        self._is_read = False
        self._words: dict[str, list[int]] = {}
        """Sentences by the words in them."""
        self._stems = _Index()
        self._names = _Index()
        self._count = 0
        self._left = MAX_PASSAGES
        self._coverage = 1.0

    @property
    def weight(self) -> int:
        """Characters that `read` is still to look at."""
        return 0 if self._is_read else min(sum(map(len, self._texts)), MAX_CONTEXT)

    @property
    def coverage(self) -> float:
        """Share of the sources that is looked at."""
        self.read()
        return self._coverage

    def read(self) -> None:
        """Look at the texts, once: some 10 ms for 50,000 characters. All else does it first."""
        with self._reading:
            if not self._is_read:
                self._read()
                self._is_read = True

    def _read(self) -> None:
        total, looked = sum(map(len, self._texts)), 0
        for text in self._texts:
            looked += self._take(text[: MAX_CONTEXT - looked]) if looked < MAX_CONTEXT else 0
            if not self._left:
                break
        self._coverage = looked / total if total else 1.0
        self._index()

    def _take(self, text: str) -> int:
        """Look at a text; how many of its characters that were."""
        found = sentences(text)
        taken = found[: self._left]
        for sentence in taken:
            number = self._count
            for word in words(sentence):
                self._words.setdefault(word, []).append(number)
            for name in _CAPITAL.findall(sentence):
                self._names.add(name, (number,))
            self._count += 1
        self._left -= len(taken)
        # No passage goes on from one text into the next.
        self._count += _WINDOW if text else 0
        return len(text) if len(taken) == len(found) else sum(len(sentence) + 1 for sentence in taken)

    def _index(self) -> None:
        """Bring words to their stems."""
        for word, places in self._words.items():
            self._stems.add(_stem(word), places)

    def __bool__(self) -> bool:
        self.read()
        return self._count > 0

    def support(self, sentence: str) -> float | None:
        """In [0, 1]; None for a sentence that says nothing: a greeting, a heading, a question."""
        self.read()
        stems = Counter(_stem(word) for word in words(sentence) if word not in _STOP)
        if stems.total() < _LEAST_WORDS or sentence.rstrip().endswith("?"):
            return None
        numbers = {stem for stem in stems if any(map(str.isdigit, stem))}
        others = {stem: times for stem, times in stems.items() if stem not in numbers}
        shared = Tally()
        for stem, times in others.items():
            shared.add(self._stems.passages(stem, self._count), times)
        numbered = self._common(self._stems, numbers)
        named = self._common(self._names, set(_NAME.findall(sentence)))
        return max(self._shares(shared, sum(others.values()), numbered, named), default=0.0)

    def _shares(self, shared: Tally, total: int, numbered: int, named: int) -> Iterator[float]:
        """The best passages' of those that have the numbers and the names, and of those that lack some."""
        every = self._every
        for has_numbers, number in ((numbered, 1.0), (every & ~numbered, _WRONG_NUMBER)):
            for has_names, name in ((named, 1.0), (every & ~named, _WRONG_NAME)):
                passages = has_numbers & has_names
                if passages:
                    yield (shared.highest(passages) / total if total else 1.0) * number * name

    @property
    def _every(self) -> int:
        return (1 << (self._count + _WINDOW)) - 1

    def _common(self, index: _Index, wanted: Iterable[str]) -> int:
        """Passages that have all of these."""
        return reduce(and_, (index.passages(each, self._count) for each in wanted), self._every)

    def judged(self, answer: str, least: float) -> Grounding:
        """The answer's sentences against the sources."""
        told = [self.support(sentence) for sentence in sentences(answer[:MAX_ANSWER])[:MAX_SENTENCES]]
        below = tuple(number for number, support in enumerate(told) if support is not None and support < least)
        return Grounding(sum(support is not None for support in told), below, self.coverage)


def _spread(sentences_: Iterable[int], count: int) -> int:
    """Passages that hold some of these sentences."""
    row = bytearray((count + _WINDOW) // 8 + 1)
    for number in sentences_:
        at = number + _WINDOW
        row[at >> 3] |= 1 << (at & 7)
    last = int.from_bytes(row, "little")
    return reduce(or_, (last >> back for back in range(_WINDOW)))


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text."""
    return [piece for piece in _END.split(text) if piece and piece.strip()]


def words(text: str) -> list[str]:
    """Words and numbers in small letters; small numbers as digits."""
    return [_NUMBERS.get(word, word) for word in _WORD.findall(text.lower())]


def _stem(word: str) -> str:
    """Without the endings of English inflection; enough to compare, wrong as linguistics."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            return word[: -len(ending)]
    return word

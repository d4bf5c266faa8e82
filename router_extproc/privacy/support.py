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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_CONTEXT = 100_000
"""Characters of sources that are looked at, the last ones of the request first."""
MAX_SENTENCES = 200
"""Of an answer: a longer one is judged by its first ones."""
_WINDOW = 3
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


class Sources:
    """What a request brought along to answer from. Made once a request: some 10 ms for 50,000 characters."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._words: dict[str, list[int]] = {}
        """Sentences by the words in them."""
        self._stems: dict[str, set[int]] = {}
        self._names: dict[str, list[int]] = {}
        self._count = 0
        total, left = sum(map(len, texts)), MAX_CONTEXT
        self.coverage = min(1.0, left / total) if total else 1.0
        """Share of the sources that is looked at."""
        for text in texts:
            self._take(text[:left])
            left = max(0, left - len(text))

    def _take(self, text: str) -> None:
        for sentence in sentences(text):
            number = self._count
            for word in words(sentence):
                self._words.setdefault(word, []).append(number)
            for name in _CAPITAL.findall(sentence):
                self._names.setdefault(name, []).append(number)
            self._count += 1
        # No passage goes on from one text into the next.
        self._count += _WINDOW if text else 0

    def _index(self) -> None:
        """Bring words to their stems: once, and only if an answer is judged."""
        if not self._stems:
            for word, places in self._words.items():
                self._stems.setdefault(_stem(word), set()).update(places)

    def __bool__(self) -> bool:
        return self._count > 0

    def support(self, sentence: str) -> float | None:
        """In [0, 1]; None for a sentence that says nothing: a greeting, a heading, a question."""
        self._index()
        stems = [_stem(word) for word in words(sentence) if word not in _STOP]
        if len(stems) < _LEAST_WORDS or sentence.rstrip().endswith("?"):
            return None
        numbers = [stem for stem in stems if any(map(str.isdigit, stem))]
        others = [stem for stem in stems if stem not in numbers]
        shared = Counter(passage for stem in others for passage in _passages(self._stems.get(stem, ())))
        numbered = _common(self._stems, numbers)
        named = _common(self._names, _NAME.findall(sentence))
        best = 0.0
        for passage in shared if others else range(-_WINDOW, self._count):
            share = shared[passage] / len(others) if others else 1.0
            share *= 1.0 if numbered is None or passage in numbered else _WRONG_NUMBER
            best = max(best, share * (1.0 if named is None or passage in named else _WRONG_NAME))
        return best

    def judged(self, answer: str, least: float) -> Grounding:
        """The answer's sentences against the sources."""
        told = [self.support(sentence) for sentence in sentences(answer)[:MAX_SENTENCES]]
        below = tuple(number for number, support in enumerate(told) if support is not None and support < least)
        return Grounding(sum(support is not None for support in told), below, self.coverage)


def _passages(sentences_: Iterable[int]) -> set[int]:
    """Passages, by their first sentence, that hold some of these sentences."""
    return {number - back for number in sentences_ for back in range(_WINDOW)}


def _common(places: Mapping[str, Iterable[int]], wanted: Sequence[str]) -> set[int] | None:
    """Passages that have all of them; None if nothing is wanted."""
    if not wanted:
        return None
    return set.intersection(*(_passages(places.get(each, ())) for each in wanted))


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

"""Tails: what a search for a suffix that breaks a model ends with, and what only looks like one.

Such a search (greedy coordinate gradient: Zou et al. 2023, "Universal and transferable adversarial attacks on aligned language models")
chooses from a model's whole vocabulary: words, pieces of words, signs and code in no order, with a fluent scrap here and there. What
tells it from keys and hashes is that most of its pieces are words.

Half of the tails are drawn from such a vocabulary as it is (`tail_pieces`: what is ASCII of the 32,000 pieces of Mistral 7B's first
tokenizer, Apache-2.0), since searches are for pieces that can be printed; the others are mixtures of what we know tails to hold.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from string import punctuation
from typing import TYPE_CHECKING

from router_extproc.encoders.heads import CLASSES
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_WORD = re.compile(r"[A-Za-z]{3,}")
_COMMONEST = 100
"""Words that hold sentences together; a tail has them only in its fluent scraps."""
_LENGTHS = (10, 14, 18, 20, 20, 20, 25, 30, 40)
"""Scraps of a tail; searches begin with twenty marks more often than not."""

_SEARCHED = 0.5
"""The share of tails that are drawn from a model's vocabulary."""
_BLANK = "\u2581"
"""What pieces have for a blank before them."""
_PIECES = (8, 10, 10, 12, 15, 18, 20, 20, 20, 25, 30, 40)
_FLUENT = (0, 0, 0.1, 0.2)
_MARKS = (0, 0, 0, 0.1, 0.3)
"""What one of them may have: pieces, and shares of fluent scraps and of "!"."""
_BARE = 0.4
"""The share of tails that are little more than words and pieces of words."""


@cache
def vocabulary() -> tuple[str, ...]:
    """The words of our own texts, the commoner ones first, without those that hold sentences together."""
    texts = [text for label in CLASSES["domain"] for text in lines(f"domain/{label.replace(' ', '_')}")]
    texts += [text for name in ("fact_check/facts", "fact_check/other", "modality/captions") for text in lines(name)]
    counts = Counter(word for text in texts for word in _WORD.findall(text.lower()))
    return tuple(word for word, _ in counts.most_common())[_COMMONEST:]


@dataclass(frozen=True, slots=True)
class _Mixture:
    """How often each kind of scrap comes in one tail: shares, in [0, 1]. What is left are words and pieces of words."""

    fluent: float
    code: float
    signs: float
    foreign: float
    marks: float
    """Of "!", which searches begin with."""
    joined: float
    pieces: float
    """Of what is left: pieces of words."""
    glued: float
    """Scraps without a blank before."""
    capital: float
    """Words and pieces with a capital letter."""
    sign_after: float
    """Words and pieces with a sign right behind."""

    @staticmethod
    def drawn(random: Random) -> _Mixture:
        """Another one each time: models differ, and searches end early or late. Two in five lack what gives most tails away."""
        if random.random() < _BARE:
            return _Mixture(
                fluent=random.choice((0, 0, 0.1)),
                code=random.choice((0, 0, 0.05)),
                signs=random.choice((0, 0.03, 0.08)),
                foreign=random.choice((0, 0, 0.1, 0.3)),
                marks=0,
                joined=random.choice((0, 0.05)),
                pieces=random.choice((0, 0.2, 0.4, 0.6)),
                glued=random.choice((0, 0.1, 0.3)),
                capital=random.choice((0, 0.1, 0.3)),
                sign_after=random.choice((0, 0, 0.1, 0.4)),
            )
        return _Mixture(
            fluent=random.uniform(0, 0.35),
            code=random.uniform(0.02, 0.25),
            signs=random.uniform(0, 0.3),
            foreign=random.choice((0, 0, 0.05, 0.15)),
            marks=random.choice((0, 0, 0, 0.1, 0.3)),
            joined=random.uniform(0, 0.12),
            pieces=random.choice((0.2, 0.5, 0.8)),
            glued=random.uniform(0.05, 0.6),
            capital=0.15,
            sign_after=0,
        )


class Tails:
    """Makes them up."""

    def __init__(self, random: Random) -> None:
        self._words = vocabulary()
        self._random = random

    def tail(self) -> str:
        """One tail."""
        if self._random.random() < _SEARCHED:
            return self._searched()
        random, mixture = self._random, _Mixture.drawn(self._random)
        made = ""
        for _ in range(random.choice(_LENGTHS)):
            gap = "" if random.random() < mixture.glued else " "
            made += gap + self._scrap(mixture)
        return made.strip()

    def attached(self, text: str) -> str:
        """A text with a tail: after it, now and then on a line of its own or before it."""
        way = self._random.random()
        if way < 0.05:
            return f"{self.tail()} {text}"
        gap = "\n" if way < 0.12 else "" if way < 0.2 else " "
        return text + gap + self.tail()

    def _searched(self) -> str:
        random, made = self._random, ""
        fluent, marks = random.choice(_FLUENT), random.choice(_MARKS)
        for _ in range(random.choice(_PIECES)):
            left = random.random()
            if left < fluent:
                made += " " + random.choice(lines("jailbreak/tail_fluent"))
            else:
                made += " !" if left < fluent + marks else random.choice(lines("jailbreak/tail_pieces")).replace(_BLANK, " ")
        return made.strip()

    def _scrap(self, mixture: _Mixture) -> str:
        left = self._random.random()
        for share, make in self._makers(mixture):
            if left < share:
                return make()
            left -= share
        word = self._piece() if self._random.random() < mixture.pieces else self._random.choice(self._words)
        word = word.capitalize() if self._random.random() < mixture.capital else word
        return word + self._random.choice(punctuation) if self._random.random() < mixture.sign_after else word

    def _makers(self, mixture: _Mixture) -> tuple[tuple[float, Callable[[], str]], ...]:
        choice = self._random.choice
        return (
            (mixture.fluent, lambda: choice(lines("jailbreak/tail_fluent"))),
            (mixture.code, lambda: choice(lines("jailbreak/tail_code"))),
            (mixture.signs, lambda: "".join(self._random.choices(punctuation, k=self._random.randint(1, 3)))),
            (mixture.foreign, lambda: choice(lines("jailbreak/tail_foreign"))),
            (mixture.marks, lambda: "!"),
            (mixture.joined, self._joined),
        )

    def _piece(self) -> str:
        """A few letters in a row of a word."""
        word = self._random.choice(self._words)
        start = self._random.randrange(len(word) - 1)
        return word[start : start + self._random.randint(2, 6)]

    def _joined(self) -> str:
        first, *rest = self._random.choices(self._words, k=self._random.randint(2, 3))
        return first + "".join(word.capitalize() for word in rest)

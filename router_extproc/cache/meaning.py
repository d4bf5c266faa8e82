"""Meaning: what a text asks, as far as another text can be held against it: content words, numbers, negation, roles, kind of question."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from router_extproc.cache.lexicon import lexicon
from router_extproc.cache.stems import lemma
from router_extproc.cache.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router_extproc.cache.lexicon import Lexicon

MAX_CHARACTERS = 1000
"""Longer texts are not compared: what makes them differ is too easily lost."""

_MAX_TOKENS = 250
_LEAST = 2
"""Content words that a text must have: of "confirm that" and "that is confirmed" one word does not tell the difference."""
_NUMBER = re.compile(r"-?\d")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d\Z")
_TAG = re.compile(r"<(\w+)>")
_CONTENT_TAGS = frozenset({"effect", "translate", "convert"})
_TENSES = {
    "past": frozenset({"was", "were", "did", "had"}),
    "present": frozenset({"is", "are", "am", "do", "does", "has"}),
    "future": frozenset({"will", "shall"}),
}
_MODALS = {"can": "can", "could": "can", "may": "may", "might": "may", "should": "should", "must": "must"}
_QUESTIONS = {
    **dict.fromkeys(("who", "whom", "whose"), "who"),
    **dict.fromkeys(("what", "which"), "what"),
    "where": "where",
    "how": "how",
    **_MODALS,
}
_PERSONS = {
    "first": frozenset({"my", "mine", "our", "ours"}),
    "second": frozenset({"you", "your", "yours", "yourself"}),
    "he": frozenset({"he", "his", "him"}),
    "she": frozenset({"she", "her", "hers"}),
    "they": frozenset({"they", "them", "their"}),
}
_PRONOUNS = frozenset().union(*_PERSONS.values())
_ASKS, _ANSWERS = 1, 2
_SPEAKERS = {
    **dict.fromkeys(("i", "me", "my", "mine", "we", "us", "our"), _ASKS),
    **dict.fromkeys(("you", "your", "yours"), _ANSWERS),
}
_BREAKS = frozenset(".,:;?!()-")
_LINKS = frozenset({"and", "or"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """One text. Its words may be replaced by hashes: only whether they are the same matters."""

    bag: dict[str, int]
    """How often each content word is in it: lemmas, numbers, negations, quotations."""
    light: frozenset[str]
    """Words that the other text may lack."""
    questions: frozenset[str] = frozenset()
    """who, when, where, why, how, howto, many, much, can, ...; `what` where nothing more is asked."""
    tenses: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
    speakers: tuple[int, ...] = ()
    """Where the one who answers is spoken of: 1 for each word that means who asks, 2 for each that means who answers, in order."""
    links: frozenset[str] = frozenset()
    """Of `and` and `or`, what is in it."""
    numbers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """By what they count, in order."""
    bound: tuple[tuple[str, str], ...] = ()
    """Numbers with the word that follows: 3 tonnes."""
    segments: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Stretches of words between prepositions and punctuation, each with its preposition."""
    exact: tuple[str, ...] = ()
    """For a text that is not English: all its words, in order. Nothing else is compared then."""

    def hashed(self, secret: bytes) -> Meaning:
        """The same with a keyed hash in place of each word."""

        def mark(word: str) -> str:
            return hashlib.blake2b(word.encode("utf-8", "surrogatepass"), key=secret, digest_size=8).hexdigest()

        return replace(
            self,
            bag={mark(word): count for word, count in self.bag.items()},
            light=frozenset(map(mark, self.light)),
            numbers=tuple((mark(kind), tuple(map(mark, found))) for kind, found in self.numbers),
            bound=tuple((mark(number), mark(word)) for number, word in self.bound),
            segments=tuple((before, tuple(map(mark, found))) for before, found in self.segments),
            exact=tuple(map(mark, self.exact)),
        )

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        held = len(self.bag) + len(self.light) + len(self.exact) + 2 * len(self.bound)
        held += sum(len(found) + 1 for _, found in (*self.numbers, *self.segments))
        return 600 + 80 * held


@dataclass(slots=True)
class _Reading:
    """What is gathered on the way through a line."""

    known: Lexicon
    bag: Counter[str] = field(default_factory=Counter)
    light: set[str] = field(default_factory=set)
    questions: set[str] = field(default_factory=set)
    tenses: set[str] = field(default_factory=set)
    persons: set[str] = field(default_factory=set)
    speakers: list[int] = field(default_factory=list)
    links: set[str] = field(default_factory=set)
    numbers: dict[str, list[str]] = field(default_factory=dict)
    bound: list[tuple[str, str]] = field(default_factory=list)
    segments: list[tuple[str, list[str]]] = field(default_factory=lambda: [("", [])])
    waiting: str = ""
    """A number whose word may follow."""


def meaning(text: str) -> Meaning | None:
    """What a text asks; None if it is too long, or says nothing."""
    if len(text) > MAX_CHARACTERS or not text.strip():
        return None
    known = lexicon()
    told = words(text, known)
    line = told.line
    plain = line.replace("^", "").split()
    if len(plain) > _MAX_TOKENS:
        return None
    if not _is_english(plain, known):
        exact = (*(token for token in line.split() if token not in _BREAKS), *told.verbatim)
        return Meaning({}, frozenset(), exact=exact) if exact else None
    for find, put in known.rules:
        line = " ".join(find.sub(put, line).split())
    reading = _Reading(known)
    for token in line.split():
        _take(reading, token, told.verbatim)
    _close(reading, "")
    if sum(reading.bag.values()) < _LEAST:
        return None
    return Meaning(
        bag=dict(reading.bag),
        light=frozenset(reading.light),
        questions=frozenset(reading.questions),
        tenses=frozenset(reading.tenses),
        persons=frozenset(reading.persons),
        speakers=tuple(reading.speakers) if _ANSWERS in reading.speakers else (),
        links=frozenset(reading.links),
        numbers=tuple((kind, tuple(found)) for kind, found in sorted(reading.numbers.items())),
        bound=tuple(reading.bound),
        segments=tuple((before, tuple(found)) for before, found in reading.segments if found),
    )


def _is_english(tokens: Iterable[str], known: Lexicon) -> bool:
    """Whether rules of English may be applied: some word is only English, and few have letters that English lacks."""
    listed = [token for token in tokens if token[0].isalpha()]
    foreign = sum(not token.isascii() for token in listed)
    return 3 * foreign <= len(listed) and any(token in known.english for token in listed)


def _take(reading: _Reading, token: str, verbatim: tuple[str, ...]) -> None:
    known = reading.known
    tag = _TAG.match(token)
    if tag is not None:
        _question(reading, tag.group(1))
    elif token[0] == '"' and len(token) > 1:
        _add(reading, '"' + verbatim[int(token[1:])])
    elif token[0] in "~+" and len(token) > 1:
        reading.light.add(lemma(token[1:], known)) if token[0] == "~" else _add(reading, token)
        reading.waiting = ""
    elif _NUMBER.match(token):
        _number(reading, token)
    elif token in _BREAKS:
        _close(reading, "")
    elif token[0] == "^" and len(token) > 1:
        _add(reading, lemma(token[1:], known))
    else:
        _word(reading, token)


def _word(reading: _Reading, token: str) -> None:
    known = reading.known
    if token in _QUESTIONS:
        reading.questions.add(_QUESTIONS[token])
    elif token in _LINKS:
        reading.links.add(token)
    if token in _MODALS:
        return
    _note_grammar(reading, token)
    if token in known.prepositions:
        _close(reading, token)
    elif token not in known.empty and token not in _PRONOUNS:
        _add(reading, lemma(token, known))
    else:
        reading.waiting = ""


def _note_grammar(reading: _Reading, token: str) -> None:
    """Take from a word who is spoken of, and when."""
    reading.tenses |= {name for name, listed in _TENSES.items() if token in listed}
    reading.persons |= {name for name, listed in _PERSONS.items() if token in listed}
    if token in _SPEAKERS:
        reading.speakers.append(_SPEAKERS[token])
    if token in reading.known.past:
        reading.tenses |= {"past", "happened"}


def _question(reading: _Reading, tag: str) -> None:
    if tag in _CONTENT_TAGS:
        reading.bag["<" + tag] += 1
    else:
        reading.questions.add(tag)


def _add(reading: _Reading, word: str) -> None:
    reading.bag[word] += 1
    reading.segments[-1][1].append(word)
    if reading.waiting:
        reading.bound.append((reading.waiting, word))
        reading.numbers.setdefault(word, []).append(reading.waiting)
        reading.waiting = ""


def _number(reading: _Reading, token: str) -> None:
    _settle(reading)
    reading.bag[token] += 1
    if _YEAR.match(token):
        reading.numbers.setdefault("year", []).append(token)
    else:
        reading.waiting = token


def _settle(reading: _Reading) -> None:
    """A number that counts nothing that is told."""
    if reading.waiting:
        reading.numbers.setdefault("", []).append(reading.waiting)
        reading.waiting = ""


def _close(reading: _Reading, preposition: str) -> None:
    _settle(reading)
    reading.segments.append((preposition, []))

"""Keyword: whether a text has certain words, phrases or patterns."""

from __future__ import annotations

import re
import unicodedata
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

import ahocorasick_rs
import re2
from pydantic import Field, StringConstraints, model_validator

from router_extproc.encoders.folding import fold, spaced
from router_extproc.errors import SpecError
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape
from router_extproc.signals.fuzzy import Fuzzy
from router_extproc.signals.options import Options, Reads
from router_extproc.signals.texts import texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from router_extproc.request import Request
    from router_extproc.routing import SignalResult
    from router_extproc.signals.lengthy import Searches
    from router_extproc.signals.services import SignalServices

_WINDOW = 16 * 1024
"""Characters searched at a time: a text of nothing but matches makes a list of this many, not of a million."""
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\U0010ffff]")
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese; and Korean, which glues endings on."""
_FIRST_VOWEL_SIGN = "\u0900"
"""Marks before it are accents, which do not make another word."""
MAX_FUZZY = 200

Words = Annotated[tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...], Field(max_length=20_000)]

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class KeywordOptions(Options):
    """What is looked for, and where. At least one of `any`, `all`, `none` and `patterns`."""

    any_: Annotated[Words, Field(alias="any")] = ()
    """Words or phrases of which one must be there."""
    all_: Annotated[Words, Field(alias="all")] = ()
    """Words or phrases that must all be there."""
    none: Words = ()
    """Words or phrases that must not be there."""
    patterns: Annotated[tuple[Pattern, ...], Field(max_length=500)] = ()
    """RE2 patterns; one that matches counts like a word of `any`."""
    case_sensitive: bool = False
    """Whether capitals matter."""
    whole_words: bool = True
    """Whether a word must stand alone: `art` is then not found in `party`."""
    fuzzy: Annotated[int, Field(ge=0, le=2)] = 0
    """Typing errors that `any` and `all` forgive, per word. Costs milliseconds on long texts."""
    reads: Reads = Reads.LAST_USER
    """Which text is searched."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.any_ or self.all_ or self.none or self.patterns):
            raise ValueError("a keyword signal must have words: give any, all, none or patterns")
        if self.fuzzy and len(self.any_) + len(self.all_) > MAX_FUZZY:
            raise ValueError(f"fuzzy search takes at most {MAX_FUZZY} words")
        return self


class _Group(NamedTuple):
    """One list of words made ready."""

    words: tuple[str, ...]
    plain: tuple[str, ...]
    """As they are looked for: in the form of `Keyword._normal`."""
    automaton: ahocorasick_rs.AhoCorasick
    longest: int


def folded(request: Request, reads: Reads, *, case_sensitive: bool) -> Sequence[str]:
    """The texts in one form; made once for all keyword signals that read the same."""
    key = ("folded", reads, case_sensitive)
    if key not in request.memo:
        request.memo[key] = [fold(text, case_sensitive=case_sensitive) for text in texts(request, reads)]
    found: Sequence[str] = request.memo[key]
    return found


def respaced(request: Request, reads: Reads, *, case_sensitive: bool) -> Sequence[str]:
    """The same with single spaces, for phrases."""
    key = ("spaced", reads, case_sensitive)
    if key not in request.memo:
        request.memo[key] = [spaced(text) for text in folded(request, reads, case_sensitive=case_sensitive)]
    found: Sequence[str] = request.memo[key]
    return found


class Keyword:
    """Present if the words say so."""

    shape = SignalShape(SignalKind.FLAG)

    def __init__(self, name: str, options: KeywordOptions, lengthy: Searches | None = None) -> None:
        """`lengthy` searches long texts; without it all are searched where they come."""
        self.name = name
        self._lengthy = lengthy
        self.cost = Cost.HEAVY_TEXT if options.fuzzy else Cost.TEXT
        self._options = options
        self._any = self._group("any", options.any_)
        self._all = self._group("all", options.all_)
        self._none = self._group("none", options.none)
        # Only a phrase makes it worth while to bring line breaks and double spaces to one form.
        self._phrases = any(" " in word for group in (self._any, self._all, self._none) if group for word in group.plain)
        self._set = _pattern_set(options)
        self._fuzzy = Fuzzy(options.fuzzy) if options.fuzzy else None
        self._absent = Signal(name, 0.0)
        self._alternatives = bool(options.any_ or options.patterns)

    def ahead(self, request: Request, /) -> Future[SignalResult] | None:
        """Have long texts searched in a thread."""
        if self._lengthy is None:
            return None
        return self._lengthy.begin(texts(request, self._options.reads), partial(self.extract, request))

    def extract(self, request: Request, /) -> Signal:
        """The signal; its evidence is the word or pattern of the policy that was found."""
        read = folded(request, self._options.reads, case_sensitive=self._options.case_sensitive)
        words = respaced(request, self._options.reads, case_sensitive=self._options.case_sensitive) if self._phrases else read
        if self._none and self._found(words, self._none, 1):
            return self._absent
        evidence: list[str] = []
        if self._alternatives:
            hit = self._first(read, words)
            if hit is None:
                return self._absent
            evidence.append(hit)
        if self._all:
            there = self._found(words, self._all, len(self._all.words))
            if len(there) < len(self._all.words):
                return self._absent
            evidence += self._all.words[:3]
        return Signal(self.name, 1.0, evidence=tuple(evidence))

    def _first(self, read: Sequence[str], words: Sequence[str]) -> str | None:
        """The first word of `any`, or pattern, that is there."""
        if self._any:
            there = self._found(words, self._any, 1)
            if there:
                return self._any.words[min(there)]
        if self._set is not None:
            for text in read:
                matched = self._set.Match(text)
                if matched:
                    first: int = min(matched)
                    return self._options.patterns[first]
        return None

    def _found(self, read: Sequence[str], group: _Group, enough: int) -> set[int]:
        """Indexes of words that are there; stops when there are enough."""
        there: set[int] = set()
        for text in read:
            for index in self._hits(text, group):
                there.add(index)
                if len(there) >= enough:
                    return there
        if self._fuzzy and group is not self._none:
            there |= self._fuzzy.found(read, group.plain)
        return there

    def _hits(self, text: str, group: _Group) -> Iterator[int]:
        for begin in range(0, len(text), _WINDOW):
            # One character more at both ends, to see whether a word stands alone. What begins further on is the next window's.
            left = max(0, begin - 1)
            last = begin + _WINDOW - left
            window = text[left : begin + _WINDOW + group.longest]
            for index, start, end in group.automaton.find_matches_as_indexes(window, overlapping=True):
                if begin - left <= start < last and (not self._options.whole_words or _stands_alone(window, start, end)):
                    yield index

    def _normal(self, text: str) -> str:
        return fold(text, case_sensitive=self._options.case_sensitive)

    def _group(self, key: str, words: Sequence[str]) -> _Group | None:
        if not words:
            return None
        plain = tuple(spaced(self._normal(word)).strip() for word in words)
        if "" in plain:
            raise SpecError((key, plain.index("")), "the word has nothing that can be seen", cure="write a word or leave it out")
        automaton = ahocorasick_rs.AhoCorasick(list(plain))
        return _Group(tuple(words), plain, automaton, max(map(len, plain)))


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no letter or digit goes on at either side; scripts without spaces are not asked."""
    if start and _in_word(text[start - 1]) and _in_word(text[start]):
        return False
    return not (end < len(text) and _in_word(text[end]) and _in_word(text[end - 1]))


def _in_word(character: str) -> bool:
    """Whether a word may hold it: letters, digits, the underscore, and the vowel signs of Indic scripts."""
    if character.isascii():
        return character.isalnum() or character == "_"
    if _UNSPACED.match(character):
        return False
    return character.isalnum() or (character >= _FIRST_VOWEL_SIGN and unicodedata.category(character).startswith("M"))


def _pattern_set(options: KeywordOptions) -> re2.Set | None:
    """All patterns as one automaton; raises SpecError about the one that RE2 refuses."""
    if not options.patterns:
        return None
    settings = re2.Options()
    settings.case_sensitive = options.case_sensitive
    settings.log_errors = False
    settings.max_mem = 64 * 1024 * 1024
    patterns = re2.Set.SearchSet(settings)
    for index, pattern in enumerate(options.patterns):
        try:
            patterns.Add(pattern)
        except re2.error as error:
            raise SpecError(
                ("patterns", index), f"RE2 refuses the pattern: {_reason(error)}", cure="see github.com/google/re2/wiki/Syntax"
            ) from None
    patterns.Compile()
    return patterns


def _reason(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def build(name: str, options: KeywordOptions, services: SignalServices) -> Keyword:
    """The extractor."""
    return Keyword(name, options, services.lengthy)

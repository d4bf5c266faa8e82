"""Marking: spans of private data out of the token head's logits. Words are judged whole, and names keep what joins their parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import inf
from operator import ge
from typing import TYPE_CHECKING, NamedTuple

from router_extproc.encoders.errors import finite
from router_extproc.encoders.heads import SPANS
from router_extproc.encoders.scores import Span
from router_extproc.pii.kinds import BY_PATTERN
from router_extproc.pii.refining import CUED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from router_extproc.encoders.passages import Slice

    Floats = NDArray[np.float32]

_NONE = -1
_JOINTS = {"PERSON": ".-'’", "ORGANIZATION": ".-'’&/", "ADDRESS": ".,-'’/#\n"}  # noqa: RUF001 - people write this apostrophe
"""By type: signs that stand within one name, not between two."""
_LONGEST_JOINT = 3
"""Words, signs among them, that may stand between two parts of one name."""
_HINT = 0.15
"""Probability from which on a word between two parts of a name is taken for a part, too."""
_FRINGE = 0.1
"""Probability from which on a capitalised word beside an organisation's name is taken for a part of it."""
_LOOSE = frozenset({"and", "or", "und", "et", "y"})
"""Words that no name ends with."""
_APART = {"PERSON": ",;:\n", "ORGANIZATION": ";\n"}
"""By type: signs that stand between two names, whatever is said of them."""
_PARAGRAPH = "\n\n"
"""Between two names of any type."""
_LETTERED = frozenset({"PERSON", "ORGANIZATION", "ADDRESS"})
"""Types that have a letter: book numbers and coordinates are no addresses."""
_SHORTENED = frozenset({"ltd", "inc", "co", "corp", "bros", "cos", "ltda", "dept", "jr", "sr"})
"""Last words of names that keep the dot after them."""


_NUMBER = SPANS.index("PHONE")
_LEAST = 1 / (1 + len(SPANS))
"""What the likeliest type of a word has at least, if it is likelier than none."""
_MOST = 0.5
"""What none has at most, if a type is likelier."""
_NOTHING = [1.0, *([0.0] * len(SPANS))]
"""Probabilities of what has no type."""
_FAINT = 0.2
"""Probability from which on a word may be a part of a telephone number, though something else be likelier."""


class Tagged(NamedTuple):
    """What the token head says of a window's tokens: a row for each at least; what is behind them is padding. K types."""

    logits: Floats
    """Of each tag."""
    types: Floats
    """(T, 1 + K): probabilities of none and of each type."""
    peaks: Sequence[float]
    """(1 + K,): the highest of each over all tokens."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What the token head says of one window."""

    spans: list[Span]
    """By their start. The score is the mean probability of the type over the words."""
    hints: list[Span]
    """Runs of words that may be telephone numbers, where there may be any; only their shape can tell."""


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a window's stretches: W words, K types."""

    bounds: Sequence[tuple[int, int]]
    """Character ranges in the text."""
    shares: Sequence[Sequence[float]]
    """(W, 1 + K): probabilities of none and of each type, summed over the word's tokens."""
    sizes: Sequence[int]
    """Tokens of each."""
    labels: Sequence[int]
    """The likeliest type, _NONE where none is likelier."""
    firsts: Sequence[int]
    """The first token of each; of no meaning for words of no type."""
    logits: Floats
    """Of the window's tokens for each tag."""

    def chance(self, at: int, label: int) -> float:
        """Of a word to be of a type: the mean over its tokens."""
        return self.shares[at][1 + label] / self.sizes[at]

    def begins(self, at: int, label: int) -> bool:
        """Whether a word rather begins a span of a type than goes on with one."""
        begin, inside = self.logits[self.firsts[at], 1 + 2 * label : 3 + 2 * label].tolist()
        return bool(begin > inside)

    def mean(self, first: int, last: int, label: int) -> float:
        """The mean chance of words, the last one included."""
        return sum(self.chance(at, label) for at in range(first, last + 1)) / (last + 1 - first)


def marked(windows: Iterable[tuple[Slice, Tagged]], text: str, threshold: float, *, numbers: bool) -> list[Marks]:
    """The marks of a text's windows: none at all where no score could count. Raises StrangeError.

    `threshold` is the score from which on a name counts at most; `numbers` tells whether there may be any of a telephone's shape.
    """
    needed, possible, seen = _needed(threshold, numbers), False, []
    for piece, tagged in windows:
        # Behind a run of the graph each operation on an array takes some 15 us, however small the array: so they are few.
        nones = tagged.types[: len(piece), 0].tolist()
        finite(sum(nones))
        possible = possible or any(map(ge, tagged.peaks, needed))
        seen.append((tagged, nones, piece.offsets))
    if not possible:  # as in most texts
        return []
    # A word with a type of its own, or with a number's hint.
    most = 1 - _FAINT if numbers else _MOST
    return [
        _marks(_words(tagged, _stretches(nones, most, offsets, text), offsets, text), text, numbers=numbers)
        for tagged, nones, offsets in seen
    ]


@cache
def _needed(threshold: float, numbers: bool) -> tuple[float, ...]:  # noqa: FBT001 - a key of the cache
    """(1 + K,): what a token has at least of a type somewhere, if anything is to come of it. One name that counts may help others.

    Where there are `numbers`, some may be a telephone's, by the type that is looked for or within whatever is likelier an address than
    anything else.
    """
    needed = {type_: threshold for type_ in SPANS if type_ not in BY_PATTERN}
    needed["ORGANIZATION"] = min(threshold, CUED)
    if numbers:
        needed["ADDRESS"] = min(threshold, _LEAST)
        needed[SPANS[_NUMBER]] = _FAINT
    return inf, *(needed.get(type_, inf) for type_ in SPANS)


def _stretches(nones: Sequence[float], most: float, offsets: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Tokens with a chance of _FRINGE for some type, in whole words, and what stands between two that may be of one name.

    `nones` are the tokens' probabilities to be of no type; one of each stretch has `most` at most.
    """
    found: list[tuple[int, int]] = []
    for at, none in enumerate(nones):
        if none > 1 - _FRINGE or offsets[at][0] == offsets[at][1] or (found and at < found[-1][1]):
            continue
        first, last = at, at + 1
        while first > 0 and _goes_on(offsets, first, text):
            first -= 1
        while last < len(offsets) and _goes_on(offsets, last, text):
            last += 1
        if found and first - found[-1][1] <= _LONGEST_JOINT:
            found[-1] = found[-1][0], last
        else:
            found.append((first, last))
    return [(first, last) for first, last in found if min(nones[first:last]) <= most]


def _marks(words: _Words, text: str, *, numbers: bool) -> Marks:
    found = [_span(words, run, text) for run in _runs(words, text)]
    return Marks([span for span in found if span is not None], list(_hints(words)) if numbers else [])


def _hints(words: _Words) -> Iterator[Span]:
    """Runs of words with a chance of being a telephone number's."""
    runs: list[list[int]] = []
    for at in range(len(words.sizes)):
        if words.chance(at, _NUMBER) >= _FAINT:
            if runs and runs[-1][1] == at - 1:
                runs[-1][1] = at
            else:
                runs.append([at, at])
    for first, last in runs:
        yield Span(words.bounds[first][0], words.bounds[last][1], SPANS[_NUMBER], words.mean(first, last, _NUMBER))


def _words(tagged: Tagged, stretches: Iterable[tuple[int, int]], offsets: Sequence[tuple[int, int]], text: str) -> _Words:
    """The words of all stretches; what stands between two of these is one word of no type."""
    bounds: list[tuple[int, int]] = []
    shares: list[Sequence[float]] = []
    sizes: list[int] = []
    labels: list[int] = []
    firsts: list[int] = []
    for start, end in stretches:
        if bounds:
            bounds.append((bounds[-1][1], offsets[start][0]))
            shares.append(_NOTHING)
            sizes.append(1)
            labels.append(_NONE)
            firsts.append(start)
        begun = [start, *(at for at in range(start + 1, end) if not _goes_on(offsets, at, text))]
        rows = tagged.types[start:end].tolist()
        for first, last in pairwise((*begun, end)):
            own = rows[first - start : last - start]
            share = own[0] if len(own) == 1 else [*map(sum, zip(*own, strict=True))]
            bounds.append((offsets[first][0], offsets[last - 1][1]))
            shares.append(share)
            sizes.append(len(own))
            labels.append(share.index(max(share)) - 1)
            firsts.append(first)
    return _Words(bounds, shares, sizes, labels, firsts, tagged.logits)


def _goes_on(offsets: Sequence[tuple[int, int]], at: int, text: str) -> bool:
    """Whether a token, not the first, is of the same word as the one before it."""
    return offsets[at][0] == offsets[at - 1][1] > 0 and _within(text, offsets[at][0])


def _within(text: str, at: int) -> bool:
    """Whether no word ends before this character: two names with a hyphen are one word."""
    before, after = text[at - 1], text[at : at + 1]
    if before.isalnum():
        return after.isalnum() or (after == "-" and before.isalpha() and text[at + 1 : at + 2].isalpha())
    return before == "-" and after.isalpha() and text[at - 2 : at - 1].isalpha()


def _runs(words: _Words, text: str) -> Iterator[tuple[int, int, int]]:
    """Type, first and last word of each span."""
    at, count, free = 0, len(words.labels), 0
    while at < count:
        label = words.labels[at]
        if label == _NONE:
            at += 1
            continue
        first, last = at, at
        while (following := _next(words, last, label, text)) is not None:
            last = following
        while first > free and _belongs(words, first - 1, first, label, text):
            first -= 1
        while last + 1 < count and _belongs(words, last + 1, last, label, text):
            last += 1
        yield label, first, last
        at = free = last + 1


def _next(words: _Words, last: int, label: int, text: str) -> int | None:
    """The word that goes on with a span after its last one, if there is any."""
    for at in range(last + 1, min(last + 2 + _LONGEST_JOINT, len(words.labels))):
        if _apart(text[words.bounds[at - 1][1] : words.bounds[at][1]], label):
            return None
        if words.labels[at] == label:
            return None if words.begins(at, label) and not _close(words, last, at, label, text) else at
        if words.labels[at] != _NONE or not _joins(words, at, label, text):
            return None
    return None


def _belongs(words: _Words, at: int, beside: int, label: int, text: str) -> bool:
    """Whether a word that has no type of its own is part of the organisation's name beside it: capitalised, only a space between."""
    first, second = sorted((words.bounds[at], words.bounds[beside]))
    return (
        SPANS[label] == "ORGANIZATION"
        and words.labels[at] == _NONE
        and words.chance(at, label) >= _FRINGE
        and text[first[1] : second[0]] == " "
        and text[words.bounds[at][0]].isupper()
    )


def _apart(between: str, label: int) -> bool:
    """Whether a word with what stands before it cannot be of the same name as what stands before that."""
    return _PARAGRAPH in between or any(sign in between for sign in _APART.get(SPANS[label], ""))


def _close(words: _Words, last: int, at: int, label: int, text: str) -> bool:
    """Whether nothing stands between two words but what stands within one name: the second begins no other."""
    gap = text[words.bounds[last][1] : words.bounds[at][0]]
    joints = _JOINTS.get(SPANS[label], "")
    return gap.strip(" ") == "" or (SPANS[label] == "ADDRESS" and all(sign in joints or sign == " " for sign in gap))


def _joins(words: _Words, at: int, label: int, text: str) -> bool:
    """Whether a word that has no type of its own may stand within a span."""
    start, end = words.bounds[at]
    word = text[start:end]
    return word in _JOINTS.get(SPANS[label], "") or (words.chance(at, label) >= _HINT and word.lower() not in _LOOSE)


def _span(words: _Words, run: tuple[int, int, int], text: str) -> Span | None:
    """The span of a run of words, without signs and loose words at its ends; None if nothing is left that may be a name."""
    label, first, last = run
    while first <= last and not text[words.bounds[first][0]].isalnum():
        first += 1
    while last >= first and _loose(text[slice(*words.bounds[last])]):
        last -= 1
    if last < first:
        return None
    if SPANS[label] in _LETTERED and not any(map(str.isalpha, text[words.bounds[first][0] : words.bounds[last][1]])):
        return None
    score = words.mean(first, last, label)
    end = words.bounds[last][1]
    if text.startswith(".", end) and text[words.bounds[last][0] : end].lower() in _SHORTENED:
        end += 1
    return Span(words.bounds[first][0], end, SPANS[label], score)


def _loose(word: str) -> bool:
    return word.lower() in _LOOSE or not (word[0].isalnum() or word == ")")

"""Marking: spans of private data out of the token head's logits. Words are judged whole, and names keep what joins their parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.errors import finite
from router_extproc.encoders.heads import SPANS
from router_extproc.encoders.scores import Span
from router_extproc.pii.kinds import BY_PATTERN
from router_extproc.pii.refining import CUED
from router_extproc.pii.shapes import has_digits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from router_extproc.encoders.passages import Slice

    Floats = NDArray[np.float32]

_RARER = -float(np.log(2))
"""What a tag has at least over no tag where a type is likelier than none: its two tags are at most twice as likely as the likelier one."""
_MOST = 80.0
"""Logits beyond which a power is no number."""
_NONE = -1
_JOINTS = {"PERSON": ".-'’", "ORGANIZATION": ".-'’&/", "ADDRESS": ".,-'’/#\n"}  # noqa: RUF001 - people write this apostrophe
"""By type: signs that stand within one name, not between two."""
_LONGEST_JOINT = 3
"""Words, signs among them, that may stand between two parts of one name."""
_HINT = 0.15
"""Probability from which on a word between two parts of a name is taken for a part, too."""
_FRINGE = 0.1
"""Probability from which on a capitalised word beside an organisation's name is taken for a part of it."""
_FAINTEST = float(np.log(_FRINGE / 2))
"""What the likelier tag of a type has at least over no tag, where the type has a chance of _FRINGE."""
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
_TYPES = np.zeros((2 * len(SPANS), 1 + len(SPANS)), np.float32)
_TYPES[range(2 * len(SPANS)), [1 + tag // 2 for tag in range(2 * len(SPANS))]] = 1
"""(tags, none and types): which tags are a type's."""
_NOTHING = [1.0, *([0.0] * len(SPANS))]
"""Probabilities of what has no type."""
_FAINT = 0.2
"""Probability from which on a word may be a part of a telephone number, though something else be likelier."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What the token head says of one window."""

    spans: list[Span]
    """By their start. The score is the mean probability of the type over the words."""
    hints: list[Span]
    """Runs of words that may be telephone numbers; only their shape can tell."""


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
    begins: Sequence[bool]
    """Whether it rather begins a span than goes on with one."""

    def chance(self, at: int, label: int) -> float:
        """Of a word to be of a type: the mean over its tokens."""
        return self.shares[at][1 + label] / self.sizes[at]

    def mean(self, first: int, last: int, label: int) -> float:
        """The mean chance of words, the last one included."""
        return sum(self.chance(at, label) for at in range(first, last + 1)) / (last + 1 - first)


def marked(windows: Iterable[tuple[Slice, Floats]], text: str, threshold: float) -> list[Marks]:
    """The marks of a text's windows, each with a row of logits a token: none at all where no score could count. Raises StrangeError.

    `threshold` is the score from which on a name counts at most.
    """
    seen = [one for piece, logits in windows if (one := _seen(piece.offsets, logits, text)) is not None]
    needed = _needed(threshold, has_digits(text))
    if not any((one.shares >= needed).any() for one in seen):  # as in most texts
        return []
    return [_marks(_words(one, text), text) for one in seen]


@cache
def _needed(threshold: float, numbers: bool) -> Floats:  # noqa: FBT001 - a key of the cache
    """(1 + K,): what a token has at least of a type somewhere, if anything is to come of it. One name that counts may help others.

    Where there are `numbers`, some may be a telephone's, by the type that is looked for or within whatever is likelier an address than
    anything else.
    """
    needed = np.full(1 + len(SPANS), np.inf, np.float32)
    for place, type_ in enumerate(SPANS, 1):
        if type_ not in BY_PATTERN:
            needed[place] = min(threshold, CUED) if type_ == "ORGANIZATION" else threshold
    if numbers:
        needed[1 + SPANS.index("ADDRESS")] = min(threshold, 1 / (1 + len(SPANS)))
        needed[1 + _NUMBER] = _FAINT
    return needed


@dataclass(frozen=True, slots=True)
class _Seen:
    """The stretches of a window in which there may be marks: T tokens of it, K types."""

    offsets: Sequence[tuple[int, int]]
    """Of all the window's tokens."""
    stretches: Sequence[tuple[int, int]]
    """Tokens, in whole words. Between two of them are more tokens than one name leaves out."""
    tags: Floats
    """(T, 2 K): each tag's logit, less that of no tag."""
    shares: Floats
    """(T, 1 + K): probabilities of none and of each type."""


def _seen(offsets: Sequence[tuple[int, int]], logits: Floats, text: str) -> _Seen | None:
    """None if there are no marks."""
    over = logits[:, 1:] - logits[:, :1]
    # One maximum over the whole array is cheaper than one for each row.
    highest = float(over.max())
    finite(highest)
    if highest < _RARER:  # as in half of all windows
        return None
    if highest > _MOST:
        over = np.minimum(over, _MOST)
    stretches = _stretches(over, offsets, text)
    if not stretches:
        return None
    # Between two runs of the graph each operation takes some 15 us, however small the array: so they are few.
    tags = over[[at for first, last in stretches for at in range(first, last)]]
    shares = np.exp(tags) @ _TYPES
    shares[:, 0] += 1
    shares /= shares.sum(1, keepdims=True)
    return _Seen(offsets, stretches, tags, shares)


def _stretches(over: Floats, offsets: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Tokens with a chance of _FRINGE for some type, in whole words, and what stands between two that may be of one name."""
    found: list[tuple[int, int]] = []
    for at in (over >= _FAINTEST).nonzero()[0].tolist():
        if offsets[at][0] == offsets[at][1] or (found and at < found[-1][1]):
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
    return found


def _marks(words: _Words, text: str) -> Marks:
    found = (_span(words, run, text) for run in _runs(words, text))
    return Marks([span for span in found if span is not None], list(_hints(words)))


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


def _words(seen: _Seen, text: str) -> _Words:
    """The words of all stretches; what stands between two of these is one word of no type."""
    firsts: list[int] = []
    sizes: list[int] = []
    bounds: list[tuple[int, int]] = []
    gaps: list[int] = []
    row = 0
    for start, end in seen.stretches:
        if bounds:
            gaps.append(len(bounds) + len(gaps))
        begun = [start, *(at for at in range(start + 1, end) if not _goes_on(seen.offsets, at, text))]
        for first, last in pairwise((*begun, end)):
            firsts.append(row)
            sizes.append(last - first)
            bounds.append((seen.offsets[first][0], seen.offsets[last - 1][1]))
            row += last - first
    # Words stand one after the other: what lies between their first tokens is theirs.
    shares = np.add.reduceat(seen.shares, firsts, axis=0) if len(firsts) < row else seen.shares
    labels = [place - 1 for place in shares.argmax(1).tolist()]
    begins = [
        label != _NONE and bool(seen.tags[first, 2 * label] > seen.tags[first, 1 + 2 * label])
        for label, first in zip(labels, firsts, strict=True)
    ]
    known = shares.tolist()
    for at in gaps:
        known.insert(at, _NOTHING)
        sizes.insert(at, 1)
        labels.insert(at, _NONE)
        begins.insert(at, False)
        bounds.insert(at, (bounds[at - 1][1], bounds[at][0]))
    return _Words(bounds, known, sizes, labels, begins)


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
            return None if words.begins[at] and not _close(words, last, at, label, text) else at
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
    if text[words.bounds[last][0] : end].lower() in _SHORTENED and text[end : end + 1] == ".":
        end += 1
    return Span(words.bounds[first][0], end, SPANS[label], score)


def _loose(word: str) -> bool:
    return word.lower() in _LOOSE or not (word[0].isalnum() or word == ")")

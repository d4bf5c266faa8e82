"""Words: a text as tokens that its rules can look at: quotes set apart, contractions written out, numbers as digits."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_extproc.cache.lexicon import Lexicon

_MARKS = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00ab": '"', "\u00bb": '"', "\u2013": "-", "\u2014": " - "}
)
_VERBATIM = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|\"[^\"\n]{1,500}\"|(?<![\w'])'[^'\n]{1,200}'(?![\w'])|(?:https?|ftp)://\S+|\S+@\S+\.\w+",
    re.DOTALL,
)
"""Code, quotations and addresses: every character of them counts."""
_TOKEN = re.compile(
    r"\"\d+\"|"
    r"(?<![\w.])-?\d+(?:[.,:/]\d+)*|"  # a number, a time, a date
    r"[^\W\d_][\w]*(?:[+#]+|(?:['.&/-][^\W_]+)+)?[+#]*|"  # a word, with what is inside it: C++, don't, e-mail
    r"\w+|[^\w\s]"
)
_GROUPED = re.compile(r"-?\d{1,3}(?:,\d{3})+\Z")
_CONTRACTED = {"n't": " not", "'m": " am", "'re": " are", "'ve": " have", "'ll": " will", "'d": " d", "'s": " s"}
_WHOLE = {
    "can't": "can not",
    "won't": "will not",
    "shan't": "shall not",
    "cannot": "can not",
    "what's": "what is",
    "how's": "how is",
}
_WHOLE |= {
    "who's": "who is",
    "where's": "where is",
    "that's": "that is",
    "it's": "it is",
    "there's": "there is",
    "let's": "let us",
}
_SENTENCE = frozenset(".?!:;\n")
_MINUS = "-"


@dataclass(frozen=True, slots=True)
class Words:
    """A text's tokens as one line, and what is told character by character."""

    line: str
    """Lower case, separated by spaces; a word that is capitalised inside a sentence begins with `^`, the nth verbatim part is `"n`."""
    verbatim: tuple[str, ...]


def words(text: str, known: Lexicon) -> Words:
    """The tokens of a text."""
    text = unicodedata.normalize("NFKC", text).translate(_MARKS)
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match.group())
        return f' "{len(kept) - 1}" '

    text = _VERBATIM.sub(keep, text)
    tokens: list[str] = []
    starts = True
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token[0] == '"' and len(token) > 1:
            tokens.append(token[:-1])
        elif (
            token == _MINUS
            and text[match.start() - 1 : match.start()].isdigit()
            and text[match.end() : match.end() + 1].isdigit()
        ):
            tokens.append("^minus")
        else:
            tokens += _written(token, starts=starts)
        starts = token in _SENTENCE
    return Words(" ".join(_counted(tokens, known)), tuple(_inner(part) for part in kept))


def _inner(part: str) -> str:
    return part[1:-1].strip() if part[0] in "'\"" and part[-1] == part[0] else part


def _written(token: str, *, starts: bool) -> list[str]:
    """One token as it goes into the line; several for a contraction."""
    lower = token.lower()
    if lower in _WHOLE:
        return _WHOLE[lower].split()
    for ending, put in _CONTRACTED.items():
        if lower.endswith(ending) and len(lower) > len(ending):
            return [*_written(token[: -len(ending)], starts=starts), *put.split()]
    if not token[0].isalpha() or token in {lower, _SELF}:
        return [token.replace(",", "") if _GROUPED.match(token) else lower]
    # The first word of a sentence has a capital whatever it is; one inside a word tells a name all the same.
    common = starts and (len(token) == 1 or token[1:].islower())
    return [lower] if common else ["^" + lower]


_SELF = "I"
_ONE = "one"
"""A pronoun more often than a number."""
_UNITS = range(1, 10)


def _counted(tokens: list[str], known: Lexicon) -> list[str]:
    """With number words as digits: `twenty five`, `twenty-five`."""
    made: list[str] = []
    tens = False
    for token in tokens:
        first, _, second = token.partition("-")
        ten, unit = known.tens.get(first), known.numbers.get(second or first)
        if ten is not None and (not second or unit is not None):
            made.append(str(ten + (unit or 0) if second else ten))
            tens = not second
            continue
        if second or unit is None or (token == _ONE and not tens):
            made.append(token)
        elif tens and unit in _UNITS:
            made[-1] = str(int(made[-1]) + unit)
        else:
            made.append(str(unit))
        tens = False
    return made

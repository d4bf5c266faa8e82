"""Refining: names that a model marks, corrected by how they are written and by what stands beside them or elsewhere in the text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.addresses import completed
from router_extproc.pii.firms import widened
from router_extproc.pii.kinds import NEARBY, PiiType
from router_extproc.pii.nobody import is_nobody, within_levels
from router_extproc.pii.shapes import digits_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PERSON, _ORGANIZATION = "PERSON", "ORGANIZATION"
_NAMES = frozenset({_PERSON, _ORGANIZATION})
_POSSESSIVE = re2.compile(r"['’]s?$")  # noqa: RUF001 - people write this apostrophe
_OWNERS = ("'", "’", "'s", "’s")  # noqa: RUF001 - as above
"""What _POSSESSIVE finds."""
_OWNED = re2.compile(r"^ +[\p{Ll}\d]")
_JOINED = re2.compile(r"^ +(?:and|or|but|to|in|on|at|for|from|with|by|is|was|are|has|had|will|would|that|who|which|as|than)\b")
"""What is owned: `Reed's offer`, but not `Moody's Investors`, nor `at Reed's and then`."""
_DAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_SENTENCE_WITHIN = re2.compile(r"\p{Ll}{4,}(\. )\p{Lu}")
"""The end of a sentence that was taken along."""
_SMALL_FIRST = re2.compile(r"^(\p{Ll}{2,}) \p{Lu}")
_PARTICLES = frozenset(
    {
        "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "al", "el", "la", "las", "le", "les", "lo", "los",
        "van", "von", "vom", "zu", "zum", "zur", "af", "av", "bin", "bint", "ben", "ibn", "abu", "ter", "ten", "te", "st",
        "san", "mac", "fitz", "ap",
    }
)  # fmt: skip
"""Words of small letters that names begin with."""
_TITLES = (
    "Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Doctor|Rev|Reverend|Sir|Dame|Lord|Lady|Father|Sister|Brother|Judge|Captain|Sergeant|Officer|Lt|"
    "Sgt|Cpl|Capt|Col|Gen|Fr|Hon|Ing|Mgr|Dipl|Mag|Seu|Dona|Don|Doña|Uncle|Aunt|Auntie|Grandma|Grandpa|Granny|Cousin|Nurse|Coach|Herr|Frau|"
    "Señor|Señora|Signora|Signor|Monsieur|Madame|Mme"
)
"""Titles and kin."""
_OFFICES = (
    "CEO|CTO|CFO|CIO|COO|VP|President|president|Chair|chair|Chairman|chairman|Chairwoman|chairwoman|"
    "Director|director|Founder|founder"
)
_BEFORE_A_NAME = {
    _PERSON: re2.compile(rf"^(?:(?:{_TITLES}|{_DAY})\.? )+"),
    _ORGANIZATION: re2.compile(rf"^(?:{_OFFICES}) (?:of|at) |^(?:the|a|an) |^(?:{_DAY}) "),
}
"""What is no part of a name."""
_FIRST_WORDS = {
    _PERSON: frozenset(f"{_TITLES}|{_DAY}".split("|")),
    _ORGANIZATION: frozenset(f"{_OFFICES}|{_DAY}|the|a|an".split("|")),
}
"""What those begin with."""
_OF_PERSONS = "Mr|Mrs|Ms|Miss|Herr|Frau|Mme|Monsieur|Madame|Señor|Señora|Signor|Signora"
_TITLED = frozenset(_OF_PERSONS.split("|"))
_TITLE = re2.compile(rf"^(?:{_OF_PERSONS})\.? \p{{Lu}}")
"""Titles that firms are not called by."""
_GOES_ON = (" of", " of the", " for", " for the")
_REST = re2.compile(r"^ (?:the )?\p{Lu}[\pL'’-]+(?: \p{Lu}[\pL'’-]+){0,3}")  # noqa: RUF001 - people write this apostrophe
_DOT_OF_IT = re2.compile(r"(?:\.\pL{1,2}|\bS\.[prn]\.[alc])\.$")
"""`S.r.l.`, `S.A.`: a dot between its letters goes with one behind them."""
_EMPLOYER = re2.compile(
    r"(?i)\b(?:(?:works?|worked|working|employed|intern|interned|internship|jobs?|role|position|career|interview|account|accountant|engineer|"
    r"analyst|consultant|manager|developer|lawyer|researcher) (?:at|for|by|with)|"
    r"(?:ceo|cto|cfo|coo|president|chairman|chairwoman|chair|director|founder|co-founder|head|employees?|owner|board|shares?|customers?|"
    r"subsidiary|shareholders?|spokesman|spokeswoman|spokesperson) (?:of|at|in|for)|"
    r"employer,?|employer is|company,?|invoice from|hired by|joined|acquired|sued?|complaint about)\s+(?:the )?$"
)
"""What stands before an organisation's name."""
_FIRMS = re2.compile(
    r"(?i)^(?:['’]s?)? (?:(?:head )?offices?|headquarters|employees|staff|shares|stock|founders|customers?|"  # noqa: RUF001 - people write this apostrophe
    r"spokes(?:man|woman|person)|board|website|ceo|cto|cfo|branch|store|is hiring|was founded|was acquired|announced|acquired|"
    r"employs|has \d+ (?:employees|staff|offices|stores)|"
    r"is an? (?:\pL+ )?(?:company|firm|start-?up|bank|charity|non-?profit|subsidiary|501))"
)
"""What stands behind one."""
_LINE = re2.compile(
    r"(?:^|\n)(\p{Lu}[\pL\d.'’&-]*(?: (?:(?:and|of|&|the|for)|[\p{Lu}\d][\pL\d.'’&-]*)){0,6})[ ,]*(\n{1,2}) *$"  # noqa: RUF001 - people write this apostrophe
)
_NO_NAME = re2.compile(
    r"(?i)\b(?:address|home|shipping|billing|delivery|location|venue|dear|hi|hello|hey|thanks|regards|where|to|from|office|headquarters|name|"
    r"mr|mrs|street|road)\b"
)
_LINE_LENGTH = 80
_PERSONS_WORDS = 3
"""Words of a person's name at most."""
_BEFORE = 40
"""Characters before a name in which its cue may stand."""
CUED = 0.45
"""The score from which on an organisation counts behind a cue."""
_PLAIN_WORD = 0.95
"""The score from which on a lone word of small letters is a name, in a text that knows capitals."""
_SHORTEST = 3
"""Letters of a surname that is looked for again."""
_AGE = re2.compile(
    r"^(?:, (?:aged? )?(\d{1,3})(?:[,;)](?:\D|$)|$)| \((\d{1,3})\)"
    r"|,? (?:who )?(?:is|was|turned|turns|is now) (?:only |just |now )?(\d{1,3})(?:[.,;!?](?:\D|$)|$| (?:and|but|now)\b))"
)
_AGES = range(1, 116)


def refined(text: str, spans: Sequence[Span], threshold: float) -> list[Span]:
    """Those that count, by their start, out of all that a model thinks likelier than nothing; and the ages of persons beside them."""
    # In many texts none does: nor does a likeness to a sure one help, then.
    counts = any(_may_count(span, threshold) for span in spans)
    found = completed(text, _rejoined(text, _judged(text, spans, threshold)) if counts else ())
    if not found:
        return []
    ages = _ages(text, found) if digits_in(text) else ()
    return sorted([*found, *_addressed(text, found), *ages], key=_by_start)


def _judged(text: str, spans: Sequence[Span], threshold: float) -> list[Span]:
    """Those that count by themselves, or by their likeness to one that does."""
    cleaned = [_cleaned(text, span) for span in spans if not is_nobody(text, span)]
    judged = [(span, _counts(text, span, threshold)) for span in cleaned]
    known = _known(text, [span for span, sure in judged if sure])
    found = []
    for span, sure in judged:
        type_ = known.get(text[span.start : span.end]) if span.type in _NAMES else None
        if type_ is not None and type_ != span.type:
            found.append(replace(span, type=type_, score=max(span.score, threshold)))
        elif type_ is not None or sure:
            found.append(widened(text, span if span.score >= threshold else replace(span, score=threshold)))
    return found


def _rejoined(text: str, spans: Sequence[Span]) -> list[Span]:
    """With one person in place of a first name and a last one that were marked apart."""
    found: list[Span] = []
    for span in spans:
        last = found[-1] if found else None
        if last is not None and last.type == _PERSON and text[last.end : span.start] == " " and _is_last_name(text, span):
            found[-1] = replace(last, end=span.end, score=max(last.score, span.score))
        else:
            found.append(span)
    return found


def _is_last_name(text: str, span: Span) -> bool:
    written = text[span.start : span.end]
    return span.type in _NAMES and written[0].isupper() and (span.type == _PERSON or " " not in written)


def _by_start(span: Span) -> int:
    return span.start


def _cleaned(text: str, span: Span) -> Span:
    """A name without the 's that makes an owner of it, and without an office in it."""
    if span.type not in _NAMES:
        return span
    written = text[span.start : span.end]
    if " " in written:
        span = _without_others(text, span)
    if span.type == _ORGANIZATION:
        more = _left_out(text, span, written)
        span = replace(span, end=span.end + more) if more else span
    return _unowned(text, span)


def _without_others(text: str, span: Span) -> Span:
    """A name of several words without those that are no part of it."""
    written = text[span.start : span.end]
    word = written[: written.index(" ")].removesuffix(".")
    if span.type == _ORGANIZATION:
        span = within_levels(text, span)
    if span.type == _ORGANIZATION and word in _TITLED and _TITLE.search(written):
        span = replace(span, type=_PERSON)
    first = _BEFORE_A_NAME[span.type].search(written) if word in _FIRST_WORDS[span.type] else None
    if first and first.end() < len(written):
        span = replace(span, start=span.start + first.end())
    sentence = _SENTENCE_WITHIN.search(text[span.start : span.end]) if ". " in written else None
    if sentence:
        span = replace(span, end=span.start + sentence.start(1))
    small = _SMALL_FIRST.search(text[span.start : span.end]) if text[span.start].islower() else None
    return replace(span, start=span.start + small.end(1) + 1) if small and small.group(1) not in _PARTICLES else span


def _left_out(text: str, span: Span, marked: str) -> int:
    """Characters behind an organisation's name that belong to it."""
    more = _REST.search(text[span.end : span.end + _BEFORE]) if marked.endswith(_GOES_ON) else None
    if more:
        return int(more.end())
    dotted = "." in marked and text.startswith(".", span.end)
    return int(dotted and _DOT_OF_IT.search(text[span.start : span.end + 1]) is not None)


def _unowned(text: str, span: Span) -> Span:
    """A name without the 's that makes an owner of it."""
    owner = _POSSESSIVE.search(text[span.start : span.end]) if text[span.start : span.end].endswith(_OWNERS) else None
    if owner is None or not owner.start():
        return span
    behind = text[span.end : span.end + 8]
    owns = _OWNED.search(behind) and not _JOINED.search(behind)
    return replace(span, end=span.start + owner.start()) if owns else span


def _may_count(span: Span, threshold: float) -> bool:
    """Whether its score is one that counts somewhere."""
    return span.score >= threshold or (span.score >= CUED and span.type == _ORGANIZATION)


def _counts(text: str, span: Span, threshold: float) -> bool:
    """Whether it counts where it stands, and as it is written."""
    written = text[span.start : span.end]
    if span.type in _NAMES and written.islower() and " " not in written and not text.islower():
        return span.score >= max(threshold, _PLAIN_WORD)
    return span.score >= threshold or (_may_count(span, threshold) and _has_cue(text, span))


def _has_cue(text: str, span: Span) -> bool:
    """Whether the words around speak for an organisation."""
    before, behind = text[max(0, span.start - _BEFORE) : span.start], text[span.end : span.end + _BEFORE]
    return _EMPLOYER.search(before) is not None or _FIRMS.search(behind) is not None


def _known(text: str, sure: Sequence[Span]) -> Mapping[str, str]:
    """Types of names that are sure somewhere, and of the surnames of whole ones: who is named once is named again."""
    known: dict[str, str] = {}
    for span in sure:
        name = text[span.start : span.end]
        if span.type not in _NAMES or len(name) < _SHORTEST or name.islower():
            continue
        known.setdefault(name, span.type)
        first, _, last = name.rpartition(" ")
        if span.type == _PERSON and first and len(last) >= _SHORTEST and last.isalpha() and last[0].isupper():
            known.setdefault(last, _PERSON)
    return known


def _addressed(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Whose addresses they are: the capitalised line above each, unless it is marked or says what follows."""
    last = 0
    for span in spans:
        if span.type == "ADDRESS":
            left = max(last, span.start - _LINE_LENGTH)
            line = _LINE.search(text[left : span.start])
            if line and (left == last or line.start()) and not _NO_NAME.search(line.group(1)):
                yield Span(left + line.start(1), left + line.end(1), _addressee(line, left), NEARBY)
        last = span.end


def _addressee(line: re2.Match[str], left: int) -> str:
    """A person above all else, an organisation below another line or apart from the address."""
    first = left == 0 and line.start() == 0
    return _PERSON if first and line.group(2) == "\n" and line.group(1).count(" ") < _PERSONS_WORDS else _ORGANIZATION


def _ages(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Numbers right behind persons, written as ages: `Ann Lee, 43, ...`."""
    taken = {span.start for span in spans}
    for span in spans:
        match = _AGE.search(text[span.end : span.end + _BEFORE]) if span.type == _PERSON else None
        if match is None:
            continue
        start, end = next(match.span(group) for group in range(1, 4) if match.start(group) >= 0)
        if int(text[span.end + start : span.end + end]) in _AGES and span.end + start not in taken:
            yield Span(span.end + start, span.end + end, PiiType.AGE, NEARBY)

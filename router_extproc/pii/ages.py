"""Ages: a number of years that somebody has lived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii import lifetimes
from router_extproc.pii.kinds import NEARBY, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER = r"(1[01]\d|[1-9]\d|[1-9])"
_THINGS = re2.compile(
    r"(?i)^[\s\-]*(?:old|y/?o)?[\s\-]*(?:(?:single|used|vintage|toyota|honda|ford|windows|linux|mac|dell|hp|lenovo|brick|oak|aged)[\s\-]+)?"
    r"(?:scotch|whisk[e]?y|wine|bourbon|rum|cheese|malt|cask|barrel|cognac|brandy|port|tequila|spirit|bottle|cars?|trucks?|house|home|building|bridge|roof|boiler|laptop|computer|pc|phone|iphone|"
    r"server|code|codebase|app|bug|issue|software|system|company|companies|startup|firm|business|project|tree|oak|tradition|technology|"
    r"law|study|data|mattress|battery|rock|fossil|star|galaxy|universe|civili[sz]ation|mortgage|bond|loan|contract|lease|record|"
    r"marriage|relationship|dogs?|cats?|pupp(?:y|ies)|horse|planet|earth)\b"
)
_KIN = (
    r"husband|wife|partner|mother|mom|mum|father|dad|sister|brother|son|daughter|kid|child|baby|grandmother|grandma|grandfather|grandpa|aunt|"
    r"uncle|niece|nephew|cousin|boyfriend|girlfriend|fianc[ée]e?|boss|neighbou?r|friend|patient|client|twin"
)
HINT = (
    rf"{lifetimes.HINT}|"
    r"(?i)\d[\s\-]?(?:years?|yrs?|y[./]?o\b|ans\b|jahre|años|anni)|\d(?:st|nd|rd|th) birthday|"
    r"(?:age|aged|age of|is|was|were|am|'m|’m|'s|turn(?:ed|s|ing)|"  # noqa: RUF001 - people write this apostrophe
    rf"only|just|now|already|alter|edad|età|idade|leeftijd)\s*[:=,(]?\s*\d|(?:{_KIN})(?:,| \() ?\d"
)
"""True of every text that has an age."""
_AGE = re2.compile(
    rf"(?i)\b{_NUMBER}(?:[\s\-]?(?:years?|yrs?|yr)[\s\-](?:old|of age)\b|[\s\-]?y[./]?o\b"
    r"|[\s\-]ans\b|[\s\-]Jahre alt\b|[\s\-]años\b|[\s\-]anni\b)"
    rf"|\b(?:aged?|(?:at |is )?the age of|age is|age was|my age|alter|edad|età|idade|leeftijd)\s*[:=,(]?\s*{_NUMBER}\b"
    rf"|\b(?:turned|turns|turning)\s+{_NUMBER}\b"
    rf"|\b(?:I am|I'm|I’m|he is|he's|she is|she's|(?:when|while|before|after) (?:he|she|I) (?:was|were)|i was)\s+"  # noqa: RUF001 - people write this apostrophe
    rf"(?:only |just |now |already )?{_NUMBER}\b"
    rf"|\b(?:my|his|her|their|our) (?:late |older |younger |elder |big |little |twin |own )?(?:{_KIN})"
    r"(?: is| was| turned| turns| just turned|,| \() ?"
    rf"(?:only |just |now |already |aged? )?{_NUMBER}\b"
    rf"|\b(?:my|his|her) {_NUMBER}(?:st|nd|rd|th) birthday\b"
)
_NO_AGE_BEHIND = re2.compile(
    r"(?i)^(?:\s*(?:%|percent|degrees?|°|st\b|nd\b|rd\b|th\b|months?|weeks?|days?|hours?|hrs?|min|minutes?|seconds?|miles?|km|kg|"
    r"lbs?|pounds?|cm|m\b|ft|feet|points?|pages?|times|euros?|dollars?|usd|years?\s+(?:in|into|away|ago|later|from|of exp)|"
    r"to\s+\d|and (?:over|older|above|up|under|younger|below)|or (?:over|older|above|more|under|younger|below)|more\b|in\s+(?:wood|oak))"
    r"|[.,:/]\d|\s?[\-–+]\s?\d|\+|\s?[x×*/=])"  # noqa: RUF001 - people write these signs
)
_TURNED_BEHIND = re2.compile(
    r"(?i)^\s*(?:$|[.,;:!?)\"']|(?:today|tomorrow|yesterday|this|next|last|on|in|and|but|so|years|recently|the|when|while)\b)"
)
_RULE_BEFORE = re2.compile(
    r"(?i)(?:under|over|above|below|minimum|legal|least|most|than|until|drinking|voting|retirement|children|kids|ages?|past|before|after|by)\s+(?:the\s+)?$"
)
_OLD_BEHIND = re2.compile(r"^[\s\-]*(?:years?|yrs?|yr)[\s\-]old\b")
_NOUN_BEHIND = re2.compile(r"^[\s\-]*(?:years?|yrs?|yr)[\s\-]old[\s\-]+\pL")
_ANOTHER = re2.compile(r"\d[\s\-]*(?:years?|yrs?|yr)[\s\-]old\b")
_YEARS_ABROAD = (" ans", " años", " anni")
_SENTENCE = re2.compile(r"[.!?\n]")
_REACH = 80
"""Characters before an age in which another one may stand whose noun it shares."""
_LASTING_BEFORE = re2.compile(
    r"(?i)(?:^|[^\pL])(?:hace|durante|en|dentro de|cada|por|unos|hasta|últimos|próximos|garantía de|depuis|pendant|dans|il y a|tous les|en|"
    r"après|sous|garantie|durant|sur|da|per|fra|ogni|ultimi|dopo|in|entro|garanzia)(?: de| les| los| gli| le)? $"
)
_LASTING_BEHIND = re2.compile(
    r"(?i)^\s(?:ans|años|anni)\s(?:de (?:experiencia|garantía|servicio|contrato|prisión|cárcel|casados|trabajo|garantie|prison|mariage)|"
    r"d['’](?:expérience|ancienneté)|di (?:esperienza|garanzia|servizio|contratto|matrimonio)|"  # noqa: RUF001 - people write this apostrophe
    r"fa\b|atrás|après|plus tard|después|dopo)"
)


def find(text: str) -> Iterator[Span]:
    """The numbers alone; not of things, and not those that a rule or a price list speaks of."""
    found = dict(_spoken(text))
    found.update((start, end) for start, end, behind in lifetimes.written(text) if not _is_no_age(text, start, behind))
    found.update(lifetimes.listed(text))
    for start in sorted(found):
        yield Span(start, found[start], PiiType.AGE, NEARBY)


def is_of_a_thing(text: str, start: int, end: int) -> bool:
    """Whether a number of years is how old a thing is, as a noun behind it tells, or one behind another number in the sentence."""
    behind = text[end : end + 56]
    old = _OLD_BEHIND.search(behind)
    if _THINGS.search(behind[old.end() if old else 0 :]):
        return True
    if old is None or _NOUN_BEHIND.search(behind):
        return False
    sentence = _SENTENCE.split(text[max(0, start - _REACH) : start])[-1]
    return any(_THINGS.search(sentence[other.end() :]) for other in _ANOTHER.finditer(sentence))


def _spoken(text: str) -> Iterator[tuple[int, int]]:
    for match in _AGE.finditer(text):
        start, end = next(match.span(group) for group in range(1, 7) if match.start(group) >= 0)
        behind = "" if match.start(6) >= 0 else text[end : end + 40]
        if (match.start(6) < 0 and _is_no_age(text, start, end)) or _THINGS.search(text[match.end() : match.end() + 40]):
            continue
        if match.start(3) >= 0 and not _TURNED_BEHIND.search(behind):
            continue
        before = text[max(0, match.start() - 24) : match.start()]
        if _RULE_BEFORE.search(before) or _is_a_part(before, match.group()):
            continue
        yield start, end


def _is_a_part(before: str, written: str) -> bool:
    """Whether it goes on with a range or another word: `25-55 years old`, `max-age=60`, but not `F-55 years old`."""
    return before.endswith("-") and (before[-2:-1].isdigit() or written[0].isalpha())


def _is_no_age(text: str, start: int, end: int) -> bool:
    """`end` is that of the number, or of what says whose it is."""
    behind = text[end : end + 40]
    lasting = _LASTING_BEHIND.search(behind) is not None or (
        behind.startswith(_YEARS_ABROAD) and _LASTING_BEFORE.search(text[max(0, start - 24) : start]) is not None
    )
    return lasting or _NO_AGE_BEHIND.search(behind) is not None or is_of_a_thing(text, start, end)

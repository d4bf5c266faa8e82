"""Ages: a number of years that somebody has lived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.kinds import NEARBY, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER = r"(1[01]\d|[1-9]\d|[1-9])"
_THINGS = re2.compile(
    r"(?i)^[\s\-]*(?:old|y/?o)?[\s\-]*(?:(?:single|used|vintage|toyota|honda|ford|windows|linux|mac|dell|hp|lenovo|brick|oak|aged)[\s\-]+)?"
    r"(?:scotch|whisk[e]?y|wine|bourbon|rum|cheese|malt|cars?|trucks?|house|home|building|bridge|roof|boiler|laptop|computer|pc|phone|iphone|"
    r"server|code|codebase|app|bug|issue|software|system|company|companies|startup|firm|business|project|tree|oak|tradition|technology|"
    r"law|study|data|mattress|battery|rock|fossil|star|galaxy|universe|civili[sz]ation|mortgage|bond|loan|contract|lease|record|"
    r"marriage|relationship|dogs?|cats?|pupp(?:y|ies)|horse|planet|earth)\b"
)
_KIN = (
    r"husband|wife|partner|mother|mom|mum|father|dad|sister|brother|son|daughter|kid|child|baby|grandmother|grandma|grandfather|grandpa|aunt|"
    r"uncle|niece|nephew|cousin|boyfriend|girlfriend|fianc[ée]e?|boss|neighbou?r|friend|patient|client|twin"
)
HINT = (
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


def find(text: str) -> Iterator[Span]:
    """The numbers alone; not of things, and not those that a rule or a price list speaks of."""
    for match in _AGE.finditer(text):
        start, end = next(match.span(group) for group in range(1, 7) if match.start(group) >= 0)
        behind = "" if match.start(6) >= 0 else text[end : end + 40]
        if _NO_AGE_BEHIND.search(behind) or _THINGS.search(text[match.end() : match.end() + 40]):
            continue
        if match.start(3) >= 0 and not _TURNED_BEHIND.search(behind):
            continue
        if _RULE_BEFORE.search(text[max(0, match.start() - 24) : match.start()]):
            continue
        yield Span(start, end, PiiType.AGE, NEARBY)

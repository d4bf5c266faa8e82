"""Patterns: all private data of a text that can be checked, in one list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import re2

from router_extproc.pii import (
    ages,
    births,
    cards,
    emails,
    ibans,
    ids,
    ips,
    keys,
    licences,
    lookalikes,
    phones,
    secrets,
    urls,
    us_ssn,
)
from router_extproc.pii.kinds import PiiType
from router_extproc.pii.merging import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from router_extproc.encoders.scores import Span


class _Step(NamedTuple):
    """One finder, and what a text must have for it to be worth asking."""

    type: str
    hint: str
    """In RE2's syntax; cheap, and true of every text in which the finder finds something."""
    find: Callable[[str], Iterable[Span]]


_DIGITS = r"\d(?:[ .\-/()]{0,3}\d){6}"


def _steps(regions: Sequence[str]) -> tuple[_Step, ...]:
    """In the order of what outdoes what: where two overlap, the earlier step's stays."""
    return (
        _Step(
            PiiType.API_KEY,
            keys.HINT,
            keys.find,
        ),
        _Step(
            PiiType.API_KEY,
            r"(?i)(?:pass(?:word|wd|phrase|wort)|pwd|contraseña|mot de passe|key|secret|token|credentials?|auth)"
            r"[\"']?(?:\s{0,3}[:=]|\s+is|\s+was)|bearer\s",
            secrets.find,
        ),
        _Step(PiiType.URL, r"(?i)://|www\.", urls.find),
        _Step(PiiType.EMAIL, "@", emails.find),
        _Step(PiiType.IBAN, r"[A-Za-z]{2}\d{2}[ \-]?[A-Za-z0-9]{2}", ibans.find),
        _Step(
            PiiType.CREDIT_CARD,
            r"\d[^A-Za-z]?\d[^A-Za-z]?\d[^A-Za-z]?\d[^A-Za-z]?\d[^A-Za-z]?\d[^A-Za-z]?\d[^A-Za-z]?\d",
            cards.find,
        ),
        _Step(lookalikes.NOTHING, _DIGITS + r"|-[0-9a-fA-F]{4}-|[0-9a-fA-F]{2}:", lookalikes.find),
        _Step(
            PiiType.DRIVER_LICENSE,
            r"(?i)licen[cs]|driv(?:er|ing)|\bdln?\b|führerschein|permi|carn[eé]t de|"
            r"patente di|rijbewijs|prawo jazdy|carteira|carta de|körkort",
            licences.find,
        ),
        _Step(PiiType.US_SSN, _DIGITS, us_ssn.find),
        _Step(PiiType.NATIONAL_ID, r"\d(?:[ .\-/+]?\d){5}|[A-Za-z]\d\d[A-Za-z]\d|[A-Za-z]{5}\d{4}[A-Za-z]", ids.find),
        _Step(
            PiiType.DATE_OF_BIRTH,
            r"(?i)b(?:orn|-?day|irth)|\bd\.?o\.?b|née? |nee |naiss|gebo|geb\.|geburts|naci|nat[oa] |nasc|urodz|född|født|syntynyt|出生|生",
            births.find,
        ),
        _Step(PiiType.IP_ADDRESS, r"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:|::[0-9A-Fa-f]", ips.find),
        _Step(PiiType.PHONE, _DIGITS, partial(phones.find, regions=regions)),
        _Step(
            PiiType.AGE,
            r"(?i)\d[\s\-]?(?:years?|yrs?|y[./]?o\b|ans\b|jahre|años|anni)|\d(?:st|nd|rd|th) birthday|[,(] ?\d{1,3}[,)]|"
            r"(?:age|aged|age of|is|was|were|am|'m|’m|'s|turn(?:ed|s|ing)|"  # noqa: RUF001 - people write this apostrophe
            r"only|just|now|already|alter|edad|età|idade|leeftijd)\s*[:=,(]?\s*\d",
            ages.find,
        ),
    )


class Finder:
    """Finds private data that can be checked. Safe from several threads."""

    def __init__(self, regions: Sequence[str] = phones.REGIONS) -> None:
        """`regions` are the countries, by ISO 3166, whose telephone numbers are known without their code."""
        self._steps = _steps(tuple(regions))
        self._hints = _hints(self._steps)

    def find(self, text: str, *, types: frozenset[str] | None = None) -> list[Span]:
        """Spans in order, none within another; with `types`, those of these types out of the same list."""
        hinted = self._hints.Match(text)
        if not hinted:
            return []
        places = Places()
        for index in range(self._needed(types)):
            if index in hinted:
                places.add(self._steps[index].find(text))
        return [span for span in places.spans if span.type != lookalikes.NOTHING and (types is None or span.type in types)]

    def _needed(self, types: frozenset[str] | None) -> int:
        """How many steps the types need: their own, and those that outdo them."""
        if types is None:
            return len(self._steps)
        return max((number for number, step in enumerate(self._steps, 1) if step.type in types), default=0)


def _hints(steps: Sequence[_Step]) -> re2.Set:
    """All hints as one automaton: one pass tells an ordinary text from one that must be looked at."""
    settings = re2.Options()
    settings.max_mem = 64 * 1024 * 1024
    hints = re2.Set.SearchSet(settings)
    for step in steps:
        hints.Add(step.hint)
    hints.Compile()
    return hints


_USUAL = Finder()


def find(text: str, *, types: frozenset[str] | None = None) -> list[Span]:
    """What the usual finder finds."""
    return _USUAL.find(text, types=types)

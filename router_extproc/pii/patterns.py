"""Patterns: all private data of a text that can be checked, in one list."""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

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
    shapes,
    urls,
    us_ssn,
)
from router_extproc.pii.automata import searching
from router_extproc.pii.kinds import PiiType
from router_extproc.pii.merging import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import re2

    from router_extproc.encoders.scores import Span


class _Step(NamedTuple):
    """One finder, and what a text must have for it to be worth asking."""

    type: str
    hint: str
    """In RE2's syntax; cheap, and true of every text in which the finder finds something."""
    find: Callable[[str], Iterable[Span]]


def _steps(regions: tuple[str, ...]) -> tuple[_Step, ...]:
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
        _Step(PiiType.IBAN, ibans.HINT, ibans.find),
        _Step(
            PiiType.CREDIT_CARD,
            r"\d[^A-Za-z]?\d[^A-Za-z]?\d[^A-Za-z]?\d[^A-Za-z]?\d[^A-Za-z]?\d[^A-Za-z]?\d[^A-Za-z]?\d",
            cards.find,
        ),
        _Step(lookalikes.NOTHING, lookalikes.HINT, lookalikes.find),
        _Step(
            PiiType.DRIVER_LICENSE,
            r"(?i)licen[cs]|driv(?:er|ing)|\bdln?\b|führerschein|permi|carn[eé]t de|"
            r"patente di|rijbewijs|prawo jazdy|carteira|carta de|körkort",
            licences.find,
        ),
        _Step(PiiType.US_SSN, us_ssn.HINT, us_ssn.find),
        _Step(PiiType.NATIONAL_ID, ids.HINT, ids.find),
        _Step(PiiType.DATE_OF_BIRTH, births.HINT, births.find),
        _Step(PiiType.IP_ADDRESS, r"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:|::[0-9A-Fa-f]", ips.find),
        _Step(PiiType.PHONE, shapes.HINT, partial(phones.find, regions=regions)),
        _Step(PiiType.AGE, ages.HINT, ages.find),
    )


class Finder:
    """Finds private data that can be checked. Safe from several threads."""

    def __init__(self, regions: Sequence[str] = phones.REGIONS) -> None:
        """`regions` are the countries, by ISO 3166, whose telephone numbers are known without their code."""
        self._steps = _steps(tuple(regions))
        self._hints = _hints(self._steps)

    def find(self, text: str, *, types: frozenset[str] | None = None) -> list[Span]:
        """Spans in order, none within another; with `types`, those of these types out of the same list.

        Whoever asks for mail addresses and not for web addresses gets those that stand in one, too; whoever asks for web addresses and not
        for secrets gets those with a secret in them.
        """
        hinted = self._hints.Match(text)
        if not hinted:
            return []
        places = Places()
        for index in range(self._needed(types)):
            if index in hinted:
                places.add(self._steps[index].find(text))
        spans = [span for span in places.spans if span.type != lookalikes.NOTHING]
        return spans if types is None else list(_asked(text, spans, types))

    def _needed(self, types: frozenset[str] | None) -> int:
        """How many steps the types need: their own, and those that outdo them."""
        if types is None:
            return len(self._steps)
        return max((number for number, step in enumerate(self._steps, 1) if step.type in types), default=0)


def _asked(text: str, spans: Sequence[Span], types: frozenset[str]) -> Iterator[Span]:
    """Those of the types; for a web address that is not asked for the mail addresses in it, for a secret the web address around it."""
    places = Places()
    if PiiType.URL in types and PiiType.API_KEY not in types:
        places.add(around(text, spans))
    for span in spans:
        if span.type in types:
            places.add([span])
        elif span.type == PiiType.URL and PiiType.EMAIL in types:
            places.add(emails.in_url(text, span))
    yield from places.spans


def nested(text: str, spans: Iterable[Span]) -> list[Span]:
    """What overlaps with some of the spans and is told beside them, as a guard may look for one of the two types only.

    The mail addresses in web addresses, and the web addresses around secrets.
    """
    spans = list(spans)
    within = [mail for span in spans if span.type == PiiType.URL for mail in emails.in_url(text, span)]
    return within + around(text, spans)


def around(text: str, spans: Sequence[Span]) -> list[Span]:
    """The web addresses in which secrets stand, which are told in their place. `spans` are in order, none within another."""
    hidden = [span for span in spans if span.type == PiiType.API_KEY]
    found = urls.find(text) if hidden and ("://" in text or "www." in text.lower()) else ()
    starts = [span.start for span in hidden]
    return [url for url in found if (at := bisect_left(starts, url.end)) and hidden[at - 1].end > url.start]


def _hints(steps: Sequence[_Step]) -> re2.Set:
    """All hints as one automaton: one pass tells an ordinary text from one that must be looked at."""
    return searching(step.hint for step in steps)


_USUAL = Finder()


def find(text: str, *, types: frozenset[str] | None = None) -> list[Span]:
    """What the usual finder finds."""
    return _USUAL.find(text, types=types)

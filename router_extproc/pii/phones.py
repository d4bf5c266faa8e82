"""Telephone numbers: valid ones of the world, and whatever a word such as `call` or `mobile` speaks for."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import phonenumbers
import re2

from router_extproc.encoders.cache import Cache, key_of
from router_extproc.encoders.scores import Span
from router_extproc.pii.context import Context, counts_something
from router_extproc.pii.kinds import NEARBY, SHAPED, PiiType
from router_extproc.pii.plans import fitting
from router_extproc.pii.shapes import bare, candidates

if TYPE_CHECKING:
    from collections.abc import Iterator

REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "AU", "IN", "BR")
"""Countries whose numbers are known without a country code; the usual ones of the requests' authors come first."""

_LOOKED_UP: Cache[bool] = Cache(512)
_SECRET = secrets.token_hex(16)
"""Of this process, so that what is kept tells no number: there are too few of them for a hash alone to hide one."""
_STRONG = (
    r"phones?|phone ?numbers?|tel|telephone|telephones|mobile|cell|cellphone|fax|whatsapp|handy|landline|hotline|desk|"
    r"téléphone|portable|teléfono|móvil|celular|telefon|telefono|cellulare|telefone|telefoon|telefonnummer|rufnummer|mobil|telefonu"
)
_WEAK = (
    r"calls?|called|calling|reach|contact|contacted|text|texted|sms|dial|dialed|ring|rang|answering|answered|voicemail|"
    r"appelez|appeler|llama|llámame|llamar|ruf|anrufen|chiama|chiamare|ligue|ligar|bel|numéro|número"
)
_WORDS = Context(f"{_STRONG}|{_WEAK}")
_STRONG_WORDS = Context(_STRONG)
_AMERICAN = re2.compile(r"^(?:1[ .\-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .\-])[2-9]\d\d[ .\-]\d{4}$")
_ZERO_FIRST = re2.compile(r"^(?:\(0\d+\)[ .\-/]?|0\d+[ ./])(?:\d+|\d[\d .\-/]*\d{3}|\d\d(?:[ .\-/]\d\d){3})$")
_BARE_DIGITS = range(9, 14)
"""Digits without a separator that a word such as `call` may speak for."""
_MIN_LOCAL = 9


def find(text: str, regions: tuple[str, ...] = REGIONS) -> Iterator[Span]:
    """Numbers with a country's code anywhere; others where a word speaks for them, or written as in one of the regions."""
    for start, end in candidates(text):
        score = _score(text, start, end, regions)
        if score:
            yield Span(start, end, PiiType.PHONE, score)


def _score(text: str, start: int, end: int, regions: tuple[str, ...]) -> float:
    """How much speaks for a number; 0 if nothing does."""
    number = bare(text[start:end])
    if number.startswith("+") and _is_valid(number, None):
        return SHAPED
    if counts_something(text, start):
        return NEARBY if _STRONG_WORDS.is_for(text, start) else 0.0
    if number.isdigit():
        return NEARBY if _spoken_for(text, start, end) else 0.0
    speaks = _WORDS.speaks(text, start, end)
    if speaks is None:
        # A look-up takes 40 microseconds and a table may bring thousands of numbers: no country is asked whose plan has none like it.
        return (
            SHAPED if _is_written_out(number) and any(_is_valid(number, region) for region in fitting(number, regions)) else 0.0
        )
    return NEARBY if speaks else 0.0


def _spoken_for(text: str, start: int, end: int) -> bool:
    """Whether a word speaks for bare digits: the more it may mean, the longer they must be."""
    if _STRONG_WORDS.speaks(text, start, end):
        return True
    return end - start in _BARE_DIGITS and bool(_WORDS.speaks(text, start, end))


def _is_written_out(number: str) -> bool:
    """Whether it is grouped as numbers are: in America's way, with a zero before the area, or with its area in brackets."""
    digits = sum(map(str.isdigit, number))
    return digits >= _MIN_LOCAL and (_ZERO_FIRST.search(number) is not None or _AMERICAN.search(number) is not None)


def _is_valid(number: str, region: str | None) -> bool:
    """Whether it can be dialled, from that region if it has no country's code."""
    # A stream's window is searched again for each event, dozens of times with the same number in it.
    key = key_of(_SECRET, number, region or "")
    known = _LOOKED_UP.get(key)
    if known is None:
        known = _can_be_dialled(number, region)
        _LOOKED_UP.put(key, known)
    return known


def _can_be_dialled(number: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False

"""Firms: what a model leaves out of an organisation's name is told by the nouns that such names begin or end with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from router_extproc.encoders.scores import Span

_PERSON, _ORGANIZATION = "PERSON", "ORGANIZATION"
_LEGAL = r"Ltd|Limited|LLC|LLP|PLC|plc|Inc|Corp|GmbH|AG|KG|SE|AB|AS|ASA|ApS|Oy|Oyj|SA|SAS|SARL|SpA|Srl|NV|BV|Kft|Zrt|Pty"
_LAST = (
    r"Company|Corporation|Group|Holdings?|Partners|Brothers|Bros|Sons|Associates|Industries|Works|Systems|Solutions|Services?|Software|"
    r"Technologies|Technology|Labs|Laboratories|Studios?|Media|Press|Publishing|Records|Pictures|Bank|Trust|Insurance|Capital|Finance|"
    r"Financial|Securities|Ventures|Consulting|Logistics|Shipping|Airlines|Airways|Motors|Energy|Power|Oil|Gas|Mining|Steel|Chemicals|"
    r"Pharmaceuticals|Pharma|Foods|Bakery|Brewery|Farms?|Timber|Roofing|Plumbing|Builders|Construction|Electrical|Engineering|Boatyard|"
    r"Textiles?|Mills|Furniture|Interiors|Jewellers|Opticians|Solicitors|Attorneys|Directors|Staffing|Recruitment|Security|Telecom|"
    r"Networks?|Academy|School|College|University|Institute|Hospital|Clinic|Surgery|Pharmacy|Practice|Museum|Theatre|Library|Club|"
    r"Society|Association|Federation|Foundation|Union|Council|Committee|Authority|Agency|Ministry|Department|Church|Hotel|Inn|Restaurant"
)
_FIRST = (
    r"Bistro|Hotel|Hostal|Hostel|Restaurant|Restaurante|Ristorante|Trattoria|Osteria|Café|Brasserie|Pizzeria|Boulangerie|Bäckerei|"
    r"Metzgerei|Apotheke|Farmacia|Pharmacie|Kanzlei|Steuerkanzlei|Praxis|Klinik|Clínica|Clinique|Institut|Instituto|Istituto|Lycée|"
    r"Collège|Université|Universität|Universidad|Università|Gymnasium|Banque|Banco|Banca|Bank|Sparkasse|Gebrüder|Fratelli|Hermanos|Autohaus|"
    r"Librairie|Garage|Panificio|Bodegas?|Verein|Stiftung|Fundación|Fondation|Fondazione|Studio"
)
_WORD = r"\p{Lu}[\pL'’&-]*"  # noqa: RUF001 - people write this apostrophe
_BEHIND = re2.compile(rf"^(?: {_WORD}){{0,2}} (?:{_LAST})\b(?: (?:{_LEGAL})\b)?|^ (?:{_LEGAL})\b")
_BEFORE = re2.compile(rf"(?:^|[^\pL])((?:{_FIRST}) )$")
_NOUN = re2.compile(rf"(?:^|[^\pL])(?:{_FIRST}|{_LAST}|{_LEGAL})(?:$|[^\pL])")
_AROUND = 48
"""Characters beside a name that are looked at."""


def widened(text: str, span: Span) -> Span:
    """A person's or an organisation's name with the nouns beside it that make a firm of it."""
    if span.type not in {_PERSON, _ORGANIZATION} or not text[span.start : span.start + 1].isupper():
        return span
    behind, before = _noun_behind(text, span.end), _noun_before(text, span.start)
    if behind is None and before is None:
        return span
    start = span.start - (len(before.group(1)) if before else 0)
    return replace(span, start=start, end=span.end + (behind.end() if behind else 0), type=_ORGANIZATION)


# A search costs ten times what a look at a letter does, and few names have a capitalised word beside them.


def _noun_behind(text: str, end: int) -> re2.Match[str] | None:
    if text[end : end + 1] != " " or not (text[end + 1 : end + 2].isupper() or text.startswith("plc", end + 1)):
        return None
    return _BEHIND.search(text[end : end + _AROUND])


def _noun_before(text: str, start: int) -> re2.Match[str] | None:
    left = text[max(0, start - _AROUND) : start]
    word = left[:-1].rpartition(" ")[2] if left.endswith(" ") else ""
    return _BEFORE.search(left) if word[-1:].isalpha() and not word.islower() else None


def is_a_firm(written: str) -> bool:
    """Whether a noun that makes a firm of a name is in it."""
    return _NOUN.search(written) is not None

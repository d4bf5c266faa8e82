"""Firms: what a model leaves out of an organisation's name is told by the nouns that such names begin or end with."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

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
_TRADES = (
    r"\p{Lu}\pL*(?:builders|makers|smiths|wrights)|Architects|Florists|Couriers|Bakers|Brewers|Roofers|Plumbers|Electricians|Joiners|Carpenters|"
    r"Surveyors|Caterers|Catering|Cleaners|Removals|Hauliers|Haulage|Printers|Publishers|Tailors|Butchers|Grocers|Accountants|Decorators|"
    r"Landscapers|Outfitters|Distillers|Vintners|Merchants|Stationers|Booksellers|Chandlers|Upholsterers|Photographers|Rentals|Tyres"
)
_DOTTED = (
    r"S\. ?L\.(?: ?[UPL]\.)?|S\. ?A\.(?: de C\.V\.|S\.|U\.|R\.L\.)?|S\. de R\.L\.(?: de C\.V\.)?|S\.[rR]\.[lL]\.|S\.[pP]\.A\.|S\.n\.c\.|"
    r"S\.a\.s\.|A\. ?Ş\.|Ltd\. Şti\.|B\.V\.|N\.V\.|C\.V\.|[aA]\.s\.|s\.r\.o\.|[sS]p\. z ?o\. ?o\.|d\.o\.o\.|L\.L\.C\.|K\.K\.|e\.V\.|e\.K\.|"
    r"Pvt\. Ltd\.|Co\., Ltd\.|Α\.Ε\.|p\.l\.c\."
)
"""Legal forms with dots, all of which are theirs."""
_RUSSIAN = r"ООО|ОАО|ЗАО|ПАО|АО|ТОО|ТОВ|ПрАТ|ФГУП|ГУП|МУП|НПО|НКО|АНО"
"""Legal forms before a name in quotes."""
_FIRST = (
    r"Bistro|Hotel|Hostal|Hostel|Restaurant|Restaurante|Ristorante|Trattoria|Osteria|Café|Brasserie|Pizzeria|Boulangerie|Bäckerei|"
    r"Metzgerei|Apotheke|Farmacia|Pharmacie|Kanzlei|Steuerkanzlei|Praxis|Klinik|Clínica|Clinique|Institut|Instituto|Istituto|Lycée|"
    r"Collège|Université|Universität|Universidad|Università|Gymnasium|Banque|Banco|Banca|Bank|Sparkasse|Gebrüder|Fratelli|Hermanos|Autohaus|"
    r"Librairie|Garage|Panificio|Bodegas?|Verein|Stiftung|Fundación|Fondation|Fondazione|Studio"
)
_WORD = r"\p{Lu}[\pL'’&-]*"
_BEHIND = re2.compile(rf"^(?: {_WORD}){{0,2}} (?:{_LAST}|{_TRADES})\b(?: (?:{_LEGAL})\b)?|^ (?:{_LEGAL})\b")
_BEFORE = re2.compile(rf"(?:^|[^\pL])((?:{_FIRST}) )$")
_FORM = re2.compile(rf"^ ?(?:{_DOTTED})")
_FORM_WITHIN = re2.compile(rf"(?: (?:{_DOTTED}))(['’]\pL+\b.*)$")
_QUOTED_BEFORE = re2.compile(rf"(?:^|[^\pL])((?:{_RUSSIAN}) ?[«\"„“])$")
_QUOTED_BEHIND = re2.compile(r"^[»\"“”]")
_FIRM_AT_END = re2.compile(rf"(?:^| )(?:{_LEGAL}|{_TRADES}|{_DOTTED})$")
_WORDS_BEFORE = re2.compile(r"(?:^|\n|[,(|–—\"“] )((?:\p{Lu}[\p{Ll}'’\-]{2,} ){1,2})$")
_ALONE_BEHIND = re2.compile(r"^ *(?:$|[\n,|(])")
_BESIDE = (
    "The|Our|Your|His|Her|Their|This|That|At|With|From|For|And|But|Dear|Contact|Visit|Call|Ask|See|Via|Meanwhile|Today|Thanks|Also|Both|"
    "Firma|Kunde|Kunden|Kundin|Lieferant|Hersteller|Konzern|Bei|Von|Der|Die|Das|Empresa|Société|Sociedad|Società|Cliente|Firmy|Firmie|"
    "Firm|Company|Client|Customer|Supplier|Vendor|Employer|Manufacturer|Subsidiary|Parent|Competitor|Giant|Maker|Retailer|Carmaker|"
    "Manager|Director|Engineer|Estimator|Chairman|President|Principal|Partner|Founder|Analyst|Officer|Head|Senior|Junior|Chief|Lead|"
    "Executive|Consultant|Associate|Assistant|Owner|Secretary|Accountant|Architect|Architects|Developer|Designer|Editor|Buyer|Seller|"
    "Payer|Payee|Beneficiary|Sender|Recipient|Account|Invoice|Bill|Order|Contract|Agreement|Meeting|Re|Subject|Attn|"
    "German|French|British|American|Swiss|Austrian|Italian|Spanish|Dutch|Belgian|Swedish|Norwegian|Danish|Finnish|Polish|Japanese|"
    "Chinese|Korean|Indian|Canadian|Australian|Russian|European|Germany|Switzerland|Austria|Former|New|Local|"
    "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|January|February|March|April|May|June|July|August|September|October|"
    "November|December"
)
_NO_NAME = frozenset(_BESIDE.split("|"))
"""Words that stand before firms' names and are no part of them."""
_NOUN = re2.compile(rf"(?:^|[^\pL])(?:{_FIRST}|{_LAST}|{_LEGAL})(?:$|[^\pL])")
_DOT_OR_BLANK = (".", " ")
_AROUND = 48
"""Characters beside a name that are looked at."""


def widened(text: str, span: Span) -> Span:
    """A person's or an organisation's name with what stands beside it and makes a firm of it: nouns, legal forms, more of its name."""
    if span.type not in {_PERSON, _ORGANIZATION} or not text[span.start : span.start + 1].isupper():
        return span
    span = _formed(text, _with_nouns(text, _inflected(text, span)))
    return _begun(text, span) if span.type == _ORGANIZATION else span


def _with_nouns(text: str, span: Span) -> Span:
    behind, before = _noun_behind(text, span.end), _noun_before(text, span.start)
    if behind is None and before is None:
        return span
    start = span.start - (len(before.group(1)) if before else 0)
    return replace(span, start=start, end=span.end + (behind.end() if behind else 0), type=_ORGANIZATION)


def _inflected(text: str, span: Span) -> Span:
    """Without the ending that a language hangs onto a legal form, and what was taken along behind it."""
    within = _FORM_WITHIN.search(text[span.start : span.end]) if "." in text[span.start : span.end] else None
    return replace(span, end=span.start + within.start(1), type=_ORGANIZATION) if within else span


def _formed(text: str, span: Span) -> Span:
    """With its legal form: dotted behind it, or before it where it stands in quotes."""
    if text[span.end : span.end + 1] in _DOT_OR_BLANK:
        word = span.start + text[span.start : span.end].rfind(" ")
        for at in (word, span.end) if word > span.start else (span.end,):
            form = _FORM.search(text[at : at + _AROUND])
            if form is not None and at + form.end() > span.end:
                return replace(span, end=at + form.end(), type=_ORGANIZATION)
    elif _QUOTED_BEHIND.search(text[span.end : span.end + 1]):
        before = _QUOTED_BEFORE.search(text[max(0, span.start - _AROUND) : span.start])
        if before is not None:
            return replace(span, start=span.start - len(before.group(1)), end=span.end + 1, type=_ORGANIZATION)
    return span


def _begun(text: str, span: Span) -> Span:
    """With the capitalised words before a firm's name that begin a line or a field which ends behind it, or stand behind a comma."""
    if text[span.start - 1 : span.start] != " " or not _FIRM_AT_END.search(text[span.start : span.end]):
        return span
    left = text[max(0, span.start - _AROUND) : span.start]
    words = _WORDS_BEFORE.search(left)
    if words is None or not _ALONE_BEHIND.search(text[span.end : span.end + 2]) or _NO_NAME.intersection(words.group(1).split()):
        return span
    whole = words.start() > 0 or span.start <= _AROUND
    return replace(span, start=span.start - len(words.group(1))) if whole else span


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

"""Nobody: what a model takes for a name, and what is none: fields, standards, checksums, currencies, log levels, parties of contracts."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import re2

from router_extproc.pii.ages import is_of_a_thing
from router_extproc.pii.kinds import PiiType

if TYPE_CHECKING:
    from router_extproc.encoders.scores import Span

_PERSON, _ORGANIZATION = "PERSON", "ORGANIZATION"
_BEFORE = 40
"""Characters before a checksum's name in which its cue may stand."""
_NOBODY = frozenset(
    {
        "u.s", "u.k", "us", "uk", "usa", "u.s.a", "eu", "u.n", "un", "uae",
        "ceo", "cto", "cfo", "coo", "cio", "vp", "hr", "hotline", "pm",
        "luhn", "verhoeff", "iban", "bic", "isbn", "issn", "ean", "gtin", "upc", "sku", "vin", "ssn", "uuid", "guid", "sha", "md5",
        "crc", "json", "yaml", "xml", "csv", "html", "sql", "regex", "pn", "p/n", "mpn", "s/n",
    }
)  # fmt: skip
"""Countries, offices, and what numbers and texts are checked and written by: nobody's names."""
_FIELDS = frozenset(
    {
        "company", "phone", "telephone", "mobile", "panel", "warehouse", "gate", "place", "address", "contact", "customer",
        "client", "tenant", "owner", "office", "name", "firm", "employer", "street", "city", "country", "consignee", "consignor",
        "sender", "recipient", "receiver", "hausmeister", "arzt", "firma", "adresse", "telefon", "empfänger", "absender",
        "destinataire", "expéditeur", "cliente", "empresa",
    }
)  # fmt: skip
"""What stands before data in forms."""
_FIELD_BEHIND = re2.compile(r"^ *(?:[:\n]|\.{3})")
_CHECKS = frozenset({"luhn", "verhoeff", "damm"})
"""Checksums that are called after persons."""
_LUHN = re2.compile(r"(?i)^(?:luhn (?-i:\p{Ll})\pL*|(?-i:\p{Ll}\pL*|\p{Lu}{2}\pL*) luhn)$")
"""Beside a word that is no name."""
_OF_A_CHECK = re2.compile(
    r"(?i)^(?:\(| (?:algorithm|check|checksum|test|digit|formula|validation|valid|sum|"
    r"pass(?:es|ed)?|fail(?:s|ed|ure)?|success|mismatch|checked|mod)\b)"
)
_CHECKED_BY = re2.compile(
    r"(?i)\b(?:pass|passes|passed|fail|fails|failed|failing|violates?|algorithm (?:of|by)|"
    r"algoritmo (?:di|de)|algorithme de|implement|using|via) $"
)
_PART_NUMBER = re2.compile(r"^(?:PN|P/N|MPN|SKU|S/N|SN)\b")
_MONEY = re2.compile(
    r"^(?:[\d.,' ]*\d ?)?(?:EUR|USD|GBP|CHF|JPY|CNY|RMB|AUD|CAD|NZD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|"
    r"UAH|RUB|INR|BRL|MXN|ARS|CLP|COP|ZAR|NGN|"
    r"KES|AED|SAR|ILS|SGD|HKD|TWD|KRW|THB|IDR|MYR|PHP|VND|BTC|ETH)(?: ?\d[\d.,' ]*)?$"
)
_LEVEL = re2.compile(r"^\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE)\]?:?(?:$|\s+\P{Lu})")
_LEVEL_BEFORE = re2.compile(r"^(?:TRACE|DEBUG|WARN|ERROR|FATAL)\]?:? +\p{Lu}")
_NOTED = re2.compile(r"^(\p{Lu}{2,6}) (?:mtg|meeting|mins|minutes|appt|agenda|notes|call)$")
"""What is noted of a circle of people; the circle may be an organisation's initials."""
_CIRCLES = frozenset({"pta", "hoa", "agm", "egm", "aob", "hr", "it", "qa", "pm", "am", "bod", "aa"})
_ARTICLE = re2.compile(r"(?i)^(?:the|der|die|das|dem|den|le|la|el|il|lo|de|het|o|a) ")
_PARTIES = frozenset(
    {
        "licensor", "licensee", "lessor", "lessee", "landlord", "tenant", "buyer", "seller", "supplier", "vendor", "purchaser", "client",
        "customer", "contractor", "subcontractor", "borrower", "lender", "guarantor", "franchisor", "franchisee", "assignor", "assignee",
        "service provider", "disclosing party", "receiving party", "indemnitor", "indemnitee", "mortgagor", "mortgagee", "consignor",
        "auftraggeber", "auftragnehmer", "mieter", "vermieter", "käufer", "verkäufer", "lieferant", "lizenzgeber", "lizenznehmer",
        "bailleur", "locataire", "preneur", "vendeur", "acheteur", "fournisseur", "prestataire", "concédant",
        "arrendador", "arrendatario", "vendedor", "comprador", "proveedor", "licenciante", "licenciatario", "prestador",
        "locatore", "conduttore", "venditore", "acquirente", "fornitore", "locador", "locatário", "contratante", "contratada",
        "verhuurder", "huurder", "verkoper", "koper", "opdrachtgever", "opdrachtnemer",
        "wynajmujący", "najemca", "sprzedający", "kupujący", "zleceniodawca", "zleceniobiorca", "wykonawca", "zamawiający",
        "арендодатель", "арендатор", "продавец", "покупатель", "заказчик", "исполнитель", "поставщик", "лицензиар", "лицензиат",
    }
)  # fmt: skip
"""Defined terms of contracts: nobody is called so."""
_SOMETIMES_PARTIES = frozenset(
    {
        "company", "employer", "employee", "bank", "agent", "publisher", "author", "owner", "operator", "user", "provider", "party",
        "parties", "distributor", "insurer", "insured", "consultant", "manager", "university", "institution", "sponsor", "recipient",
        "arbeitgeber", "arbeitnehmer", "gesellschaft", "kunde", "société", "employeur", "sociedad", "empresa", "società", "spółka",
    }
)  # fmt: skip
"""In contracts only."""
_CONTRACT = re2.compile(
    r"(?i)\b(?:agreement|hereinafter|hereby|hereof|herein|hereto|hereunder|clause|whereas|terms and conditions|this contract|this lease|"
    r"vertrag|contrat|contrato|contratto|umowa|overeenkomst)\b|\((?:the )?[\"“]\p{L}"
)
_NEAR = 2000
"""Characters beside a word in which a contract is told by its words."""


def is_nobody(text: str, span: Span) -> bool:
    """Whether it is nobody's name, but a country's initials, an office, a standard or a checksum; a thing's age; or a part's number."""
    written = text[span.start : span.end]
    if span.type == PiiType.AGE:
        return is_of_a_thing(text, span.start, span.end)
    if written.lower() in _FIELDS and _FIELD_BEHIND.search(text[span.end : span.end + 8]):
        return True
    if span.type == _PERSON:
        return ("luhn" in written.lower() and _LUHN.search(written) is not None) or (
            written.lower() in _CHECKS and (written.islower() or _is_a_check(text, span))
        )
    if span.type == _ORGANIZATION:
        return written.lower() in _NOBODY or _is_money(written) or _is_noted(written) or _is_a_party(text, span)
    return span.type == "ADDRESS" and _PART_NUMBER.search(written) is not None


def _is_a_check(text: str, span: Span) -> bool:
    """Whether the words around a checksum's name say that it is one."""
    before, behind = text[max(0, span.start - _BEFORE) : span.start], text[span.end : span.end + 16]
    return _OF_A_CHECK.search(behind) is not None or _CHECKED_BY.search(before) is not None


def within_levels(text: str, span: Span) -> Span:
    """An organisation without the log level before it, or the meeting behind it."""
    written = text[span.start : span.end]
    level, noted = _LEVEL_BEFORE.search(written), _NOTED.search(written)
    if level:
        return replace(span, start=span.start + level.end() - 1)
    return replace(span, end=span.start + noted.end(1)) if noted else span


def _is_money(written: str) -> bool:
    return _MONEY.search(written) is not None


def _is_noted(written: str) -> bool:
    """Whether it is a log's level with what it tells, or a meeting of a circle that every school has."""
    noted = _NOTED.search(written)
    return _LEVEL.search(written) is not None or (noted is not None and noted.group(1).lower() in _CIRCLES)


def _is_a_party(text: str, span: Span) -> bool:
    """Whether it is what a contract calls a party."""
    word = _ARTICLE.sub("", text[span.start : span.end]).lower().removesuffix("'s").removesuffix("’s")
    if word in _PARTIES or word.removesuffix("s") in _PARTIES:
        return True
    return word in _SOMETIMES_PARTIES and _CONTRACT.search(text[max(0, span.start - _NEAR) : span.end + _NEAR]) is not None

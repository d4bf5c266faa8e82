"""Context: what the text around a number says about it."""

from __future__ import annotations

import re2

REACH = 56
"""Characters before a number in which a word may speak for it: a few words and a name."""
_REACH_AFTER = 28
_FIRST_UNSPACED = "\u0e00"
"""Thai; beyond it stand the scripts without spaces between words."""

NUMBERED = (
    r"orders?|invoices?|tickets?|cases?|ref|refs|references?|serials?|s/n|p/n|m?pn|parts?|models?|sku|skus|isbn(?:-1[03])?|issn|asin|ean|upc|gtin|imei|"
    r"imsi|iccid|vin|mac|tracking|parcels?|shipments?|packages?|bookings?|reservations?|confirmation|transactions?|batch|lots?|items?|"
    r"products?|catalogu?es?|commits?|builds?|versions?|revisions?|release|firmware|rfc|cve|doi|arxiv|pmid|patents?|bugs?|issues?|"
    r"jobs?|po|purchase|flights?|rooms?|bar ?codes?|codes?|hash|checksum|uuid|guid|policy|claims?|contracts?|registration|"
    r"price|prices|costs?|amounts?|total|population|revenue|salary|timestamps?|epoch|coordinates|latitude|longitude|ratio|score|"
    r"art|articles?|artikel|artikelnummer|ersatzteil|ersatzteilnummer|register|drawings?|patterns?|référence|réf|referencia|riferimento|"
    r"bestellnummer|bestellung|rechnung|rechnungsnummer|seriennummer|teilenummer|sendungsnummer|commande|facture|pedido|factura|ordine|"
    r"fattura|zamówienia|encomenda"
)
"""Words for things that bear numbers and are nobody's private data."""

_COUNTS = re2.compile(rf"(?i)(?:^|[^\pL])(?:{NUMBERED})(?:[\s:#=.(\"']|numbers?|num|no|nr|id|is|was|are)*$")


def counts_something(text: str, start: int) -> bool:
    """Whether the words right before a number say that it numbers a thing: `order no. `, `serial: `."""
    return _COUNTS.search(text[max(0, start - REACH) : start]) is not None


class Context:
    """Words that speak for a number and words that speak against it; the nearest one before the number decides."""

    def __init__(self, own: str, other: str = NUMBERED) -> None:
        self._words = re2.compile(rf"(?i)(?:^|[^\pL])(?:({own})|(?:{other}))(?:[^\pL]|$)")

    def occurs(self, text: str) -> bool:
        """Whether any word stands anywhere."""
        return self._words.search(text) is not None

    def speaks(self, text: str, start: int, end: int) -> bool | None:
        """True for a word of its own, False for one of another thing, None where neither stands."""
        verdict: bool | None = None
        for found in self._words.finditer(text[max(0, start - REACH) : start]):
            verdict = found.group(1) is not None
        if verdict is None:
            behind = self._words.search(text[end : end + _REACH_AFTER].partition("\n")[0])
            if behind is not None and behind.group(1) is not None:
                return True
        return verdict


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether nothing goes on at either side: no letter or digit, no decimals, no hyphen with more behind it."""
    return _ends_here(text[end : end + 2]) and _ends_here(text[max(0, start - 2) : start][::-1])


def joins(character: str) -> bool:
    """Whether a token goes on with it; the letters of scripts without spaces do not join. False for no character."""
    return character == "_" or (character < _FIRST_UNSPACED and character.isalnum())


def _ends_here(outside: str) -> bool:
    """Whether a token may end where these two characters follow, the nearer first."""
    if not outside:
        return True
    if joins(outside[0]):
        return False
    if outside[0] == ".":
        return not outside[1:].isdigit()
    return outside[0] != "-" or not outside[1:].isalnum()

"""Context: what the text around a number says about it."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from __future__ import annotations

from functools import cached_property

import re2

REACH = 56
"""Characters before a number in which a word may speak for it: a few words and a name."""
_REACH_AFTER = 28
_FIRST_UNSPACED = "\u0e00"
"""Thai; beyond it stand the scripts without spaces between words."""

_IDENTIFIED = (
    r"orders?|invoices?|tickets?|cases?|ref|refs|references?|serials?|s/n|p/n|m?pn|parts?|models?|sku|skus|isbn(?:-1[03])?|issn|asin|ean|upc|gtin|imei|"
    r"imsi|iccid|vin|mac|tracking|parcels?|shipments?|packages?|bookings?|reservations?|confirmation|transactions?|batch|lots?|items?|"
    r"products?|catalogu?es?|commits?|builds?|versions?|revisions?|release|firmware|rfc|cve|doi|arxiv|pmid|patents?|bugs?|issues?|"
    r"jobs?|po|purchase|flights?|rooms?|bar ?codes?|codes?|hash|checksum|uuid|guid|policy|claims?|contracts?|registration|"
    r"art|articles?|artikel|artikelnummer|ersatzteil|ersatzteilnummer|register|drawings?|patterns?|référence|réf|referencia|riferimento|"
    r"bestellnummer|bestellung|rechnung|rechnungsnummer|seriennummer|teilenummer|sendungsnummer|commande|facture|pedido|factura|ordine|"
    r"fattura|zamówienia|encomenda|"
    r"(?:bestell|auftrags|rechnungs|vorgangs|vertrags|ticket|buchungs|fall|sendungs|paket|liefer|kunden|order|reklamations)-?(?:nummer|nr)|"
    r"vorgang|aktenzeichen|"
    r"(?:bestel|order|factuur|dossier|zaak|klant|zending|boekings)nummer|bestelling|"
    r"(?:order|faktura|ordre|sags|saks|ärende|kund|kunde|bestillings|booking)(?:nummer|nr)|(?:tilaus|lasku|varaus)numero|"
    r"zamówieni[eua]|zgłoszeni[ea]|"
    r"заказ(?:а|у|е)?|накладн(?:ая|ой)|sipariş|rendelés(?:szám|i szám)|objednávk[ayu]|comanda"
)
_LABELLED_THINGS = (
    r"commandes?|dossiers?|colis|devis|contrats?|réservations?|réclamation|factures?|billets?|suivi|expédition|demande|"
    r"expedientes?|reservas?|albarán|presupuesto|incidencia|contrato|caso|envío|reclamación|"
    r"pratica|prenotazione|preventivo|spedizione|contratto|pratiche|biglietto|reclamo|"
    r"processo|protocolo|fatura|reserva|orçamento|chamado|"
    r"bestellung|auftrag|rechnung|vorgang|vertrag|fall|akte|sendung|buchung|lieferschein|reklamation|"
    r"bestelling|factuur|zaak|zending|boeking|offerte|"
    r"faktur[ayę]|spraw[ayę]|przesyłk[ai]|reklamacj[aię]|umow[ayę]|rezerwacj[aię]|"
    r"faktur[ayu]|zakázk[ayu]|smlouv[ayu]|zásilk[ayu]|"
    r"faktura|ärende|beställning|bestilling|sag|sak|ordre|tilaus|lasku|varaus|"
    r"сч[её]т(?:а|у)?|заявк[аиу]|обращени[ея]|дел[оа]|договор(?:а|у)?|тикет|замовлення|рахунок|"
    r"fatura|dosya|rezervasyon|számla|ügy|comandă|comenzii|factur[aăi]i?|dosar|παραγγελία|τιμολόγιο"
)
"""Words for things that somebody may be called about, too: their number has to be called one."""
_MEASURED = (
    r"price|prices|costs?|amounts?|total|population|revenue|salary|timestamps?|epoch|coordinates|latitude|longitude|ratio|score"
)
NUMBERED = f"{_IDENTIFIED}|{_MEASURED}"
"""Words for things that bear numbers and are nobody's private data."""

_NUMBER_WORDS = (
    r"n\.?[°º]|№|n\.|núm\.?|numéro|número|numero|nummer|numer(?:u|ze)?|číslo|č\.|номер(?:у|ом)?|numarası|numaralı|no[’']lu|száma?|numărul|nr|no|nro|"
    r"αριθμός|αρ\."
)
_LABELS = rf"numbers?|num|id|{_NUMBER_WORDS}"
_OF_A_THING = rf"(?:(?:de|di|del|della|do) )?(?:la |l['’])?(?:{_LABELLED_THINGS})"
_CALLED_A_NUMBER = rf"(?:{_LABELLED_THINGS})[\s:.\-]*(?:{_NUMBER_WORDS})|(?:{_NUMBER_WORDS})\s{_OF_A_THING}"
_COUNTS = re2.compile(rf"(?i)(?:^|[^\pL])(?:{NUMBERED}|{_CALLED_A_NUMBER})(?:[\s:#=.(\"']|{_LABELS}|is|was|are)*$")
_NAMES = re2.compile(rf"(?i)(?:^|[^\pL])(?:{_IDENTIFIED})(?:[\s:#=.(\"']|{_LABELS}|is|was|are)*$")
_CODES = (
    r"serials?|s/n|p/n|m?pn|sku|skus|isbn(?:-1[03])?|issn|asin|ean|upc|gtin|imei|imsi|iccid|vin|mac|tracking|rfc|cve|doi|arxiv|pmid|"
    r"bar ?codes?|hash|checksum|uuid|guid|artikelnummer|ersatzteilnummer|bestellnummer|rechnungsnummer|seriennummer|teilenummer|"
    r"sendungsnummer"
)
"""Words for numbers alone; `order` is a word for a thing, too, which somebody may pay for."""
_LABELLED = re2.compile(
    rf"(?i)(?:^|[^\pL])(?:(?:{_CODES})|(?:{_IDENTIFIED})[\s:.]*(?:#|(?:{_LABELS})\b))(?:[\s:#=.(\"']|{_LABELS}|is|was|are)*$"
)


def counts_something(text: str, start: int) -> bool:
    """Whether the words right before a number say that it numbers or measures a thing: `order no. `, `serial: `, `total `."""
    return _COUNTS.search(text[max(0, start - REACH) : start]) is not None


def names_something(text: str, start: int) -> bool:
    """Whether they say that it is a thing's number, which no sum is: `order no. `, `claim `, but not `total `."""
    return _NAMES.search(text[max(0, start - REACH) : start]) is not None


def labels_something(text: str, start: int) -> bool:
    """Whether they call it a number or a code: `order no. `, `serial: `, but not `for the order: `."""
    return _LABELLED.search(text[max(0, start - REACH) : start]) is not None


_BOUGHT = (
    r"orders?|invoices?|tickets?|cases?|parcels?|shipments?|packages?|bookings?|reservations?|transactions?|items?|products?|jobs?|purchase|"
    r"flights?|rooms?|policy|claims?|contracts?|registration|price|costs?|amounts?|total|bestellung|rechnung|commande|facture|pedido|"
    r"factura|ordine|fattura|zamówienia|encomenda"
)
"""Of these, the everyday ones that somebody's number may be given for."""
_PREPOSITION = r"(?:for|of|on|with|from|in|to|behind|für|pour|para|per|voor)"


class Context:
    """Words that speak for a number and words that speak against it; the nearest one before the number decides."""

    def __init__(self, own: str, other: str = NUMBERED) -> None:
        self._own = own
        self._words = re2.compile(rf"(?i)(?:^|[^\pL])(?:({own})|(?:{other}))(?:[^\pL]|$)")

    @cached_property
    def _for(self) -> re2.Pattern[str]:
        """Made when it is asked: most kinds of numbers never do."""
        return re2.compile(
            rf"(?i)(?:^|[^\pL])(?:{self._own})(?:[\s'’()/\-][\pL\s'’()/\-]*)?"
            rf"(?:,?\s*\b{_PREPOSITION}\s|[(/])(?:[\pL\s'’/\-]*[^\pL])?"
            rf"(?:{_BOUGHT})\)?(?:\s*[:=]|\s+(?:is|was)\b:?)[\s\"'(]*$"
        )

    def occurs(self, text: str) -> bool:
        """Whether any word stands anywhere."""
        return self._words.search(text) is not None

    def is_for(self, text: str, start: int) -> bool:
        """Whether a word of its own stands in the clause, and the thing before the number is what it is for: `card for the order: `."""
        return self._for.search(text[max(0, start - REACH) : start]) is not None

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

"""Payment cards: an issuer's range, a length that it uses, and the Luhn digit."""
# ruff: noqa: RUF001 - words of other languages have letters that look like Latin ones

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.context import Context, labels_something, stands_alone
from router_extproc.pii.kinds import CERTAIN, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEPARATOR = r"[ .\-\x{a0}\x{2010}-\x{2014}\x{202f}]"
_NUMBER = re2.compile(
    rf"\b(?:\d{{4}}{_SEPARATOR}\d{{4}}{_SEPARATOR}\d{{4}}{_SEPARATOR}\d{{4}}(?:{_SEPARATOR}\d{{3}})?"
    rf"|3\d{{3}}{_SEPARATOR}\d{{6}}{_SEPARATOR}\d{{4,5}}|\d{{12,19}})\b"
)
_WORDS = Context(
    r"cards?|cc|ccn|visa|master ?card|amex|american express|discover|maestro|diners(?: club)?|jcb|union ?pay|debit|credit|"
    r"cartes?|karten?(?:nummer)?|kreditkarten?(?:nummer)?|bankkarte|girokarte|kartennr|tarjetas?|carta|cartões|cartão|kaart(?:nummer)?|creditcard|"
    r"betaalkaart|bankpas|kart[aąeęuyě]|kartou|kartı|kart(?:ım|ımı|ıma|ımla|ımdan|la|ıyla|tan)?|kort(?:et|nummer)?|kreditkort(?:et)?|bankkort(?:et)?|"
    r"betalkort|betalingskort|(?:luotto|pankki)?kort(?:ti|in|illa|ista)|(?:bank|hitel)?kártya(?:szám)?|card(?:ul|ului)|kartu|thẻ|"
    r"карт(?:а|ы|е|у|ой|ою)|карточк(?:а|и|е|у|ой)|карточку|картк(?:а|и|у|ою)|картці|κάρτας?|"
    r"بطاقة|बैंक कार्ड|कार्ड|כרטיס|"
    r"[\p{Han}]*(?:银行卡|信用卡|借记卡|储蓄卡|卡号|刷卡|銀聯|银联|卡片號碼)\p{Han}*|"
    r"[\p{Han}\p{Hiragana}\p{Katakana}ー]*カード(?:番号)?\p{Hiragana}*|\p{Hangul}*카드(?:번호)?\p{Hangul}{0,2}"
)
_GROUPED = 16
"""Digits of four full groups; three more may be the end of the number or the code on its back."""


class _Issuer(NamedTuple):
    """One range of numbers."""

    first: int
    last: int
    digits: int
    """How many leading digits the range speaks of."""
    lengths: frozenset[int]
    needs_word: bool = False
    """The range is so wide that any number may fall into it: a word must say that it is a card."""


_ISSUERS = (
    _Issuer(4, 4, 1, frozenset({16})),  # Visa
    _Issuer(4, 4, 1, frozenset({13, 19}), needs_word=True),
    _Issuer(51, 55, 2, frozenset({16})),  # Mastercard
    _Issuer(2221, 2720, 4, frozenset({16})),
    _Issuer(34, 34, 2, frozenset({15})),  # American Express
    _Issuer(37, 37, 2, frozenset({15})),
    _Issuer(6011, 6011, 4, frozenset({16, 19})),  # Discover
    _Issuer(644, 659, 3, frozenset({16, 19})),
    _Issuer(300, 305, 3, frozenset({14}), needs_word=True),  # Diners Club
    _Issuer(36, 36, 2, frozenset({14}), needs_word=True),
    _Issuer(38, 39, 2, frozenset({14}), needs_word=True),
    _Issuer(3528, 3589, 4, frozenset({16})),  # JCB
    _Issuer(35, 35, 2, frozenset({16}), needs_word=True),
    _Issuer(2131, 2131, 4, frozenset({15}), needs_word=True),
    _Issuer(1800, 1800, 4, frozenset({15}), needs_word=True),
    _Issuer(62, 62, 2, frozenset({16, 17, 18, 19}), needs_word=True),  # UnionPay
    _Issuer(2200, 2204, 4, frozenset({16}), needs_word=True),  # Mir
    _Issuer(604, 604, 4, frozenset(range(12, 20)), needs_word=True),  # Maestro; the first begins with a zero
    _Issuer(50, 50, 2, frozenset(range(12, 20)), needs_word=True),
    _Issuer(56, 69, 2, frozenset(range(12, 20)), needs_word=True),
)


def find(text: str) -> Iterator[Span]:
    """Card numbers, grouped or not."""
    for match in _NUMBER.finditer(text):
        for length in _lengths(match.group()):
            end = match.start() + length
            if _is_card(text, match.start(), end):
                yield Span(match.start(), end, PiiType.CREDIT_CARD, CERTAIN)
                break


def _lengths(number: str) -> tuple[int, ...]:
    """Where it may end: all of it, or after four groups of four if the code on its back follows."""
    digits = sum(map(str.isdigit, number))
    if digits > _GROUPED and len(number) > digits:
        return len(number), len(number) - 4
    return (len(number),)


def _is_card(text: str, start: int, end: int) -> bool:
    number = text[start:end]
    digits = "".join(filter(str.isdigit, number))
    if len(set(number) - set(digits)) > 1 or not stands_alone(text, start, end) or not luhn(digits):
        return False
    issuer = _issuer(digits)
    if issuer is None:
        return False
    if issuer.needs_word:
        return _WORDS.speaks(text, start, end) is True or _WORDS.is_for(text, start)
    # An issuer's range, its groups and the Luhn digit outweigh any word; without groups, all but one that labels a thing's number.
    return len(number) > len(digits) or not labels_something(text, start)


def _issuer(digits: str) -> _Issuer | None:
    for issuer in _ISSUERS:
        if len(digits) in issuer.lengths and issuer.first <= int(digits[: issuer.digits]) <= issuer.last:
            return issuer
    return None


def luhn(digits: str) -> bool:
    """Whether the last digit is the one that Luhn's formula gives for the others."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit)
        total += value if index % 2 == 0 else sum(divmod(2 * value, 10))
    return total % 10 == 0

"""Addresses in the Internet Protocol, of both versions."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.context import REACH, Context, joins
from router_extproc.pii.kinds import CERTAIN, SHAPED, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_V4 = re2.compile(r"\d{1,3}(?:\.\d{1,3}){3,}")
_V6 = re2.compile(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:(?:\.\d{1,3}){3})?")
_VERSIONED = re2.compile(
    r"(?i)(?:^|[^\pL])(?:v|ver|versions?|releases?d?|rev|revision|builds?|firmware|patch|update[sd]?|upgraded?|downgraded?|sdk|driver|"
    r"requires?|oid|section|sections|chapter|clause|paragraph|§|table|figure|appendix)(?:[\s:#=(.]|number|no|is|to|from|than|and|v|[\d.]+)*$"
)
_WORDS = Context(
    r"ip|ips|ipv4|address|addresses|adresse|host|hosts|server|servers|connect|connects|connected|connection|connecting|ping|pings|ssh|"
    r"login|logins|subnet|dns|gateway|router|traffic|client|peer|from|firewall|port|proxy|vpn|remote|request|requests|blocked|network",
    "(?:versions?|releases?)",
)
_SMALL = 32
"""Four numbers that are all below it are more often a version or a section than an address."""
_MIN_GROUP = 3
"""Characters of the longest group of an abbreviated address: `a::1` is as likely code."""


def find(text: str) -> Iterator[Span]:
    """Addresses that could be somebody's: no loopback, no mask, no version number."""
    for match in _V6.finditer(text):
        if _is_v6(text, *match.span()):
            yield Span(match.start(), match.end(), PiiType.IP_ADDRESS, CERTAIN)
    for match in _V4.finditer(text):
        if _is_v4(text, *match.span()):
            yield Span(match.start(), match.end(), PiiType.IP_ADDRESS, SHAPED)


def _is_v4(text: str, start: int, end: int) -> bool:
    try:
        address = IPv4Address(text[start:end])
    except AddressValueError:
        return False
    if address.is_unspecified or address.is_loopback or address.packed[:2] == b"\xff\xff" or not _bounded(text, start, end):
        return False
    if _VERSIONED.search(text[max(0, start - REACH) : start]):
        return False
    return max(address.packed) >= _SMALL or address.is_private or bool(_WORDS.speaks(text, start, end))


def _bounded(text: str, start: int, end: int) -> bool:
    """Whether the four numbers are all there is: no fifth, no name of a package around them."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before[-1:] == "." or joins(before[-1:]) or joins(after[:1]):
        return False
    if before[-1:] in {"-", "/"} and before[:1].isalpha():
        return False
    return not (after[:1] in {".", "-", "+"} and after[1:].isalnum() and not (after[0] == "-" and after[1:].isdigit()))


def _is_v6(text: str, start: int, end: int) -> bool:
    found = text[start:end]
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    if any(character == ":" or joins(character) for character in around):
        return False
    try:
        address = IPv6Address(found)
    except AddressValueError:
        return False
    if "::" in found and (max(map(len, found.split(":"))) < _MIN_GROUP or not any(map(str.isdigit, found))):
        return False
    return not (address.is_unspecified or address.is_loopback)

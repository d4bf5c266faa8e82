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
_GIVEN = re2.compile(r"(?i)^(?:2[0-9a-f]{3}|3[0-9a-f]{3}|f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]|ff[0-9a-f]{2}|64:ff9b|::ffff):")
"""What addresses begin with that are given to somebody; other short ones are scopes in code: `abc::def1`, `x[10::2]`."""
_GROUPS = 4
"""Groups of an abbreviated address from which on it is none of those."""
_HARDWARE = 2
"""Characters of each group of a hardware address, some of which have eight groups, too."""


def find(text: str) -> Iterator[Span]:
    """Addresses that could be somebody's: no loopback, no mask, no version number."""
    for match in _V6.finditer(text):
        start, end = _unlabelled(text, *match.span())
        if _is_v6(text, start, end):
            yield Span(start, end, PiiType.IP_ADDRESS, CERTAIN)
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


def _unlabelled(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the colon that ends a label before it (`addr:fe80::1`) or parts it from what follows (`fe80::1: unreachable`)."""
    if text[end - 1] == ":" and text[end - 2] != ":":
        end -= 1
    first = text.index(":", start)
    if text[first + 1 : first + 2] != ":" and (first == start or joins(text[max(0, start - 1) : start])):
        start = first + 1
    return start, end


def _is_v6(text: str, start: int, end: int) -> bool:
    found = text[start:end]
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if joins(before[-1:]) or joins(after[:1]) or before == "::" or after == "::":
        return False
    try:
        address = IPv6Address(found)
    except AddressValueError:
        return False
    return _is_written_as_one(found) and not (address.is_unspecified or address.is_loopback)


def _is_written_as_one(found: str) -> bool:
    """Whether nothing else is written like that: no scopes of code, no hardware address."""
    groups = list(filter(None, found.split(":")))
    if "::" not in found:
        return max(map(len, groups)) > _HARDWARE
    return any(map(str.isdigit, found)) and (len(groups) >= _GROUPS or _GIVEN.search(found) is not None)

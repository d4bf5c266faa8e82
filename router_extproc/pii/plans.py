"""Plans: which countries' numbering plans digits fit, in a microsecond, so that the dear look-up is asked about few of them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from router_extproc.pii.automata import matching

if TYPE_CHECKING:
    from collections.abc import Iterator

    import re2

_KINDS = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)


def fitting(number: str, regions: tuple[str, ...]) -> Iterator[str]:
    """The regions, in order, in whose plan the digits may be a number: wherever they are a valid one, and in few others."""
    digits = "".join(filter(str.isdigit, number))
    return (regions[index] for index in sorted(_plans(regions).Match(digits) or ()))


@cache
def _plans(regions: tuple[str, ...]) -> re2.Set:
    """The plans as one automaton."""
    return matching(map(_plan, regions))


def _plan(region: str) -> str:
    """All digits that may be a number there; none for a region without a plan."""
    own = PhoneMetadata.metadata_for_region(region)
    if own is None or own.country_code is None:
        return r"[^\d\D]"
    code, prefix = own.country_code, own.national_prefix_for_parsing or ""
    kinds = "|".join(dict.fromkeys(each for name in COUNTRY_CODE_TO_REGION_CODE[code] for each in _patterns(name)))
    # The look-up takes a prefix off twice. What follows one that is rewritten is left to it, as is what is dialled abroad.
    rewritten = rf"|(?:{code})?(?:{prefix})\d*" if own.national_prefix_transform_rule else ""
    abroad = rf"|(?:{own.international_prefix})\d+" if own.international_prefix else ""
    return rf"(?:{code})?(?:{prefix}){{0,2}}(?:{kinds}){rewritten}{abroad}"


def _patterns(region: str) -> Iterator[str]:
    """Of a region's numbers without their prefix, by kind; some regions share a country's code."""
    plan = PhoneMetadata.metadata_for_region(region)
    for name in _KINDS if plan is not None else ():
        kind = getattr(plan, name)
        if kind is not None and kind.national_number_pattern:
            yield kind.national_number_pattern

"""Roads: the words by which addresses are known."""

from __future__ import annotations

import re2

ROAD = (
    r"Street|Str|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Courts?|Ct|Crescent|Place|Pl|Square|Sq|Boulevard|Blvd|Terrace|Close|Way|Highway|Hwy|"
    r"Parkway|Trail|Circle|Alley|Quay|Strasse|Straße|Gasse|Allee|Platz|Weg"
)
GRID = r"(?:strasse|straße|gasse|gatan|vägen|straat|laan|plein|katu|vej|gade)"
"""Ends of words that are roads."""
_OF_A_ROAD = re2.compile(
    rf"(?i)(?:\b(?:{ROAD}|rue|via|calle|ul|rua|avenida|avda|p\.?o\.? box|apt|flat|unit|suite|[fad]po)\b|{GRID})"
)


def is_of_a_road(written: str) -> bool:
    """Whether there is a word for a road, a box or a part of a house in it."""
    return _OF_A_ROAD.search(written) is not None

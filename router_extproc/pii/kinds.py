"""Kinds of private data that are told apart."""

from __future__ import annotations

from enum import StrEnum


class PiiType(StrEnum):
    """What patterns can find. A model knows these and more."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CREDIT_CARD = "CREDIT_CARD"
    IBAN = "IBAN"
    US_SSN = "US_SSN"
    NATIONAL_ID = "NATIONAL_ID"
    IP_ADDRESS = "IP_ADDRESS"
    URL = "URL"
    API_KEY = "API_KEY"
    DRIVER_LICENSE = "DRIVER_LICENSE"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    AGE = "AGE"


CHECKABLE = frozenset(
    {
        PiiType.CREDIT_CARD,
        PiiType.IBAN,
        PiiType.US_SSN,
        PiiType.IP_ADDRESS,
        PiiType.EMAIL,
        PiiType.API_KEY,
        PiiType.URL,
    }
)
"""Types whose shape says all."""
BY_PATTERN = CHECKABLE | {PiiType.PHONE}
"""What patterns find without a model."""

CERTAIN = 1.0
"""The score of what a checksum confirms, or a shape that nothing else has."""
SHAPED = 0.95
"""The score of what has the shape and breaks no rule."""
NEARBY = 0.85
"""The score of what a word nearby, or a model, speaks for."""

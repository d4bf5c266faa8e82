"""Errors: why an encoder gives no reading."""

from __future__ import annotations

from math import isfinite


class EncoderError(Exception):
    """No reading. The text never quotes the prompt."""


class OverloadedError(EncoderError):
    """Too many texts wait already."""


class LateError(EncoderError):
    """The deadline passed before the text's turn came, or before all of it was read while others waited."""


class StrangeError(EncoderError):
    """The model gave numbers that are not finite."""


class UnavailableError(EncoderError):
    """The classifier has failed again and again, and is not asked for a while."""


def finite(total: float) -> None:
    """Raises StrangeError unless a sum of a model's numbers is a number: one that is none makes every sum with it none."""
    if not isfinite(total):
        raise StrangeError("the model gave numbers that are not finite")

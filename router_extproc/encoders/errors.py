"""Errors: why an encoder gives no reading."""

from __future__ import annotations


class EncoderError(Exception):
    """No reading. The text never quotes the prompt."""


class OverloadedError(EncoderError):
    """Too many texts wait already."""


class LateError(EncoderError):
    """The deadline passed before the text's turn came."""


class StrangeError(EncoderError):
    """The model gave numbers that are not finite."""


class UnavailableError(EncoderError):
    """The classifier has failed again and again, and is not asked for a while."""

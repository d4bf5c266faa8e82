"""Errors: why a classifier cannot be measured."""

from __future__ import annotations


class EvaluationError(Exception):
    """The root of this package's errors."""


class DataError(EvaluationError):
    """A file cannot be read, or a line of it is not what it should be. The text names the file, never the row's words."""


class ClassifierError(EvaluationError):
    """The classifier lacks a head, a label or a threshold that the rows ask for."""

"""Errors: what is wrong with a quality model or with what it is made of."""

from __future__ import annotations

from router_extproc.errors import RouterError


class QualityError(RouterError):
    """A quality model that cannot be read, made or used. The text names the file, if there is one, and the cure."""

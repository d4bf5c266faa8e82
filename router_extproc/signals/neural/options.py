"""Options: what all neural signals can be told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from router_extproc.encoders.encoder import WINDOWS
from router_extproc.signals.options import Options, Reads

MOST_TEXTS = 1024
"""Of one request. How long they take is bounded by its deadline: the queue refuses what would come too late."""


class NeuralOptions(Options):
    """Which text is read, and how much of it."""

    reads: Reads = Reads.LAST_USER
    """Which text is looked at."""
    max_windows: Annotated[int, Field(ge=1, le=64)] = WINDOWS
    """Stretches of 200 tokens that are read of a text, half from its head and half from its tail; the signal's coverage says how much
    of it that was, and `minCoverage` in a condition asks for it."""


class GuardOptions(Options):
    """Which texts are read, each on its own, and how much of them."""

    reads: Reads = Reads.EVERYTHING
    """Which texts are looked at, each on its own."""
    max_windows: Annotated[int, Field(ge=1, le=64)] = WINDOWS
    """Stretches of 200 tokens that are read of each text."""
    max_texts: Annotated[int, Field(ge=1, le=MOST_TEXTS)] = 256
    """Texts that are read, the last first; those that were not count as not covered. What an earlier turn had read costs nothing."""

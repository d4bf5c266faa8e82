"""Model: what users of quality models need: profiles, queries, and how a model is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.quality.artifact import read
from router_extproc.quality.errors import QualityError
from router_extproc.quality.profile import ModelProfile, QualityModel, Query

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ModelProfile", "QualityError", "QualityModel", "Query", "load"]


def load(path: Path, *, encoder: str | None = None) -> QualityModel:
    """A quality model from its file. Raises QualityError if it is damaged, of another version, or for another encoder.

    `encoder`: what tells the encoder's embeddings apart (`encoders.bundle.embedder`), if that is to be checked.
    """
    return read(path, encoder=encoder)[0]

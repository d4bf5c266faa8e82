"""Head file: a linear head on disk, as `train-head` writes it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.softmax import Softmax

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
_CURE = "run `router-extproc train-head` again"


class HeadFile(BaseModel):
    """A head and what it was made of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    labels: Annotated[tuple[str, ...], Field(min_length=2, max_length=500)]
    model: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the graph whose embeddings it reads: it means nothing to another."""
    size: Annotated[int, Field(ge=1, le=4096)]
    weights: str
    """Base64 of little-endian float32, (labels, size + 1); the last column is the offset."""
    evaluation: dict[str, Any]
    """Cross-validated figures."""

    @field_validator("labels")
    @classmethod
    def _distinct(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(labels)) < len(labels):
            raise ValueError("the same label twice")
        return labels

    def head(self) -> Softmax:
        """The head. Raises ValueError if the weights do not fit the labels."""
        found = np.frombuffer(base64.b64decode(self.weights, validate=True), "<f4")
        if found.size != len(self.labels) * (self.size + 1) or not np.isfinite(found).all():
            raise ValueError("its weights do not fit its labels")
        table = found.reshape(len(self.labels), self.size + 1)
        return Softmax(np.ascontiguousarray(table[:, :-1]), np.ascontiguousarray(table[:, -1]))


def packed(head: Softmax, labels: tuple[str, ...], model: str, evaluation: dict[str, Any]) -> HeadFile:
    """A head as a file's content."""
    table = np.concatenate((head.weights, head.offsets[:, None]), 1).astype("<f4")
    weights = base64.b64encode(table.tobytes()).decode("ascii")
    return HeadFile(format=FORMAT, labels=labels, model=model, size=head.weights.shape[1], weights=weights, evaluation=evaluation)


def read_head(path: Path, model: str) -> tuple[Softmax, tuple[str, ...]]:
    """A head for that embedder, and its labels. Raises BundleError."""
    try:
        file = HeadFile.model_validate_json(path.read_bytes())
        head = file.head()
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}; {_CURE}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BundleError(f"{path}: {where}: {first['msg']}; {_CURE}") from error
    except ValueError as error:
        raise BundleError(f"{path}: {error}; {_CURE}") from error
    if file.format != FORMAT or file.model != model:
        raise BundleError(f"{path}: it was trained for another model bundle; {_CURE}")
    return head, file.labels

"""Term weights: what the models of term weights beside the graph share: when a text is short, and how a file holds their weights."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from router_extproc.encoders.manifest import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SHORT = 15.0
"""Length of a term vector below which a text says little: a few words weigh less than a page of them."""
CURE = "restore the bundle from its release"


def scaled(squares: Floats) -> Floats:
    """The lengths that term vectors are divided by, from their squared lengths."""
    lengths: Floats = np.sqrt(squares + np.float32(SHORT**2))
    return lengths


def eight_bits(weights: Floats) -> tuple[NDArray[np.int8], np.float32]:
    """Weights in steps of a scale, in [-127, 127], and that scale."""
    scale = np.float32(max(float(np.abs(weights).max()), 1e-9) / 127)
    return np.rint(weights / scale).astype(np.int8), scale


@contextmanager
def arrays_of(path: Path, what: str) -> Iterator[Mapping[str, NDArray[Any]]]:
    """The arrays of a file. Raises BundleError for a file that is none, and for whatever goes wrong with them."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            yield file
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, BadZipFile) as error:
        raise BundleError(f"{path}: not a {what}: {error}; {CURE}") from error

"""Bundle: the shipped model: graph, tokenizer and manifest, verified together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders import heads
from router_extproc.encoders.experts import read_experts
from router_extproc.encoders.graph import Graph
from router_extproc.encoders.heads import OUTPUTS
from router_extproc.encoders.manifest import FILE_NAME, BundleError, Manifest, read_manifest
from router_extproc.encoders.passages import Slice
from router_extproc.encoders.tokens import CASES, WordPieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router_extproc.encoders.experts import Experts
    from router_extproc.encoders.graph import Arrays
GRAPH, TOKENIZER, BACKGROUND = "model.onnx", "tokenizer.json", "background.npy"
"""The bundle's files. The background is a sample of embeddings of ordinary requests: int8, one row each, in 127ths."""

TAGS, EMBEDDING = "tags", "embedding"
"""Outputs beside those for the heads of POOLED."""
TYPES, PEAKS = "types", "peaks"
"""What comes with TAGS: each token's probabilities of none and of each type, and the highest of each over all tokens. Sums of the tags'
own, which cost the graph a tenth of what they cost behind it. Bundles up to version 8 have neither."""
_NEEDED = {TAGS, TYPES, PEAKS, EMBEDDING, *OUTPUTS}
_CURE = "restore the bundle from its release"
_INPUTS = {"input_ids", "attention_mask", "marks"}

NAME = "default"
_HERE = Path(__file__).resolve().parent.parent


def bundled() -> Path:
    """The folder of the bundle that comes with the program: in the wheel, or in a checkout."""
    inside = _HERE / "models" / NAME
    return inside if inside.is_dir() else _HERE.parent / "models" / NAME


def fingerprint(folder: Path) -> str:
    """Tells bundles apart: the SHA-256 of the manifest, which holds those of the files. Raises BundleError."""
    path = folder / FILE_NAME
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}: no model bundle is there; `make models` makes one") from error


def embedder(manifest: Manifest) -> str:
    """Tells embeddings apart: what is made of one embedder's embeddings and difficulties means nothing to another. SHA-256."""
    return manifest.embedder or manifest.files[GRAPH].sha256


@dataclass(frozen=True, slots=True)
class Window:
    """One window of a text, and where that text comes from."""

    piece: Slice
    origin: int


class Bundle:
    """A verified model. Safe from several threads."""

    def __init__(self, folder: Path) -> None:
        """Raises BundleError for anything wrong with it."""
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        for name in (GRAPH, TOKENIZER, BACKGROUND):
            if name not in self.manifest.files:
                raise BundleError(f"{folder / FILE_NAME}: {name} is not among its files; {_CURE}")
        try:
            self.pieces = WordPieces(folder / TOKENIZER)
        except (OSError, ValueError) as error:
            raise BundleError(f"{error}; {_CURE}") from error
        self.background = _background(folder / BACKGROUND)
        """Embeddings of ordinary requests, one row each: what is not like anything an operator gives examples of."""
        self.experts: Experts = read_experts(folder, self.manifest, self.pieces.size)
        """What heads hear beside the graph. Replaced only by training, which chooses the weights."""
        self._graph = Graph(folder / GRAPH)
        missing = sorted(_NEEDED - set(self._graph.outputs)) + sorted(_INPUTS - set(self._graph.inputs))
        if missing:
            cure = "use a bundle of this release" if {TYPES, PEAKS}.issuperset(missing) else _CURE
            raise BundleError(f"{folder / GRAPH}: the graph has no {', '.join(missing)}; {cure}")
        self._try()

    def run(self, windows: Sequence[Window], outputs: Sequence[str]) -> Arrays:
        """The graph's outputs for windows of any lengths: one row a window; rows of `tags` and `types` are as long as the longest."""
        longest = max(len(window.piece) for window in windows)
        shape = (len(windows), longest)
        ids = np.full(shape, self.pieces.pad, np.int64)
        marks = np.zeros(shape, np.int64)
        mask = np.zeros(shape, np.int64)
        for row, window in enumerate(windows):
            size = len(window.piece)
            ids[row, :size] = window.piece.ids
            marks[row, :size] = window.piece.cases
            marks[row, :size] += window.origin * CASES
            mask[row, :size] = 1
        return self._graph.run(outputs, {"input_ids": ids, "attention_mask": mask, "marks": marks})

    def _try(self) -> None:
        """Raises BundleError unless the graph runs on the tokenizer's pieces and gives what this program reads."""
        path = self.folder / GRAPH
        ids = [self.pieces.begin, self.pieces.size - 1, self.pieces.end]
        types = 1 + len(heads.SPANS)
        shapes: dict[str, tuple[int, ...]] = {EMBEDDING: (1, self.background.shape[1]), TAGS: (1, len(ids), heads.TAGS)}
        shapes |= {TYPES: (1, len(ids), types), PEAKS: (1, types)}
        shapes |= {head: (1, heads.width(head)) for head in OUTPUTS}
        try:
            found = self.run([Window(Slice(ids, [0] * len(ids), [(0, 0)] * len(ids)), 0)], tuple(shapes))
        except Exception as error:
            # onnxruntime raises classes of its own that have no common public base
            reason = str(error).partition("\n")[0]
            raise BundleError(f"{path}: it does not run: {reason}; {_CURE}") from error
        wrong = sorted(name for name, shape in shapes.items() if found[name].shape != shape)
        if wrong:
            raise BundleError(f"{path}: its outputs {', '.join(wrong)} are not of the size that this program reads; {_CURE}")


def _background(path: Path) -> NDArray[np.float32]:
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BundleError(f"{path}: not an array: {error}; {_CURE}") from error
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype != np.int8 or not rows.any(1).all():  # noqa: PLR2004 - rows, columns
        raise BundleError(f"{path}: it does not hold rows of int8; {_CURE}")
    found = rows.astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found

"""Curve: how well a network that is still being trained does on the dev set; a quick look, on torch, before quantisation."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from router_extproc.encoders.heads import CLASSES, POOLED
from router_extproc.evaluation.metrics import auc, spearman
from router_extproc.training.corpus import Licence, read
from router_extproc.training.windows import IGNORED, collate, places, tagged, window

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.corpus import Example
    from router_extproc.training.network import Network
    from router_extproc.training.windows import Window

_ROWS = 160
"""Of each head."""
_BATCH = 16
_CHARACTERS = 1200


class DevSet:
    """The same rows each time."""

    def __init__(self, data: Path, pieces: WordPieces, licence: Licence) -> None:
        found = read(data, "dev", licence)
        self._pieces = pieces
        self._rows = {head: _sample(found[head]) for head in (*POOLED, "pii")}

    def figures(self, network: Network, device: torch.device) -> dict[str, float]:
        """By head: accuracy of the class heads and of the tokens that are private, AUC of the chances, Spearman of the difficulty."""
        network.eval()
        with torch.no_grad():
            return {head: round(self._figure(network, device, head), 4) for head in self._rows}

    def _figure(self, network: Network, device: torch.device, head: str) -> float:
        rows = self._rows[head]
        logits = []
        for at in range(0, len(rows), _BATCH):
            windows = [self._window(row) for row in rows[at : at + _BATCH]]
            batch, tags = collate(windows, self._pieces.pad)
            batch = batch.to(device)
            hidden = network.encoder(batch)
            if head == "pii":
                logits.append(_right(network.tags(hidden).float().cpu(), tags))
            else:
                logits.append(network.pooled(head, hidden, batch).float().cpu().numpy())
        return _score(head, np.concatenate(logits), np.array([row.target for row in rows] if head != "pii" else []))

    def _window(self, row: Example) -> Window:
        tokens = self._pieces.encode(row.text[:_CHARACTERS])
        tags = tagged(tokens, row.target) if row.task == "pii" else None
        return window(tokens, places(tokens)[0], self._pieces, row.kind, tags)


def _sample(rows: Sequence[Example]) -> list[Example]:
    chosen = Random(5).sample(list(rows), min(_ROWS, len(rows)))
    return sorted(chosen, key=lambda row: len(row.text))


def _right(logits: torch.Tensor, tags: torch.Tensor) -> NDArray[Any]:
    """Of each token that is private, whether the head says which kind it is."""
    private = (tags > 0) & (tags != IGNORED)
    found: NDArray[Any] = (logits.argmax(-1)[private] == tags[private]).float().numpy()
    return found


def _score(head: str, logits: NDArray[Any], targets: NDArray[Any]) -> float:
    if head == "pii":
        return float(logits.mean())
    if head in CLASSES:
        return float((logits.argmax(-1) == targets).mean())
    if head == "difficulty":
        return spearman(targets.astype(np.float64), logits[:, 0].astype(np.float64))
    return auc(targets > 0.5, logits[:, 0].astype(np.float64))

"""Polish: a finished bundle's network learns more of private data, and is held to what it was in all else."""

from __future__ import annotations

import copy
from dataclasses import asdict
from random import Random
from typing import TYPE_CHECKING

import torch

from router_extproc.training.feed import feed
from router_extproc.training.fit import POLISHED, of_labels, of_others, of_teacher, said
from router_extproc.training.loop import Loop, Schedule
from router_extproc.training.losses import nearness_loss
from router_extproc.training.network import embedding
from router_extproc.training.restore import restored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.corpus import Example
    from router_extproc.training.feed import Fed
    from router_extproc.training.loop import Told
    from router_extproc.training.network import Network
    from router_extproc.training.recipe import Recipe

SHARES = {
    "domain": 0.13, "jailbreak": 0.22, "pii": 0.4, "fact_check": 0.07,
    "modality": 0.04, "feedback": 0.05, "difficulty": 0.03, "embedding": 0.06,
}  # fmt: skip
"""How often each head gets a batch."""
_LABELS = {"pii": 0.8}
"""Weight of the labels; the rest, and all of the other heads, is what the network said before (Li and Hoiem 2016)."""
_ASIDE = 0.4
"""Weight of what the network said before of a batch for each head that the batch is not for."""
_KEEP_SHARE = 0.1
"""Of the batches of heads that also hold the embedding to what it was."""
_PART = 4
"""Part of the recipe's tokens that a batch has."""


class Polishing:
    """One run with its state in a folder, in which `trained` finds the network."""

    def __init__(
        self, bundle: Path, examples: Mapping[str, list[Example]], recipe: Recipe, pieces: WordPieces, folder: Path, batches: int
    ) -> None:
        """Raises OSError."""
        torch.manual_seed(recipe.seed)
        self._examples, self._pieces, self._recipe = examples, pieces, recipe
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = restored(bundle)
        self._anchor = copy.deepcopy(network).to(device).requires_grad_(requires_grad=False)
        schedule = Schedule(batches, recipe.polish_rate, 3.0, 2 * recipe.gather, 0.98)
        self._loop = Loop(network, schedule, device, folder / POLISHED, asdict(recipe))
        self.device = device
        self.length = batches
        self._random = Random(recipe.seed)

    @property
    def average(self) -> Network:
        """The network as it would be kept."""
        return self._loop.average

    def run(self, told: Told, *, save_every: int = 100) -> None:
        """Go on where the folder's state ends, if it has one. Raises ValueError if that is of another recipe."""
        self._loop.resume(self._recipe.same_but_steps)
        seed = self._recipe.seed + 3 + self._loop.step
        self._random = Random(seed)
        fed = feed(self._examples, self._pieces, seed, SHARES, tokens=self._recipe.tokens // _PART, device=self.device)
        self._loop.run(fed, self._loss, told, save_every=save_every)

    def _loss(self, network: Network, fed: Fed) -> Tensor:
        hidden = network.encoder(fed.batch)
        with torch.no_grad():
            before = self._anchor.encoder(fed.batch)
        loss = torch.zeros((), device=self.device)
        if fed.task != "embedding":
            told, share = said(network, hidden, fed), _LABELS.get(fed.task, 0.0)
            if share:
                loss = share * of_labels(told, fed)
            with torch.no_grad():
                known = said(self._anchor, before, fed)
            loss = loss + (1 - share) * of_teacher(told, known, fed)
        loss = loss + _ASIDE * of_others(network, hidden, self._anchor, before, fed)
        if fed.task == "embedding" or self._random.random() < _KEEP_SHARE:
            mask = fed.batch.mask
            loss = loss + nearness_loss(embedding(hidden.float(), mask), embedding(before.float(), mask))
        return loss

"""Losses: what each head is taught by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from router_extproc.encoders.heads import CLASSES, SPANS, TAGS
from router_extproc.training.windows import IGNORED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from router_extproc.training.corpus import Example
    from router_extproc.training.network import Network

_SMOOTHING = 0.05
"""Labels of these sets are wrong now and then."""


def pooled_loss(network: Network, task: str, hidden: Tensor, mask: Tensor, owners: Tensor, examples: Sequence[Example]) -> Tensor:
    """The loss of a pooled head. `owners` tells each window's example: of several windows the most suspicious one counts."""
    logits = network.pooled(task, hidden, mask).float()
    wanted = torch.tensor([example.target for example in examples], device=logits.device)
    if task in CLASSES:
        return functional.cross_entropy(logits, wanted, label_smoothing=_SMOOTHING)
    highest = torch.full((len(examples),), -1e4, device=logits.device).scatter_reduce(0, owners, logits.squeeze(-1), "amax")
    if task == "jailbreak":
        wanted = wanted * (1 - _SMOOTHING) + _SMOOTHING / 2
    return functional.binary_cross_entropy_with_logits(highest, wanted)


def tag_loss(network: Network, hidden: Tensor, tags: Tensor, examples: Sequence[Example]) -> Tensor:
    """The token head's loss. Types that a row's source does not annotate are left out of it."""
    logits = network.tags(hidden).float() + _unseen(examples).to(hidden.device)[:, None, :]
    weights = torch.ones(TAGS, device=hidden.device)
    weights[1:] = 2.0  # one token in ten is private
    return functional.cross_entropy(logits.flatten(0, 1), tags.flatten(), weight=weights, ignore_index=IGNORED)


def _unseen(examples: Sequence[Example]) -> Tensor:
    """(B, TAGS): -1e4 for the tags of types that are not annotated."""
    kept = torch.full((len(examples), TAGS), -1e4)
    kept[:, 0] = 0
    for row, example in enumerate(examples):
        for number, name in enumerate(SPANS):
            if name in example.types:
                kept[row, 1 + 2 * number : 3 + 2 * number] = 0
    return kept

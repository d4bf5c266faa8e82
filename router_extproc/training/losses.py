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

_SMOOTHING = 0.05
"""Labels of these sets are wrong now and then."""
_PRIVATE = 2.0
"""Weight of a token that is private: one in ten is."""
_AS_NUMBERS = 20
"""Weight of the difference as numbers."""
_CHOICE = 3
"""Embeddings among which one can be nearer than another."""
_NEAR = 0.05
"""Temperature of what is near to what, that of the training of both embeddings."""


def pooled_loss(task: str, logits: Tensor, owners: Tensor, wanted: Tensor) -> Tensor:
    """The loss of a pooled head, (windows, outputs), beside what it should say of each example.

    `owners` tells each window's example: of several windows the most suspicious one counts.
    """
    logits = logits.float()
    if task in CLASSES:
        return functional.cross_entropy(logits, wanted, label_smoothing=_SMOOTHING)
    highest = most_suspicious(logits, owners, len(wanted))
    if task == "jailbreak":
        wanted = wanted * (1 - _SMOOTHING) + _SMOOTHING / 2
    return functional.binary_cross_entropy_with_logits(highest, wanted)


def most_suspicious(logits: Tensor, owners: Tensor, examples: int) -> Tensor:
    """(examples,): each one's highest, of (windows, 1); `owners` tells each window's example."""
    lowest = torch.full((examples,), -1e4, device=logits.device)
    return lowest.scatter_reduce(0, owners, logits.squeeze(-1), "amax")


def tag_loss(logits: Tensor, tags: Tensor, known: Tensor) -> Tensor:
    """The token head's loss, (windows, tokens, TAGS). Types that a row's source does not annotate (`known`) are left out of it."""
    logits = logits.float().masked_fill(~known[:, None, :], -1e4)
    weights = torch.ones(TAGS, device=logits.device)
    weights[1:] = _PRIVATE
    return functional.cross_entropy(logits.flatten(0, 1), tags.flatten(), weight=weights, ignore_index=IGNORED)


def annotated(examples: Sequence[Example]) -> Tensor:
    """(examples, TAGS), bool: no tag, and the tags of types that each one's source annotates."""
    rows = {types: _annotated(types) for types in {example.types for example in examples}}
    return torch.stack([rows[example.types] for example in examples]) if examples else torch.zeros(0, TAGS, dtype=torch.bool)


def _annotated(types: frozenset[str]) -> Tensor:
    return torch.tensor([True, *(name in types for name in SPANS for _ in range(2))])


def taught_loss(task: str, logits: Tensor, taught: Tensor) -> Tensor:
    """How far a pooled head's chances are from the teacher's (Hinton et al. 2015)."""
    logits, taught = logits.float(), taught.float()
    if task in CLASSES:
        return functional.kl_div(logits.log_softmax(-1), taught.log_softmax(-1), reduction="batchmean", log_target=True)
    return functional.binary_cross_entropy_with_logits(logits, taught.sigmoid()) - functional.binary_cross_entropy_with_logits(
        taught, taught.sigmoid()
    )


def taught_tags_loss(logits: Tensor, taught: Tensor, mask: Tensor) -> Tensor:
    """How far the token head's chances are from the teacher's, over all tokens; those that the teacher takes for private count more."""
    logits, taught = logits.float().log_softmax(-1), taught.float().log_softmax(-1)
    apart = (taught.exp() * (taught - logits)).sum(-1)
    weights = (1 + (_PRIVATE - 1) * (1 - taught[..., 0].exp())) * mask
    return (apart * weights).sum() / weights.sum()


def nearness_loss(own: Tensor, taught: Tensor) -> Tensor:
    """How far what is near to what among some embeddings, (B, any), is from what the teacher's say.

    As numbers, and as each one's chances of being the nearest to another.
    """
    ours, theirs = own @ own.T, taught @ taught.T
    itself = torch.eye(len(ours), dtype=torch.bool, device=ours.device)
    near = functional.mse_loss(ours, theirs)
    if len(ours) < _CHOICE:  # the other is the nearest
        return _AS_NUMBERS * near
    ours, theirs = ((each / _NEAR).masked_fill(itself, -1e4).log_softmax(-1) for each in (ours, theirs))
    return _AS_NUMBERS * near + functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)

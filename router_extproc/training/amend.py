"""Amend: heads of a finished bundle learn what they lack, and are held to what they say of all else.

Learning without forgetting (Li and Hoiem 2016), for one head: of what it knows it is taught its own answers, not the labels, so that its
calibration and its threshold can stay. `refit` teaches labels again, after which both have to be chosen anew.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from router_extproc.encoders.heads import CLASSES
from router_extproc.training.everyday import short_results, short_turns, tailed
from router_extproc.training.refit import beside, known, learn, logits, opened, put, steps, untold
from router_extproc.training.states import States, states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from router_extproc.training.corpus import Example
    from router_extproc.training.network import Pooled
    from router_extproc.training.refit import Stage

HEADS = ("jailbreak", "modality", "difficulty", "fact_check")
"""Those that lack something: tails and short results of tools; short turns."""
_TAILS = 2
"""How many times as many tails there are as in the lessons of `refit`."""
_COPIES = 8
"""Of each short text."""
_BATCH = 64


class Amendment(NamedTuple):
    """What one head learns."""

    known: list[Example]
    """Texts of which it is to say what it says; their labels teach nothing."""
    new: list[Example]
    """Texts with labels."""


def amendments(examples: Mapping[str, Sequence[Example]], seed: int, heads: Sequence[str] = HEADS) -> dict[str, Amendment]:
    """By head of these."""
    random = Random(seed)
    found = {head: Amendment(known(head, examples.get(head, ()), random), []) for head in heads}
    if "jailbreak" in found:
        found["jailbreak"].known.extend(beside(examples, random))
        found["jailbreak"].new.extend(row for _ in range(_TAILS) for row in tailed(examples, random))
        found["jailbreak"].new.extend(short_results(_COPIES))
    for head in ("modality", "difficulty", "fact_check"):
        if head in found:
            found[head].new.extend(short_turns(head, _COPIES))
    return found


def amend(folder: Path, learnt: Mapping[str, Amendment], seed: int, stage: Stage = untold) -> None:
    """Train heads of the bundle's graph on, and write them back. The manifest is not touched. Raises OSError.

    `stage` gets the name and the steps of what begins; what it gives is called after each step.
    """
    for name, rows in learnt.items():
        texts = [*rows.known, *rows.new]
        found = states(folder, texts, stage(f"reading texts for {name}", len(texts)))
        head = opened(folder, name)
        wanted = np.concatenate((_said(name, head, found, len(rows.known)), _labels(name, rows.new)))
        found = States(found.windows, found.owners, wanted)
        learn(head, found, seed, stage(f"training {name}", steps(found)), partial(_loss, name))
        put(folder, name, head)


def _said(name: str, head: Pooled, found: States, count: int) -> NDArray[np.float32]:
    """(count, outputs): what the head says of the first texts, as probabilities."""
    head.eval()
    with torch.no_grad():
        parts = [logits(name, head, found, np.arange(at, min(at + _BATCH, count))) for at in range(0, count, _BATCH)]
    if not parts:
        return _labels(name, [])
    said = torch.cat(parts)
    chances: NDArray[np.float32] = (said.softmax(1) if name in CLASSES else said.sigmoid()).numpy()
    return chances


def _labels(name: str, rows: Sequence[Example]) -> NDArray[np.float32]:
    """(rows, outputs): probabilities."""
    targets = [row.target for row in rows]
    if name in CLASSES:
        return np.eye(len(CLASSES[name]), dtype=np.float32)[np.array(targets, np.int64)]
    return np.array(targets, np.float32)[:, None]


def _loss(name: str, head: Pooled, found: States, rows: NDArray[np.int64]) -> Tensor:
    """Beside probabilities that are as they shall be: no label is smoothed."""
    said, wanted = logits(name, head, found, rows), torch.from_numpy(found.targets[rows])
    if name in CLASSES:
        return functional.cross_entropy(said, wanted)
    return functional.binary_cross_entropy_with_logits(said, wanted)

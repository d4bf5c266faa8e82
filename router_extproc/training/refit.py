"""Refit: the jailbreak head learns on, on a finished encoder: what an encoder takes hours for, a head learns in minutes.

The encoder is shared and trained for all heads at once; its token states tell keys from words and words from sentences well enough, but
the head that read them was taught with too few of each.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import numpy as np
import torch

from router_extproc.training.augment import worn
from router_extproc.training.corpus import Example
from router_extproc.training.everyday import harnessed, tailed
from router_extproc.training.lookalikes import lookalikes
from router_extproc.training.losses import pooled_loss
from router_extproc.training.network import Pooled, mean
from router_extproc.training.states import head_weights, put_head, states

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from router_extproc.training.states import States, Tick

    Stage = Callable[[str, int], Tick]

HEAD = "jailbreak"
_ROWS = 12000
"""Of what the head was trained on."""
_EPOCHS = 3
_BATCH = 64
_RATE = 1e-3
_HELD = 1e-4
"""How much the weights are held where they were: what the dev set lacks must not be forgotten."""


def untold(_name: str, _steps: int) -> Tick:
    """A stage of which nobody wants to know."""
    return lambda: None


def refit(folder: Path, examples: Sequence[Example], seed: int, stage: Stage = untold) -> None:
    """Train the head of the bundle's graph on, and write it back. The manifest is not touched. Raises OSError.

    `stage` gets the name and the steps of what begins; what it gives is called after each step.
    """
    found = states(folder, examples, stage("reading texts", len(examples)))
    head = _head(head_weights(folder, HEAD))
    _learn(head, found, examples, seed, stage)
    put_head(folder, HEAD, {name: value.detach().numpy() for name, value in head.state_dict().items()})


def lessons(examples: Mapping[str, Sequence[Example]], seed: int) -> list[Example]:
    """Some of what the head was trained on, as people would write it, and tails, look-alikes and harnesses made anew."""
    random = Random(seed)
    known = examples[HEAD]
    rows = random.sample(known, min(_ROWS, len(known)))
    worn_rows = [Example(HEAD, worn(row.text, random), row.target, row.source, row.kind) for row in rows]
    return [*worn_rows, *tailed(examples, random), *lookalikes(random), *harnessed(examples, random)]


def _head(weights: Mapping[str, NDArray[np.float32]]) -> Pooled:
    hidden = weights["attend.weight"].shape[1]
    head = Pooled(hidden, 1)
    zero = {"attend.bias": torch.zeros(1)}  # a constant added to all tokens changes nothing
    head.load_state_dict({name: torch.tensor(value) for name, value in weights.items()} | zero)
    return head


def _learn(head: Pooled, found: States, examples: Sequence[Example], seed: int, stage: Stage) -> None:
    torch.manual_seed(seed)
    # The products are small: where others work beside, threads that wait for each other took ten times as long.
    torch.set_num_threads(1)
    start = [value.detach().clone() for value in head.parameters()]
    batches = list(_batches(found, seed))
    optimizer = torch.optim.AdamW(head.parameters(), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=len(batches) + 1)
    tick = stage("training the head", len(batches))
    head.train()
    for rows in batches:
        loss = _loss(head, found, examples, rows)
        loss = loss + _HELD * sum(((now - then) ** 2).sum() for now, then in zip(head.parameters(), start, strict=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        tick()
    head.eval()


def _batches(found: States, seed: int) -> Iterator[NDArray[np.int64]]:
    """Texts of roughly equal length together, another way in each epoch."""
    chance = np.random.default_rng(seed)
    lengths = np.zeros(len(found.targets))
    np.maximum.at(lengths, found.owners, [len(window) for window in found.windows])
    for _ in range(_EPOCHS):
        order = np.argsort(lengths * chance.uniform(0.8, 1.2, len(lengths)), kind="stable")
        batches = [order[at : at + _BATCH] for at in range(0, len(order), _BATCH)]
        yield from (batches[number] for number in chance.permutation(len(batches)))


def _loss(head: Pooled, found: States, examples: Sequence[Example], rows: NDArray[np.int64]) -> Tensor:
    first, last = np.searchsorted(found.owners, rows), np.searchsorted(found.owners, rows, side="right")
    windows = [found.windows[at] for begin, end in zip(first, last, strict=True) for at in range(begin, end)]
    owners = torch.tensor(np.repeat(np.arange(len(rows)), last - first))
    hidden, mask = _padded(windows)
    return pooled_loss(HEAD, head(hidden, mask, mean(hidden, mask)), owners, torch.tensor([examples[row].target for row in rows]))


def _padded(windows: Sequence[NDArray[np.float16]]) -> tuple[Tensor, Tensor]:
    longest = max(len(window) for window in windows)
    hidden = np.zeros((len(windows), longest, windows[0].shape[1]), np.float32)
    mask = np.zeros((len(windows), longest), bool)
    for row, window in enumerate(windows):
        hidden[row, : len(window)] = window
        mask[row, : len(window)] = True
    return torch.from_numpy(hidden), torch.from_numpy(mask)

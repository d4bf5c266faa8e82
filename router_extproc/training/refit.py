"""Refit: heads learn on, on a finished encoder: what an encoder takes hours for, a head learns in minutes.

The encoder is shared and trained for all heads at once; its token states tell keys from words, words from sentences and fields from
each other well enough, but the heads that read them were taught with too few of each, and by int8 numbers that they had never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import torch

from router_extproc.encoders.heads import CLASSES, CONTENTS, JAILBREAK, head_of, output
from router_extproc.encoders.reading import ANYWHERE
from router_extproc.training.augment import worn
from router_extproc.training.corpus import SOURCE, Example
from router_extproc.training.everyday import TURNS, harnessed, is_staged, staged, tailed
from router_extproc.training.lookalikes import lookalikes
from router_extproc.training.losses import most_suspicious, pooled_loss
from router_extproc.training.network import Pooled, mean
from router_extproc.training.states import head_weights, put_head, states
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from router_extproc.training.states import States, Tick

    Stage = Callable[[str, int], Tick]
    Loss = Callable[[Pooled, States, NDArray[np.int64]], Tensor]

HEAD = JAILBREAK
HEADS = (HEAD, CONTENTS, "domain", "fact_check", "feedback")
"""Outputs that gain: docs/training.md."""
_ROWS = {HEAD: 12_000, CONTENTS: 12_000, "domain": 50_000, "fact_check": 14_000, "feedback": 20_000}
_OTHERS_ROWS = 12_000
"""Of what each head was trained on, at most."""
_TIMES = {"domain": 2}
"""How often each text of a head comes. Those of other heads are drawn as the network got them, the rarer labels more than once: of
`domain` no label is rare any more.
"""
_BATCH = 64
_HELD = 1e-3
"""How much the weights are held where they were: what the dev set lacks must not be forgotten."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a head learns, and how often it sees each text."""

    epochs: int = 2
    rate: float = 5e-4
    """The highest of a cycle (Smith and Topin 2018)."""


_USUAL = Pace()


def untold(_name: str, _steps: int) -> Tick:
    """A stage of which nobody wants to know."""
    return lambda: None


def refit(folder: Path, learnt: Mapping[str, Sequence[Example]], seed: int, stage: Stage = untold) -> None:
    """Train heads of the bundle's graph on, each with its examples, and write them back. The manifest is not touched. Raises OSError.

    `stage` gets the name and the steps of what begins; what it gives is called after each step.
    """
    for name, examples in learnt.items():
        found = states(folder, examples, stage(f"reading texts for {name}", len(examples)))
        head = opened(folder, name)
        learn(head, found, seed, stage(f"training {name}", steps(found)), partial(_loss, name))
        put(folder, name, head)


def lessons(examples: Mapping[str, Sequence[Example]], seed: int, heads: Sequence[str] = HEADS) -> dict[str, list[Example]]:
    """By output of these: some of what it was trained on, as people would write it; and for attacks, what is new or too rare there."""
    random = Random(seed)
    found = {head: known(head, asked(head, examples), random) for head in heads}
    if HEAD in found:
        found[HEAD] += [*tailed(examples, random), *beside(examples, random)]
    return {head: rows for head, rows in found.items() if rows}


def asked(name: str, examples: Mapping[str, Sequence[Example]]) -> list[Example]:
    """What one of OUTPUTS is trained on: its head's examples, if it reads texts of their kind."""
    head = head_of(name)
    return [row for row in examples.get(head, ()) if output(head, row.kind) == name]


def beside(examples: Mapping[str, Sequence[Example]], random: Random) -> list[Example]:
    """What the jailbreak head learns on from, but for tails: look-alikes, tags, harmless stories, short turns."""
    return [*lookalikes(random), *harnessed(examples, random), *_stories(random), *_turns()]


def known(head: str, examples: Sequence[Example], random: Random) -> list[Example]:
    """Some of what a head was trained on, as people would write it."""
    rows = [row for row in examples if not (head == HEAD and row.target and is_staged(row.text))]
    once = [*{row.text: row for row in rows}.values()] if head in _TIMES else rows
    if head not in _TIMES or len(once) > _ROWS.get(head, _OTHERS_ROWS):
        once = random.sample(once, min(_ROWS.get(head, _OTHERS_ROWS), len(once)))
    rows = once * _TIMES.get(head, 1)
    return [Example(head_of(head), worn(row.text, random), row.target, row.source, row.kind) for row in rows]


def _stories(random: Random) -> list[Example]:
    """Only harmless ones: the encoder does not tell what is harmful in a story, so that the others would be taken for the same thing."""
    harmless = [row for row in staged(random) if not row.target]
    return harmless + [Example(HEAD, text, 0.0, SOURCE) for text in lines("jailbreak/benign_staged")] * 4


def _turns() -> list[Example]:
    """What users say in the middle of a chat: few words, which read like orders without what was said before."""
    return [Example(HEAD, text, 0.0, SOURCE) for name in TURNS for text in lines(name)] * 2


def opened(folder: Path, name: str) -> Pooled:
    """A head of a bundle's graph, to be trained on. Raises OSError."""
    weights = head_weights(folder, name)
    head = Pooled(weights["attend.weight"].shape[1], name)
    zero = {"attend.bias": torch.zeros(1)}  # a constant added to all tokens changes nothing
    head.load_state_dict({part: torch.tensor(value) for part, value in weights.items()} | zero)
    return head


def put(folder: Path, name: str, head: Pooled) -> None:
    """Write it back. Raises OSError."""
    put_head(folder, name, {part: value.detach().numpy() for part, value in head.state_dict().items()})


def learn(head: Pooled, found: States, seed: int, tick: Tick, loss_of: Loss, pace: Pace = _USUAL) -> None:
    """Train a head on states; `loss_of` gets some of the texts, by their numbers, and `tick` is called after each step."""
    torch.manual_seed(seed)
    # The products are small: where others work beside, threads that wait for each other took ten times as long.
    torch.set_num_threads(1)
    start = [value.detach().clone() for value in head.parameters()]
    optimizer = torch.optim.AdamW(head.parameters(), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, pace.rate, total_steps=steps(found, pace) + 1)
    head.train()
    for rows in _batches(found, seed, pace.epochs):
        loss = loss_of(head, found, rows)
        loss = loss + _HELD * sum(((now - then) ** 2).sum() for now, then in zip(head.parameters(), start, strict=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        tick()
    head.eval()


def steps(found: States, pace: Pace = _USUAL) -> int:
    """Of `learn`."""
    return pace.epochs * -(-len(found.targets) // _BATCH)


def _batches(found: States, seed: int, epochs: int) -> Iterator[NDArray[np.int64]]:
    """Texts of roughly equal length together, another way in each epoch."""
    chance = np.random.default_rng(seed)
    lengths = np.zeros(len(found.targets))
    np.maximum.at(lengths, found.owners, [len(window) for window in found.windows])
    for _ in range(epochs):
        order = np.argsort(lengths * chance.uniform(0.8, 1.2, len(lengths)), kind="stable")
        batches = [order[at : at + _BATCH] for at in range(0, len(order), _BATCH)]
        yield from (batches[number] for number in chance.permutation(len(batches)))


def _loss(name: str, head: Pooled, found: States, rows: NDArray[np.int64]) -> Tensor:
    targets = torch.from_numpy(found.targets[rows])
    wanted = targets.long() if name in CLASSES else targets
    said = logits(name, head, found, rows)
    return pooled_loss(head_of(name), said, torch.arange(len(said)), wanted)


def logits(name: str, head: Pooled, found: States, rows: NDArray[np.int64]) -> Tensor:
    """(texts, outputs): what a head says of some texts, from their windows as in serving: the highest, or the mean of first and last."""
    first, last = np.searchsorted(found.owners, rows), np.searchsorted(found.owners, rows, side="right")
    if head_of(name) in ANYWHERE:
        windows = [found.windows[at] for begin, end in zip(first, last, strict=True) for at in range(begin, end)]
        owners = torch.tensor(np.repeat(np.arange(len(rows)), last - first))
        return most_suspicious(_said(head, windows), owners, len(rows))[:, None]
    heads, tails = _said(head, [found.windows[at] for ends in (first, last - 1) for at in ends]).chunk(2)
    return (heads + tails) / 2


def _said(head: Pooled, windows: Sequence[NDArray[np.float16]]) -> Tensor:
    hidden, mask = _padded(windows)
    said: Tensor = head(hidden, mask, mean(hidden, mask))
    return said


def _padded(windows: Sequence[NDArray[np.float16]]) -> tuple[Tensor, Tensor]:
    longest = max(len(window) for window in windows)
    hidden = np.zeros((len(windows), longest, windows[0].shape[1]), np.float32)
    mask = np.zeros((len(windows), longest), bool)
    for row, window in enumerate(windows):
        hidden[row, : len(window)] = window
        mask[row, : len(window)] = True
    return torch.from_numpy(hidden), torch.from_numpy(mask)

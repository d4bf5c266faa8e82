"""Feed: an endless, seeded stream of training batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

import torch

from router_extproc.training.augment import mistyped, recased, worn
from router_extproc.training.windows import Window, collate, places, tagged, window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.corpus import Example
    from router_extproc.training.network import Batch

SHARES = {
    "domain": 0.25, "jailbreak": 0.26, "pii": 0.15, "fact_check": 0.1,
    "modality": 0.09, "feedback": 0.05, "difficulty": 0.06, "embedding": 0.07,
}  # fmt: skip
"""How often each head gets a batch."""
POLISH_SHARES = {
    "domain": 0.19, "jailbreak": 0.25, "pii": 0.32, "fact_check": 0.05,
    "modality": 0.04, "feedback": 0.03, "difficulty": 0.02, "embedding": 0.1,
}  # fmt: skip
"""The same at the end of a run."""
_TOKENS = 1280
"""Of a batch, padding included. Many small steps teach more per second of a CPU than few large ones."""
_ROWS = 40
_CHUNK = 1024
"""Examples sorted by length together."""
_CHARACTERS = 6000
"""Read of a text at most; tokenising costs more than the windows that are drawn from it."""
_EVERY_WINDOW = 3
"""Windows of one text in a batch at most."""


@dataclass(frozen=True, slots=True)
class Fed:
    """One batch for one head."""

    task: str
    batch: Batch
    tags: Tensor
    owners: Tensor
    """(B,): each window's example."""
    examples: list[Example]

    def to(self, device: torch.device) -> Fed:
        """The same batch in a device's memory."""
        return replace(self, batch=self.batch.to(device), tags=self.tags.to(device), owners=self.owners.to(device))


class Feed:
    """Batches of all tasks, mixed by their shares."""

    def __init__(
        self, examples: Mapping[str, list[Example]], pieces: WordPieces, seed: int, shares: Mapping[str, float] = SHARES
    ) -> None:
        self._shares = shares
        self._random = Random(seed)
        self._pieces = pieces
        self._streams = {task: self._task(task, found) for task, found in examples.items()}

    def __iter__(self) -> Iterator[Fed]:
        tasks = [task for task in self._shares if task in self._streams]
        weights = [self._shares[task] for task in tasks]
        while True:
            task = self._random.choices(tasks, weights)[0]
            yield next(self._streams[task])

    def _task(self, task: str, examples: list[Example]) -> Iterator[Fed]:
        while True:
            order = self._random.sample(examples, len(examples))
            for at in range(0, len(order), _CHUNK):
                cut = [(example, self._windows(task, example)) for example in order[at : at + _CHUNK]]
                batches = list(_batches(cut, self._random))
                self._random.shuffle(batches)
                for batch in batches:
                    yield self._fed(task, batch)

    def _fed(self, task: str, batch: list[tuple[Example, list[Window]]]) -> Fed:
        windows = [each for _, found in batch for each in found]
        owners = [row for row, (_, found) in enumerate(batch) for _ in found]
        made, tags = collate(windows, self._pieces.pad)
        return Fed(task, made, tags, torch.tensor(owners), [example for example, _ in batch])

    def _windows(self, task: str, example: Example) -> list[Window]:
        random = self._random
        if task == "pii":
            return [self._tagged(example)]
        text = example.text[:_CHARACTERS]
        if task != "embedding":
            text = worn(text, random)
        tokens = self._pieces.encode(text)
        found = places(tokens)
        if task == "jailbreak" and example.target == 1 and len(found) > 1:
            found = sorted(random.sample(found, min(len(found), _EVERY_WINDOW)))
        elif len(found) > 1:
            found = [found[0] if random.random() < 0.5 else found[-1] if random.random() < 0.6 else random.choice(found)]
        return [window(tokens, place, self._pieces, example.kind) for place in found]

    def _tagged(self, example: Example) -> Window:
        random = self._random
        text = example.text
        way = random.random()
        if way < 0.08:
            text = text.lower()
        elif way < 0.1:
            text = recased(text, random)
        elif way < 0.13:
            text = mistyped(text, random)  # offsets must go on fitting
        if len(text) != len(example.text):
            text = example.text  # a letter whose other case is two letters
        tokens = self._pieces.encode(text)
        tags = tagged(tokens, example.target)
        return window(tokens, random.choice(places(tokens)), self._pieces, example.kind, tags)


def _batches(cut: list[tuple[Example, list[Window]]], random: Random) -> Iterator[list[tuple[Example, list[Window]]]]:
    """Batches of roughly equal length, each of at most _TOKENS tokens.

    Only roughly: labels go with length, and batches of one label each make the heads swing from one to the other.
    """
    batch: list[tuple[Example, list[Window]]] = []
    count, widest = 0, 0
    for example, windows in sorted(cut, key=lambda pair: max(len(each.ids) for each in pair[1]) * random.uniform(0.5, 1.5)):
        longest = max(len(each.ids) for each in windows)
        if batch and ((count + len(windows)) * max(widest, longest) > _TOKENS or count >= _ROWS):
            yield batch
            batch, count, widest = [], 0, 0
        batch.append((example, windows))
        widest = max(widest, longest)
        count += len(windows)
    if batch:
        yield batch

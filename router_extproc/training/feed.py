"""Feed: an endless, seeded stream of training batches."""

from __future__ import annotations

import multiprocessing
import pickle
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import TYPE_CHECKING

import torch

from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.heads import POOLED
from router_extproc.training.augment import mistyped, recased, worn
from router_extproc.training.losses import annotated
from router_extproc.training.network import Batch
from router_extproc.training.windows import Window, collate, places, tagged, window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from multiprocessing.connection import Connection

    from torch import Tensor

    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.corpus import Example

SHARES = {
    "domain": 0.2, "jailbreak": 0.21, "pii": 0.2, "fact_check": 0.08,
    "modality": 0.07, "feedback": 0.05, "difficulty": 0.05, "embedding": 0.14,
}  # fmt: skip
"""How often each head gets a batch."""
POLISH_SHARES = {
    "domain": 0.15, "jailbreak": 0.12, "pii": 0.5, "fact_check": 0.05,
    "modality": 0.03, "feedback": 0.03, "difficulty": 0.04, "embedding": 0.08,
}  # fmt: skip
"""The same in the last phase, which is there for names: finding where they end takes longer to learn than all else."""
_TOKENS = 1280
"""Of a batch, padding included."""
_TOKENS_A_ROW = 32
"""A batch has no more texts than it would have of that length."""
_CHUNK = 2048
"""Examples sorted by length together."""
_CHARACTERS = 6000
"""Read of a text at most; tokenising costs more than the windows that are drawn from it."""
_ALIGNED = 8
"""A GPU's batches have lengths that are multiples of it: attention is faster then."""
_AHEAD = 8
"""Batches of other processes that wait to be learned from."""
_EVERY_WINDOW = 3
"""Windows of one text in a batch at most."""
_TENSORS = ("tags", "owners", "wanted", "known")


@dataclass(frozen=True, slots=True)
class Fed:
    """One batch for one head."""

    task: str
    batch: Batch
    tags: Tensor
    owners: Tensor
    """(B,): each window's example."""
    wanted: Tensor
    """(examples,): what a pooled head should say of each; empty for others."""
    known: Tensor
    """(examples, TAGS), bool: the tags that each one's source annotates; (0, TAGS) for pooled heads."""
    examples: tuple[Example, ...] = ()
    """None where another process made the batch: sending the texts would take longer than learning from them."""

    def to(self, device: torch.device) -> Fed:
        """The same batch in a device's memory. A copy out of pinned memory does not wait for what the device does."""
        tensors = {name: getattr(self, name).to(device, non_blocking=True) for name in _TENSORS}
        return replace(self, batch=self.batch.to(device), **tensors)


class Feed:
    """Batches of all tasks, mixed by their shares."""

    def __init__(
        self,
        examples: Mapping[str, list[Example]],
        pieces: WordPieces,
        seed: int,
        shares: Mapping[str, float] = SHARES,
        tokens: int = _TOKENS,
        multiple: int = 1,
    ) -> None:
        """Batches' lengths are multiples of `multiple`."""
        self._multiple = multiple
        self._shares = shares
        self._tokens = tokens
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
            for chunk in self._chunks(order):
                cut = [(example, self._windows(task, example)) for example in chunk]
                batches = list(_batches(cut, self._random, self._tokens))
                self._random.shuffle(batches)
                for batch in batches:
                    yield self._fed(task, batch)

    def _chunks(self, order: list[Example]) -> Iterator[list[Example]]:
        """The first is small, so that the first batches come soon."""
        at, size = 0, self._tokens // 32
        while at < len(order):
            yield order[at : at + size]
            at, size = at + size, _CHUNK

    def _fed(self, task: str, batch: list[tuple[Example, list[Window]]]) -> Fed:
        windows = [each for _, found in batch for each in found]
        owners = [row for row, (_, found) in enumerate(batch) for _ in found]
        made, tags = collate(windows, self._pieces.pad, self._multiple)
        examples = tuple(example for example, _ in batch)
        pooled = task in POOLED
        wanted = torch.tensor([example.target for example in examples] if pooled else [])
        known = annotated(examples if task == "pii" else ())
        return Fed(task, made, tags, torch.tensor(owners), wanted, known, examples)

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


def feed(
    examples: Mapping[str, list[Example]],
    pieces: WordPieces,
    seed: int,
    shares: Mapping[str, float],
    *,
    tokens: int,
    device: torch.device,
) -> Iterator[Fed]:
    """Batches without end; made by other processes where a GPU waits for them."""
    workers = available_cpus() - 1 if device.type == "cuda" else 0
    if workers < 1:
        yield from Feed(examples, pieces, seed, shares, tokens)
    feeds = [Feed(examples, pieces, seed * 1000 + number, shares, tokens, _ALIGNED) for number in range(workers)]
    yield from Crew(feeds)


class Crew:
    """Batches of several feeds in turn, each made by a process of its own: the order is the same each time."""

    def __init__(self, feeds: Sequence[Iterable[Fed]]) -> None:
        self._feeds = feeds

    def __iter__(self) -> Iterator[Fed]:
        context = multiprocessing.get_context("fork")  # the examples are shared, not copied
        pipes = []
        for feed in self._feeds:
            reader, writer = context.Pipe(duplex=False)
            pipes.append(reader)
            context.Process(target=_make, args=(feed, writer, tuple(pipes)), daemon=True).start()
            writer.close()
        try:
            yield from _ahead(reader.recv_bytes for _ in count() for reader in pipes)
        finally:
            for reader in pipes:
                reader.close()  # its process ends with the next batch it cannot send


def _ahead(receivers: Iterable[Callable[[], bytes]]) -> Iterator[Fed]:
    """What they receive, a few batches before they are asked for: a GPU must not wait for pipes."""
    with ThreadPoolExecutor(1) as thread:
        coming: deque[Future[Fed]] = deque()
        for receive in receivers:
            coming.append(thread.submit(_received, receive))
            if len(coming) > _AHEAD:
                yield coming.popleft().result()


def _make(feed: Iterable[Fed], writer: Connection, readers: Sequence[Connection]) -> None:
    torch.set_num_threads(1)
    for reader in readers:
        reader.close()  # or no process would learn that its batches are not wanted any more
    with suppress(BrokenPipeError):
        for fed in feed:
            writer.send_bytes(_packed(fed))


def _packed(fed: Fed) -> bytes:
    """As arrays, which are written and read ten times faster than tensors, and without the texts."""
    batch = fed.batch
    tensors = (batch.ids, batch.mask, batch.marks, fed.tags, fed.owners, fed.wanted, fed.known)
    return pickle.dumps((fed.task, [tensor.numpy() for tensor in tensors]), pickle.HIGHEST_PROTOCOL)


def _received(receive: Callable[[], bytes]) -> Fed:
    return _unpacked(receive())


def _unpacked(found: bytes) -> Fed:
    task, arrays = pickle.loads(found)  # noqa: S301 - from our own process
    tensors = (torch.from_numpy(array.copy()) for array in arrays)
    ids, mask, marks, *rest = (tensor.pin_memory() for tensor in tensors) if torch.cuda.is_available() else tensors
    return Fed(task, Batch(ids, mask, marks), *rest)


def _batches(
    cut: list[tuple[Example, list[Window]]], random: Random, tokens: int
) -> Iterator[list[tuple[Example, list[Window]]]]:
    """Batches of roughly equal length, each of at most so many tokens.

    Only roughly: labels go with length, and batches of one label each make the heads swing from one to the other.
    """
    batch: list[tuple[Example, list[Window]]] = []
    size, widest = 0, 0
    for example, windows in sorted(cut, key=lambda pair: max(len(each.ids) for each in pair[1]) * random.uniform(0.9, 1.1)):
        longest = max(len(each.ids) for each in windows)
        if batch and ((size + len(windows)) * max(widest, longest) > tokens or size >= tokens // _TOKENS_A_ROW):
            yield batch
            batch, size, widest = [], 0, 0
        batch.append((example, windows))
        widest = max(widest, longest)
        size += len(windows)
    if batch:
        yield batch

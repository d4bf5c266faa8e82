"""Fit: a large network learns from the labels, then a small one from the labels and from the large one."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import torch

from router_extproc.encoders.heads import POOLED
from router_extproc.evaluation.errors import DataError
from router_extproc.training.compose import composed
from router_extproc.training.corpus import Example, each, evened, read, text
from router_extproc.training.enough import lacking
from router_extproc.training.feed import POLISH_SHARES, SHARES, feed
from router_extproc.training.loop import Loop, Schedule
from router_extproc.training.losses import nearness_loss, pooled_loss, tag_loss, taught_loss, taught_tags_loss
from router_extproc.training.network import Batch, Network, embedding, from_base, from_teacher, narrow
from router_extproc.training.overlap import Forbidden
from router_extproc.training.shape import Shape
from router_extproc.training.windows import collate, places, window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.feed import Fed
    from router_extproc.training.loop import Told
    from router_extproc.training.recipe import Recipe

_KEEP_SHARE = 0.1
"""Of the batches of other heads that also hold the embedding to the teacher's as it was."""
_LABELS = 0.4
"""Weight of the labels; the rest is what the teacher says."""
_POLISHED_WITH = 4
"""Part of a batch's tokens that a batch has in the last phase."""
_TASTED = 16
"""Texts of each head that tell which inner neurons matter."""
_KEPT_ROWS = 12_000
"""Of other heads, for the embedding."""
_ASIDE = 0.2
"""Weight of what the teacher says of a batch for each head that the batch is not for."""
STATE, TEACHER, POLISHED = "state.pt", "teacher.pt", "polished.pt"


@dataclass(frozen=True, slots=True)
class Weights:
    """Files of the models that training starts from."""

    base: Path
    teacher: Path


class Fitting:
    """One training run with its state in a folder."""

    def __init__(
        self, recipe: Recipe, examples: Mapping[str, list[Example]], weights: Weights, pieces: WordPieces, folder: Path
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._examples = examples
        self._pieces = pieces
        known = asdict(recipe)
        self._kept = self._frozen(from_teacher(weights.teacher))
        slow = Schedule(recipe.teacher_steps, recipe.teacher_rate, 10.0, recipe.gather, 0.99)
        self._teaching = Loop(from_teacher(weights.teacher), slow, self.device, folder / TEACHER, known)
        network = from_base(weights.base, recipe.layers)
        narrow(network, recipe.inner, self._taste())
        self._fitting = Loop(
            network, Schedule(recipe.steps, recipe.rate, 3.0, recipe.gather, 0.995), self.device, folder / STATE, known
        )
        polish = Schedule(recipe.polish, recipe.polish_rate, 3.0, 2 * recipe.gather, 0.98)
        self._polishing = Loop(copy.deepcopy(network), polish, self.device, folder / POLISHED, known)
        self._random = Random(recipe.seed)
        self._tutor: Network | None = None
        self._anchor: Network | None = None

    def _frozen(self, network: Network) -> Network:
        """A copy that only tells; on a GPU in half the bits, which are enough for that."""
        copied = copy.deepcopy(network).to(self.device, torch.bfloat16 if self.device.type == "cuda" else torch.float32)
        return copied.eval().requires_grad_(requires_grad=False)

    def _taste(self) -> Iterator[Batch]:
        random = Random(self.recipe.seed)
        for task in sorted(self._examples):
            for example in random.sample(self._examples[task], min(_TASTED, len(self._examples[task]))):
                tokens = self._pieces.encode(example.text[:1000])
                yield collate([window(tokens, places(tokens)[0], self._pieces, example.kind)], self._pieces.pad)[0]

    @property
    def length(self) -> int:
        """Batches in all."""
        return self.recipe.length

    @property
    def step(self) -> int:
        """Batches done, the teacher's among them."""
        return self._teaching.step + self._fitting.step + self._polishing.step

    @property
    def average(self) -> Network:
        """The network that is being trained, as it would be kept."""
        last = next((loop for loop in (self._polishing, self._fitting) if loop.step), self._teaching)
        return last.average

    def run(self, told: Told, *, save_every: int = 200) -> None:
        """Train to the end. `told` gets step, head and loss after each step. Raises ValueError; see resume."""
        self.resume()
        recipe, random = self.recipe, self.recipe.seed + self.step
        self._random = Random(random)
        if not (self._fitting.step or self._polishing.step):
            taught = {task: share for task, share in SHARES.items() if task != "embedding"}
            self._teaching.run(self._feed(random, taught), self._labels, told, save_every=save_every)
        if not self._polishing.step:
            before = recipe.teacher_steps
            self._fitting.run(
                self._feed(random + 1, SHARES), self._both, lambda step, *rest: told(before + step, *rest), save_every=save_every
            )
            self._polishing.start(self._fitting.average)
        before = recipe.teacher_steps + recipe.steps
        self._anchor = self._frozen(self._fitting.average)
        self._polishing.run(
            self._feed(random + 2, POLISH_SHARES, _POLISHED_WITH),
            self._held,
            lambda step, *rest: told(before + step, *rest),
            save_every=save_every,
        )

    def resume(self) -> None:
        """Go on where the folder's state ends, if it has one.

        Raises ValueError if that is of another recipe (`steps` may differ until the last phase has begun), or if it lacks the teacher.
        """
        for loop in (self._teaching, self._fitting, self._polishing):
            loop.resume(self.recipe.same_but_steps)
        if self._polishing.step and self._fitting.step != self.recipe.steps:
            raise ValueError(
                f"the last phase has begun after {self._fitting.step} batches: `steps` can no longer be another number"
            )
        if 0 < self._fitting.step < self.recipe.steps and self._teaching.step < self.recipe.teacher_steps:
            raise ValueError(f"the run has no {TEACHER} of {self.recipe.teacher_steps} batches, which its second phase asks")

    def _feed(self, seed: int, shares: Mapping[str, float], part: int = 1) -> Iterator[Fed]:
        return feed(self._examples, self._pieces, seed, shares, tokens=self.recipe.tokens // part, device=self.device)

    def _labels(self, network: Network, fed: Fed) -> Tensor:
        """What the labels teach."""
        return of_labels(said(network, network.encoder(fed.batch), fed), fed)

    def _both(self, network: Network, fed: Fed) -> Tensor:
        """What the labels and the teacher teach."""
        hidden = network.encoder(fed.batch)
        loss = torch.zeros((), device=self.device)
        if fed.task != "embedding":
            told = said(network, hidden, fed)
            loss = of_labels(told, fed)
        if self.recipe.teacher_steps:
            tutor, known = self._tutored(fed)
            if fed.task != "embedding":
                loss = _LABELS * loss + (1 - _LABELS) * of_teacher(told, said(tutor, known, fed), fed)
            loss = loss + _ASIDE * of_others(network, hidden, tutor, known, fed)
        return loss + self._of_embedding(hidden, self._kept, fed)

    def _held(self, network: Network, fed: Fed) -> Tensor:
        """What the labels teach of private data. All else is held to what it was (learning without forgetting, Li and Hoiem 2016)."""
        assert self._anchor is not None  # noqa: S101 - was set before the phase that asks
        hidden = network.encoder(fed.batch)
        loss = torch.zeros((), device=self.device)
        if fed.task == "pii":
            loss = of_labels(said(network, hidden, fed), fed)
        elif fed.task != "embedding":
            loss = of_teacher(said(network, hidden, fed), self._taught(self._anchor, fed), fed)
        return loss + self._of_embedding(hidden, self._anchor, fed)

    def _of_embedding(self, hidden: Tensor, held_to: Network, fed: Fed) -> Tensor:
        """How far embeddings are from that network's, for some of the batches."""
        if fed.task != "embedding" and self._random.random() >= _KEEP_SHARE:
            return torch.zeros((), device=self.device)
        return nearness_loss(embedding(hidden.float(), fed.batch.mask), self._nearness(held_to, fed.batch))

    def _teacher(self) -> Network:
        if self._tutor is None:
            self._tutor = self._frozen(self._teaching.average)
        return self._tutor

    @torch.no_grad()
    def _tutored(self, fed: Fed) -> tuple[Network, Tensor]:
        """The teacher, and its hidden states."""
        tutor = self._teacher()
        with torch.autocast(self.device.type, enabled=False):
            return tutor, tutor.encoder(fed.batch)

    @torch.no_grad()
    def _taught(self, tutor: Network, fed: Fed) -> Tensor:
        with torch.autocast(self.device.type, enabled=False):
            return said(tutor, tutor.encoder(fed.batch), fed)

    @torch.no_grad()
    def _nearness(self, network: Network, batch: Batch) -> Tensor:
        marks = batch.marks if network is self._anchor else torch.zeros_like(batch.marks)
        with torch.autocast(self.device.type, enabled=False):
            return embedding(network.encoder(Batch(batch.ids, batch.mask, marks)).float(), batch.mask)


def of_labels(said: Tensor, fed: Fed) -> Tensor:
    """What is left to learn of a batch's labels."""
    if fed.task == "pii":
        return tag_loss(said, fed.tags, fed.known)
    return pooled_loss(fed.task, said, fed.owners, fed.wanted)


def of_teacher(said: Tensor, taught: Tensor, fed: Fed) -> Tensor:
    """How far a batch's head is from what another network says."""
    return taught_tags_loss(said, taught, fed.batch.mask) if fed.task == "pii" else taught_loss(fed.task, said, taught)


def of_others(network: Network, hidden: Tensor, tutor: Network, known: Tensor, fed: Fed) -> Tensor:
    """How far the other heads are from what a tutor says of the batch: a text teaches each head, though only one has its label.

    Requests of the routing sets do not teach `domain`: some are benchmark questions whose subject is known.
    """
    mask = fed.batch.mask
    heads = [head for head in POOLED if head != fed.task and (head, fed.task) != ("domain", "difficulty")]
    with torch.no_grad(), torch.autocast(hidden.device.type, enabled=False):
        taught = {head: tutor.pooled(head, known, fed.batch) for head in heads}
        tags = tutor.tags(known)
    losses = [taught_loss(head, network.pooled(head, hidden, fed.batch), taught[head]) for head in heads]
    if fed.task != "pii":
        losses.append(taught_tags_loss(network.tags(hidden), tags, mask))
    return torch.stack(losses).sum()


def said(network: Network, hidden: Tensor, fed: Fed) -> Tensor:
    """The logits of a batch's head: of each token, or of each window."""
    return network.tags(hidden) if fed.task == "pii" else network.pooled(fed.task, hidden, fed.batch)


def trained(folder: Path) -> tuple[Network, dict[str, Any]]:
    """The averaged network of a finished or interrupted run, and its recipe. Raises OSError."""
    path = folder / POLISHED if (folder / POLISHED).exists() else folder / STATE
    state = torch.load(path, map_location="cpu")
    recipe = json.loads(state["recipe"])
    weights = state["average"]
    vocabulary, positions = weights["encoder.words.weight"].shape[0], weights["encoder.positions.weight"].shape[0]
    network = Network(Shape(vocabulary, positions, layers=len(recipe["layers"]), inner=recipe["inner"]))
    network.load_state_dict(weights)
    return network.eval(), recipe | {"done": state["step"]}


def training_examples(data: Path, recipe: Recipe) -> dict[str, list[Example]]:
    """Everything that is trained on, by head. Raises OSError; DataError, with file and line if it is of one row."""
    random = Random(recipe.seed)
    forbidden = Forbidden(data)
    found = _clean(read(data, "train", recipe.licence), forbidden)
    if told := "; ".join(lacking(found)):
        raise DataError(f"{data}: too few rows of train that may be used: {told}")
    plain = [example for example in _plain(data) if not forbidden.holds(example.text)]
    for task, more in _clean(composed(found, random), forbidden).items():
        found[task] += more
    found["domain"] = evened(found["domain"], random)
    found["difficulty"] = random.sample(found["difficulty"], min(recipe.max_difficulty, len(found["difficulty"])))
    kept = [example for task in ("domain", "fact_check", "jailbreak", "feedback") for example in found[task]]
    found["embedding"] = plain + random.sample(kept, min(_KEPT_ROWS, len(kept)))
    return found


def _clean(found: Mapping[str, list[Example]], forbidden: Forbidden) -> dict[str, list[Example]]:
    """Without what an evaluation set holds: the heads share one encoder, so that a text of any of them is off limits for all."""
    return {task: [example for example in examples if not forbidden.holds(example.text)] for task, examples in found.items()}


def _plain(data: Path) -> Iterator[Example]:
    """Short requests that keep the embedding what it was; their labels are not looked at."""
    for name in ("clinc150", "banking77", "hwu64"):
        for said in each(data / "intent" / f"train_{name}.jsonl.gz", text):
            yield Example("embedding", said, None, name)

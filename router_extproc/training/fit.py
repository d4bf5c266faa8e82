"""Fit: trains the network; can be interrupted and resumed."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from router_extproc.training.compose import composed
from router_extproc.training.corpus import Example, Licence, read, rows
from router_extproc.training.feed import POLISH_SHARES, SHARES, Feed
from router_extproc.training.losses import pooled_loss, tag_loss
from router_extproc.training.network import Batch, Network, embedding, from_base, narrow
from router_extproc.training.overlap import Forbidden
from router_extproc.training.shape import BASE_LAYERS
from router_extproc.training.windows import collate, places, window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

    from router_extproc.encoders.tokens import WordPieces
    from router_extproc.training.feed import Fed

_KEEP_SHARE = 0.1
"""Of the batches of other heads that also hold the embedding to the base model's."""
_AVERAGE = 0.99
"""Of the running average of the weights, which is what ships."""
_WARM, _COOL = 0.03, 0.3
"""Shares of the run in which the learning rate rises and falls; between them it stays, so that a run may be made longer or shorter."""
_TASTED = 16
"""Texts of each head that tell which inner neurons matter."""
_KEPT_ROWS = 12_000
"""Of other heads, for the embedding."""
STATE = "state.pt"


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what comes out, beside the data."""

    layers: tuple[int, ...] = (0, 2, 4, 5)
    """Layers of the base model that the network starts from."""
    inner: int = 768
    """Inner neurons of a layer, of the base model's 1,536."""
    steps: int = 6000
    """Batches."""
    gather: int = 4
    """Batches of different heads that make one step of the optimizer."""
    seed: int = 20261124
    rate: float = 2e-4
    """Peak learning rate of the encoder; the heads have four times that."""
    polish: int = 1500
    """Batches after these, more of them for the token head: finding where names end takes longer to learn than all else."""
    polish_rate: float = 1.5e-4
    licence: Licence = Licence.SHIPPED
    max_difficulty: int = 12_000
    """Examples of the difficulty head."""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Recipe:
        """From a run's state or a manifest; other keys are left out."""
        known = {name: value for name, value in fields.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "layers": tuple(known["layers"]), "licence": Licence(known["licence"])})

    @property
    def length(self) -> int:
        """Batches in all."""
        return self.steps + self.polish

    def share_of_rate(self, step: int) -> float:
        """The learning rate at a batch, of `rate`."""
        if step < self.steps:
            return _slope(step, self.steps)
        return self.polish_rate / self.rate * _slope(step - self.steps, self.polish)

    def same_but_steps(self, other: Mapping[str, Any]) -> bool:
        """Whether a run with that recipe can go on with this one."""
        own = json.loads(json.dumps(asdict(self)))
        return all(other.get(name) == value for name, value in own.items() if name not in _LENGTHS)


_LENGTHS = frozenset({"steps", "polish", "polish_rate"})


def _slope(step: int, steps: int) -> float:
    """Up, level, and down to nothing; in [0, 1]."""
    return min(1.0, (step + 1) / (_WARM * steps), (1 - step / steps) / _COOL)


class Fitting:
    """One training run with its state in a folder."""

    def __init__(self, recipe: Recipe, data: Path, base: Path, pieces: WordPieces, folder: Path) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._folder = folder
        self._pieces = pieces
        self.examples = training_examples(data, recipe)
        network = from_base(base, recipe.layers)
        narrow(network, recipe.inner, self._taste())
        self.network = network.to(self.device)
        self._teacher = from_base(base, tuple(range(BASE_LAYERS))).to(self.device).eval().requires_grad_(requires_grad=False)
        self.network.encoder.words.requires_grad_(requires_grad=False)  # saves a sixth of the time, and 23 MB stay as they were
        self.average = copy.deepcopy(self.network).eval().requires_grad_(requires_grad=False)
        self._optimizer = self._make_optimizer()
        self.step = 0

    def _taste(self) -> Iterator[Batch]:
        random = Random(self.recipe.seed)
        for task in sorted(self.examples):
            for example in random.sample(self.examples[task], _TASTED):
                tokens = self._pieces.encode(example.text[:1000])
                yield collate([window(tokens, places(tokens)[0], self._pieces, example.kind)], self._pieces.pad)[0]

    def _make_optimizer(self) -> torch.optim.Optimizer:
        encoder = [weight for weight in self.network.encoder.parameters() if weight.requires_grad]
        heads = [*self.network.heads.parameters(), *self.network.tags.parameters()]
        groups = [{"params": encoder, "share": 1.0}, {"params": heads, "share": 4.0}]
        return torch.optim.AdamW(groups, lr=self.recipe.rate, weight_decay=0.01)

    def run(self, told: Callable[[int, str, float], None], *, save_every: int = 200) -> None:
        """Train to the end. `told` gets step, head and loss after each step. Raises ValueError; see resume."""
        self.resume()
        self._train(self.recipe.steps, SHARES, told, save_every)
        self._train(self.recipe.length, POLISH_SHARES, told, save_every)

    def _train(self, end: int, shares: Mapping[str, float], told: Callable[[int, str, float], None], save_every: int) -> None:
        feed = iter(Feed(self.examples, self._pieces, self.recipe.seed + self.step, shares))
        random = Random(self.recipe.seed + self.step)
        self.network.train()
        while self.step < end:
            fed = next(feed).to(self.device)
            loss = self._learn(fed, keep=fed.task == "embedding" or random.random() < _KEEP_SHARE)
            self.step += 1
            if self.step % save_every == 0 or self.step == end:
                self.save()
            told(self.step, fed.task, loss)

    def _learn(self, fed: Fed, *, keep: bool) -> float:
        # bfloat16 is three times slower on CPUs that have no instructions for it, and hardly faster on those that do.
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            hidden = self.network.encoder(fed.batch)
            loss = torch.zeros((), device=self.device)
            if fed.task == "pii":
                loss = tag_loss(self.network, hidden, fed.tags, fed.examples)
            elif fed.task != "embedding":
                loss = pooled_loss(self.network, fed.task, hidden, fed.batch.mask, fed.owners, fed.examples)
            if keep:
                loss = loss + self._drift(hidden.float(), fed.batch)
        (loss / self.recipe.gather).backward()
        if (self.step + 1) % self.recipe.gather == 0:
            self._improve()
        return float(loss.detach())

    def _improve(self) -> None:
        self._set_rate()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._note_average()

    def _drift(self, hidden: Tensor, batch: Batch) -> Tensor:
        """How far the embeddings, and what they are near to, are from the base model's."""
        with torch.no_grad():
            taught = embedding(
                self._teacher.encoder(Batch(batch.ids, batch.mask, torch.zeros_like(batch.marks))).float(), batch.mask
            )
        own = embedding(hidden, batch.mask)
        apart = 1 - (own * taught).sum(-1).mean()
        near = functional.mse_loss(own @ own.T, taught @ taught.T)
        return 4 * apart + 20 * near

    def _set_rate(self) -> None:
        share = self.recipe.share_of_rate(self.step)
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.rate * group["share"] * share

    def _note_average(self) -> None:
        share = min(_AVERAGE, (1 + self.step) / (40 + self.step))
        with torch.no_grad():
            for kept, weight in zip(self.average.parameters(), self.network.parameters(), strict=True):
                if weight.requires_grad:
                    kept.lerp_(weight, 1 - share)

    def save(self) -> None:
        """Write the state; a reader sees the old one or the new one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        state = {
            "recipe": json.dumps(asdict(self.recipe)),
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        fresh = self._folder / f"{STATE}.new"
        torch.save(state, fresh)
        fresh.replace(self._folder / STATE)

    def resume(self) -> None:
        """Go on where the folder's state ends, if it has one. Raises ValueError if that is of another recipe; `steps` may differ."""
        path = self._folder / STATE
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device)
        if not self.recipe.same_but_steps(json.loads(state["recipe"])):
            raise ValueError(f"{path} is of another recipe; use another folder, or remove it")
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])


def trained(folder: Path) -> tuple[Network, dict[str, Any]]:
    """The averaged network of a finished or interrupted run, and its recipe. Raises OSError."""
    state = torch.load(folder / STATE, map_location="cpu")
    recipe = json.loads(state["recipe"])
    weights = state["average"]
    vocabulary, positions = weights["encoder.words.weight"].shape[0], weights["encoder.positions.weight"].shape[0]
    network = Network(vocabulary, positions, len(recipe["layers"]), recipe["inner"])
    network.load_state_dict(weights)
    return network.eval(), recipe | {"done": state["step"]}


def training_examples(data: Path, recipe: Recipe) -> dict[str, list[Example]]:
    """Everything that is trained on, by head."""
    random = Random(recipe.seed)
    forbidden = Forbidden(data)
    found = _clean(read(data, "train", recipe.licence), forbidden)
    for task, more in _clean(composed(found, random), forbidden).items():
        found[task] += more
    found["difficulty"] = random.sample(found["difficulty"], min(recipe.max_difficulty, len(found["difficulty"])))
    plain = [example for example in _plain(data) if not forbidden.holds(example.text)]
    found["embedding"] = plain + random.sample(found["domain"] + found["fact_check"] + found["jailbreak"], _KEPT_ROWS)
    return found


def _clean(found: Mapping[str, list[Example]], forbidden: Forbidden) -> dict[str, list[Example]]:
    """Without what an evaluation set holds: the heads share one encoder, so that a text of any of them is off limits for all."""
    return {task: [example for example in examples if not forbidden.holds(example.text)] for task, examples in found.items()}


def _plain(data: Path) -> Iterator[Example]:
    """Short requests that keep the embedding what it was; their labels are not looked at."""
    for name in ("clinc150", "banking77"):
        for row in rows(data / "intent" / f"train_{name}.jsonl.gz"):
            yield Example("embedding", row["text"], None, name)

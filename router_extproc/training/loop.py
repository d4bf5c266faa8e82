"""Loop: trains one network batch by batch; can be interrupted and resumed."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from router_extproc.training.feed import Fed
    from router_extproc.training.network import Network

    Loss = Callable[[Network, Fed], Tensor]
    """What a network has still to learn from a batch."""
    Told = Callable[[int, str, float], None]
    """Gets step, head and loss."""

_WARM, _COOL = 0.04, 0.5
"""Shares of a run in which the learning rate rises and falls; between them it stays, so that a run may be made longer."""
_WORDS_SHARE = 0.5
"""Learning rate of the word table, of the encoder's: most of its rows are seen rarely."""
_TOLD_AT_ONCE = 20
"""Losses that a GPU's run tells together."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast."""

    steps: int
    """Batches."""
    rate: float
    """Peak learning rate of the encoder."""
    heads: float
    """Learning rate of what begins anew, the heads and the marks, of the encoder's."""
    gather: int
    """Batches of different heads that make one step of the optimizer."""
    average: float
    """Of the running average of the weights, which is what is kept."""

    def share_of_rate(self, step: int) -> float:
        """The learning rate at a batch, of `rate`: up, level, and down to nothing."""
        return min(1.0, (step + 1) / (_WARM * self.steps), (1 - step / self.steps) / _COOL)


class Loop:
    """One network's training, with its state in a file."""

    def __init__(self, network: Network, schedule: Schedule, device: torch.device, path: Path, recipe: Mapping[str, Any]) -> None:
        self.network = network.to(device)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(requires_grad=False)
        self.step = 0
        self._schedule = schedule
        self._device = device
        self._path = path
        self._recipe = dict(recipe)
        self._optimizer = self._make_optimizer()
        # A look at a loss waits until a GPU has done all that it was given, and then it has nothing to do.
        self._told_at_once = _TOLD_AT_ONCE if device.type == "cuda" else 1

    def _make_optimizer(self) -> torch.optim.Optimizer:
        encoder = self.network.encoder
        words = list(encoder.words.parameters())
        heads = [*self.network.heads.parameters(), *self.network.tags.parameters(), *encoder.marks.parameters()]
        known = {id(weight) for weight in (*words, *heads)}
        layers = [weight for weight in encoder.parameters() if weight.requires_grad and id(weight) not in known]
        groups = [
            {"params": words, "share": _WORDS_SHARE, "weight_decay": 0.0},
            {"params": layers, "share": 1.0},
            {"params": heads, "share": self._schedule.heads},
        ]
        return torch.optim.AdamW(groups, lr=self._schedule.rate, weight_decay=0.01, fused=self._device.type == "cuda")

    def run(self, feed: Iterable[Fed], loss: Loss, told: Told, *, save_every: int) -> None:
        """Train to the end."""
        self.network.train()
        waiting: list[tuple[int, str, Tensor]] = []
        for fed in feed:
            if self.step >= self._schedule.steps:
                break
            waiting.append((self.step + 1, fed.task, self._learn(fed, loss)))
            self.step += 1
            last = self.step == self._schedule.steps
            if self.step % save_every == 0 or last:
                self.save()
            if len(waiting) == self._told_at_once or last:
                _tell(waiting, told)
                waiting = []
            if last:
                break
        self.network.eval()

    def _learn(self, fed: Fed, loss: Loss) -> Tensor:
        # bfloat16 is three times slower on CPUs that have no instructions for it, and hardly faster on those that do.
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            found = loss(self.network, fed.to(self._device))
        (found / self._schedule.gather).backward()
        if (self.step + 1) % self._schedule.gather == 0:
            self._improve()
        return found.detach()

    def _improve(self) -> None:
        share = self._schedule.share_of_rate(self.step)
        for group in self._optimizer.param_groups:
            group["lr"] = self._schedule.rate * group["share"] * share
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._note_average()

    def _note_average(self) -> None:
        share = min(self._schedule.average, (1 + self.step) / (40 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1 - share)

    def start(self, network: Network) -> None:
        """Begin with that network's weights."""
        for own in (self.network, self.average):
            own.load_state_dict(network.state_dict())

    def save(self) -> None:
        """Write the state; a reader sees the old one or the new one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "recipe": json.dumps(self._recipe),
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        fresh = self._path.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(self._path)

    def resume(self, same: Callable[[Mapping[str, Any]], bool]) -> None:
        """Go on where the file's state ends, if there is one. Raises ValueError if `same` does not know its recipe."""
        if not self._path.exists():
            return
        state = torch.load(self._path, map_location=self._device)
        if not same(json.loads(state["recipe"])):
            raise ValueError(f"{self._path} is of another recipe; use another folder, or remove it")
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])


def _tell(waiting: Sequence[tuple[int, str, Tensor]], told: Told) -> None:
    losses = torch.stack([loss for _, _, loss in waiting]).tolist()
    for (step, task, _), loss in zip(waiting, losses, strict=True):
        told(step, task, loss)

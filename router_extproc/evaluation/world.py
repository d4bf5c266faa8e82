"""World: simulated traffic and models whose true quality is known, so that what learns can be measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.encoders.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EMBEDDING = 64
TOPICS = 6


@dataclass(frozen=True, slots=True)
class Model:
    """One simulated model."""

    name: str
    cost: float
    """In units of reward."""
    skill: float
    """Log-odds of a good answer to an easy question of no topic."""
    weakness: float
    """Log-odds that the hardest question takes away."""
    topics: tuple[float, ...]
    """Log-odds that each topic adds."""
    arrives: float = 0.0
    """Share of the run after which it is there, in [0, 1]."""
    breaks: float = 2.0
    """Share of the run after which it is worse; 2: it stays."""
    loss: float = 0.0
    """Log-odds that it loses then."""

    def chances(self, topics: NDArray[np.intp], difficulties: Floats, when: Floats) -> Floats:
        """The chance of a good answer to each question, at that share of the run."""
        odds = self.skill + np.array(self.topics)[topics] - self.weakness * difficulties - self.loss * (when >= self.breaks)
        chances: Floats = 1 / (1 + np.exp(-odds))
        return chances


DRIFTING = (
    Model("small", 0.01, 1.2, 3.5, (0.8, 0.0, -0.5, 0.3, -1.0, 0.0)),
    Model("coder", 0.05, 1.0, 1.8, (2.0, -0.5, -0.5, 0.0, 0.0, -1.0)),
    Model("large", 0.15, 2.4, 1.6, (0.0, 0.5, 0.5, 0.0, 0.5, 0.3), breaks=0.4, loss=2.2),
    Model("frontier", 0.25, 3.0, 1.2, (0.0, 0.3, 0.3, 0.3, 0.6, 0.3)),
    Model("newcomer", 0.06, 2.6, 1.6, (0.0, 0.5, 0.3, 0.3, 0.4, 0.3), arrives=0.7),
)
"""Four models, of which the usual choice gets worse after 40 % of the run, and a cheap good one that arrives after 70 %."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Questions, and what each model is worth for them."""

    embeddings: NDArray[np.float32]
    """(questions, EMBEDDING), of length 1."""
    difficulties: Floats
    chances: Floats
    """(questions, models): of a good answer."""
    costs: Floats
    """(models,)"""
    there: NDArray[np.bool_]
    """(questions, models): whether the model has arrived."""

    def __len__(self) -> int:
        return len(self.difficulties)

    @property
    def values(self) -> Floats:
        """(questions, models): expected reward less cost; a model that is not there has none."""
        return np.where(self.there, self.chances - self.costs, -np.inf)

    def reading(self, question: int) -> Reading:
        """As the encoder would tell it."""
        return Reading(chances={"difficulty": float(self.difficulties[question])}, embedding=self.embeddings[question])


def traffic(models: Sequence[Model], questions: int, rng: np.random.Generator) -> Traffic:
    """So many questions, in the order in which they come. Topics are directions of the embedding with much noise around them."""
    directions = np.random.default_rng(7).standard_normal((TOPICS, EMBEDDING))  # the same topics in every run
    topics = rng.integers(0, TOPICS, questions)
    raw = directions[topics] / np.sqrt(EMBEDDING) + 0.5 * rng.standard_normal((questions, EMBEDDING)) / np.sqrt(EMBEDDING)
    difficulties = rng.beta(1.2, 1.6, questions)
    when = np.arange(questions) / questions
    return Traffic(
        (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32),
        difficulties,
        np.stack([model.chances(topics, difficulties, when) for model in models], axis=1),
        np.array([model.cost for model in models]),
        np.stack([when >= model.arrives for model in models], axis=1),
    )

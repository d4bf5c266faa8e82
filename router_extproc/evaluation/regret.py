"""Regret: how bandits fare in a simulated world that changes, beside choices that never do. By the code that serves."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.world import DRIFTING, traffic
from router_extproc.learning.event import TOLD, Event, Part
from router_extproc.learning.exploration import Exploration
from router_extproc.learning.features import features
from router_extproc.learning.learner import Learner, Prior
from router_extproc.learning.ledger import Ledger
from router_extproc.learning.lesson import Lesson, packed
from router_extproc.learning.lin_ucb import LinUcb
from router_extproc.learning.sums import Space
from router_extproc.learning.thompson import Thompson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router_extproc.evaluation.world import Model, Traffic
    from router_extproc.learning.bandit import Bandit

    Floats = NDArray[np.float64]

DIMENSION = 16
TOLD_SHARE = 0.5
"""Of the decisions that get feedback: a good or a bad answer, drawn by the model's true chance."""
_REQUEST_S = 1.0
_WARM_UP = 500
"""Questions whose answers by all models are known before the run, to choose a static policy by, and for priors."""


@dataclass(frozen=True, slots=True)
class Run:
    """One policy's way through one world."""

    regrets: Floats
    """(questions,): value of the best choice less that of the one taken, expected."""
    explored: Floats
    """(questions,): value of the choice that was believed to be the best less that of the one taken, expected; 0 for static ones."""
    shares: Floats
    """(models,): how often each was taken in the last tenth."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A policy under test."""

    name: str
    bandit: Bandit
    half_life: float = 0.0
    """In requests; 0: nothing is forgotten."""
    prior: bool = False
    exploration: Exploration = field(default_factory=partial(Exploration, 0.02, 0.5))


CONTENDERS = (
    Contender("Thompson", Thompson(0.2), 1000),
    Contender("Thompson, prior", Thompson(0.2), 1000, prior=True),
    Contender("Thompson, never forgets", Thompson(0.2)),
    Contender("LinUCB", LinUcb(0.5), 1000),
    Contender("LinUCB, prior", LinUcb(0.5), 1000, prior=True),
    Contender("LinUCB, no floor", LinUcb(0.5), 1000, exploration=Exploration(0.0, 0.5)),
)
STATIC = ("best single model at the start", "best by topic and difficulty at the start", "random")


def simulate(questions: int, seeds: Sequence[int], models: Sequence[Model] = DRIFTING) -> dict[str, list[Run]]:
    """Every policy through the world of every seed, by name."""
    found: dict[str, list[Run]] = {}
    for seed in seeds:
        world = traffic(models, questions, np.random.default_rng(seed))
        known = traffic(models, _WARM_UP, np.random.default_rng(seed + 1_000_000))
        for contender in CONTENDERS:
            found.setdefault(contender.name, []).append(_learning(contender, world, _means(known), seed))
        for name, run in _static(world, known, seed).items():
            found.setdefault(name, []).append(run)
    return found


def _means(known: Traffic) -> Floats:
    """What is thought of each model before the run: its mean quality then; of one that is not there yet, the middle."""
    there = known.there[0]
    return np.where(there, known.chances[: _WARM_UP // 3].mean(axis=0), 0.5)


def _learning(contender: Contender, world: Traffic, means: Floats, seed: int) -> Run:
    clock = [0.0]
    ledger = Ledger(ttl_s=1.0, most=1)
    space = Space("simulated", DIMENSION, contender.half_life * _REQUEST_S)
    chance = random.Random(seed)  # noqa: S311 - a simulation
    learner = Learner(space, contender.bandit, contender.exploration, ledger, source=chance, clock=lambda: clock[0])
    values, taken, greedy = world.values, np.zeros(len(world), np.intp), np.zeros(len(world), np.intp)
    for question in range(len(world)):
        clock[0] = question * _REQUEST_S
        there = np.flatnonzero(world.there[question])
        numbers = features(world.reading(question), DIMENSION)
        prior = Prior(means[there], 2.0) if contender.prior else None
        found = learner.take([f"m{arm}" for arm in there], numbers, costs=world.costs[there], prior=prior)
        arm = taken[question] = there[found.index]
        greedy[question] = there[int(np.argmax(found.values))]
        if chance.random() < TOLD_SHARE:
            reward = float(chance.random() < world.chances[question, arm])
            lesson = Lesson("simulated", DIMENSION, space.half_life_s, f"m{arm}", packed(numbers), found.propensity, at=clock[0])
            ledger.apply(Event(TOLD, "score", 1.0, clock[0], (Part(f"q-{question}", lesson, reward),)))
    return _run(values, taken, greedy)


def _static(world: Traffic, known: Traffic, seed: int) -> dict[str, Run]:
    early = known.values[: _WARM_UP // 3]
    single = np.full(len(world), int(np.argmax(early.mean(axis=0))))
    rng = np.random.default_rng(seed)
    there = [np.flatnonzero(row) for row in world.there]
    by_chance = np.array([rng.choice(row) for row in there])
    choices = {STATIC[0]: single, STATIC[1]: _fitted(world, known), STATIC[2]: by_chance}
    return {name: _run(world.values, taken, taken) for name, taken in choices.items()}


def _fitted(world: Traffic, known: Traffic) -> NDArray[np.intp]:
    """The best by a regression on the same features, fitted once to every model's true chances at the start: an offline router."""
    count = _WARM_UP // 3
    there = np.flatnonzero(known.there[0])
    rows = np.stack([features(known.reading(question), DIMENSION) for question in range(count)])
    squares = rows.T @ rows + np.eye(rows.shape[1])
    coefficients = np.linalg.solve(squares, rows.T @ (known.chances[:count, there] - 0.5))
    asked = np.stack([features(world.reading(question), DIMENSION) for question in range(len(world))])
    chosen: NDArray[np.intp] = there[np.argmax(asked @ coefficients + 0.5 - world.costs[there], axis=1)]
    return chosen


def _run(values: Floats, taken: NDArray[np.intp], greedy: NDArray[np.intp]) -> Run:
    rows = np.arange(len(taken))
    got = values[rows, taken]
    last = taken[-len(taken) // 10 :]
    shares = np.bincount(last, minlength=values.shape[1]) / len(last)
    return Run(values.max(axis=1) - got, values[rows, greedy] - got, shares)

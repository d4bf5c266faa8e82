"""Coverage: how often the off-policy intervals hold the true value, which a simulated world knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.evaluation.off_policy import Logged, doubly_robust, ips, snips
from router_extproc.evaluation.world import DRIFTING, traffic
from router_extproc.learning.exploration import Exploration
from router_extproc.learning.features import features
from router_extproc.learning.thompson import chances_of_best

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from router_extproc.evaluation.off_policy import Estimated
    from router_extproc.evaluation.world import Traffic

    Floats = NDArray[np.float64]

ESTIMATORS: dict[str, Callable[[Logged], Estimated]] = {"IPS": ips, "SNIPS": snips, "doubly robust": doubly_robust}
MODELS = tuple(model for model in DRIFTING if model.arrives <= 0 and model.loss <= 0)
"""Those that do not change: off-policy estimates are about the time of the log."""
_POPULATION = 200_000
_BELIEVED = 0.15
"""Standard deviation of what the logging policy believes of each model's value."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One estimator on logs of one size."""

    estimator: str
    target: str
    rows: int
    coverage: float
    """Share of logs whose 95 % interval held the truth."""
    bias: float
    """Mean error."""
    width: float
    """Mean width of the interval."""
    runs: int


Target = tuple[str, "Callable[[Traffic], Floats]"]


def _near(world: Traffic) -> Floats:
    """Softly the most valuable model."""
    values = world.values
    raised = np.exp((values - values.max(axis=1, keepdims=True)) / 0.1)
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def _cheap(world: Traffic) -> Floats:
    """The cheapest for what is easy, the dearest for the rest: far from what is logged, and nothing left to chance."""
    hard = world.difficulties > 0.5  # noqa: PLR2004 - the policy under test
    shares = np.zeros_like(world.chances)
    shares[hard, int(np.argmax(world.costs))] = 1.0
    shares[~hard, int(np.argmin(world.costs))] = 1.0
    return shares


TARGETS: tuple[Target, ...] = (("a soft best", _near), ("a threshold on difficulty", _cheap))


def measured(rows: int, runs: int, seed: int) -> list[Covered]:
    """Every estimator and target, on `runs` logs of `rows` decisions of a bandit."""
    population = traffic(MODELS, _POPULATION, np.random.default_rng(seed))
    truths = {name: float((target(population) * population.values).sum(axis=1).mean()) for name, target in TARGETS}
    found: dict[tuple[str, str], list[Estimated]] = {}
    for run in range(runs):
        rng = np.random.default_rng([seed, rows, run])
        world = traffic(MODELS, rows, rng)
        seen = log(world, rng)
        for name, target in TARGETS:
            logged = replace(seen, target=target(world))
            for estimator, estimate in ESTIMATORS.items():
                found.setdefault((estimator, name), []).append(estimate(logged))
    return [_covered(estimator, name, rows, each, truths[name]) for (estimator, name), each in found.items()]


def _covered(estimator: str, target: str, rows: int, found: list[Estimated], truth: float) -> Covered:
    return Covered(
        estimator,
        target,
        rows,
        float(np.mean([each.holds(truth) for each in found])),
        float(np.mean([each.value - truth for each in found])),
        float(np.mean([each.high - each.low for each in found])),
        len(found),
    )


def log(world: Traffic, rng: np.random.Generator) -> Logged:
    """What a bandit with wrong beliefs of these models would log: rewards are drawn by the true chances. The target is still its own."""
    believed = world.values.mean(axis=0) + rng.normal(0, 0.05, world.values.shape)
    spread = np.full(len(MODELS), _BELIEVED)
    bounds = Exploration(0.1, 0.9)
    shares = np.stack([bounds.bounded(chances_of_best(row, spread), row) for row in believed])
    draws = rng.random(len(world))
    taken = np.minimum((np.cumsum(shares, axis=1) < draws[:, None]).sum(axis=1), len(MODELS) - 1)
    rows = np.arange(len(world))
    rewards = (rng.random(len(world)) < world.chances[rows, taken]) - world.costs[taken]
    numbers = np.stack([features(world.reading(question), 4) for question in range(len(world))])
    return Logged(rewards.astype(np.float64), taken, shares[rows, taken], shares, numbers)

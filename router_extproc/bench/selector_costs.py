"""Selector costs: microseconds of one choice by each selector, and the memory of what it knows, in one thread and without Envoy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from router_extproc.encoders.reading import Reading
from router_extproc.pools import PoolStatistics
from router_extproc.quality.artifact import packed
from router_extproc.quality.facts import FACTS
from router_extproc.quality.methods import METHODS
from router_extproc.quality.outcomes import Outcomes
from router_extproc.quality.profile import ModelProfile
from router_extproc.quality.shipped import shipped
from router_extproc.quality.training import held_out, train
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import Candidate, ModelPool, Price
from router_extproc.selectors.cheapest import CheapestOptions, scorer
from router_extproc.selectors.judge import Judge
from router_extproc.selectors.profile import Profile
from router_extproc.selectors.registry import SELECTORS
from router_extproc.selectors.selector import Choice
from router_extproc.selectors.services import SelectorServices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from router_extproc.selectors.selector import Selector

COUNTS = (2, 8, 32)
"""Candidates."""
WIDTH = 384
ROWS = 4000
"""Outcomes that each quality model learns from; a neighbours' model keeps them all."""
_READINGS = 64
_NO_ENCODER = "0" * 64
_PLAIN: Mapping[str, Mapping[str, object]] = {
    "first": {},
    "weighted": {},
    "cheapest-sufficient": {},
    "lowest-latency": {},
    "bandit": {},
    "cheapest-sufficient/default": {"quality": "default"},
    "best-value/default": {"quality": "default", "costWeight": 0.01},
}
"""Options by selector; after the slash the quality model, where there is one."""
_REQUEST = Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, "hello"),)),))


@dataclass(frozen=True, slots=True)
class SelectorCost:
    """What one selector costs."""

    selector: str
    """`cheapest-sufficient/METHOD` with a quality model of that method; `/default` with the one that comes with the program."""
    micros: dict[int, float]
    """Microseconds of one choice, by the number of candidates: the median over the rounds."""
    kilobytes: float
    """Of the quality model's file, which is what it keeps in memory; 0 without one."""


def outcomes(rows: int = ROWS, models: int = max(COUNTS), width: int = WIDTH) -> Outcomes:
    """Outcomes by chance, the same each time: what a choice costs does not depend on what was learned."""
    chance = np.random.default_rng(5)
    embeddings = chance.normal(size=(rows, width))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    inputs = np.concatenate((embeddings, chance.random((rows, 1 + FACTS))), 1).astype(np.float32)
    scores = (chance.random((rows, models)) < np.linspace(0.3, 0.9, models)).astype(np.float64)
    return Outcomes(inputs, scores, tuple(ModelProfile(f"model-{at}", 1.0 + at, 2.0 + at) for at in range(models)), FACTS)


def candidates(count: int) -> tuple[Candidate, ...]:
    """As many, each with a window and a price."""
    pools = (
        ModelPool(f"p{at}", f"c{at}", f"model-{at}", context_window=100_000, price=Price(1.0 + at, 2.0 + at))
        for at in range(count)
    )
    return tuple(Candidate(pool) for pool in pools)


def choices(width: int = WIDTH) -> tuple[Choice, ...]:
    """Requests that read differently."""
    chance = np.random.default_rng(6)
    statistics = {f"p{at}": PoolStatistics(5.0, 0.0, 0.2, 50.0, 2.0, 200.0) for at in range(max(COUNTS))}
    found = []
    for _ in range(_READINGS):
        embedding = chance.normal(size=width).astype(np.float32)
        embedding /= np.linalg.norm(embedding)
        reading = Reading(chances={"difficulty": float(chance.random())}, embedding=embedding)
        found.append(Choice(_REQUEST, {}, 500, statistics, reading))
    return tuple(found)


ALL = tuple(method.name for method in METHODS)


def steps(methods: Sequence[str] = ALL) -> int:
    """Selectors to come."""
    return len(_PLAIN) + len(methods)


def selector_costs(
    rounds: int,
    turns: int,
    tell: Callable[[], None] = lambda: None,
    *,
    methods: Sequence[str] = ALL,
    rows: int = ROWS,
) -> Iterator[SelectorCost]:
    """Each selector in turn; `tell` is called after each. `turns`: choices of a round; `rows`: outcomes that quality models learn from."""
    asked = choices()
    services = SelectorServices()
    for name, options in _PLAIN.items():
        plugin = SELECTORS[name.partition("/")[0]]
        made = {count: plugin.build(plugin.options(**options), candidates(count), services) for count in COUNTS}
        yield SelectorCost(
            name, _timed(made, asked, rounds, turns), shipped().stat().st_size / 1024 if "quality" in options else 0.0
        )
        tell()
    fit, held = held_out(outcomes(rows))
    for method in methods:
        model = train(method, fit, held)
        rule = scorer(CheapestOptions(quality="-"))
        made = {
            count: Profile("judged", given, [(rule, 1.0)], judge=Judge(model, given, WIDTH))
            for count, given in ((count, candidates(count)) for count in COUNTS)
        }
        size = len(packed(model, _NO_ENCODER, {})) / 1024
        yield SelectorCost(f"cheapest-sufficient/{method}", _timed(made, asked, rounds, turns), size)
        tell()


def _timed(made: dict[int, Selector], asked: Sequence[Choice], rounds: int, turns: int) -> dict[int, float]:
    return {count: _micros(selector, candidates(count), asked, rounds, turns) for count, selector in made.items()}


def _micros(selector: Selector, given: tuple[Candidate, ...], asked: Sequence[Choice], rounds: int, turns: int) -> float:
    for choice in asked:
        selector.select(given, choice)
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        for at in range(turns):
            selector.select(given, asked[at % _READINGS])
        found.append((time.perf_counter() - start) / turns * 1e6)
    return median(found)


def told(cost: SelectorCost) -> dict[str, Any]:
    """For JSON."""
    return {
        "selector": cost.selector,
        "micros": {str(count): round(value, 1) for count, value in cost.micros.items()},
        "kilobytes": round(cost.kilobytes, 1),
    }

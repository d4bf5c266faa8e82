"""Outcomes made up for tests: requests of two kinds, and models that are good at one, at the other, at both or at none."""

from __future__ import annotations

import numpy as np

from router_extproc.quality.facts import FACTS
from router_extproc.quality.outcomes import Outcomes
from router_extproc.quality.profile import ModelProfile, Query

WIDTH = 12
MODELS = (
    ModelProfile("prose", 0.2, 0.2, 8.0, 8192, frozenset({"chat"}), {"mmlu": 0.6, "gsm8k": 0.3}),
    ModelProfile("maths", 0.2, 0.3, 7.0, 8192, frozenset({"math"}), {"mmlu": 0.5, "gsm8k": 0.8}),
    ModelProfile("large", 3.0, 9.0, 200.0, 131072, frozenset({"chat"}), {"mmlu": 0.9, "gsm8k": 0.95}),
    ModelProfile("tiny", 0.1, 0.1, 1.0, 4096, frozenset({"chat"}), {"mmlu": 0.3, "gsm8k": 0.1}),
)
CHANCES = np.array([[0.9, 0.25, 0.92, 0.2], [0.15, 0.85, 0.92, 0.1]])
"""(kinds, models): how often each answers well."""


def outcomes(rows: int = 400, seed: int = 0) -> Outcomes:
    """Even rows are prose, odd ones maths."""
    chance = np.random.default_rng(seed)
    kinds = np.arange(rows) % 2
    directions = np.zeros((2, WIDTH))
    directions[0, 0] = directions[1, 1] = 1.0
    embeddings = directions[kinds] + chance.normal(0, 0.15, (rows, WIDTH))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    difficulty = 0.3 + 0.4 * kinds[:, None]
    scores = (chance.random((rows, len(MODELS))) < CHANCES[kinds]).astype(np.float64)
    return Outcomes(np.concatenate((embeddings, difficulty), 1).astype(np.float32), scores, MODELS)


def with_facts(rows: int = 400, seed: int = 0) -> Outcomes:
    """Outcomes that only the first fact tells: `prose` is right where it is high. The last fact is the same in all rows."""
    table, chance = outcomes(rows, seed), np.random.default_rng(seed)
    facts = chance.random((rows, FACTS)).astype(np.float32) * np.linspace(1, 0.2, FACTS, dtype=np.float32)
    facts[:, -1] = 0
    scores = table.scores.copy()
    scores[:, 0] = facts[:, 0] > 0.5
    return Outcomes(np.concatenate((table.inputs, facts), 1), scores, MODELS, FACTS)


def query(kind: int) -> Query:
    """A typical request of one kind."""
    embedding = np.zeros(WIDTH, np.float32)
    embedding[kind] = 1.0
    return Query(embedding, 0.3 + 0.4 * kind)

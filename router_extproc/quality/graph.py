"""Graph: tasks, requests and models as nodes; what is known of a task and a model spreads to their neighbours.

A light form of GraphRouter (Feng et al. 2024, arXiv:2410.03834): task nodes are clusters of the training requests, an edge from a task to a
model carries how well the model did there, and messages pass between like tasks and between models of like profile. A readout weighs
what came over no, one and two hops. It is inductive: a new request hangs on its near tasks, a new model on its kin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.clusters import shares, table
from router_extproc.quality.landmarks import landmarks
from router_extproc.quality.outcomes import logit
from router_extproc.quality.traits import traits_of

if TYPE_CHECKING:
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_TASKS = 96
_SHARPNESS = 14.0
_PRIOR = 4.0
_HOPS = 3
_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Graph:
    """Task nodes and, after all messages, their edges to models."""

    tasks: Singles
    edges: Singles
    """(tasks, known): chances."""

    def logits(self, inputs: Singles, /) -> Doubles:
        """A request takes the edges of its near tasks."""
        said = (shares(inputs[:, : self.tasks.shape[1]], self.tasks, _SHARPNESS) @ self.edges).astype(np.float64)
        return logit(np.clip(said, 0.0, 1.0))

    def arrays(self) -> Arrays:
        """Tasks and edges."""
        return {"tasks": self.tasks, "edges": self.edges}


class GraphMethod:
    """Fits a Graph."""

    def fit(self, outcomes: Outcomes, /) -> Graph:
        """The readout is learned on rows that the edges were not counted on; then the edges are counted on all."""
        tasks = landmarks(outcomes.embeddings, _TASKS)
        weights = shares(outcomes.embeddings, tasks, _SHARPNESS)
        kin = _kin(outcomes)
        near = shares(tasks, tasks, _SHARPNESS).astype(np.float64)
        half = np.random.default_rng(0).permutation(len(outcomes)) % 2 == 0
        counted, read = outcomes.rows(half), outcomes.rows(~half)
        hops = _hops(table(counted, weights[half], _PRIOR) - counted.means, near, kin)
        readout = _readout([weights[~half] @ hop for hop in hops], read)
        whole = _hops(table(outcomes, weights, _PRIOR) - outcomes.means, near, kin)
        edges = outcomes.means + sum(share * hop for share, hop in zip(readout, whole, strict=True))
        return Graph(tasks, np.asarray(edges, np.float32))

    def restore(self, arrays: Arrays, /) -> Graph:
        """The same again."""
        return Graph(np.asarray(arrays["tasks"], np.float32), np.asarray(arrays["edges"], np.float32))


def _kin(outcomes: Outcomes) -> Doubles:
    """(m, m): how much each model listens to each other one; columns sum to 1."""
    rows = traits_of(outcomes.models).of(outcomes.models)
    distance = ((rows[:, None] - rows[None]) ** 2).mean(2)
    near = np.exp(-distance / (np.median(distance) + 1e-6))
    found: Doubles = near / near.sum(0)
    return found


def _hops(edges: Doubles, near: Doubles, kin: Doubles) -> list[Doubles]:
    """Edges as they are, after one exchange of messages, after two."""
    found = [np.asarray(edges, np.float64)]
    for _ in range(_HOPS - 1):
        found.append(near @ found[-1] @ kin)
    return found


def _readout(said: list[Doubles], outcomes: Outcomes) -> Doubles:
    """(hops,): least squares weights, drawn to the plain mean of hops."""
    known = outcomes.known
    columns = np.stack([each[known] for each in said], 1)
    off = (outcomes.scores - outcomes.means)[known]
    start = np.full(len(said), 1 / len(said))
    found: Doubles = start + np.linalg.solve(
        columns.T @ columns + _RIDGE * np.eye(len(said)), columns.T @ (off - columns @ start)
    )
    return found

"""Methods: the one list of ways to learn quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.plugin import Plugin, Registry, Stability
from router_extproc.quality.blend import BlendMethod
from router_extproc.quality.clusters import ClustersMethod
from router_extproc.quality.contrastive import ContrastMethod
from router_extproc.quality.elo import EloMethod
from router_extproc.quality.factors import FactorsMethod
from router_extproc.quality.graph import GraphMethod
from router_extproc.quality.inductive import BilinearMethod
from router_extproc.quality.knn import NeighboursMethod
from router_extproc.quality.mlp import NetworkMethod
from router_extproc.quality.pair import PairMethod
from router_extproc.quality.ridge import RidgeMethod

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.quality.method import Method

DEFAULT = "blend"
"""The best on dev over all sets; see docs/ROUTING_EVAL.md."""


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Methods have no options: what they choose, they choose by the data."""


METHODS: Registry[Callable[[], Method]] = Registry("method")


def _add(name: str, build: Callable[[], Method], summary: str) -> None:
    METHODS.add(Plugin(name, NoOptions, build, summary, Stability.BETA))


_add("blend", BlendMethod, "The mean of a shrunk regression, a small network and tables by cluster. The default.")
_add("ridge", RidgeMethod, "Regression on embedding, difficulty and landmarks; what sets models apart is shrunk harder.")
_add("knn", NeighboursMethod, "Mean scores of the most similar requests.")
_add("factors", FactorsMethod, "Matrix factorisation, as RouteLLM's.")
_add("mlp", NetworkMethod, "A network with one hidden layer, run as ONNX.")
_add("elo", EloMethod, "Bradley-Terry ratings weighted by similarity, as RouteLLM's.")
_add("clusters", ClustersMethod, "Tables by k-means cluster, as Avengers and UniRoute.")
_add("contrastive", ContrastMethod, "Dual contrastive learning, as RouterDC.")
_add("graph", GraphMethod, "Messages between tasks and models, as GraphRouter.")
_add("pair", PairMethod, "Strong or weak by a threshold, as Hybrid LLM and RouteLLM.")
_add("inductive", BilinearMethod, "Bilinear in request and profile: no parameter belongs to one model.")

"""The public API as its users write it, for mypy --strict: nothing here is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.config.loader import Loaded, load
from router_extproc.config.offline import decide, explain
from router_extproc.errors import RequestRefusedError
from router_extproc.hooks import Hooks
from router_extproc.policy.problems import PolicyError, Problem
from router_extproc.pools import PoolStats
from router_extproc.routing import Cost, Outcome, Signal, SignalKind, SignalShape
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from router_extproc.hooks import AnswerDetails, Hook, ReloadDetails, RouteDetails
    from router_extproc.request import Request
    from router_extproc.routing import Candidate, Extractor, Observation, SignalResult
    from router_extproc.selectors.selector import Choice, Scorer


def decide_offline(path: Path, body: bytes) -> str:
    """Load a policy, and decide a request with it."""
    try:
        loaded: Loaded = load(path, services=SignalServices(), stats=PoolStats())
    except PolicyError as error:
        problems: tuple[Problem, ...] = error.problems
        return "\n".join(str(problem) for problem in problems)
    outcome: Outcome = decide(loaded.router, path="/v1/chat/completions", headers={}, body=body)
    try:
        told: Mapping[str, object] = explain(loaded.router, path="/v1/chat/completions", headers={}, body=body).to_dict()
    except RequestRefusedError as refused:
        return refused.reason.value
    return f"{outcome.selection.pool.name if outcome.selection else outcome.status} {told['decision']}"


class Weekday:
    """A signal of one's own."""

    name = "weekday"
    cost = Cost.FIELD
    shape = SignalShape(SignalKind.FLAG)

    def extract(self, _request: Request, /) -> SignalResult:
        """The signal."""
        return Signal(self.name, 1.0)


class Named:
    """A scorer of one's own."""

    name = "named"

    def score(self, candidates: Sequence[Candidate], _choice: Choice, /) -> Sequence[float]:
        """Scores in [0, 1]."""
        return [1.0 for _ in candidates]


class Printing:
    """A hook of one's own."""

    def routed(self, details: RouteDetails, /) -> None:
        """A request was handled."""

    def observed(self, observation: Observation, /) -> None:
        """A response was seen."""

    def answered(self, details: AnswerDetails, /) -> None:
        """Nothing."""

    def reloaded(self, details: ReloadDetails, /) -> None:
        """A policy was loaded."""


extractor: Extractor = Weekday()
scorer: Scorer = Named()
hook: Hook = Printing()
hooks = Hooks([hook])

"""What tests of configuration share: a policy on disk, and a hook that remembers loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router_extproc.config.loader import load
from router_extproc.hooks import Hooks
from router_extproc.pools import PoolStats
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.config.loader import Loaded
    from router_extproc.config.store import Load
    from router_extproc.hooks import AnswerDetails, ReloadDetails, RouteDetails
    from router_extproc.routing import Observation


class Loads:
    """A hook that keeps the loads it was told of."""

    def __init__(self, told: list[ReloadDetails]) -> None:
        self.told = told

    def routed(self, details: RouteDetails, /) -> None:
        """Nothing."""

    def observed(self, observation: Observation, /) -> None:
        """Nothing."""

    def answered(self, details: AnswerDetails, /) -> None:
        """Nothing."""

    def reloaded(self, details: ReloadDetails, /) -> None:
        """Keep it."""
        self.told.append(details)


@pytest.fixture
def file(tmp_path: Path, policy: str) -> Path:
    """A policy file that can be served."""
    path = tmp_path / "policy.yaml"
    path.write_text(policy)
    return path


@pytest.fixture
def told() -> list[ReloadDetails]:
    """The loads that hooks were told of."""
    return []


@pytest.fixture
def hooks(told: list[ReloadDetails]) -> Hooks:
    """Hooks that remember loads."""
    return Hooks([Loads(told)])


@pytest.fixture
def loader() -> Load:
    """Loads policies as the service does."""
    services, stats = SignalServices(), PoolStats()

    def loading(path: Path) -> Loaded:
        return load(path, services=services, stats=stats)

    return loading

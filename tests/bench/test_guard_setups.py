"""The policies of the guards' benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router_extproc.bench.guard_setups import BASE, FLOWS, GUARDS, policy_text
from router_extproc.bench.guards import NOTES
from router_extproc.config.loader import load
from router_extproc.pools import PoolStats
from router_extproc.routing import Signal, Truth
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.policy.compiled import Rule


def rules(name: str, directory: Path) -> tuple[Rule, ...]:
    """The rules of a set-up."""
    path = directory / f"{name}.yaml"
    path.write_text(policy_text(name))
    return tuple(load(path, services=SignalServices(), stats=PoolStats()).router.policy.main.rules)


class TestPolicyText:
    @pytest.mark.parametrize("name", list(GUARDS))
    def test_puts_its_guards_before_the_same_rules(self, name: str, tmp_path: Path) -> None:
        """Or more than the guard would be compared."""
        own, base = rules(name, tmp_path), rules(BASE, tmp_path)
        guards = {"rules": 0, "observe": 0, "all": 3}.get(name, 1)

        assert len(own) == len(base) + guards
        assert [rule.name for rule in own[guards:]] == [rule.name for rule in base]

    def test_the_signal_is_asked_and_never_holds(self, tmp_path: Path) -> None:
        """Whatever the weights say."""
        when = rules("signal", tmp_path)[0].when

        assert when is not None
        assert {when.evaluate(lambda name, label=label: Signal(name, 1.0, label=label)) for label in ("PERSON", "")} == {
            Truth.FALSE
        }  # type: ignore[misc]  # a default binds the loop's value


class TestFlows:
    def test_are_all_explained(self) -> None:
        """To whoever reads the table."""
        assert tuple(NOTES) == FLOWS

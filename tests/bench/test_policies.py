"""The neural benchmark's policies: what they ask, whatever the model says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router_extproc.bench.counters import SIGNALS
from router_extproc.bench.neural_setups import LAZY, NEURAL
from router_extproc.config.loader import load
from router_extproc.policy.document import read
from router_extproc.pools import PoolStats
from router_extproc.routing import Signal, Truth
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.routing import SignalResult


class Answers(dict[str, "SignalResult"]):
    """Signals that all have the same value; it remembers which were asked."""

    def __init__(self, value: float, label: str) -> None:
        super().__init__()
        self._value = value
        self._label = label

    def __missing__(self, name: str) -> SignalResult:
        self[name] = Signal(name, self._value, label=self._label)
        return self[name]


class TestNeuralPolicy:
    @pytest.mark.parametrize(("value", "label"), [(0.0, "law"), (0.5, "math"), (1.0, "PERSON")])
    def test_first_rule_asks_all_and_never_holds(self, value: float, label: str) -> None:
        """So the figures do not depend on the weights."""
        policy = load(NEURAL, services=SignalServices(), stats=PoolStats()).router.policy
        when = policy.main.rules[0].when
        answers = Answers(value, label)

        assert when is not None
        assert when.evaluate(answers.__getitem__) is Truth.FALSE
        assert set(answers) == set(SIGNALS)


class TestLazyPolicy:
    def test_is_the_same_in_another_order(self) -> None:
        """Or more than laziness would be compared."""
        neural, lazy = _value(NEURAL), _value(LAZY)
        first, second = neural.pop("decisions"), lazy.pop("decisions")  # type: ignore[attr-defined]  # a mapping

        assert neural == lazy
        assert first == second[::-1]


def _value(path: Path) -> object:
    return read(path.read_text(), source=path.name).value

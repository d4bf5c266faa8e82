"""Conditions on labels that hold independently of each other."""

from __future__ import annotations

import pytest

from router_extproc.policy.expression import InAny
from router_extproc.routing import Cost, Signal, SignalResult, Truth, Unknown, UnknownReason


def _asked(*wanted: str, bound: float, coverage: float = 0.0) -> InAny:
    return InAny("it", "it", wanted=frozenset(wanted), confidence=bound, coverage=coverage, cost=Cost.MODEL)


TOLD = Signal("it", 0.62, label="toxic", labels={"toxic": 0.62, "threat": 0.43, "spam": 0.02}, coverage=0.9)
NONE = Signal("it", 0.0, label="", labels={"toxic": 0.1, "threat": 0.2})
UNKNOWN = Unknown("it", UnknownReason.OVERLOADED)


class TestInAny:
    @pytest.mark.parametrize(
        ("node", "result", "expected"),
        [
            pytest.param(_asked("toxic", bound=0.5), TOLD, Truth.TRUE, id="the surest"),
            pytest.param(_asked("threat", bound=0.5), TOLD, Truth.FALSE, id="another, below its bound"),
            pytest.param(_asked("threat", bound=0.43), TOLD, Truth.TRUE, id="another, at its bound"),
            pytest.param(_asked("threat", "spam", bound=0.4), TOLD, Truth.TRUE, id="one of two"),
            pytest.param(_asked("toxic", bound=0.7), TOLD, Truth.FALSE, id="the surest, below its bound"),
            pytest.param(_asked("toxic", "threat", bound=0.5), NONE, Truth.FALSE, id="none holds"),
            pytest.param(_asked("threat", bound=0.2), NONE, Truth.TRUE, id="none holds, with a lower bound"),
            pytest.param(_asked("toxic", bound=0.5, coverage=1.0), TOLD, Truth.UNKNOWN, id="too little was read"),
            pytest.param(_asked("toxic", bound=0.5), UNKNOWN, Truth.UNKNOWN, id="unknown"),
        ],
    )
    def test_holds_by_the_probability_of_a_wanted_label(self, node: InAny, result: SignalResult, expected: Truth) -> None:
        """Whatever the others have."""
        assert node.evaluate({"it": result}.__getitem__) is expected
        assert node.explain({"it": result}).truth is expected

    @pytest.mark.parametrize(
        ("node", "known", "expected"),
        [
            pytest.param(
                _asked("threat", "spam", bound=0.4), {"it": TOLD}, "threat (0.43), 90% of the text looked at", id="signal"
            ),
            pytest.param(_asked("toxic", "threat", bound=0.5), {"it": NONE}, "threat (0.20)", id="none holds"),
            pytest.param(_asked("toxic", bound=0.5), {"it": UNKNOWN}, "unknown: overloaded", id="unknown"),
            pytest.param(_asked("toxic", bound=0.5), {}, "not computed", id="not computed"),
        ],
    )
    def test_explains_itself_by_the_surest_of_the_wanted_labels(
        self, node: InAny, known: dict[str, SignalResult], expected: str
    ) -> None:
        """Not by that of the signal, which may be another."""
        assert node.explain(known).observed == expected

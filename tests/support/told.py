"""Signals of an outcome, for tests that know which ones they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.routing import Signal, UnknownReason

if TYPE_CHECKING:
    from router_extproc.routing import Outcome


def signal(outcome: Outcome, name: str = "it") -> Signal:
    """A signal that has a value."""
    result = outcome.signals[name]
    assert isinstance(result, Signal)
    return result


def why_unknown(outcome: Outcome, name: str = "it") -> UnknownReason:
    """Why a signal has no value."""
    result = outcome.signals[name]
    assert not isinstance(result, Signal)
    return result.reason

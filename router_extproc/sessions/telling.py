"""Telling: a session's turn and reroutes as plain values, for the decision log and `explain`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from router_extproc.sessions.note import Spent

if TYPE_CHECKING:
    from router_extproc.routing import Outcome
    from router_extproc.sessions.note import SessionNote


def told(outcome: Outcome) -> dict[str, Any]:
    """What there is to tell of an outcome's session and reroutes; empty if nothing."""
    plain: dict[str, Any] = {}
    if outcome.session is not None:
        plain["session"] = _session(outcome.session)
    if outcome.reroutes:
        plain["reroutes"] = [{"pool": each.pool, "why": each.why, "to": each.to} for each in outcome.reroutes]
    return plain


def _session(note: SessionNote) -> dict[str, Any]:
    plain: dict[str, Any] = {"key": note.key, "by": note.source.value, "turn": note.turn, "move": note.move.value}
    if note.before:
        plain |= {"before": note.before, "idle_s": round(note.idle_s, 3), "cached_tokens": note.cached_tokens}
    if note.why:
        plain["why"] = note.why
    if note.gain_usd is not None and note.loss_usd is not None:
        plain |= {"gain_usd": round(note.gain_usd, 9), "loss_usd": round(note.loss_usd, 9)}
    if note.stall is not None:
        plain["stall"] = asdict(note.stall)
    if note.budget is not Spent.NONE:
        plain["budget"] = note.budget.value
    return {**plain, "spent_usd": round(note.usd, 9), "spent_tokens": note.tokens}

"""State: what is remembered of one session, and what each turn and each answer changes in it. Pure: it is told the time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_extproc.routing import Observation, Price


@dataclass(frozen=True, slots=True)
class SessionState:
    """One session, or one task (of which only what it spent is used). No text of it is kept."""

    pool: str = ""
    """Where its last turn went; empty before the first."""
    turns: int = 0
    usd: float = 0.0
    """Spent: what responses told, and estimates for those that did not yet."""
    tokens: int = 0
    """The same."""
    input_tokens: int = 0
    """Of the last answered turn's prompt: what may be in the pool's prompt cache."""
    cached_share: float | None = None
    """Share of the turn before's prompt that the pool read from its cache, in [0, 1]; None where it did not tell."""
    active_at: float = 0.0
    """Unix seconds."""
    left: str = ""
    """The pool before that one: sessions often go back."""
    left_tokens: int = 0
    """What that one's cache is likely to hold of the prompt, for as long as caches live."""
    left_at: float = 0.0
    """When its last turn was."""
    raised: str = ""
    """The pool that it was escalated to; empty where it is not."""
    calm: int = 0
    """Turns without a sign of a stall since then."""
    mark: int = 0
    """Messages that were there at the escalation: older signs count no longer."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one decision adds to a session."""

    pool: str
    usd: float
    """Estimated."""
    tokens: int
    """Estimated."""
    at: float
    """Unix seconds."""
    raised: str = ""
    calm: int = 0
    mark: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What an answer corrects. Differences, so that answers may come in any order and to any replica."""

    pool: str
    usd: float
    tokens: int
    input_tokens: int | None = None
    cached_tokens: int | None = None


_NEW = SessionState()


def taken(state: SessionState | None, turn: Turn) -> SessionState:
    """The session after a decision."""
    before = state or _NEW
    moved = turn.pool != before.pool
    return SessionState(
        pool=turn.pool,
        turns=before.turns + 1,
        usd=before.usd + turn.usd,
        tokens=before.tokens + turn.tokens,
        # Another pool's cache holds nothing of it yet.
        input_tokens=0 if moved else before.input_tokens,
        cached_share=None if moved else before.cached_share,
        active_at=max(before.active_at, turn.at),
        left=before.pool if moved else before.left,
        left_tokens=round(before.input_tokens * (before.cached_share or 0.0)) if moved else before.left_tokens,
        left_at=before.active_at if moved else before.left_at,
        raised=turn.raised,
        calm=turn.calm,
        mark=turn.mark,
    )


def settled(state: SessionState, seen: Settled) -> SessionState:
    """The session after an answer; one from a pool that it left meanwhile corrects what was spent, and nothing else."""
    spent = replace(state, usd=max(0.0, state.usd + seen.usd), tokens=max(0, state.tokens + seen.tokens))
    if seen.pool != state.pool or seen.input_tokens is None:
        return spent
    share = spent.cached_share
    if seen.cached_tokens is not None and state.input_tokens:
        share = min(1.0, seen.cached_tokens / state.input_tokens)
    return replace(spent, input_tokens=seen.input_tokens, cached_share=share)


def cost_usd(price: Price | None, prompt: float, output: float, cached: float = 0.0) -> float:
    """US dollars for tokens, `cached` of the prompt's among them read from a prompt cache; 0 without a price."""
    if price is None:
        return 0.0
    kept = min(cached, prompt)
    rate = price.input if price.cached is None else price.cached
    return ((prompt - kept) * price.input + kept * rate + output * price.output) * 1e-6


def correction(turn: Turn, seen: Observation, price: Price | None, first_error: int = 400) -> Settled:
    """What a response corrects of what its turn was estimated to take.

    An error took nothing, nor did an answer from the response cache, which tells of no tokens at all; what is not told keeps its estimate.
    """
    if seen.status >= first_error or (seen.input_tokens, seen.output_tokens) == (0, 0):
        return Settled(turn.pool, -turn.usd, -turn.tokens)
    if seen.input_tokens is None or seen.output_tokens is None:
        return Settled(turn.pool, 0.0, 0, seen.input_tokens, seen.cached_tokens)
    usd = cost_usd(price, seen.input_tokens, seen.output_tokens, seen.cached_tokens or 0)
    tokens = seen.input_tokens + seen.output_tokens
    return Settled(turn.pool, usd - turn.usd, tokens - turn.tokens, seen.input_tokens, seen.cached_tokens)

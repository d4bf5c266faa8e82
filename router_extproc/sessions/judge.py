"""Judge: whether a session's next turn stays with its pool. Pure: the same session and the same offer give the same judgement.

The order of what counts: a budget that is spent, a pool that cannot serve, a rule that overrides, a stall, an open tool loop, a budget
that is nearly spent, and only then what a switch would gain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from router_extproc.policy.session_rules import Switch, WhenSpent
from router_extproc.sessions.note import Move, SessionNote, Spent
from router_extproc.sessions.prices import cached_tokens, gain_usd, held_tokens, loss_usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.policy.session_rules import Budget, Escalation, SessionRule
    from router_extproc.routing import ModelPool
    from router_extproc.sessions.prices import Prices
    from router_extproc.sessions.stall import Stall
    from router_extproc.sessions.state import SessionState

TOOL_LOOP = "tool_loop"


@dataclass(frozen=True, slots=True)
class Offer:
    """One turn, and where it could go."""

    chosen: ModelPool
    """By the selector."""
    pools: tuple[ModelPool, ...]
    """Candidates that can serve it, `chosen` among them."""
    scores: Mapping[str, float]
    """In [0, 1]: chances of a good answer where the selector asked a quality model, else its scores."""
    prices: Prices
    in_loop: bool
    """Whether a tool loop is open."""
    messages: int
    now: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Where a turn goes."""

    pool: ModelPool | None
    """None: it is refused."""
    note: SessionNote
    raised: str = ""
    """What the session's state becomes."""
    calm: int = 0
    mark: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One turn of a session that has a pool, while it is judged."""

    rule: SessionRule
    state: SessionState
    offer: Offer
    here: ModelPool
    note: SessionNote
    """So far."""
    stall: Stall

    def to(self, pool: ModelPool, move: Move, why: str, *, raised: str = "", calm: int = 0) -> Judgement:
        """The judgement that the turn goes there."""
        mark = self.offer.messages if move is Move.ESCALATED else self.state.mark if raised else 0
        return Judgement(pool, replace(self.note, move=move, why=why), raised, calm, mark)

    def stay(self, move: Move, why: str) -> Judgement:
        """The judgement that it stays."""
        calm = 0 if signs(self.rule.escalation, self.stall) else self.state.calm + 1
        return self.to(self.here, move, why, raised=self.state.raised, calm=calm if self.state.raised else 0)


def spent(budget: Budget | None, purse: SessionState | None) -> Spent:
    """How the budget stands."""
    if budget is None:
        return Spent.NONE
    usd, tokens = (purse.usd, purse.tokens) if purse is not None else (0.0, 0)
    share = max(usd / budget.usd if budget.usd else 0.0, tokens / budget.tokens if budget.tokens else 0.0)
    return Spent.SPENT if share >= 1 else Spent.NEARLY if share >= budget.nearly else Spent.OK


def signs(escalation: Escalation | None, stall: Stall) -> str:
    """Which sign of a stall is there as often as it takes, and how often; empty if none."""
    if escalation is None:
        return ""
    for name, count, bound in (
        ("calls", stall.calls, escalation.calls),
        ("errors", stall.errors, escalation.errors),
        ("reasks", stall.reasks, escalation.reasks),
    ):
        if bound and count >= bound:
            return f"{name} {count}"
    return ""


def first(rule: SessionRule, offer: Offer, note: SessionNote) -> Judgement:
    """The judgement of a session that has no pool yet."""
    if note.budget is Spent.SPENT and rule.budget is not None and rule.budget.then is WhenSpent.REJECT:
        return Judgement(None, replace(note, move=Move.REFUSED, why="budget"))
    cheap = offer.prices.cheapest(offer.pools) if note.budget in {Spent.NEARLY, Spent.SPENT} else None
    if cheap is not None and cheap.name != offer.chosen.name:
        return Judgement(cheap, replace(note, move=Move.LOWERED, why="budget"))
    return Judgement(offer.chosen, replace(note, move=Move.OPENED))


def judged(case: Case, unfit: str) -> Judgement:  # noqa: PLR0911 - one line a reason, in the order of what counts
    """The judgement of a session that has a pool. `unfit`: why that cannot serve this turn; empty if it can."""
    rule, offer, budget = case.rule, case.offer, case.note.budget
    if budget is Spent.SPENT and rule.budget is not None and rule.budget.then is WhenSpent.REJECT:
        return Judgement(None, replace(case.note, move=Move.REFUSED, why="budget"))
    if unfit:
        return _left(case, unfit)
    if rule.override:
        same = offer.chosen.name == case.here.name
        return case.stay(Move.PINNED, "override") if same else case.to(offer.chosen, Move.OVERRIDDEN, "override")
    if budget is Spent.SPENT:
        return _lowered(case)
    raised = _escalated(case) if budget is not Spent.NEARLY else None
    if raised is not None:
        return raised
    if offer.in_loop:
        return case.stay(Move.KEPT, TOOL_LOOP)
    if budget is Spent.NEARLY:
        return _lowered(case)
    if case.state.raised and case.state.calm < (rule.escalation.hold if rule.escalation else 0):
        return case.stay(Move.HELD, f"calm {case.state.calm}")
    return _weighed(case)


def _left(case: Case, unfit: str) -> Judgement:
    """Its pool cannot serve: the selector's choice, or the cheapest where the budget says so; a session that was escalated stays so."""
    offer = case.offer
    target = offer.prices.cheapest(offer.pools) if case.note.budget in {Spent.NEARLY, Spent.SPENT} else None
    if target is None and case.state.raised:
        target = stronger(case.rule.escalation, offer.pools, case.state.raised, least=True)
    target = target or offer.chosen
    return case.to(target, Move.MOVED, unfit, raised=target.name if case.state.raised else "", calm=case.state.calm)


def _lowered(case: Case) -> Judgement:
    cheap = case.offer.prices.cheapest(case.offer.pools)
    if cheap is None or cheap.name == case.here.name:
        return case.stay(Move.KEPT if case.offer.in_loop else Move.PINNED, "budget")
    return case.to(cheap, Move.LOWERED, "budget")


def _escalated(case: Case) -> Judgement | None:
    """A stronger pool, if the session does not get on and there is one."""
    why = signs(case.rule.escalation, case.stall)
    if not why:
        return None
    target = stronger(case.rule.escalation, case.offer.pools, case.here.name)
    return case.to(target, Move.ESCALATED, why, raised=target.name) if target is not None else None


def stronger(escalation: Escalation | None, pools: tuple[ModelPool, ...], than: str, *, least: bool = False) -> ModelPool | None:
    """The weakest of the pools that is stronger than that one (`least`: or as strong); None if there is none."""
    order = escalation.order if escalation is not None else ()
    bound = order.index(than) if than in order else -1
    able = {pool.name: pool for pool in pools}
    return next((able[name] for name in order[bound + (0 if least and bound >= 0 else 1) :] if name in able), None)


def _weighed(case: Case) -> Judgement:
    """The selector's choice, if that is worth leaving for."""
    rule, offer, here, there = case.rule, case.offer, case.here, case.offer.chosen
    if there.name == here.name:
        return case.to(here, Move.PINNED, "chosen again")
    if rule.switch is Switch.NEVER:
        return case.to(here, Move.PINNED, "never")
    if rule.switch is Switch.ALWAYS:
        return case.to(there, Move.SWITCHED, "always")
    cached = case.note.cached_tokens
    points = offer.scores.get(there.name, 0.0) - offer.scores.get(here.name, 0.0)
    # In the turns after the first either pool has its own cache warm.
    warm = cached_tokens(case.state, offer.prices.prompt_tokens, 0.0, rule.cache_ttl_s)
    gain = gain_usd(here, there, offer.prices, warm, rule.expected_turns) + rule.expected_turns * points * rule.score_usd
    held = held_tokens(case.state, there, offer.prices.prompt_tokens, offer.now, rule.cache_ttl_s)
    loss = loss_usd(there, offer.prices, cached, held)
    weighed = replace(case, note=replace(case.note, gain_usd=gain, loss_usd=loss))
    return weighed.to(there, Move.SWITCHED, "worth it") if gain > loss else weighed.to(here, Move.PINNED, "not worth it")


def about(state: SessionState, offer: Offer, rule: SessionRule) -> tuple[float, int]:
    """Seconds since the turn before, and what of the prompt is likely to be in the pool's cache."""
    idle = max(0.0, offer.now - state.active_at)
    return idle, cached_tokens(state, offer.prices.prompt_tokens, idle, rule.cache_ttl_s)

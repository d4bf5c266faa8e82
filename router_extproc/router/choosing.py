"""Choosing: which pool serves a request that a rule routes: the selector's choice, unless its session or the pools' health objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from router_extproc.learning.lesson import arm
from router_extproc.policy.session_rules import Order
from router_extproc.routing import Candidate, Reason
from router_extproc.sessions.judge import Case, Offer, about, first, judged, spent
from router_extproc.sessions.note import Move, Reroute, SessionNote
from router_extproc.sessions.prices import Prices, loss_usd
from router_extproc.sessions.stall import NONE, stall
from router_extproc.signals.conversation import in_tool_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from router_extproc.health import PoolHealth
    from router_extproc.learning.lesson import Lesson
    from router_extproc.policy.compiled import Route
    from router_extproc.policy.session_rules import Fallback, SessionRule
    from router_extproc.routing import ModelPool, Observation, Selection
    from router_extproc.selectors.selector import Choice
    from router_extproc.sessions.judge import Judgement
    from router_extproc.sessions.sessions import Visit
    from router_extproc.sessions.state import SessionState

EXHAUSTED = "No model of this route can be asked now ({reasons}). Try again later."
_UNAVAILABLE = 503
_STAYS = frozenset({Move.KEPT, Move.PINNED, Move.HELD})
"""Moves by which nothing was left, whatever the selector would have liked."""
_FREE = frozenset({Move.OPENED, Move.OVERRIDDEN})
"""Moves by which a turn goes where the selector says."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request goes nowhere."""

    reason: Reason
    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """What became of a selection."""

    selection: Selection
    refusal: Refusal | None = None
    """Where there is one, the selection is what the selector would have had."""
    session: SessionNote | None = None
    reroutes: tuple[Reroute, ...] = ()
    settle: Callable[[Observation], None] | None = None


class Choosing:
    """Chooses for one request. `counts`: it is served, and not only looked at."""

    def __init__(
        self,
        route: Route,
        pools: Mapping[str, ModelPool],
        health: PoolHealth,
        visit: Visit | None,
        fits: Callable[[Candidate], str],
        *,
        counts: bool,
    ) -> None:
        """`fits`: why a pool cannot serve the request, be it a candidate or not; empty if it can."""
        self._route = route
        self._pools = pools
        self._health = health
        self._visit = visit if route.session is not None else None
        self._fits = fits
        self._counts = counts
        self._barred: dict[str, str] = {}
        """Why pools are not to be asked now; empty where they are."""
        self._left: list[ModelPool] = []
        """Pools that would have been asked, if they could be."""

    def chosen(self, selection: Selection, candidates: Sequence[Candidate], choice: Choice) -> Chosen:
        """What becomes of the selector's selection among these candidates."""
        prices = Prices(choice.prompt_tokens, choice.request.max_output_tokens, choice.statistics)
        fitting = tuple(candidate.pool for candidate in candidates if candidate.pool.name in selection.scores)
        able = tuple(pool for pool in fitting if not self._why_not(pool))
        state = self._visit.state() if self._visit is not None else None
        target = self._around(selection.pool, fitting, able, prices, state) or self._at_hand(state, choice)
        if target is None:
            return Chosen(selection, self._exhausted(), reroutes=self._reroutes(None))
        rule, visit = self._route.session, self._visit
        if rule is None or visit is None:
            return self._sent(selection, target, choice)
        judgement = self._judged(rule, visit, state, Offered(selection, target, able or (target,), prices, choice))
        if judgement.pool is None:
            return Chosen(selection, _over(rule), judgement.note)
        return self._sent(selection, judgement.pool, choice, judgement, prices)

    def _sent(
        self,
        selection: Selection,
        pool: ModelPool,
        choice: Choice,
        judgement: Judgement | None = None,
        prices: Prices | None = None,
    ) -> Chosen:
        if self._counts and self._route.fallback is not None:
            self._health.admits(pool)
        settle = None
        note = judgement.note if judgement is not None else None
        if judgement is not None and prices is not None and self._counts and self._visit is not None and note is not None:
            cached = note.cached_tokens if pool.name == note.before else 0
            tokens = prices.prompt_tokens + round(prices.output_tokens(pool))
            settle = self._visit.take(judgement, pool, prices.turn(pool, cached), tokens)
        if not self._own(selection, pool, note):
            # The chance of a choice that was not the selector's, or that would have been made without it, is not the selector's either.
            selection = replace(selection, propensity=None)
        if pool.name != selection.pool.name:
            model = pool.model or choice.request.model
            selection = replace(selection, pool=pool, model=model, lesson=_about(selection.lesson, pool))
        stays = note is not None and note.move in _STAYS
        return Chosen(selection, None, note, () if stays else self._reroutes(pool), settle)

    def _own(self, selection: Selection, pool: ModelPool, note: SessionNote | None) -> bool:
        """Whether the pool is there because the selector chose it, and every other choice of its would have stood, too."""
        free = note is None or note.move in _FREE or note.why == "override"
        return free and pool.name == selection.pool.name and not any(self._barred.values())

    # Pools that cannot be asked

    def _why_not(self, pool: ModelPool) -> str:
        """Why the pool is not to be asked now; empty where it is, and where the route does not fall back."""
        if self._route.fallback is None:
            return ""
        if pool.name not in self._barred:
            self._barred[pool.name] = self._health.barred(pool)
        return self._barred[pool.name]

    def _around(
        self,
        wanted: ModelPool,
        fitting: Sequence[ModelPool],
        able: Sequence[ModelPool],
        prices: Prices,
        state: SessionState | None,
    ) -> ModelPool | None:
        """The pool that the selector wants, or the one that is asked instead; None if there is none."""
        fallback, why = self._route.fallback, self._why_not(wanted)
        if not why or fallback is None:
            return wanted
        self._left.append(wanted)
        target = self._next(fallback, able, prices, state)
        if target is None:
            self._left += [pool for pool in fitting if pool.name != wanted.name]
            target = self._last(fallback, wanted)
        return target

    def _reroutes(self, to: ModelPool | None) -> tuple[Reroute, ...]:
        """What is told of the pools that were left for that one; None: for none."""
        return tuple(
            Reroute(pool.name, self._why_not(pool), to.name if to is not None and to.name != pool.name else "")
            for pool in self._left
        )

    def _at_hand(self, state: SessionState | None, choice: Choice) -> ModelPool | None:
        """Where no candidate can be asked: the pool of an open tool loop, which need not be one of them."""
        here = self._pools.get(state.pool) if state is not None else None
        if here is None or not in_tool_loop(choice.request) or self._fits(Candidate(here)) or self._why_not(here):
            return None
        return here

    def _next(
        self, fallback: Fallback, able: Sequence[ModelPool], prices: Prices, state: SessionState | None
    ) -> ModelPool | None:
        """The first of the others; or the end of the shortest path to an answer.

        The graph is request -> pool -> answer; a pool that cannot be asked is no longer in it. An edge to a pool weighs what leaving the
        session's prompt cache costs, one to the answer what asking costs until there is one. All paths have two edges: the shortest is a
        minimum.
        """
        if fallback.order is Order.LISTED or not able:
            return able[0] if able else None
        cached = state.input_tokens * (state.cached_share or 0.0) if state is not None else 0.0
        home = state.pool if state is not None else ""

        def weight(pool: ModelPool) -> tuple[bool, float]:
            leaving = 0.0 if pool.name == home else loss_usd(pool, prices, round(cached))
            return pool.price is None, leaving + prices.answer(pool, cached)

        return min(able, key=weight)

    def _last(self, fallback: Fallback, wanted: ModelPool) -> ModelPool | None:
        """Where requests go when no candidate can be asked."""
        last = self._pools.get(fallback.last_resort)
        if last is not None and not self._fits(Candidate(last)):
            return last
        return wanted if fallback.try_anyway else None

    def _exhausted(self) -> Refusal:
        reasons = ", ".join(f"{each.pool}: {each.why}" for each in self._reroutes(None))
        return Refusal(Reason.POOLS_EXHAUSTED, _UNAVAILABLE, EXHAUSTED.format(reasons=reasons))

    # Sessions

    def _judged(self, rule: SessionRule, visit: Visit, state: SessionState | None, given: Offered) -> Judgement:
        request = given.choice.request
        offer = Offer(
            chosen=given.target,
            pools=given.able,
            # A chance of a good answer is worth more than a score that has prices in it already.
            scores=given.selection.quality or given.selection.scores,
            prices=given.prices,
            in_loop=in_tool_loop(request),
            messages=len(request.messages),
            now=visit.now,
        )
        here = self._pools.get(state.pool) if state is not None else None
        purse = state if rule.budget is None or visit.task is None else visit.purse()
        idle, cached = about(state, offer, rule) if state is not None and here is not None else (0.0, 0)
        asked = here is not None and rule.escalation is not None
        signs = stall(request, state.mark) if asked and state is not None else None
        note = SessionNote(
            key=visit.key.hex()[:12],
            source=visit.source,
            turn=state.turns + 1 if state is not None else 1,
            move=Move.OPENED,
            before=here.name if here is not None else "",
            cached_tokens=cached,
            idle_s=idle,
            stall=signs,
            budget=spent(rule.budget, purse),
            usd=purse.usd if purse is not None else 0.0,
            tokens=purse.tokens if purse is not None else 0,
        )
        if state is None or here is None:
            return first(rule, offer, note)
        judgement = judged(Case(rule, state, offer, here, note, signs or NONE), self._unfit(here, offer))
        if self._barred.get(here.name) and all(pool.name != here.name for pool in self._left):
            self._left.append(here)
        return judgement

    def _unfit(self, here: ModelPool, offer: Offer) -> str:
        """Why the session's pool cannot serve this turn; empty if it can."""
        candidate = next((each for each in self._route.candidates if each.pool.name == here.name), None)
        # In the middle of a tool loop it may be none of this rule's candidates.
        if candidate is None and not offer.in_loop and offer.chosen.name != here.name:
            return "no candidate"
        return self._fits(candidate or Candidate(here)) or self._why_not(here)


@dataclass(frozen=True, slots=True)
class Offered:
    """What the selector and the pools' health left."""

    selection: Selection
    target: ModelPool
    able: tuple[ModelPool, ...]
    prices: Prices
    choice: Choice


def _about(lesson: Lesson | None, pool: ModelPool) -> Lesson | None:
    """The lesson of a request that went to another pool than the selector chose: feedback is about that one."""
    return msgspec.structs.replace(lesson, arm=arm(pool.name, pool.model)) if lesson is not None else None


def _over(rule: SessionRule) -> Refusal:
    budget = rule.budget
    status, message = (budget.status, budget.message) if budget is not None else (429, "")
    return Refusal(Reason.BUDGET_SPENT, status, message)

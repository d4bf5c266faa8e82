"""Sessions: what the file says about sessions and about pools that fail, and what of it can do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from router_extproc.breaker import circuit_options
from router_extproc.policy.section import HeaderName, Section, Word
from router_extproc.policy.session_rules import (
    Budget,
    Escalation,
    Fallback,
    Order,
    Per,
    SessionRule,
    SessionSettings,
    Switch,
    WhenSpent,
)
from router_extproc.policy.suggest import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.breaker import BreakerOptions
    from router_extproc.policy.problems import Findings, Path
    from router_extproc.routing import ModelPool

SPENT = "The budget of this session is spent."
_COSTED = ("expected_turns", "score_usd", "cache_ttl_seconds")
"""Keys that only `switch: worth` uses."""


class SessionsSection(Section):
    """What sessions and tasks are known by. What is done with them, routes say (`route.session`)."""

    header: HeaderName | None = None
    """Request header that names the session; left out or missing, the body tells it, or how the conversation began."""
    task_header: HeaderName | None = None
    """Request header that names the task, for budgets of tasks; a request without it is a task of its session."""
    ttl_seconds: Annotated[int, Field(ge=1, le=604_800)] = 3600
    """How long a session is remembered that nobody goes on with."""


class CircuitsSection(Section):
    """When a pool that fails is left alone, for routes with `fallback`."""

    failures: Annotated[int, Field(ge=1, le=1000)] = 5
    """In a row."""
    pause_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """Until requests probe it; doubled each time that the probes fail."""
    longest_pause_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """The most that it becomes."""
    probes: Annotated[int, Field(ge=1, le=100)] = 1
    """Requests that probe it at a time, and that must succeed before all go there again."""


class EscalateClause(Section):
    """Gives a session that does not get on a stronger pool."""

    repeated_calls: Annotated[int, Field(ge=0, le=20)] = 3
    """Times in a row that the same tool calls are made with the same arguments; 0: does not count."""
    failed_results: Annotated[int, Field(ge=0, le=20)] = 3
    """Tool results in a row that failed; 0: does not count."""
    reasks: Annotated[int, Field(ge=0, le=3)] = 1
    """User turns in a row that ask again what was asked before; 0: does not count."""
    order: Annotated[list[Word], Field(min_length=2, max_length=64)] | None = None
    """Candidates from the weakest to the strongest; left out, by price."""
    hold_turns: Annotated[int, Field(ge=1, le=1000)] = 4
    """Turns without a sign of a stall until it may go back."""


class BudgetClause(Section):
    """What a session or a task may spend, by the pools' prices and the usage that responses tell."""

    per: Literal["session", "task"] = "session"
    """Whose it is; a task is named by `sessions.taskHeader`."""
    usd: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """US dollars."""
    tokens: Annotated[int, Field(gt=0, le=10**15)] | None = None
    """Of prompts and answers."""
    nearly: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Share from which on the cheapest candidate serves it."""
    then: Literal["reject", "cheapest"] = "reject"
    """When it is spent: refuse, or go on with the cheapest candidate."""
    status: Annotated[int, Field(ge=400, le=499)] = 429
    """HTTP status of the refusal."""
    message: Annotated[str, StringConstraints(min_length=1, max_length=2000)] = SPENT
    """What the caller reads who is refused."""


class SessionClause(Section):
    """How turns of one session stay together."""

    switch: Literal["never", "worth", "always"] = "worth"
    """Whether another candidate may take over between tool loops: never; if that gains more than leaving the prompt cache costs; always."""
    expected_turns: Annotated[int, Field(ge=1, le=1000)] = 5
    """Turns still to come, over which a gain is counted."""
    score_usd: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """What a whole point of the selector's score is worth for one turn, US dollars; 0: only prices count."""
    cache_ttl_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    """How long a pool keeps a prompt in its cache: after a longer pause there is nothing to lose."""
    override: bool = False
    """Go where the selector says, also in the middle of a tool loop."""
    escalate: EscalateClause | None = None
    """Give a session that does not get on a stronger pool."""
    budget: BudgetClause | None = None
    """What it may spend."""


class FallbackClause(Section):
    """Where requests go whose pool cannot be asked: its circuit is open, or Envoy has no healthy host for it."""

    order: Literal["listed", "cheapest"] = "listed"
    """The other candidates as they are listed, or by the expected price of an answer."""
    on_exhausted: Literal["reject", "try"] = "reject"
    """If no candidate can be asked: a 503, or the first choice all the same."""
    last_resort: Word | None = None
    """The pool that is asked if no candidate can be."""


class SessionRules:
    """Compiles the clauses of one file."""

    def __init__(
        self, sessions: SessionsSection, circuits: CircuitsSection, pools: Mapping[str, ModelPool], findings: Findings
    ) -> None:
        self._sessions = sessions
        self._circuits = circuits
        self._pools = pools
        self._findings = findings
        self.any_session = self._any_task = self._any_fallback = False

    def session(self, clause: SessionClause | None, candidates: Sequence[ModelPool], path: Path) -> SessionRule | None:
        """The rule; what is wrong with it is noted."""
        if clause is None:
            return None
        self.any_session = True
        given = clause.model_fields_set
        if clause.switch != "worth" or clause.override:
            for name in sorted(given.intersection(_COSTED)):
                key = SessionClause.model_fields[name].alias or name
                why = "`override` asks no price" if clause.override else f"`switch: {clause.switch}` asks no price"
                self._findings.error((*path, key), f"`{key}` has no effect: {why}", "remove it", key=True)
        if len(candidates) == 1 and clause.budget is None:
            self._findings.error(
                path, "there is only one candidate to stay with", "remove `session`, or give it a budget", key=True
            )
        return SessionRule(
            switch=Switch(clause.switch),
            expected_turns=clause.expected_turns,
            score_usd=clause.score_usd,
            cache_ttl_s=float(clause.cache_ttl_seconds),
            override=clause.override,
            escalation=self._escalation(clause.escalate, candidates, (*path, "escalate")),
            budget=self._budget(clause.budget, candidates, (*path, "budget")),
        )

    def fallback(self, clause: FallbackClause | None, candidates: Sequence[ModelPool], path: Path) -> Fallback | None:
        """The rule; what is wrong with it is noted."""
        if clause is None:
            return None
        self._any_fallback = True
        findings, last = self._findings, clause.last_resort
        if clause.order == "cheapest":
            self._check_prices(candidates, (*path, "order"), "nothing can be told to be cheapest")
        if last is not None:
            if last not in self._pools:
                findings.error((*path, "lastResort"), f"unknown pool {last!r}", suggestion(last, self._pools))
            if any(pool.name == last for pool in candidates):
                findings.error((*path, "lastResort"), f"the pool {last!r} is a candidate already", "name another pool")
            if "on_exhausted" in clause.model_fields_set:
                findings.error((*path, "onExhausted"), "`onExhausted` has no effect beside `lastResort`", "keep one", key=True)
        return Fallback(Order(clause.order), clause.on_exhausted == "try", last or "")

    def settings(self) -> SessionSettings:
        """What sessions are known by, once all routes were compiled."""
        section, findings = self._sessions, self._findings
        if section.model_fields_set and not self.any_session:
            cure = "add `session: {}` to a route, or remove it"
            findings.error(("sessions",), "no route looks at sessions", cure, key=True)
        elif section.task_header is not None and not self._any_task:
            cure = "say `per: task` in a budget, or remove it"
            findings.error(("sessions", "taskHeader"), "no budget is a task's", cure, key=True)
        return SessionSettings((section.header or "").lower(), (section.task_header or "").lower(), float(section.ttl_seconds))

    def circuits(self) -> BreakerOptions:
        """When pools are left alone, once all routes were compiled."""
        section, findings = self._circuits, self._findings
        if section.model_fields_set and not self._any_fallback:
            cure = "add `fallback: {}` to a route, or remove it"
            findings.error(("circuits",), "no route falls back", cure, key=True)
        if section.longest_pause_seconds < section.pause_seconds:
            findings.error(("circuits", "longestPauseSeconds"), "is less than `pauseSeconds`", "make it at least as long")
        return circuit_options(section.failures, section.pause_seconds, section.longest_pause_seconds, section.probes)

    def _escalation(self, clause: EscalateClause | None, pools: Sequence[ModelPool], path: Path) -> Escalation | None:
        if clause is None:
            return None
        if not (clause.repeated_calls or clause.failed_results or clause.reasks):
            self._findings.error(path, "no sign of a stall counts", "set one of them, or remove `escalate`", key=True)
        if len(pools) == 1:
            self._findings.error(path, "there is no stronger candidate", "name one, or remove `escalate`", key=True)
        order = clause.order
        if order is None:
            self._check_prices(pools, path, "no candidate can be told to be the stronger one")
            order = [pool.name for pool in sorted(pools, key=_price)]
        for index, name in enumerate(clause.order or ()):
            if all(pool.name != name for pool in pools):
                known = [pool.name for pool in pools]
                self._findings.error((*path, "order", index), f"{name!r} is no candidate of this route", suggestion(name, known))
        return Escalation(clause.repeated_calls, clause.failed_results, clause.reasks, tuple(order), clause.hold_turns)

    def _budget(self, clause: BudgetClause | None, pools: Sequence[ModelPool], path: Path) -> Budget | None:
        if clause is None:
            return None
        findings, given = self._findings, clause.model_fields_set
        if clause.usd is None and clause.tokens is None:
            findings.error(path, "a budget of nothing bounds nothing", "set `usd` or `tokens`", key=True)
        if clause.usd is not None:
            self._check_prices(pools, (*path, "usd"), "nothing is known to cost anything")
        if clause.then == "cheapest":
            self._check_prices(pools, (*path, "then"), "nothing can be told to be cheapest")
            for key in sorted(given & {"status", "message"}):
                findings.error((*path, key), f"`{key}` has no effect: nobody is refused", "remove it", key=True)
        if clause.per == "task":
            self._any_task = True
            if self._sessions.task_header is None:
                findings.error((*path, "per"), "the policy does not say which header names a task", "set sessions.taskHeader")
        return Budget(
            Per(clause.per), clause.usd, clause.tokens, clause.nearly, WhenSpent(clause.then), clause.status, clause.message
        )

    def _check_prices(self, pools: Sequence[ModelPool], path: Path, what: str) -> None:
        if all(pool.price is None for pool in pools):
            self._findings.error(path, f"no candidate has a price: {what}", "give the pools a `price`", key=True)


def _price(pool: ModelPool) -> tuple[float, float]:
    """By output, then input; a pool without a price comes first."""
    return (pool.price.output, pool.price.input) if pool.price is not None else (-1.0, -1.0)

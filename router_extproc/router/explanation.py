"""Explanation: an outcome with all that led to it, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from router_extproc.cache.keys import refusal
from router_extproc.routing import HeaderOp, Signal
from router_extproc.sessions.telling import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.policy.compiled import ConditionTrace
    from router_extproc.request import Request
    from router_extproc.router.admission import LimitState
    from router_extproc.router.router import Router
    from router_extproc.routing import Outcome, RuleTrace, SignalResult


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """One rule that was asked."""

    trace: RuleTrace
    condition: ConditionTrace | None
    """None for a rule without a condition, and for one that explicit models are exempt from."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one request's outcome. Holds no text of the prompt."""

    request: Request
    outcome: Outcome
    rules: tuple[RuleExplanation, ...]
    """Those that were asked, in order."""
    unasked: tuple[str, ...]
    """Rules after the one that decided."""
    token_estimate: int
    """Estimated size of the prompt, tokens."""
    limits: tuple[LimitState, ...] = ()
    """The rate limits, and what they have for the request; they did not end it."""

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        outcome, request = self.outcome, self.request
        return {
            "request": {
                "api": request.api,
                "model": request.model,
                "stream": request.stream,
                "messages": len(request.messages),
                "tools": len(request.tools),
                "bytes": request.size,
                "prompt_tokens_estimate": self.token_estimate,
            },
            "verdict": outcome.verdict.value,
            "decision": outcome.decision.name,
            "reason": outcome.decision.reason.value,
            "recipe": outcome.decision.recipe,
            "unknown": list(outcome.decision.unknown),
            **_selection(outcome),
            "status": outcome.status,
            "message": outcome.message,
            "limits": [limit.to_dict() for limit in self.limits],
            "rules": [_rule(rule) for rule in self.rules],
            "rules_not_asked": list(self.unasked),
            "signals": {name: _signal(name, result, outcome.signal_us) for name, result in outcome.signals.items()},
            "signals_not_computed": {skipped.name: skipped.why for skipped in outcome.skipped},
            "changes": _changes(outcome),
            "cache": _cache(outcome, request),
            **told(outcome),
            "policy": outcome.policy,
            "route_us": round(outcome.route_us, 1),
        }


def explain(router: Router, request: Request, outcome: Outcome, limits: tuple[LimitState, ...] = ()) -> Explanation:
    """Explain an outcome of that router."""
    steps = router.plan.courses[outcome.decision.recipe].steps
    pairs = list(zip(steps, outcome.rules, strict=False))
    rules = tuple(
        RuleExplanation(trace, step.rule.when.explain(outcome.signals) if step.rule.when and trace is not step.exempt else None)
        for step, trace in pairs
    )
    unasked = tuple(step.rule.name for step in steps[len(pairs) :])
    return Explanation(request, outcome, rules, unasked, router.prompt_tokens(request), limits)


def _selection(outcome: Outcome) -> dict[str, Any]:
    selection = outcome.selection
    if selection is None:
        return {"pool": None, "cluster": None, "model": None, "candidates": {}}
    candidates: dict[str, Any] = {name: {"score": round(score, 4)} for name, score in selection.scores.items()}
    for name, chance in selection.quality.items():
        if name in candidates:
            candidates[name]["quality"] = round(chance, 4)
    candidates |= {name: {"dropped": why} for name, why in selection.filtered.items()}
    return {
        "pool": selection.pool.name,
        "cluster": selection.pool.cluster,
        "model": selection.model,
        "selector": selection.selector,
        "candidates": candidates,
        **({"shadows": dict(selection.shadows)} if selection.shadows else {}),
        **({"notes": list(selection.notes)} if selection.notes else {}),
        **({"propensity": round(selection.propensity, 6)} if selection.propensity is not None else {}),
    }


def _rule(rule: RuleExplanation) -> dict[str, Any]:
    return {
        "name": rule.trace.rule,
        "truth": rule.trace.truth.name.lower(),
        "effect": rule.trace.effect,
        "when": _condition(rule.condition) if rule.condition else None,
    }


def _condition(trace: ConditionTrace) -> dict[str, Any]:
    node: dict[str, Any] = {"text": trace.text, "truth": trace.truth.name.lower() if trace.truth is not None else None}
    if trace.observed:
        node["observed"] = trace.observed
    if trace.parts:
        node["parts"] = [_condition(part) for part in trace.parts]
    return node


def _signal(name: str, result: SignalResult, timings: Mapping[str, float]) -> dict[str, Any]:
    told: dict[str, Any] = {"us": round(timings[name], 1)} if name in timings else {}
    if not isinstance(result, Signal):
        return {"unknown": result.reason.value, **told}
    told["value"] = result.value
    if result.measure is not None:
        told["measure"] = result.measure
    if result.label is not None:
        told["label"] = result.label
    if result.evidence:
        told["evidence"] = list(result.evidence)
    if result.coverage < 1:
        told["coverage"] = result.coverage
    return told


def _cache(outcome: Outcome, request: Request) -> dict[str, Any] | None:
    """How the answer may come from the response cache; nothing is looked up."""
    rule = outcome.cache
    if rule is None:
        return None
    return {
        "mode": rule.mode.value,
        "scope": rule.scope.value,
        "ttl_s": rule.ttl_s,
        "bypass": refusal(rule, request) or None,
    }


def _changes(outcome: Outcome) -> dict[str, Any]:
    edits = outcome.edits
    changes: dict[str, Any] = {}
    if edits.model is not None:
        changes["model"] = edits.model
    if edits.caps:
        changes["caps"] = dict(edits.caps)
    if edits.blocked:
        changes["blocked"] = sorted(edits.blocked)
    if edits.system:
        changes["system"] = [edit.mode.value for edit in edits.system]
    if edits.reasoning_effort:
        changes["reasoning_effort"] = edits.reasoning_effort
    if outcome.private:
        changes["private_data"] = {kind: action.value for kind, action in sorted(outcome.private.items())}
    if outcome.stripped:
        changes["stripped_texts"] = outcome.stripped
    if outcome.guard is not None:
        changes["answer"] = {kind: action.value for kind, action in sorted(outcome.guard.types.items())}
    if outcome.headers:
        changes["headers"] = [
            {"op": edit.op.value, "name": edit.name} | ({} if edit.op is HeaderOp.REMOVE else {"value": edit.value})
            for edit in outcome.headers
        ]
    return changes

"""Redecide: what a policy would have made of a request, from what the decision log tells of it.

Signals that were logged are taken by name, and conditions are evaluated on them in three-valued logic. What the log cannot tell (a signal
that was not computed, a quality that was not asked) leaves the decision undetermined where it matters, and is counted; it is never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from router_extproc.encoders.reading import Reading
from router_extproc.guarding import PrivateAction
from router_extproc.policy.compiled import Answer, Reject, RejectWhen, Route
from router_extproc.request import Message, Part, PartKind, Request, Role, Tool
from router_extproc.routing import Candidate, OnUnknown, Signal, SignalKind, Truth, Unknown, UnknownReason
from router_extproc.selectors.profile import Profile
from router_extproc.selectors.selector import Choice
from router_extproc.selectors.value import ValueOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.evaluation.past import Fact, Past
    from router_extproc.policy.compiled import Rule
    from router_extproc.router import Router
    from router_extproc.router.plan import Step, Target
    from router_extproc.routing import Extractor, SignalResult

BY_POLICY = frozenset(
    {
        "rule",
        "default",
        "explicit_model",
        "rule_reject",
        "rule_answer",
        "unknown_denied",
        "model_not_found",
        "no_candidate",
        "private_data",
    }
)
"""Reasons of outcomes that a policy's rules made. The others came before them or beside them, and are left out."""
_NONE: Mapping[str, float] = MappingProxyType({})
_READ = Reading(chances={"difficulty": 0.5})
"""Stands for what was read: only that it was."""
_PARTS = {"image": PartKind.IMAGE, "audio": PartKind.AUDIO, "file": PartKind.FILE}


@dataclass(frozen=True, slots=True)
class Fresh:
    """What becomes of a request."""

    verdict: str
    """`route`, `reject` or `answer`; empty if it cannot be told."""
    decision: str = ""
    shares: Mapping[str, float] = field(default_factory=lambda: _NONE)
    """Chance of each pool, for what is routed."""
    unknown: str = ""
    """What the log does not tell, where that matters: a signal, `quality`, `latency` or a selector's type."""
    as_logged: bool = False
    """Whether a selector that learns while it serves would choose among the same pools: then it is taken to choose as it did."""


class _UndeterminedError(Exception):
    """The log does not tell something that matters."""


class Redecide:
    """One policy, asked about the past."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._extractors = router.policy.extractors

    def __call__(self, past: Past) -> Fresh:
        """What becomes of one request."""
        try:
            return self._decided(past)
        except _UndeterminedError as error:
            return Fresh("", unknown=str(error))

    def _decided(self, past: Past) -> Fresh:
        line, plan, policy = past.line, self._router.plan, self._router.policy
        asked = line.requested_model
        course = plan.courses.get(line.recipe) if line.recipe else plan.virtual.get(asked) or plan.virtual[""]
        explicit = plan.explicit.get(asked) if asked not in plan.virtual else None
        if course is None:
            raise _UndeterminedError(f"recipe {line.recipe}")
        if asked not in plan.virtual and explicit is None and policy.settings.unknown_models is RejectWhen.REJECT:
            return Fresh("reject", "explicit-model")
        walk = _Walk(self, past)
        for step in course.steps:
            ended = None if explicit is not None and step.target is not None else walk.step(step)
            if ended is not None:
                return ended
        if explicit is not None:
            barred = walk.trusted and not explicit.trusted
            return Fresh("reject" if barred else "route", "explicit-model", {} if barred else {explicit.name: 1.0})
        return self.routed(course.default, "default", past, trusted=walk.trusted)

    def effect(self, rule: Rule, past: Past) -> Fresh | bool:
        """Whether a rule applies, or what it ends the request with before it does."""
        truth = Truth.TRUE if rule.when is None else rule.when.evaluate(lambda name: self._signal(name, past))
        if truth is Truth.FALSE:
            return False
        if truth is Truth.UNKNOWN:
            lost = sorted(name for name in rule.when.signals if name not in past.line.signals) if rule.when else []
            if lost and self._matters(rule):
                raise _UndeterminedError(lost[0])
            if rule.on_unknown is OnUnknown.DENY:
                return Fresh("reject", rule.name)
            return rule.on_unknown is not OnUnknown.SKIP
        if rule.privacy is not None and PrivateAction.REJECT in actions(rule, past):
            return Fresh("reject", rule.name)
        return True

    @staticmethod
    def _matters(rule: Rule) -> bool:
        """Whether it makes a difference to where the request goes."""
        return isinstance(rule.end, Route | Reject | Answer) or rule.privacy is not None or rule.on_unknown is OnUnknown.DENY

    def _signal(self, name: str, past: Past) -> SignalResult:
        fact = past.line.signals.get(name)
        made = None if fact is None else signal(self._extractors[name], fact, past)
        return made if made is not None else Unknown(name, UnknownReason.UNAVAILABLE)

    def routed(self, target: Target, name: str, past: Past, *, trusted: bool) -> Fresh:
        candidates = target.route.candidates
        if trusted:
            kept = tuple(candidate for candidate in candidates if candidate.pool.trusted)
            candidates = kept or tuple(Candidate(pool) for pool in self._router.policy.pools.values() if pool.trusted)
        choice = self._choice(past)
        fitting, _ = Profile("", candidates, []).fitting(candidates, choice)
        names = [candidate.pool.name for candidate in fitting]
        if not names:
            return Fresh("reject", name)
        if len(names) == 1:
            return Fresh("route", name, {names[0]: 1.0})
        selector, kind = target.selector, target.route.select.type
        if not isinstance(selector, Profile) or kind == "lowest-latency":
            return self._as_logged(past, name, names, kind)
        if selector.reads and not set(names) <= set(past.line.quality):
            raise _UndeterminedError("quality")
        options = target.route.select.options
        if isinstance(options, ValueOptions) and options.latency_weight:
            raise _UndeterminedError("latency")
        return Fresh("route", name, selector.chances(candidates, choice))

    @staticmethod
    def _as_logged(past: Past, decision: str, names: list[str], kind: str) -> Fresh:
        line = past.line
        if line.selector != kind or line.pool not in names or set(line.scores) != set(names):
            raise _UndeterminedError(f"select: {kind}")
        return Fresh("route", decision, {line.pool: 1.0}, as_logged=True)

    @staticmethod
    def _choice(past: Past) -> Choice:
        """All of the request that decides what can serve it, and what it costs."""
        line = past.line
        parts = tuple(Part(_PARTS[each]) for each in line.modalities if each in _PARTS)
        request = Request(
            line.api,
            line.requested_model,
            (Message(Role.USER, parts),),
            tools=(Tool("tool"),) * min(line.tools, 1),
            max_output_tokens=line.max_output_tokens,
        )
        unread = any(note.startswith("unread") for note in line.notes)
        return Choice(request, {}, past.prompt_tokens, {}, None if unread else _READ, line.quality)


def actions(rule: Rule, past: Past) -> set[PrivateAction]:
    """What a rule does with the private data that was found."""
    return {rule.privacy.actions[kind] for kind in past.line.private if kind in rule.privacy.actions} if rule.privacy else set()


class _Walk:
    """One request's way through the rules."""

    def __init__(self, redecide: Redecide, past: Past) -> None:
        self._redecide = redecide
        self._past = past
        self.trusted = False
        """Whether private data must stay among trusted pools."""

    def step(self, step: Step) -> Fresh | None:
        """What a rule ends the request with; None if the search goes on."""
        rule = step.rule
        effect = self._redecide.effect(rule, self._past)
        if isinstance(effect, Fresh) or not effect:
            return effect if isinstance(effect, Fresh) else None
        self.trusted = self.trusted or PrivateAction.TRUSTED in actions(rule, self._past)
        if step.target is not None:
            return self._redecide.routed(step.target, rule.name, self._past, trusted=self.trusted)
        if isinstance(rule.end, Reject | Answer):
            return Fresh("reject" if isinstance(rule.end, Reject) else "answer", rule.name)
        return None


def signal(extractor: Extractor, fact: Fact, past: Past) -> SignalResult | None:
    """A signal as it was logged; None if the fact is of another kind than the policy's signal of that name."""
    name, line = extractor.name, past.line
    if isinstance(fact, dict):
        return Unknown(name, UnknownReason.UNAVAILABLE)
    coverage = line.coverage.get(name, 1.0)
    if extractor.shape.kind is SignalKind.LABEL:
        if not isinstance(fact, str):
            return None
        return Signal(name, line.confidence.get(name, 1.0 if fact else 0.0), label=fact, coverage=coverage)
    if isinstance(fact, str):
        return None
    if extractor.shape.kind is SignalKind.NUMBER:
        return Signal(name, float(fact != 0), measure=float(fact), coverage=coverage)
    return Signal(name, float(fact), coverage=coverage) if 0 <= fact <= 1 else None

"""Walk: one request's way through the rules of its recipe."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from router_extproc.cache.rule import together as cache_rule
from router_extproc.guarding import PrivateAction
from router_extproc.policy.compiled import Reject, RejectWhen
from router_extproc.router.ahead import needed
from router_extproc.router.choosing import Choosing
from router_extproc.router.edits import body_edits, merged
from router_extproc.router.privacy import PrivateData, listed, together, trusted
from router_extproc.router.shadow import asked
from router_extproc.router.signals import NeedsModel, SignalTable
from router_extproc.routing import Candidate, Decision, OnUnknown, Outcome, Reason, Selection, Truth, Verdict
from router_extproc.selectors.constraints import demands, kept
from router_extproc.selectors.filters import misfit
from router_extproc.selectors.selector import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from router_extproc.cache.rule import CacheRule
    from router_extproc.encoders.reading import Reading
    from router_extproc.guarding import ResponseGuard
    from router_extproc.policy.compiled import Modify
    from router_extproc.request import Request
    from router_extproc.router.choosing import Chosen
    from router_extproc.router.plan import Course, Step, Target
    from router_extproc.router.router import Router
    from router_extproc.routing import ModelPool, RuleTrace, Skipped
    from router_extproc.sessions.sessions import Visit

_TRUE, _FALSE = Truth.TRUE, Truth.FALSE
_MET: Mapping[str, str] = MappingProxyType({})
"""No demand was unmet."""
_NOTHING: Mapping[str, PrivateAction] = MappingProxyType({})

EXPLICIT = "explicit-model"
"""What a decision is called that the caller's own choice of a model made."""
DEFAULT = "default"
DENIED = "This request could not be checked, and the policy refuses what it cannot check."


class Routing:
    """One request being routed. Lives as long as the request; used by one thread at a time."""

    __slots__ = (
        "_at",
        "_caches",
        "_counts",
        "_course",
        "_demands",
        "_explicit",
        "_guards",
        "_modify",
        "_private",
        "_reading",
        "_request",
        "_router",
        "_start",
        "_traces",
        "_undecided",
        "_visit",
        "signals",
        "waiting",
    )

    def __init__(self, router: Router, request: Request, *, timed: bool = False) -> None:
        self._start = time.perf_counter()
        self._router = router
        self._request = request
        self.signals = SignalTable(router.policy.extractors, request, self._start + router.deadline_s, timed=timed)
        self._counts = not timed
        """Whether the request is served; one that is only explained changes nothing."""
        self._course: Course | None = router.course(request)
        """None where the model is neither virtual nor, with `unknownModels: route`, to be routed all the same."""
        constraints = router.policy.settings.constraints
        self._demands = demands(request, constraints) if constraints is not None else None
        self._explicit: ModelPool | None = None
        self._at = 0
        self._modify: list[Modify] = []
        self._guards: list[ResponseGuard] = []
        self._caches: list[CacheRule] = []
        self._traces: list[RuleTrace] = []
        self._undecided: list[str] = []
        self._reading: Reading | str | None = None
        """What the selector reads, or why there is nothing; None where it does not read."""
        self._visit: Visit | None = None
        """Of the session, once a route looks at it."""
        self._private: PrivateData | None = None
        """Once a rule asked about private data."""
        self.waiting = NeedsModel(())
        self._place()

    def _place(self) -> None:
        """Find out whether the caller's model is virtual, a pool's, or unknown."""
        plan = self._router.plan
        if self._request.model in plan.virtual:
            return
        self._explicit = plan.explicit.get(self._request.model)
        if self._explicit is None and plan.policy.settings.unknown_models is RejectWhen.REJECT:
            self._course = None

    def step(self) -> Outcome | None:
        """The outcome; None if a model's work is needed first: call it again when all of `work` is done, or some failed. Never blocks."""
        try:
            return self._walk()
        except NeedsModel as needed:
            self.waiting = needed
            self._prepare()
            return None

    @property
    def work(self) -> Sequence[Future[Any]]:
        """What `step` waits for."""
        return self.waiting.work

    def _prepare(self) -> None:
        """Have the rule that waits wait once, not once for each of its signals, and guards behind it not begin when it is done."""
        if self._course is not None:
            steps, extractors = self._course.steps[self._at :], self._router.policy.extractors
            self.signals.prepare(needed(steps, self.signals, extractors, self._request, explicit=self._explicit is not None))

    def finish(self) -> Outcome:
        """The outcome, waiting for whatever is needed. Blocks until the request's deadline at most."""
        self.signals.blocking = True
        return self._walk()

    def remaining_s(self) -> float:
        """Seconds that `work` may take: until the request's deadline, at least 0, or for ever."""
        return inf if self.waiting.patient else max(0.0, self.signals.deadline - time.perf_counter())

    def give_up(self) -> Outcome | None:
        """The outcome at the deadline: signals whose work is not done are unknown. None where a long text must be searched: see step."""
        self.signals.late = True
        return Routing.step(self)

    def _walk(self) -> Outcome:
        course = self._course
        if course is None:
            return self._unknown_model()
        lookup = self.signals.__getitem__
        steps = course.steps
        while self._at < len(steps):
            step = steps[self._at]
            if self._explicit is not None and step.target is not None:
                self._traces.append(step.exempt)
            else:
                when = step.rule.when
                truth = _TRUE if when is None else when.evaluate(lookup)
                if truth is _FALSE:
                    self._traces.append(step.missed)
                else:
                    outcome = self._applied(step, truth)
                    if outcome is not None:
                        return outcome
            self._at += 1
        return self._unmatched(course)

    def _applied(self, step: Step, truth: Truth) -> Outcome | None:
        """What a rule that is true or unknown does; None if the search goes on."""
        rule = step.rule
        if step.target is not None and (truth is _TRUE or rule.on_unknown is OnUnknown.MATCH):
            self._read(step.target)
        if truth is _TRUE and (rule.privacy is not None or rule.strip is not None):
            return self._guarded(step)
        if truth is _TRUE:
            self._traces.append(step.matched)
        else:
            refused = self._undecidable(step)
            if refused is not None or rule.on_unknown is OnUnknown.SKIP:
                return refused
        self._modified(step)
        if not step.ends:
            return None
        if step.target is not None:
            return self._routed(step.target, rule.name, Reason.RULE, step.skipped)
        if isinstance(rule.end, Reject):
            return self._refused(step, Reason.RULE_REJECT, rule.end.status, rule.end.message)
        return self._answered(step)

    def _undecidable(self, step: Step) -> Outcome | None:
        """What an unknown does where it denies."""
        self._note_unknown(step)
        self._traces.append(step.undecided)
        return self._refused(step, Reason.UNKNOWN_DENIED, 503, DENIED) if step.rule.on_unknown is OnUnknown.DENY else None

    def _guarded(self, step: Step) -> Outcome | None:
        """What a rule does that looks at the texts itself; None if the search goes on."""
        if self._private is None:
            self._private = PrivateData()
        private, rule, extractors = self._private, step.rule, self._router.policy.extractors
        found: list[bool | None] = []
        if rule.strip is not None:
            found.append(private.judged(rule.strip, self.signals, extractors[rule.strip.signal], self._request))
        if rule.privacy is not None:
            found.append(private.found(rule.privacy, self.signals))
        if None in found:
            return self._undecidable(step)
        if True not in found:
            self._traces.append(step.clean)
            return None
        self._traces.append(step.matched)
        if rule.privacy is not None:
            refused = private.types(PrivateAction.REJECT)
            if refused:
                return self._refused(step, Reason.PRIVATE_DATA, 403, listed(rule.privacy.message, refused))
            private.locate(rule.privacy, extractors[rule.privacy.signal], self._request)
        self._modified(step)
        return None

    def _modified(self, step: Step) -> None:
        """Keep what a rule changes."""
        if step.modifies:
            self._modify.append(step.rule.modify)
        if step.rule.response is not None:
            self._guards.append(step.rule.response)
        if step.rule.cache is not None:
            self._caches.append(step.rule.cache)

    def _note_unknown(self, step: Step) -> None:
        """Remember which signals left the rule undecided."""
        for name in sorted(step.asks):
            result = self.signals.get(name)
            if result is not None and step.lacks(name, result) and name not in self._undecided:
                self._undecided.append(name)

    def _unmatched(self, course: Course) -> Outcome:
        """No rule ended the search: the caller's model, or the default."""
        if self._explicit is None:
            self._read(course.default)
            return self._routed(course.default, DEFAULT, Reason.DEFAULT, course.skipped)
        pool = self._explicit
        if self._private is not None and self._private.only_trusted and not pool.trusted:
            types = ", ".join(self._private.types(PrivateAction.TRUSTED))
            message = f"The model {self._request.model} may not get the private data of this request ({types})."
            decision = self._decision(EXPLICIT, Reason.PRIVATE_DATA)
            return self._ended(Verdict.REJECT, decision, course.skipped, status=403, message=message)
        selection = Selection(pool, pool.model or self._request.model, "explicit", {pool.name: 1.0})
        return self._sent(selection, self._decision(EXPLICIT, Reason.EXPLICIT_MODEL), course.skipped)

    def _read(self, target: Target) -> None:
        """Have what a selector reads and what is known of the session; NeedsModel until it is there.

        Comes before anything is noted, because the walk comes back here.
        """
        if target.route.session is not None and self._visit is None:
            self._visit = self._router.sessions.visit(self._request, self._router.policy.settings.sessions)
            if self._visit is not None and self._counts:
                self._visit.ask()
        if target.share is not None:
            self._reading = self.signals.reading(target.share)
        if self._visit is not None and self._visit.waiting is not None:
            self._met(self._visit, self._visit.waiting)

    def _met(self, visit: Visit, waiting: Future[Any]) -> None:
        """Have what the shared store of sessions knows. It answers within its own time, if only that it does not."""
        if not (waiting.done() or self.signals.late or self.signals.blocking):
            raise NeedsModel((waiting,))
        visit.refresh()

    def _routed(self, target: Target, name: str, reason: Reason, skipped: Mapping[str, Skipped]) -> Outcome:
        router = self._router
        read = self._reading
        reading = None if isinstance(read, str) else read
        choice = Choice(self._request, self.signals, router.prompt_tokens(self._request), router.statistics(), reading)
        candidates, unmet = target.route.candidates, _MET
        if self._private is not None and self._private.only_trusted:
            candidates = trusted(candidates, router.policy.pools.values())
        if self._demands:
            candidates, unmet = kept(candidates, choice, self._demands)
        selection, dropped = target.selector.select(candidates, choice)
        dropped = {**unmet, **dropped} if unmet else dropped
        if selection is None:
            reasons = ", ".join(f"{pool}: {why}" for pool, why in sorted(dropped.items()))
            message = f"No model of this route can serve the request ({reasons})."
            return self._ended(Verdict.REJECT, self._decision(name, Reason.NO_CANDIDATE), skipped, status=400, message=message)
        if unmet:
            selection = replace(selection, filtered=dropped)
        if target.shadows:
            selection = replace(selection, shadows=asked(target.shadows, candidates, choice))
        if isinstance(read, str):
            selection = replace(selection, notes=(*selection.notes, f"unread: {read}"))
        if not target.stays:
            return self._sent(selection, self._decision(name, reason), skipped)
        return self._steered(target, selection, candidates, choice, self._decision(name, reason), skipped)

    def _steered(
        self,
        target: Target,
        selection: Selection,
        candidates: Sequence[Candidate],
        choice: Choice,
        decision: Decision,
        skipped: Mapping[str, Skipped],
    ) -> Outcome:
        """The outcome where sessions or the pools' health have a say."""
        router = self._router
        fits = partial(self._unfit, choice=choice)
        choosing = Choosing(target.route, router.policy.pools, router.health, self._visit, fits, counts=self._counts)
        chosen = choosing.chosen(selection, candidates, choice)
        if chosen.refusal is not None:
            refusal = chosen.refusal
            decision = replace(decision, reason=refusal.reason)
            outcome = self._ended(Verdict.REJECT, decision, skipped, status=refusal.status, message=refusal.message)
            return replace(outcome, session=chosen.session, reroutes=chosen.reroutes)
        return self._sent(chosen.selection, decision, skipped, chosen)

    def _unfit(self, candidate: Candidate, *, choice: Choice) -> str:
        """Why a pool cannot serve the request, whether it is a candidate or not; empty if it can."""
        if self._private is not None and self._private.only_trusted and not candidate.pool.trusted:
            return "trusted"
        unmet = kept((candidate,), choice, self._demands)[1] if self._demands else _MET
        return unmet.get(candidate.pool.name) or misfit(candidate, choice)

    def _decision(self, name: str, reason: Reason) -> Decision:
        return Decision(name, reason, self._course.name if self._course else "", tuple(self._undecided))

    def _sent(
        self, selection: Selection, decision: Decision, skipped: Mapping[str, Skipped], chosen: Chosen | None = None
    ) -> Outcome:
        """The outcome of a request that goes to a pool. `chosen`: what sessions and the pools' health made of it, if they had a say."""
        request, router = self._request, self._router
        model = None if selection.model == request.model else selection.model
        changes = merged(self._modify) if self._modify else None
        private = self._private
        return Outcome(
            id=router.next_id(),
            verdict=Verdict.ROUTE,
            decision=decision,
            selection=selection,
            headers=changes.headers if changes else (),
            edits=body_edits(changes, model, selection.pool.reasoning),
            signals=self.signals,
            skipped=self._skipped(skipped),
            rules=tuple(self._traces),
            private=private.actions if private else _NOTHING,
            masks=private.masks() if private else None,
            stripped=len(private.stripped) if private else 0,
            guard=together(self._guards) if self._guards else None,
            cache=cache_rule(self._caches) if self._caches else None,
            observe=chosen is not None or router.observes(selection.pool.name),
            policy=router.policy.version,
            route_us=(time.perf_counter() - self._start) * 1e6,
            signal_us=self.signals.timings or {},
            session=chosen.session if chosen else None,
            reroutes=chosen.reroutes if chosen else (),
            settle=chosen.settle if chosen else None,
        )

    def _refused(self, step: Step, reason: Reason, status: int, message: str) -> Outcome:
        decision = self._decision(step.rule.name, reason)
        return self._ended(Verdict.REJECT, decision, step.skipped, status=status, message=message)

    def _answered(self, step: Step) -> Outcome:
        text = step.rule.end.text  # type: ignore[union-attr]  # a rule that ends and neither routes nor rejects answers
        decision = self._decision(step.rule.name, Reason.RULE_ANSWER)
        return self._ended(Verdict.ANSWER, decision, step.skipped, status=200, message=text)

    def _unknown_model(self) -> Outcome:
        return self._ended(
            Verdict.REJECT,
            self._decision(EXPLICIT, Reason.MODEL_NOT_FOUND),
            {},
            status=404,
            message="The model does not exist or you do not have access to it.",
        )

    def _ended(
        self, verdict: Verdict, decision: Decision, skipped: Mapping[str, Skipped], *, status: int, message: str
    ) -> Outcome:
        """The outcome of a request that goes nowhere."""
        return Outcome(
            id=self._router.next_id(),
            verdict=verdict,
            decision=decision,
            status=status,
            message=message,
            signals=self.signals,
            skipped=self._skipped(skipped),
            rules=tuple(self._traces),
            private=self._private.actions if self._private else _NOTHING,
            policy=self._router.policy.version,
            route_us=(time.perf_counter() - self._start) * 1e6,
            signal_us=self.signals.timings or {},
        )

    def _skipped(self, why: Mapping[str, Skipped]) -> tuple[Skipped, ...]:
        signals = self.signals
        return tuple([skipped for name, skipped in why.items() if name not in signals])

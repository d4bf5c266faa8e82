"""Limited: a request's way through the rate limits, and then through the rules."""

from __future__ import annotations

import math
from concurrent.futures import wait
from dataclasses import replace
from typing import TYPE_CHECKING

from router_extproc.limits.limit import COST, NAMES, PER_DOLLAR, TOKENS, Limited
from router_extproc.limits.store import Answer, Receipt
from router_extproc.router.admission import MissingError, Settlement, refund
from router_extproc.router.signals import NeedsModel
from router_extproc.router.walk import DENIED, Routing
from router_extproc.routing import Decision, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from router_extproc.limits.limit import RateLimit
    from router_extproc.limits.store import Charge, Over, Store
    from router_extproc.request import Request
    from router_extproc.router.admission import Admission
    from router_extproc.router.router import Router
    from router_extproc.routing import Observation, Outcome

    Settle = Callable[[Observation], None]

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class LimitedRouting(Routing):
    """One request being routed that rate limits may refuse first."""

    __slots__ = ("_admission", "_admitted", "_charges", "_pending", "_prompt", "_receipt", "_store")

    def __init__(self, router: Router, request: Request, admission: Admission, store: Store) -> None:
        super().__init__(router, request)
        self._admission = admission
        self._store = store
        self._admitted = self._course is None  # a model that there is none of costs nothing
        self._charges: Sequence[Charge] = ()
        self._pending: Future[Answer] | None = None
        self._receipt = Receipt()
        self._prompt: int | None = None

    def step(self) -> Outcome | None:
        """See Routing.step: the store's answer is waited for as a model's work is."""
        if not self._admitted:
            try:
                refusal = self._ask()
            except NeedsModel as needed:  # a limit asks for words in a long text
                self.waiting = needed
                return None
            if refusal is not None or not self._admitted:
                return refusal
        outcome = super().step()
        return None if outcome is None else self._accounted(outcome)

    def finish(self) -> Outcome:
        """See Routing.finish."""
        self.signals.blocking = True
        if not self._admitted:
            refusal = self._ask()
            if self._pending is not None:
                wait([self._pending], self.remaining_s())
                refusal = self._overdue()
            if refusal is not None:
                return refusal
        return self._accounted(super().finish())

    def give_up(self) -> Outcome | None:
        """See Routing.give_up."""
        refusal = None if self._admitted else self._overdue()
        if refusal is not None:
            return refusal
        outcome = super().give_up()
        return None if outcome is None else self._accounted(outcome)

    def _ask(self) -> Outcome | None:
        """A refusal; None if the request is admitted, or the answer is `_pending`."""
        if self._pending is not None:
            return self._overdue()
        try:
            self._charges = self._admission.charges(self._request, self.signals.__getitem__, self._tokens)
        except MissingError as missing:
            return self._nobody(missing)
        if not self._charges:
            self._admitted = True
            return None
        answer = self._store.reserve(self._charges)
        if isinstance(answer, Answer):
            return self._taken(answer)
        self._pending = answer
        self.waiting = NeedsModel((answer,))
        return None

    def _overdue(self) -> Outcome | None:
        """What the store answered, or what is decided without it."""
        pending, self._pending = self._pending, None
        done = pending is not None and pending.done()
        return self._taken(pending.result() if pending is not None and done else self._store.alone(self._charges))

    def _taken(self, answer: Answer) -> Outcome | None:
        if answer.over is not None:
            return self._over(answer.over)
        if answer.denied is not None:
            return self._ended_by(answer.denied, Reason.UNKNOWN_DENIED, 503, DENIED)
        self._admitted = True
        self._receipt = answer.receipt
        self._charges = [
            charge
            if charge.amounts[TOKENS] == tokens
            else charge._replace(amounts=(charge.amounts[0], tokens, charge.amounts[2]))
            for charge, tokens in zip(self._charges, answer.tokens, strict=True)
        ]
        return None

    def _tokens(self) -> int:
        if self._prompt is None:
            self._prompt = self._router.prompt_tokens(self._request)
        return self._prompt

    def _over(self, over: Over) -> Outcome:
        limit = over.charge.limit
        after = None if over.wait_s is None else max(1, math.ceil(over.wait_s))
        outcome = self._ended_by(limit, Reason.RATE_LIMITED, 429, _message(over, after))
        return replace(outcome, limited=Limited(limit.name, NAMES[over.amount], after))

    def _nobody(self, missing: MissingError) -> Outcome:
        message = f"The request does not say its {missing.dimension.label}, and the policy does not serve such requests."
        return self._ended_by(missing.limit, Reason.MISSING_IDENTITY, 403, message)

    def _ended_by(self, limit: RateLimit, reason: Reason, status: int, message: str) -> Outcome:
        recipe = self._course.name if self._course is not None else ""
        skipped = self._admission.skipped[limit.name]
        return self._ended(Verdict.REJECT, Decision(limit.name, reason, recipe), skipped, status=status, message=message)

    def _accounted(self, outcome: Outcome) -> Outcome:
        """The outcome with what its response has to settle; one that goes nowhere gives its tokens back."""
        if not self._charges:
            return outcome
        if outcome.selection is None:
            refund(self._store, self._charges, self._receipt)
            return outcome
        settling = [charge for charge in self._charges if charge.limit.settles]
        if not settling:
            return outcome
        pool = outcome.selection.pool
        answer: float = (self._request.max_output_tokens or 0) * self._request.n
        known = self._router.statistics().get(pool.name) if not answer else None
        if known is not None and known.output_tokens is not None:
            answer = known.output_tokens
        settlement = Settlement(self._store, settling, self._receipt, price=pool.price, prompt=self._tokens(), answer=answer)
        settlement.expect()
        return replace(outcome, observe=True, settle=_both(outcome.settle, settlement.settle))


def _both(first: Settle | None, second: Settle) -> Settle:
    """Tells both."""
    if first is None:
        return second

    def told(seen: Observation) -> None:
        first(seen)
        second(seen)

    return told


def _message(over: Over, after: int | None) -> str:
    limit = over.charge.limit
    bound = limit.most[over.amount]
    most = f"{bound / PER_DOLLAR:g} US dollars" if over.amount == COST else f"{bound} {NAMES[over.amount]}"
    within = f"at most {most} within {_spoken(limit.window_s)}"
    if after is None:
        return f"This request alone takes about {over.charge.least} tokens, and {within} are served."
    return f"Too many requests: {within} are served. Try again in {after} second{'s' * (after != 1)}."


def _spoken(length_s: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if length_s % size == 0)
    count = length_s // size
    return f"{count} {unit}s" if count > 1 else f"one {unit}"

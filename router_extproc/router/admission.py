"""Admission: what a request takes of the policy's rate limits, before any model runs and when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from itertools import product
from typing import TYPE_CHECKING, Any

from router_extproc.limits.limit import COST, NO_BOUND, PER_DOLLAR, REQUESTS, TOKENS, By, OnMissing
from router_extproc.limits.store import Charge
from router_extproc.limits.window import excess
from router_extproc.routing import Skipped, Truth
from router_extproc.sessions.state import cost_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from router_extproc.limits.limit import Amounts, Dimension, RateLimit
    from router_extproc.limits.store import Receipt, Store
    from router_extproc.policy.compiled import Lookup
    from router_extproc.request import Request
    from router_extproc.router.plan import Plan
    from router_extproc.routing import Observation, Price

MAX_KEYS_OF_ONE = 64
"""Allowances of one limit that one request counts against, at most: a caller in more groups counts against the first so many."""
_FIRST_ERROR = 400

Values = tuple[str | None, ...]
"""What a request counts by, one for each dimension; None: it has none."""


_NOBODY: Values = (None,)
_ALL: tuple[Values, ...] = ((),)
_ONE: Amounts = (1, 0, 0)


class MissingError(Exception):
    """A request lacks what a limit counts by, and the limit refuses such requests."""

    def __init__(self, limit: RateLimit, dimension: Dimension) -> None:
        super().__init__(limit.name)
        self.limit = limit
        self.dimension = dimension


@dataclass(frozen=True, slots=True)
class LimitState:
    """One limit beside one request, for an explanation."""

    limit: str
    applies: bool
    per: dict[str, str | None]
    takes: Amounts = (0, 0, 0)
    used: Amounts | None = None
    """None where nothing is counted."""
    room: bool = True

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        told: dict[str, Any] = {"limit": self.limit, "applies": self.applies}
        if not self.applies:
            return told
        told |= {"per": self.per, "takes": _plain(self.takes)}
        return told if self.used is None else {**told, "used": _plain(self.used), "room": self.room}


def _plain(amounts: Amounts) -> dict[str, float]:
    return {"requests": amounts[REQUESTS], "tokens": amounts[TOKENS], "cost_usd": amounts[COST] / PER_DOLLAR}


class Admission:
    """The limits of one policy at work. Without a store nothing is counted and every request may go on."""

    def __init__(self, plan: Plan, store: Store | None) -> None:
        self.limits = plan.policy.limits
        self.store = store
        self._plan = plan
        self.settles = any(limit.settles for limit in self.limits)
        """Whether some responses have to be observed."""
        self.skipped = {
            limit.name: {name: Skipped(name, f"not needed: the rate limit {limit.name} came first") for name in plan.signals}
            for limit in self.limits
        }

    def charges(self, request: Request, lookup: Lookup, tokens: Callable[[], int]) -> list[Charge]:
        """What the request takes. Raises MissingError."""
        made: list[Charge] = []
        for limit in self.limits:
            if limit.when is not None and limit.when.evaluate(lookup) is Truth.FALSE:
                continue
            amounts, least = self._wanted(limit, request, tokens)
            made += [Charge(limit, _hash(values), amounts, least) for values in self._allowances(limit, request)]
        return made

    def states(self, request: Request, lookup: Lookup, tokens: Callable[[], int]) -> Iterator[LimitState]:
        """How each limit stands to a request that is only looked at."""
        for limit in self.limits:
            applies = limit.when is None or limit.when.evaluate(lookup) is not Truth.FALSE
            try:
                allowances = self._allowances(limit, request) if applies else []
            except MissingError as missing:
                yield LimitState(limit.name, applies=True, per={missing.dimension.label: None}, room=False)
                continue
            if not allowances:
                yield LimitState(limit.name, applies=False, per={})
            for values in allowances:
                charge = Charge(limit, _hash(values), *self._wanted(limit, request, tokens))
                used = self.store.used(charge) if self.store is not None else None
                room = used is None or excess(used, charge.needs, limit.most)[0] == NO_BOUND
                per = dict(zip([dimension.label for dimension in limit.per], values, strict=True))
                yield LimitState(limit.name, applies=True, per=per, takes=charge.amounts, used=used, room=room)

    @staticmethod
    def _wanted(limit: RateLimit, request: Request, tokens: Callable[[], int]) -> tuple[Amounts, int]:
        """What is to be reserved, and the tokens that there must be room for.

        That is the prompt. Of the answer only as much is reserved as is left: who allows more than a limit has would never be served.
        """
        if limit.most[TOKENS] == NO_BOUND:
            return _ONE, 0
        prompt = tokens()
        return (1, prompt + (request.max_output_tokens or 0) * request.n, 0), prompt

    def _allowances(self, limit: RateLimit, request: Request) -> Sequence[Values]:
        if not limit.per:
            return _ALL
        columns = [self._values(dimension, request) for dimension in limit.per]
        if limit.on_missing is not OnMissing.SHARE and _NOBODY in columns:
            if limit.on_missing is OnMissing.SKIP:
                return ()
            raise MissingError(limit, limit.per[columns.index(_NOBODY)])
        return [(value,) for value in columns[0]] if len(columns) == 1 else list(product(*columns))

    def _values(self, dimension: Dimension, request: Request) -> Values:
        envelope = request.envelope
        if dimension.by is By.MODEL:
            return (self._model(request.model),)
        if dimension.by is By.GROUP:
            return tuple(dict.fromkeys(envelope.caller.groups))[:MAX_KEYS_OF_ONE] or _NOBODY
        if dimension.by is By.HEADER:
            value = envelope.headers.get(dimension.header, "")
        else:
            value = envelope.caller.user if dimension.by is By.USER else envelope.caller.tenant
        return (value or None,)

    def _model(self, name: str) -> str:
        """What the caller asked for, by one name for all spellings. Unknown names are one, or callers could invent allowances."""
        if name in self._plan.virtual:
            return name or "(none)"
        pool = self._plan.explicit.get(name)
        return pool.name if pool is not None else "(other)"


def _hash(values: Values) -> bytes:
    # A header holds no control characters, so that no two lists become one text.
    text = "\0".join("\1" if value is None else value for value in values)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def price_of(price: Price | None, prompt: float, answer: float, cached: float = 0.0) -> int:
    """What tokens cost, in billionths of a dollar; `cached` of the prompt's were read from the pool's prompt cache."""
    return round(cost_usd(price, prompt, answer, cached) * PER_DOLLAR)


class Settlement:
    """What one request that was sent on has reserved, to be corrected once by what its response tells."""

    def __init__(
        self, store: Store, charges: Sequence[Charge], receipt: Receipt, *, price: Price | None, prompt: int, answer: float
    ) -> None:
        self._store = store
        self._charges = charges
        self._receipt = receipt
        self._price = price
        self._prompt = prompt
        """Estimated tokens."""
        self._answer = answer
        """Expected tokens: those that the caller allows, else what the pool's answers usually have, 0 if that is not known."""
        self._cost = price_of(price, prompt, answer)

    def expect(self) -> None:
        """Count the cost that is expected, now that the pool and its price are known."""
        changes = [Charge(each.limit, each.key, (0, 0, self._cost)) for each in self._charges if each.limit.most[COST] >= 0]
        if self._cost and changes:
            self._store.adjust(changes, self._receipt)

    def settle(self, seen: Observation) -> None:
        """Correct tokens and cost. An error took none; what a response did not tell, or broke off before telling, keeps its estimate."""
        if seen.status >= _FIRST_ERROR:
            prompt, answer = 0.0, 0.0
        else:
            prompt = self._prompt if seen.input_tokens is None else seen.input_tokens
            answer = self._answer if seen.output_tokens is None else seen.output_tokens
        cost = price_of(self._price, prompt, answer, seen.cached_tokens or 0)
        changes: list[Charge] = []
        for each in self._charges:
            tokens = round(prompt + answer) - each.amounts[TOKENS] if each.limit.most[TOKENS] >= 0 else 0
            dollars = cost - self._cost if each.limit.most[COST] >= 0 else 0
            if tokens or dollars:
                changes.append(Charge(each.limit, each.key, (0, tokens, dollars)))
        if changes:
            self._store.adjust(changes, self._receipt)


def refund(store: Store, charges: Sequence[Charge], receipt: Receipt) -> None:
    """Give back the tokens of a request that was not sent on: no model read it."""
    changes = [Charge(each.limit, each.key, (0, -each.amounts[TOKENS], 0)) for each in charges if each.amounts[TOKENS]]
    if changes:
        store.adjust(changes, receipt)

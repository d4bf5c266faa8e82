"""Replay: which logged decisions a policy would change, what that costs, and whether feedback says that it is better."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from router_extproc.evaluation.off_policy import FEW, Estimated, Logged, doubly_robust, gain, ips, mean, snips
from router_extproc.evaluation.plain import finite
from router_extproc.evaluation.redecide import BY_POLICY, Redecide
from router_extproc.sessions.state import cost_usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router_extproc.evaluation.past import Log, Past
    from router_extproc.evaluation.redecide import Fresh
    from router_extproc.router import Router

    Floats = NDArray[np.float64]

EXAMPLES = 3
"""Ids that are told of each move."""
MOST_UNKNOWN = 0.05
"""Share of decisions that may be undetermined in a policy that is promoted."""
MOST_UNSUPPORTED = 0.01
"""Share of the new policy's choices that may be such as the log never made."""
_SIGNALS = 12
"""Signals in the reward model, at most."""
_EVERYWHERE = 0.5
"""Share of rows that must have a signal for it to be in the reward model."""
_LEAST = 1e-6
"""Chance below which a decision says nothing: the log has six digits of it."""
_FAR = 1e9
"""No figure of the reward model is farther from 0."""
_THOUSAND = 1000


class Verdict(StrEnum):
    """Whether the policy should take the place of the one that was logged."""

    PROMOTE = "promote"
    """The lower bound of its gain is above 0."""
    KEEP = "keep"
    """It is not."""
    CANNOT_TELL = "cannot tell"
    """Too little is known."""


@dataclass(slots=True)
class Move:
    """Requests that go elsewhere. A place is a pool, or `reject` or `answer`."""

    before: str
    after: str
    requests: float = 0.0
    """Expected: where the policy leaves it to chance, parts of requests."""
    share: float = 0.0
    """Of those that could be decided again."""
    examples: list[str] = field(default_factory=list)
    """Decision ids."""


@dataclass(frozen=True, slots=True)
class Costs:
    """US dollars for 1,000 requests, by the new policy's prices, for those that both policies send to pools with a price."""

    requests: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Values:
    """What feedback says: rewards in [0, 1], less cost if that was weighed."""

    rows: int
    """Decisions with feedback whose chance is known and that could be decided again."""
    effective: float
    """Rows that the estimate rests on."""
    unsupported: float
    """Share of the new policy's choices among them that the log never makes."""
    logged: Estimated
    ips: Estimated
    snips: Estimated
    doubly_robust: Estimated
    gain: Estimated
    """Of the new policy over the logged one, doubly robust, on the same rows."""


@dataclass(frozen=True, slots=True)
class Version:
    """What one policy of the log did."""

    decisions: int
    rated: int
    """Those with feedback."""
    reward: Estimated | None
    """Their mean, less cost if that was weighed; None without feedback."""
    cost: float | None
    """US dollars for 1,000 of its requests that went to a pool with a price."""


@dataclass(slots=True)
class Replay:
    """All of it."""

    decisions: int = 0
    """In the log, by a policy's rules."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Decisions that no policy made, by reason."""
    policies: dict[str, Version] = field(default_factory=dict)
    """What the policies did that made them, by version."""
    undetermined: dict[str, int] = field(default_factory=dict)
    """Decisions that the log tells too little of, by what is missing."""
    as_logged: int = 0
    """Decisions of selectors that learn while they serve, which are taken to choose as they did."""
    unread: int = 0
    strangers: int = 0
    stay: float = 0.0
    """Share of those decided again that goes where it went."""
    moves: list[Move] = field(default_factory=list)
    """The most frequent first."""
    costs: Costs | None = None
    values: Values | None = None
    verdict: Verdict = Verdict.CANNOT_TELL
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON, which has no infinity: a bound that there is none of is null."""
        found: dict[str, Any] = finite(asdict(self))
        return found


@dataclass(frozen=True, slots=True)
class Weighing:
    """How decisions are valued."""

    cost_weight: float = 0.0
    """Reward that is given up for one US dollar less in 1,000 requests."""
    expected_output: int = 500
    """Tokens of an answer that was not observed."""


def replay(log: Log, router: Router, weighing: Weighing) -> Replay:
    """Decide everything again."""
    found = Replay(unread=log.unread, strangers=log.strangers)
    redecide = Redecide(router)
    pairs: list[tuple[str, Past, Fresh]] = []
    left_out, undetermined = Counter[str](), Counter[str]()
    policies: dict[str, list[Past]] = {}
    for identity, past in log.decisions.items():
        if past.line.reason not in BY_POLICY:
            left_out[past.line.reason] += 1
            continue
        policies.setdefault(past.line.policy, []).append(past)
        fresh = redecide(past)
        if fresh.verdict:
            pairs.append((identity, past, fresh))
        else:
            undetermined[fresh.unknown] += 1
    found.decisions = sum(map(len, policies.values()))
    found.left_out, found.undetermined = dict(left_out), dict(undetermined)
    found.as_logged = sum(fresh.as_logged for _, _, fresh in pairs)
    found.stay, found.moves = _moves(pairs)
    money = _Money(router, weighing)
    found.policies = {version: money.version(pasts) for version, pasts in policies.items()}
    found.costs = money.costs(pairs)
    found.values = _values(pairs, money)
    found.verdict, found.why = _verdict(found)
    return found


def _moves(pairs: Sequence[tuple[str, Past, Fresh]]) -> tuple[float, list[Move]]:
    moves: dict[tuple[str, str], Move] = {}
    stay = 0.0
    for identity, past, fresh in pairs:
        before = past.line.pool if past.line.verdict == "route" else past.line.verdict
        for after, share in (fresh.shares or {fresh.verdict: 1.0}).items():
            if after == before:
                stay += share
            elif share > 0:
                move = moves.setdefault((before, after), Move(before, after))
                move.requests += share
                if len(move.examples) < EXAMPLES:
                    move.examples.append(identity)
    total = max(len(pairs), 1)
    for move in moves.values():
        move.share = move.requests / total
    return stay / total, sorted(moves.values(), key=lambda move: -move.requests)


class _Money:
    """What requests cost in each pool, by the new policy's prices. An answer is taken to be as long in every pool."""

    def __init__(self, router: Router, weighing: Weighing) -> None:
        self._pools = router.policy.pools
        self._weighing = weighing

    def cost(self, past: Past, pool: str) -> float | None:
        """US dollars."""
        known = self._pools.get(pool)
        if known is None or known.price is None:
            return None
        output = past.output_tokens(self._weighing.expected_output)
        return cost_usd(known.price, past.prompt_tokens, output)

    def lost(self, past: Past, pool: str) -> float:
        """What the cost takes off the reward; of a pool without a price nothing."""
        return self._weighing.cost_weight * _THOUSAND * (self.cost(past, pool) or 0.0)

    def version(self, pasts: Sequence[Past]) -> Version:
        """What one policy did."""
        rewards = [past.reward - self.lost(past, past.line.pool) for past in pasts if past.reward is not None]
        costs = [cost for cost in (self.cost(past, past.line.pool) for past in pasts) if cost is not None]
        return Version(
            len(pasts),
            len(rewards),
            mean(np.array(rewards)) if rewards else None,
            _THOUSAND * sum(costs) / len(costs) if costs else None,
        )

    def costs(self, pairs: Sequence[tuple[str, Past, Fresh]]) -> Costs | None:
        """Before and after."""
        before = after = 0.0
        count = 0
        for _, past, fresh in pairs:
            own = self.cost(past, past.line.pool)
            others = {pool: self.cost(past, pool) for pool in fresh.shares}
            if own is None or not others or None in others.values():
                continue
            count += 1
            before += own
            after += sum(share * (others[pool] or 0.0) for pool, share in fresh.shares.items())
        return Costs(count, _THOUSAND * before / count, _THOUSAND * after / count) if count else None


def _values(pairs: Sequence[tuple[str, Past, Fresh]], money: _Money) -> Values | None:
    rows = [(past, fresh) for _, past, fresh in pairs if past.reward is not None and _known(past) and fresh.shares]
    if not rows:
        return None
    arms = sorted({past.line.pool for past, _ in rows} | {pool for _, fresh in rows for pool in fresh.shares})
    place = {pool: index for index, pool in enumerate(arms)}
    # A selector that learns while it serves is taken to choose as it did: its row counts as it is.
    chances = [1.0 if fresh.as_logged else past.line.propensity or 1.0 for past, fresh in rows]
    logged = Logged(
        np.array([(past.reward or 0.0) - money.lost(past, past.line.pool) for past, _ in rows]),
        np.array([place[past.line.pool] for past, _ in rows]),
        np.array(chances),
        np.array([[fresh.shares.get(pool, 0.0) for pool in arms] for _, fresh in rows]),
        _features([past for past, _ in rows]),
    )
    return Values(
        len(rows),
        logged.effective,
        float(np.mean([_unsupported(past, fresh) for past, fresh in rows])),
        mean(logged.rewards),
        ips(logged),
        snips(logged),
        doubly_robust(logged),
        gain(logged),
    )


def _known(past: Past) -> bool:
    """Whether the chance of the choice is known."""
    return past.line.propensity is not None and past.line.propensity >= _LEAST


def _unsupported(past: Past, fresh: Fresh) -> float:
    """The chance of a choice that the logged policy does not make for this request."""
    line = past.line
    possible = {line.pool} if line.propensity is None or line.propensity >= 1 else {line.pool, *line.scores}
    return sum(share for pool, share in fresh.shares.items() if pool not in possible)


def _features(rows: Sequence[Past]) -> Floats:
    """A constant, the prompt's length, and signals that most rows have, each brought to mean 0 and deviation 1."""
    figures = [_figures(past) for past in rows]
    counts = Counter(name for each in figures for name in each)
    names = [name for name, count in counts.most_common(_SIGNALS) if count >= _EVERYWHERE * len(rows)]
    columns = [np.ones(len(rows))]
    for name in names:
        column = np.array([each.get(name, np.nan) for each in figures])
        column = np.clip(np.where(np.isnan(column), np.nanmean(column), column), -_FAR, _FAR)
        spread = column.std()
        if spread > 0:
            columns.append((column - column.mean()) / spread)
    return np.stack(columns, axis=1)


def _figures(past: Past) -> Mapping[str, float]:
    signals = {name: float(fact) for name, fact in past.line.signals.items() if isinstance(fact, int | float)}
    quality = {f"quality {pool}": chance for pool, chance in past.line.quality.items()}
    return {"tokens": float(np.log1p(past.prompt_tokens)), **signals, **quality}


def _verdict(found: Replay) -> tuple[Verdict, str]:
    values = found.values
    missing = sum(found.undetermined.values())
    if missing > MOST_UNKNOWN * found.decisions:
        return Verdict.CANNOT_TELL, f"{missing} of {found.decisions} decisions cannot be made again from the log"
    if values is None or values.rows < FEW:
        rows = values.rows if values else 0
        return Verdict.CANNOT_TELL, f"{rows} decisions have feedback and a known chance; {FEW} are the least"
    if values.unsupported > MOST_UNSUPPORTED:
        return (
            Verdict.CANNOT_TELL,
            f"{values.unsupported:.1%} of the new choices are such as the log never made: try them on a share first",
        )
    if values.effective < FEW:
        return Verdict.CANNOT_TELL, f"the estimate rests on {values.effective:.0f} effective rows; {FEW} are the least"
    low = values.gain.low
    if low > 0:
        return Verdict.PROMOTE, f"the gain is at least {low:+.4f} (95 %)"
    return Verdict.KEEP, f"the gain may be as low as {low:+.4f} (95 %)"

"""Expression: the nodes of a compiled `when`, in Kleene's three-valued logic.

A node asks for signals in the order of their cost and stops as soon as its truth is determined. `parts` keep the order of the file,
for the reader of an explanation.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from router_extproc.policy.compiled import Condition, ConditionTrace
from router_extproc.routing import Cost, Signal, Truth, Unknown, UnknownReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from router_extproc.policy.compiled import Lookup
    from router_extproc.routing import SignalResult

# Module globals: reading a member through its enum class costs as much as the comparison it follows.
_FALSE, _UNKNOWN, _TRUE = Truth.FALSE, Truth.UNKNOWN, Truth.TRUE

SEVERAL = 0.5
"""A label beside the winning one holds above this confidence: a distribution has at most one such label, a set of groups has many.
One that is independent of the others holds from it on, unless the policy says another."""


class Compare:
    """Holds if the signal's figure is in [low, high]."""

    __slots__ = ("amount", "cost", "coverage", "high", "low", "name", "signals", "text")

    def __init__(self, name: str, text: str, *, low: float, high: float, amount: bool, coverage: float, cost: Cost) -> None:
        self.name = name
        self.text = text
        self.low = low
        self.high = high
        """Both ends are in. An open end is the next float, which is exact."""
        self.amount = amount
        """Whether `measure` is compared, else `value`."""
        self.coverage = coverage
        """With less than this share of the text looked at, the signal counts as unknown; 0 asks nothing."""
        self.cost = cost
        self.signals = frozenset({name})

    def evaluate(self, lookup: Lookup, /) -> Truth:
        """The truth on these signals."""
        result = lookup(self.name)
        # Its type, not isinstance: a fifth of this function's time.
        if type(result) is Unknown or result.coverage < self.coverage:  # type: ignore[union-attr]  # a Signal: there are only two
            return _UNKNOWN
        figure = result.measure if self.amount else result.value  # type: ignore[union-attr]  # as above
        if figure is None:
            return _UNKNOWN
        if self.low <= figure <= self.high:
            return _TRUE
        # A NaN is no figure.
        return _FALSE if figure == figure else _UNKNOWN  # noqa: PLR0124

    def explain(self, known: Mapping[str, SignalResult], /) -> ConditionTrace:
        """How it comes out on these signals."""
        return _leaf(self, known)


class In:
    """Holds if one of the wanted labels is the signal's, with enough confidence."""

    __slots__ = ("confidence", "cost", "coverage", "name", "signals", "text", "wanted")

    def __init__(self, name: str, text: str, *, wanted: frozenset[str], confidence: float, coverage: float, cost: Cost) -> None:
        self.name = name
        self.text = text
        self.wanted = wanted
        self.confidence = confidence
        """Lowest confidence that holds, in [0, 1]."""
        self.coverage = coverage
        self.cost = cost
        self.signals = frozenset({name})

    def evaluate(self, lookup: Lookup, /) -> Truth:
        """The truth on these signals."""
        result = lookup(self.name)
        if isinstance(result, Unknown) or result.coverage < self.coverage:
            return _UNKNOWN
        if result.label in self.wanted and result.value >= self.confidence:
            return _TRUE
        labels = result.labels
        if labels and len(labels) > 1 and any(self._also(labels.get(label, 0.0)) for label in self.wanted):
            return _TRUE
        return _FALSE

    def explain(self, known: Mapping[str, SignalResult], /) -> ConditionTrace:
        """How it comes out on these signals."""
        return _leaf(self, known)

    def _also(self, confidence: float) -> bool:
        return confidence > SEVERAL and confidence >= self.confidence


class InAny(In):
    """Holds if one of the wanted labels has enough confidence of its own: for labels that are independent of each other."""

    __slots__ = ()

    def evaluate(self, lookup: Lookup, /) -> Truth:
        """The truth on these signals."""
        result = lookup(self.name)
        if isinstance(result, Unknown) or result.coverage < self.coverage:
            return _UNKNOWN
        labels = result.labels or {}
        return _TRUE if any(labels.get(label, 0.0) >= self.confidence for label in self.wanted) else _FALSE

    def explain(self, known: Mapping[str, SignalResult], /) -> ConditionTrace:
        """How it comes out on these signals, with the surest of the wanted labels: another may be surer."""
        trace = _leaf(self, known)
        result = known.get(self.name)
        if not isinstance(result, Signal):
            return trace
        labels = result.labels or {}
        best = max(sorted(self.wanted), key=lambda label: labels.get(label, 0.0))
        return replace(trace, observed=_with_coverage(result, f"{best} ({labels.get(best, 0.0):.2f})"))


class All:
    """The least true of its parts."""

    __slots__ = ("_ordered", "cost", "parts", "signals")
    text = "all of"

    def __init__(self, parts: Iterable[Node]) -> None:
        self.parts = tuple(parts)
        self.cost = _dearest(self.parts)
        self.signals = _union(self.parts)
        self._ordered = _by_cost(self.parts)

    def evaluate(self, lookup: Lookup, /) -> Truth:
        """The truth on these signals."""
        truth = _TRUE
        for evaluate in self._ordered:
            part = evaluate(lookup)
            if part is _FALSE:
                return _FALSE
            if part is _UNKNOWN:
                truth = _UNKNOWN
        return truth

    def explain(self, known: Mapping[str, SignalResult], /) -> ConditionTrace:
        """How it and its parts come out on these signals."""
        parts = tuple(part.explain(known) for part in self.parts)
        return ConditionTrace(self.text, _least([part.truth for part in parts]), parts=parts)


class Any:
    """The truest of its parts."""

    __slots__ = ("_ordered", "cost", "parts", "signals")
    text = "any of"

    def __init__(self, parts: Iterable[Node]) -> None:
        self.parts = tuple(parts)
        self.cost = _dearest(self.parts)
        self.signals = _union(self.parts)
        self._ordered = _by_cost(self.parts)

    def evaluate(self, lookup: Lookup, /) -> Truth:
        """The truth on these signals."""
        truth = _FALSE
        for evaluate in self._ordered:
            part = evaluate(lookup)
            if part is _TRUE:
                return _TRUE
            if part is _UNKNOWN:
                truth = _UNKNOWN
        return truth

    def explain(self, known: Mapping[str, SignalResult], /) -> ConditionTrace:
        """How it and its parts come out on these signals."""
        parts = tuple(part.explain(known) for part in self.parts)
        return ConditionTrace(self.text, _inverse(_least([_inverse(part.truth) for part in parts])), parts=parts)


class Not:
    """True where its part is false; unknown stays unknown."""

    __slots__ = ("_evaluate", "cost", "part", "signals")
    text = "not"

    def __init__(self, part: Node) -> None:
        self.part = part
        self.cost: Cost = part.cost
        self.signals: frozenset[str] = part.signals
        self._evaluate = part.evaluate

    def evaluate(self, lookup: Lookup, /) -> Truth:
        """The truth on these signals."""
        part = self._evaluate(lookup)
        if part is _FALSE:
            return _TRUE
        return _FALSE if part is _TRUE else _UNKNOWN

    def explain(self, known: Mapping[str, SignalResult], /) -> ConditionTrace:
        """How it and its part come out on these signals."""
        part = self.part.explain(known)
        return ConditionTrace(self.text, _inverse(part.truth), parts=(part,))


class Staged:
    """A condition in which cheap and dear signals are mixed on several levels: each class of cost is tried before a dearer one is asked.

    `all: [any: [dear, a], any: [dearer, b]]` is false without the dear signals where a cheap part of the second group is decisive;
    ordering the parts of one group alone would not find that.
    """

    __slots__ = ("_costs", "_stages", "condition", "cost", "signals")

    def __init__(self, condition: Node, costs: Mapping[str, Cost]) -> None:
        self.condition = condition
        self.cost = condition.cost
        self.signals = condition.signals
        levels = sorted({costs[name] for name in condition.signals})
        self._stages = tuple(frozenset(name for name in condition.signals if costs[name] <= level) for level in levels[:-1])

    def evaluate(self, lookup: Lookup, /) -> Truth:
        """The truth on these signals."""
        for affordable in self._stages:
            truth = self.condition.evaluate(_only(affordable, lookup))
            if truth is not _UNKNOWN:
                return truth
        return self.condition.evaluate(lookup)

    def explain(self, known: Mapping[str, SignalResult], /) -> ConditionTrace:
        """How it comes out on these signals."""
        return self.condition.explain(known)


Node = Compare | In | All | Any | Not


def staged(node: Node, costs: Mapping[str, Cost]) -> Condition:
    """The node, under a Staged where that can spare a signal. `costs` is by signal name."""
    return Staged(node, costs) if _is_tangled(node) else node


def _is_tangled(node: Node) -> bool:
    """Whether some group has two parts that each mix costs."""
    if isinstance(node, Not):
        return _is_tangled(node.part)
    if isinstance(node, All | Any):
        return sum(_mixes(part) for part in node.parts) > 1 or any(_is_tangled(part) for part in node.parts)
    return False


def _mixes(node: Node) -> bool:
    return len({leaf.cost for leaf in leaves(node)}) > 1


def leaves(node: Node) -> Iterable[Compare | In]:
    """The comparisons of a condition, in the order of the file."""
    if isinstance(node, Compare | In):
        yield node
    elif isinstance(node, Not):
        yield from leaves(node.part)
    else:
        for part in node.parts:
            yield from leaves(part)


def floors(condition: Condition) -> dict[str, float]:
    """By signal: the highest share of the text that a comparison wants looked at, where one wants any."""
    node = condition.condition if isinstance(condition, Staged) else condition
    found: dict[str, float] = {}
    for leaf in leaves(node) if isinstance(node, Node) else ():
        if leaf.coverage:
            found[leaf.name] = max(leaf.coverage, found.get(leaf.name, 0.0))
    return found


def _only(affordable: frozenset[str], lookup: Lookup) -> Lookup:
    def restricted(name: str) -> SignalResult:
        return lookup(name) if name in affordable else _NOT_YET

    return restricted


_NOT_YET = Unknown("", UnknownReason.UNAVAILABLE, "not asked yet")


def above(bound: float) -> float:
    """The lowest float above the bound: the closed end of an open interval."""
    return math.nextafter(bound, math.inf)


def below(bound: float) -> float:
    """The highest float below the bound."""
    return math.nextafter(bound, -math.inf)


def _dearest(parts: tuple[Node, ...]) -> Cost:
    return max((part.cost for part in parts), default=Cost.FIELD)


def _union(parts: tuple[Node, ...]) -> frozenset[str]:
    return frozenset().union(*(part.signals for part in parts))


def _by_cost(parts: tuple[Node, ...]) -> tuple[Callable[[Lookup], Truth], ...]:
    """Bound methods, cheapest part first; parts of one cost stay in the order of the file."""
    return tuple(part.evaluate for part in sorted(parts, key=lambda part: part.cost))


def _least(truths: list[Truth | None]) -> Truth | None:
    """The least true, if the parts that were not evaluated leave it determined."""
    if Truth.FALSE in truths:
        return Truth.FALSE
    if None in truths:
        return None
    return Truth.UNKNOWN if Truth.UNKNOWN in truths else Truth.TRUE


def _inverse(truth: Truth | None) -> Truth | None:
    return None if truth is None else Truth(2 - truth)


def _leaf(leaf: Compare | In, known: Mapping[str, SignalResult]) -> ConditionTrace:
    result = known.get(leaf.name)
    if result is None:
        return ConditionTrace(leaf.text, None, "not computed")
    return ConditionTrace(leaf.text, leaf.evaluate(known.__getitem__), observed(result))


def observed(result: SignalResult) -> str:
    """A signal as people read it: `0.93`, `math (0.88)`, `312`, `unknown: deadline`."""
    if isinstance(result, Unknown):
        return f"unknown: {result.reason}"
    return _with_coverage(result, _figure(result))


def _figure(signal: Signal) -> str:
    if signal.label is not None:
        return f"{signal.label} ({signal.value:.2f})"
    if signal.measure is not None:
        return f"{signal.measure:.6g}"
    # What is certain reads as a flag does, which is what it nearly always is.
    return _CERTAIN.get(signal.value, f"{signal.value:.2f}")


_NEARLY = 0.99
_CERTAIN = {0.0: "absent", 1.0: "present"}


def _with_coverage(signal: Signal, text: str) -> str:
    return text if signal.coverage >= 1 else f"{text}, {share(signal.coverage)} of the text looked at"


def share(coverage: float) -> str:
    """A coverage as people read it. What is less than all is at most 99%."""
    return f"{coverage if coverage >= 1 else min(coverage, _NEARLY):.0%}"

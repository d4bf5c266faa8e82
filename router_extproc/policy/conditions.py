"""Conditions: a `when` of the file becomes an expression; comparisons that cannot work are told of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from router_extproc.policy.clauses import AllOf, AnyOf, NotOf, SignalTest
from router_extproc.policy.expression import SEVERAL, All, Any, Compare, In, InAny, Node, Not, above, below, leaves
from router_extproc.policy.suggest import suggestion
from router_extproc.routing import SignalKind

if TYPE_CHECKING:
    from router_extproc.policy.clauses import When
    from router_extproc.policy.problems import Findings, Path
    from router_extproc.policy.vocabulary import Vocabulary
    from router_extproc.routing import Extractor, SignalShape

_HALF = 0.5
_SIGNS = (("at_least", ">="), ("above", ">"), ("at_most", "<="), ("below", "<"))
_BOUNDS = "atLeast, above, atMost or below"


class Conditions:
    """Compiles the conditions of one file."""

    def __init__(self, vocabulary: Vocabulary, findings: Findings) -> None:
        self._vocabulary = vocabulary
        self._findings = findings

    def compiled(self, when: When, path: Path) -> Node | None:
        """The expression; None after noting what is wrong with it."""
        if isinstance(when, str):
            return self._bare(when, path, 0.0)
        if isinstance(when, AllOf):
            return self._group(All, when.parts, (*path, "all"))
        if isinstance(when, AnyOf):
            return self._group(Any, when.parts, (*path, "any"))
        if isinstance(when, NotOf):
            part = self.compiled(when.part, (*path, "not"))
            return None if part is None else Not(part)
        return self._test(when, path)

    def _group(self, kind: type[All | Any], parts: list[When], path: Path) -> Node | None:
        if not parts:
            always = "always holds" if kind is All else "never holds"
            self._findings.error(path, f"an empty `{path[-1]}` {always}", "name at least one condition")
            return None
        nodes = [self.compiled(part, (*path, index)) for index, part in enumerate(parts)]
        good = [node for node in nodes if node is not None]
        self._check_repeats(nodes, path)
        return kind(good) if len(good) == len(nodes) else None

    def _check_repeats(self, nodes: list[Node | None], path: Path) -> None:
        seen: set[str] = set()
        for index, node in enumerate(nodes):
            if node is None:
                continue
            form = canonical(node)
            if form in seen:
                self._findings.error((*path, index), "the same condition stands here twice", "remove one of them")
            seen.add(form)

    def _test(self, test: SignalTest, path: Path) -> Node | None:
        bounds = [sign for field, sign in _SIGNS if getattr(test, field) is not None]
        labels = test.one_of is not None or test.equals is not None
        extractor = self._vocabulary.find(test.signal, (*path, "signal"))
        if extractor is None:
            return None
        if test.min_coverage is not None and not extractor.shape.partial:
            message = f"`minCoverage` has no effect: {test.signal!r} leaves no text out"
            self._findings.error((*path, "minCoverage"), message, "remove it", key=True)
            return None
        if not bounds and not labels:
            return self._bare(test.signal, (*path, "signal"), test.min_coverage or 0.0)
        if labels:
            return self._labels(test, extractor, path)
        return self._bounds(test, extractor, path)

    def _bare(self, name: str, path: Path, coverage: float) -> Node | None:
        """A name alone: present, at least half, not zero, or any label."""
        extractor = self._vocabulary.find(name, path)
        if extractor is None:
            return None
        shape = extractor.shape
        if shape.kind is SignalKind.LABEL and shape.labels is not None:
            some = ", ".join(sorted(shape.labels)[:3])
            self._findings.error(path, f"{name!r} is a label: say which", f"write {{signal: {name}, in: [{some}]}}")
            return None
        if shape.kind is SignalKind.NUMBER and shape.minimum != 0:
            self._findings.error(path, f"{name!r} is a number: say how large", f"write {{signal: {name}, atLeast: ...}}")
            return None
        amount = shape.kind is SignalKind.NUMBER
        low = above(0.0) if amount else _HALF
        text = f"{name} > 0" if amount else name
        return Compare(name, text, low=low, high=math.inf, amount=amount, coverage=coverage, cost=extractor.cost)

    def _labels(self, test: SignalTest, extractor: Extractor, path: Path) -> Node | None:
        name, shape = test.signal, extractor.shape
        if shape.kind is not SignalKind.LABEL:
            key = "in" if test.one_of is not None else "is"
            self._findings.error((*path, key), f"{name!r} has no labels", _cure_for(name, shape), key=True)
            return None
        wrong = next(
            (
                key
                for key, field in (("above", "above"), ("atMost", "at_most"), ("below", "below"))
                if getattr(test, field) is not None
            ),
            None,
        )
        if wrong:
            self._findings.error(
                (*path, wrong), f"{wrong!r} cannot stand beside labels", "use atLeast for their confidence", key=True
            )
            return None
        if test.one_of is not None and test.equals is not None:
            self._findings.error((*path, "is"), "`in` and `is` cannot stand together", "write all labels in `in`", key=True)
            return None
        wanted = [test.equals] if test.equals is not None else list(test.one_of or ())
        if not self._known_labels(wanted, shape, path, "is" if test.equals is not None else "in"):
            return None
        confidence = self._confidence(test, path)
        if confidence is None or not (confidence or self._may_be_another(name, wanted, shape, path)):
            return None
        if shape.independent:
            confidence = confidence or SEVERAL
        listed = wanted[0] if test.equals is not None else f"[{', '.join(wanted)}]"
        text = f"{name} {'is' if test.equals is not None else 'in'} {listed}" + (f" >= {confidence:g}" if confidence else "")
        coverage = test.min_coverage or 0.0
        kind = InAny if shape.independent else In
        return kind(name, text, wanted=frozenset(wanted), confidence=confidence, coverage=coverage, cost=extractor.cost)

    def _confidence(self, test: SignalTest, path: Path) -> float | None:
        confidence = test.at_least
        if confidence is None:
            return 0.0
        if not 0 < confidence <= 1:
            self._findings.error((*path, "atLeast"), "a confidence is above 0 and at most 1", "write a number such as 0.8")
            return None
        return confidence

    def _known_labels(self, wanted: list[str], shape: SignalShape, path: Path, key: str) -> bool:
        if not wanted:
            self._findings.error((*path, "in"), "an empty `in` never holds", "name at least one label")
            return False
        good = True
        for index, label in enumerate(wanted):
            place = (*path, key) if key == "is" else (*path, key, index)
            if shape.labels is not None and label not in shape.labels:
                self._findings.error(place, f"the signal never has the label {label!r}", suggestion(label, shape.labels))
                good = False
            elif label in wanted[:index]:
                self._findings.error(place, f"the label {label!r} stands here twice", "remove one of them")
                good = False
        return good

    def _may_be_another(self, name: str, wanted: list[str], shape: SignalShape, path: Path) -> bool:
        """Whether the signal can have none of these labels; a finding says so if not."""
        if shape.labels is None or not shape.exhaustive or shape.labels - set(wanted):
            return True
        message = f"the condition always holds: {name!r} always has one of these labels"
        self._findings.error(path, message, "leave some out, ask for a confidence with atLeast, or remove the condition")
        return False

    def _bounds(self, test: SignalTest, extractor: Extractor, path: Path) -> Node | None:
        name, shape = test.signal, extractor.shape
        if shape.kind in {SignalKind.FLAG, SignalKind.LABEL}:
            what = "is there or not" if shape.kind is SignalKind.FLAG else "is a label"
            key = next(key for key, field in _KEYS if getattr(test, field) is not None)
            self._findings.error((*path, key), f"{name!r} {what}: it cannot be compared", _cure_for(name, shape), key=True)
            return None
        low = max(_or(test.at_least, -math.inf), above(test.above) if test.above is not None else -math.inf)
        high = min(_or(test.at_most, math.inf), below(test.below) if test.below is not None else math.inf)
        if not self._can_vary(name, shape, low, high, path):
            return None
        amount = shape.kind is SignalKind.NUMBER
        text = " and ".join(
            f"{name} {sign} {getattr(test, field):g}" for field, sign in _SIGNS if getattr(test, field) is not None
        )
        coverage = test.min_coverage or 0.0
        return Compare(name, text, low=low, high=high, amount=amount, coverage=coverage, cost=extractor.cost)

    def _can_vary(self, name: str, shape: SignalShape, low: float, high: float, path: Path) -> bool:
        """Whether the comparison can hold, and can fail; a finding says so if not."""
        least = 0.0 if shape.kind is SignalKind.SCORE else _or(shape.minimum, -math.inf)
        most = 1.0 if shape.kind is SignalKind.SCORE else _or(shape.maximum, math.inf)
        span = f"{name!r} is between {least:g} and {most:g}" if most < math.inf else f"{name!r} is never below {least:g}"
        if low > high:
            self._findings.error(path, "no number is in these bounds: the condition never holds", "swap the bounds")
        elif low > most or high < least:
            self._findings.error(path, f"the condition never holds: {span}", "change the bound")
        elif low <= least and high >= most:
            self._findings.error(path, f"the condition always holds: {span}", "change the bound, or remove the condition")
        else:
            return True
        return False


_KEYS = (("atLeast", "at_least"), ("above", "above"), ("atMost", "at_most"), ("below", "below"))


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _cure_for(name: str, shape: SignalShape) -> str:
    if shape.kind is SignalKind.FLAG:
        return f"write {name} alone, or {{not: {name}}}"
    if shape.kind is SignalKind.LABEL:
        return f"write {{signal: {name}, in: [...]}}"
    return f"compare it with {_BOUNDS}"


def canonical(node: Node) -> str:
    """A text that is the same for conditions that say the same in another order."""
    if isinstance(node, Not):
        return f"not({canonical(node.part)})"
    if isinstance(node, All | Any):
        return f"{node.text}({';'.join(sorted(map(canonical, node.parts)))})"
    return f"{node.text}@{node.coverage:g}"


def names(node: Node) -> frozenset[str]:
    """The signals in a condition."""
    return frozenset(leaf.name for leaf in leaves(node))

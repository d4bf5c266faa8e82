"""Guards: what decisions of the file do about the texts of a request and of its answer; those that could be got past are told of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.encoders.heads import SPANS
from router_extproc.encoders.scores import Kind
from router_extproc.guarding import PrivateAction, ResponseAction, ResponseGuard
from router_extproc.pii.kinds import PiiType
from router_extproc.policy.compiled import Privacy, Strip
from router_extproc.policy.suggest import suggestion
from router_extproc.signals.neural.guards import Jailbreak, Pii

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.policy.clauses import DecisionClause, PrivateClause, ResponseClause, StripClause
    from router_extproc.policy.problems import Findings, Path
    from router_extproc.policy.vocabulary import Vocabulary
    from router_extproc.routing import ModelPool

OTHER = "other"
"""All types of private data that a clause does not name."""
_KINDS = {"tool_results": Kind.TOOL_RESULT, "user": Kind.USER}
_FOUND = frozenset(str(kind) for kind in PiiType)


@dataclass(frozen=True, slots=True)
class CompiledGuards:
    """What one decision does about texts."""

    privacy: Privacy | None = None
    strip: Strip | None = None
    response: ResponseGuard | None = None
    broken: bool = False
    """Whether something was wrong."""

    @property
    def judges(self) -> bool:
        """Whether it must know what a signal finds in each text of the request."""
        return self.privacy is not None or self.strip is not None


class Guards:
    """Compiles the guards of one file."""

    def __init__(self, vocabulary: Vocabulary, findings: Findings, pools: Mapping[str, ModelPool]) -> None:
        self._vocabulary = vocabulary
        self._findings = findings
        self._pools = pools

    def compiled(self, clause: DecisionClause, path: Path) -> CompiledGuards:
        """Those of a decision."""
        action, place = clause.action, (*path, "action")
        if action is None or not (action.pii or action.strip or action.response):
            return CompiledGuards()
        self._check(clause, path)
        privacy = self._privacy(action.pii, (*place, "pii")) if action.pii else None
        strip = self._strip(action.strip, (*place, "strip")) if action.strip else None
        response = self._response(action.response, (*place, "response")) if action.response else None
        broken = (action.pii is not None and privacy is None) or (action.strip is not None and strip is None)
        return CompiledGuards(privacy, strip, response, broken)

    def _check(self, clause: DecisionClause, path: Path) -> None:
        """What guards must not be got past by naming a model, and cannot act on what is not known."""
        action = clause.action
        for key, there in (
            ("pii", action and action.pii),
            ("strip", action and action.strip),
            ("response", action and action.response),
        ):
            if there and clause.route is not None:
                self._findings.error(
                    (*path, "action", key),
                    "a decision that routes does not apply to requests for an explicit model, so they would get past it",
                    f"put `{key}` into a decision of its own, before this one",
                    key=True,
                )
        if action and (action.pii or action.strip) and clause.on_unknown == "match":
            what = (
                "private data that is not known cannot be replaced" if action.pii else "a text that was not read cannot be judged"
            )
            self._findings.error((*path, "onUnknown"), what, "say deny or skip")

    def _strip(self, clause: StripClause, path: Path) -> Strip | None:
        """Which texts go; None after noting what is wrong."""
        extractor = self._vocabulary.find(clause.signal, (*path, "signal"))
        if extractor is None:
            return None
        if not isinstance(extractor, Jailbreak):
            self._findings.error(
                (*path, "signal"), f"{clause.signal!r} judges no single texts", "name a signal of the type jailbreak"
            )
            return None
        if len(set(clause.texts)) < len(clause.texts):
            self._findings.error((*path, "texts", 1), f"{clause.texts[1]!r} stands here twice", "remove one of them")
        kinds = frozenset(str(_KINDS[name]) for name in clause.texts)
        return Strip(clause.signal, clause.at_least, kinds, clause.min_coverage, clause.notice)

    def _response(self, clause: ResponseClause, path: Path) -> ResponseGuard:
        for kind in clause.pii:
            if kind not in _FOUND:
                cure = "only a model finds it, and answers are searched by pattern" if kind in SPANS else suggestion(kind, _FOUND)
                self._findings.error((*path, "pii", kind), f"{kind!r} is not looked for in answers", cure, key=True)
        if not clause.pii and clause.grounding is None:
            self._findings.error(path, "an empty `response` does nothing", "add `pii` or `grounding`")
        types = {kind: ResponseAction(action) for kind, action in clause.pii.items()}
        grounding = clause.grounding
        return ResponseGuard(
            types,
            clause.hold_back,
            clause.on_unreadable == "refuse",
            min_support=grounding.min_support if grounding else 0.0,
            whole_request=grounding is not None and grounding.sources == "everything",
        )

    def _privacy(self, clause: PrivateClause, path: Path) -> Privacy | None:
        """What is done with private data; None after noting what is wrong."""
        extractor = self._vocabulary.find(clause.signal, (*path, "signal"))
        if extractor is None:
            return None
        if not isinstance(extractor, Pii):
            self._findings.error((*path, "signal"), f"{clause.signal!r} finds no private data", "name a signal of the type pii")
            return None
        actions: dict[str, PrivateAction] = {}
        for kind in clause.types:
            if kind != OTHER and kind not in SPANS:
                self._findings.error(
                    (*path, "types", kind), f"unknown type {kind!r}", suggestion(kind, (*SPANS, OTHER)), key=True
                )
            elif kind != OTHER and kind not in (extractor.shape.labels or ()):
                self._findings.error(
                    (*path, "types", kind),
                    f"the signal {clause.signal!r} does not look for {kind}",
                    "add it to its `types`",
                    key=True,
                )
        other = clause.types.get(OTHER, "allow")
        for kind in sorted(extractor.shape.labels or ()):
            action = PrivateAction(clause.types.get(kind, other))
            if action is not PrivateAction.ALLOW:
                actions[kind] = action
        if set(clause.types.values()) == {"allow"}:
            self._findings.error(
                (*path, "types"), "every type is allowed, so this does nothing", "say mask, restore, trusted or reject"
            )
        if PrivateAction.TRUSTED in actions.values() and not any(pool.trusted for pool in self._pools.values()):
            self._findings.error((*path, "types"), "no pool is trusted", "set `trusted: true` at one of the pools")
        return Privacy(clause.signal, actions, clause.at_least, clause.min_coverage, clause.message)

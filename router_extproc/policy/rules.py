"""Rules: decisions of the file become rules; those that could do nothing are told of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router_extproc.encoders.heads import SPANS
from router_extproc.pii.kinds import PiiType
from router_extproc.policy.compiled import Answer, Modify, Privacy, Reject, Route, Rule
from router_extproc.policy.expression import staged
from router_extproc.policy.suggest import suggestion
from router_extproc.routing import (
    HeaderEdit,
    HeaderOp,
    OnUnknown,
    PrivateAction,
    ResponseAction,
    ResponseGuard,
    SystemEdit,
    SystemMode,
)
from router_extproc.signals.neural.guards import Pii

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from router_extproc.policy.clauses import (
        ActionClause,
        DecisionClause,
        HeadersClause,
        PrivateClause,
        ResponseClause,
        SystemClause,
    )
    from router_extproc.policy.conditions import Conditions
    from router_extproc.policy.expression import Node
    from router_extproc.policy.problems import Findings, Path
    from router_extproc.policy.routes import Routes
    from router_extproc.policy.vocabulary import Vocabulary
    from router_extproc.routing import ModelPool

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
"""A header's name (RFC 9110, 5.6.2)."""

_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "host", "te", "upgrade", "content-encoding"})
OTHER = "other"
"""All types of private data that a clause does not name."""
_FOUND = frozenset(str(kind) for kind in PiiType)
_UNBLOCKABLE = frozenset({"model", "messages", "input", "prompt"})


class Rules:
    """Compiles the decisions of one file."""

    def __init__(
        self,
        conditions: Conditions,
        routes: Routes,
        vocabulary: Vocabulary,
        findings: Findings,
        *,
        own_headers: frozenset[str],
        pools: Mapping[str, ModelPool],
    ) -> None:
        self._conditions = conditions
        self._routes = routes
        self._vocabulary = vocabulary
        self._findings = findings
        self._own_headers = own_headers
        self._pools = pools
        self.nodes: dict[Path, Node] = {}
        """Conditions by the place of their decision, for the checks that compare rules."""

    def compiled(self, clauses: Iterable[DecisionClause], path: Path) -> list[tuple[Rule, Path]]:
        """The rules with their places; what is wrong with one is noted, and it is left out."""
        made: list[tuple[Rule, Path]] = []
        for index, clause in enumerate(clauses):
            rule = self._rule(clause, (*path, index))
            if rule is not None:
                made.append((rule, (*path, index)))
        return made

    def _rule(self, clause: DecisionClause, path: Path) -> Rule | None:
        node = self._conditions.compiled(clause.when, (*path, "when")) if clause.when is not None else None
        route = self._routes.compiled(clause.route, (*path, "route")) if clause.route is not None else None
        action = clause.action
        end = self._end(route, action, clause, path)
        modify = self._modify(action, (*path, "action")) if action else Modify()
        privacy = self._privacy(action.pii, (*path, "action", "pii")) if action and action.pii else None
        response = self._response(action.response, (*path, "action", "response")) if action and action.response else None
        self._check_guards(clause, path)
        self._check_effect(clause, end, modify, path)
        if clause.when is None and clause.on_unknown is not None and privacy is None:
            self._findings.error((*path, "onUnknown"), "`onUnknown` has no effect without `when`", "remove it", key=True)
        broken = (clause.when is not None and node is None) or (clause.route is not None and route is None)
        broken = broken or (privacy is None and action is not None and action.pii is not None)
        if broken:
            return None
        if node is not None:
            self.nodes[path] = node
        costs = {name: extractor.cost for name, extractor in self._vocabulary.used.items()}
        return Rule(
            name=clause.name,
            when=staged(node, costs) if node is not None else None,
            on_unknown=OnUnknown(clause.on_unknown or ("deny" if isinstance(end, Reject) or privacy else "skip")),
            end=end,
            modify=modify,
            privacy=privacy,
            response=response,
        )

    def _end(
        self, route: Route | None, action: ActionClause | None, clause: DecisionClause, path: Path
    ) -> Route | Reject | Answer | None:
        ends = [
            key
            for key, there in (
                ("route", clause.route),
                ("reject", action and action.reject),
                ("answer", action and action.answer),
            )
            if there
        ]
        if len(ends) > 1:
            place = (*path, "action", ends[-1])
            self._findings.error(place, f"a decision cannot both {ends[0]} and {ends[1]}", "keep one of them", key=True)
        if action and action.reject:
            return Reject(action.reject.status, action.reject.message)
        if action and action.answer:
            return Answer(action.answer.text)
        return route

    def _check_effect(self, clause: DecisionClause, end: Route | Reject | Answer | None, modify: Modify, path: Path) -> None:
        changes = modify != Modify() or bool(clause.action and (clause.action.pii or clause.action.response))
        if end is None and clause.route is None and not changes:
            self._findings.error(path, f"the decision {clause.name!r} does nothing", "give it `route` or `action`")
        if isinstance(end, Reject | Answer) and changes:
            what = "rejects" if isinstance(end, Reject) else "answers"
            self._findings.error((*path, "action"), f"the decision {what}, so its other actions have no effect", "remove them")
        if modify.reasoning_effort:
            pools = [candidate.pool for candidate in end.candidates] if isinstance(end, Route) else list(self._pools.values())
            if not any(pool.reasoning for pool in pools):
                self._findings.error(
                    (*path, "action", "reasoningEffort"),
                    "no pool that this decision can reach says how its models take reasoning effort",
                    "set `reasoning` at the pool: openai, anthropic, qwen, deepseek or gpt-oss",
                )

    def _check_guards(self, clause: DecisionClause, path: Path) -> None:
        """What guards must not be got past by naming a model, and cannot act on what is not known."""
        action = clause.action
        for key, there in (("pii", action and action.pii), ("response", action and action.response)):
            if there and clause.route is not None:
                self._findings.error(
                    (*path, "action", key),
                    "a decision that routes does not apply to requests for an explicit model, so they would get past it",
                    f"put `{key}` into a decision of its own, before this one",
                    key=True,
                )
        if action and action.pii and clause.on_unknown == "match":
            self._findings.error((*path, "onUnknown"), "private data that is not known cannot be replaced", "say deny or skip")

    def _response(self, clause: ResponseClause, path: Path) -> ResponseGuard:
        for kind in clause.pii:
            if kind not in _FOUND:
                cure = "only a model finds it, and answers are searched by pattern" if kind in SPANS else suggestion(kind, _FOUND)
                self._findings.error((*path, "pii", kind), f"{kind!r} is not looked for in answers", cure, key=True)
        types = {kind: ResponseAction(action) for kind, action in clause.pii.items()}
        return ResponseGuard(types, clause.hold_back, clause.on_unreadable == "refuse")

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

    def _modify(self, action: ActionClause, path: Path) -> Modify:
        caps = action.caps
        limits = {"max_output_tokens": caps.max_output_tokens, "n": caps.n} if caps else {}
        for index, field in enumerate(action.block):
            if field in _UNBLOCKABLE:
                self._findings.error(
                    (*path, "block", index), f"{field!r} cannot be taken out of a request", "reject the request instead"
                )
        if caps is not None and not any(limits.values()):
            self._findings.error((*path, "caps"), "an empty `caps` does nothing", "set maxOutputTokens or n")
        return Modify(
            headers=tuple(self._headers(action.headers, (*path, "headers"))) if action.headers else (),
            caps={name: limit for name, limit in limits.items() if limit is not None},
            blocked=frozenset(action.block),
            system=tuple(self._system(action.system, (*path, "system"))) if action.system else (),
            reasoning_effort=action.reasoning_effort or "",
        )

    def _headers(self, clause: HeadersClause, path: Path) -> Iterator[HeaderEdit]:
        if not (clause.set or clause.add or clause.remove):
            self._findings.error(path, "empty `headers` do nothing", "add `set`, `add` or `remove`")
        for op, given in ((HeaderOp.SET, clause.set), (HeaderOp.ADD, clause.add)):
            for name, value in given.items():
                place = (*path, op.value, name)
                self.check_header(name, place)
                if any(ord(character) < 0x20 or character == "\x7f" for character in value):  # noqa: PLR2004 - control characters
                    self._findings.error(place, "a header's value cannot hold control characters", "remove them")
                yield HeaderEdit(op, name.lower(), value)
        for index, name in enumerate(clause.remove):
            self.check_header(name, (*path, "remove", index))
            yield HeaderEdit(HeaderOp.REMOVE, name.lower())

    def check_header(self, name: str, path: Path) -> None:
        """Note a header that is no header, or that a rule must not touch."""
        if not TOKEN.match(name):
            self._findings.error(path, f"{name!r} is not a header's name", "use letters, digits and '-'", key=True)
        elif name.lower() in _FRAMING:
            self._findings.error(path, f"the header {name!r} belongs to the connection, not to the policy", "remove it", key=True)
        elif name.lower() in self._own_headers:
            self._findings.error(path, f"the router writes the header {name!r} itself", "choose another name", key=True)

    def _system(self, clause: SystemClause, path: Path) -> Iterator[SystemEdit]:
        edits = [
            (mode, text)
            for mode, text in (
                (SystemMode.REPLACE, clause.replace),
                (SystemMode.PREPEND, clause.prepend),
                (SystemMode.APPEND, clause.append),
            )
            if text
        ]
        if not edits:
            self._findings.error(path, "an empty `system` does nothing", "add `prepend`, `append` or `replace`")
        yield from (SystemEdit(mode, text) for mode, text in edits)

"""Rules: decisions of the file become rules; those that could do nothing are told of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router_extproc.policy.compiled import Answer, Modify, Reject, Route, Rule
from router_extproc.policy.expression import staged
from router_extproc.policy.guards import Guards
from router_extproc.routing import (
    HeaderEdit,
    HeaderOp,
    OnUnknown,
    SystemEdit,
    SystemMode,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from router_extproc.cache.rule import CacheRule
    from router_extproc.policy.caching import CacheRules
    from router_extproc.policy.clauses import (
        ActionClause,
        DecisionClause,
        HeadersClause,
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
        caching: CacheRules,
    ) -> None:
        self._conditions = conditions
        self._routes = routes
        self._vocabulary = vocabulary
        self._findings = findings
        self._own_headers = own_headers
        self._pools = pools
        self._guards = Guards(vocabulary, findings, pools)
        self._caching = caching
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
        guards = self._guards.compiled(clause, path)
        cache = self._cache(action, path)
        self._check_effect(clause, end, modify, path)
        if clause.when is None and clause.on_unknown is not None and not guards.judges:
            self._findings.error((*path, "onUnknown"), "`onUnknown` has no effect without `when`", "remove it", key=True)
        broken = (clause.when is not None and node is None) or (clause.route is not None and route is None)
        if broken or guards.broken:
            return None
        if node is not None:
            self.nodes[path] = node
        costs = {name: extractor.cost for name, extractor in self._vocabulary.used.items()}
        return Rule(
            name=clause.name,
            when=staged(node, costs) if node is not None else None,
            on_unknown=OnUnknown(clause.on_unknown or ("deny" if isinstance(end, Reject) or guards.judges else "skip")),
            end=end,
            modify=modify,
            privacy=guards.privacy,
            strip=guards.strip,
            response=guards.response,
            cache=cache,
        )

    def _cache(self, action: ActionClause | None, path: Path) -> CacheRule | None:
        if action is None or action.cache is None:
            return None
        return self._caching.compiled(action.cache, (*path, "action", "cache"))

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
        changes = modify != Modify() or bool(
            clause.action and (clause.action.pii or clause.action.strip or clause.action.response or clause.action.cache)
        )
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

"""Routes: pools, and the targets that rules name, from the file to their compiled form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.errors import UnknownPluginError
from router_extproc.policy.clauses import PluginClause, RouteClause, WeightedCandidate
from router_extproc.policy.compiled import Route, SelectSpec
from router_extproc.policy.suggest import suggestion
from router_extproc.policy.validation import validated
from router_extproc.routing import Candidate, Modality, ModelFacts, ModelPool, Price

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.plugin import Registry
    from router_extproc.policy.clauses import RouteTarget
    from router_extproc.policy.file import PoolSection
    from router_extproc.policy.problems import Findings, Path
    from router_extproc.policy.sessions import SessionRules


def pool(name: str, section: PoolSection) -> ModelPool:
    """A pool of the file."""
    price, energy, known = section.price, section.energy, section.profile
    return ModelPool(
        name=name,
        cluster=section.cluster,
        model=section.model,
        aliases=frozenset(section.aliases),
        context_window=section.context_window,
        max_output_tokens=section.max_output_tokens,
        modalities=frozenset(Modality(word) for word in section.modalities),
        tools=section.tools,
        energy=Price(energy.input, energy.output) if energy else None,
        facts=ModelFacts(known.known_as or "", known.parameters_b, known.scores) if known else ModelFacts(),
        price=Price(price.input, price.output, price.cached) if price else None,
        reasoning=section.reasoning or "",
        apis=frozenset(section.apis),
        tags=frozenset(section.tags),
        trusted=section.trusted,
    )


class Routes:
    """Compiles the targets of one file."""

    def __init__(
        self, pools: Mapping[str, ModelPool], selectors: Registry[Any], findings: Findings, sessions: SessionRules
    ) -> None:
        self._pools = pools
        self._selectors = selectors
        self._findings = findings
        self._sessions = sessions
        self.used: set[str] = set()
        """Pools that some route names."""

    def compiled(self, target: RouteTarget, path: Path) -> Route | None:
        """The route; None after noting what is wrong with it."""
        if isinstance(target, str):
            found = [self._candidate(target, 1.0, path)]
            return self._route(found, None, path, path)
        if isinstance(target, list):
            found = [self._candidate(name, 1.0, (*path, index)) for index, name in enumerate(target)]
            return self._route(found, None, path, path)
        place = (*path, "candidates")
        found = [
            self._candidate(item.pool, item.weight, (*place, index, "pool"))
            if isinstance(item, WeightedCandidate)
            else self._candidate(item, 1.0, (*place, index))
            for index, item in enumerate(target.candidates)
        ]
        return self._route(found, target, place, (*path, "select"))

    def _candidate(self, name: str, weight: float, path: Path) -> Candidate | None:
        found = self._pools.get(name)
        if found is None:
            self._findings.error(
                path, f"unknown pool {name!r}", suggestion(name, self._pools, otherwise="declare it under `pools:`")
            )
            return None
        self.used.add(name)
        return Candidate(found, weight)

    def _route(self, found: list[Candidate | None], clause: RouteClause | None, path: Path, select_path: Path) -> Route | None:
        select = self._select(clause, select_path)
        shadow = self._shadow(clause, path) if clause is not None else ()
        candidates = tuple(candidate for candidate in found if candidate is not None)
        if select is None or len(candidates) < len(found):
            return None
        self._check_repeats(candidates, path)
        if clause is not None:
            self._check_weights(candidates, clause, select, path)
        if clause is None:
            return Route(candidates, select)
        pools = [candidate.pool for candidate in candidates]
        session = self._sessions.session(clause.session, pools, (*path[:-1], "session"))
        fallback = self._sessions.fallback(clause.fallback, pools, (*path[:-1], "fallback"))
        return Route(candidates, select, session, fallback, shadow)

    def _check_repeats(self, candidates: tuple[Candidate, ...], path: Path) -> None:
        names = [candidate.pool.name for candidate in candidates]
        for index, name in enumerate(names):
            if name in names[:index]:
                self._findings.error((*path, index), f"the pool {name!r} stands here twice", "remove one of them")

    def _check_weights(self, candidates: tuple[Candidate, ...], clause: RouteClause, select: SelectSpec, path: Path) -> None:
        if all(candidate.weight == 0 for candidate in candidates):
            self._findings.error(path, "all weights are 0: no request can be served", "give one candidate a weight")
        if select.type == "weighted":
            return
        for index, candidate in enumerate(candidates):
            if candidate.weight not in {0, 1}:
                self._findings.error(
                    (*path, index, "weight"),
                    f"the selector {select.type!r} does not use weights",
                    "use `select: weighted`, or remove it",
                )
        if len(candidates) == 1 and clause.select is not None:
            self._findings.warn((*path[:-1], "select"), "there is only one candidate to choose from", "remove `select`", key=True)

    def _shadow(self, clause: RouteClause, path: Path) -> tuple[SelectSpec, ...]:
        """Those that can be built; what is wrong with another one is noted."""
        place = (*path[:-1], "shadow")
        found = [self._named(given, (*place, index)) for index, given in enumerate(clause.shadow)]
        if clause.shadow and len(clause.candidates) == 1:
            self._findings.warn(place, "there is only one candidate to choose from", "remove `shadow`", key=True)
        return tuple(spec for spec in found if spec is not None)

    def _select(self, clause: RouteClause | None, path: Path) -> SelectSpec | None:
        given = clause.select if clause else None
        if given is None:
            weighted = clause is not None and any(isinstance(item, WeightedCandidate) for item in clause.candidates)
            return self._spec("weighted" if weighted else "first", {}, path, path)
        return self._named(given, path)

    def _named(self, given: str | PluginClause, path: Path) -> SelectSpec | None:
        if isinstance(given, PluginClause):
            return self._spec(given.type, dict(given.model_extra or {}), path, (*path, "type"))
        return self._spec(given, {}, path, path)

    def _spec(self, kind: str, options: dict[str, Any], path: Path, type_path: Path) -> SelectSpec | None:
        try:
            plugin = self._selectors[kind]
        except UnknownPluginError as error:
            self._findings.error(type_path, f"unknown selector {kind!r}", suggestion(kind, error.known))
            return None
        made = validated(plugin.options, options, path, self._findings)
        return None if made is None else SelectSpec(kind, made, path)

"""Load: the text of a policy file becomes a Policy, or all of its problems."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from router_extproc.policy import checks
from router_extproc.policy.caching import CacheRules
from router_extproc.policy.compiled import Policy, Recipe
from router_extproc.policy.conditions import Conditions
from router_extproc.policy.constraints import compiled_constraints
from router_extproc.policy.document import read
from router_extproc.policy.embedded import embedded_tests
from router_extproc.policy.file import PolicyFile
from router_extproc.policy.identity import compiled_identity
from router_extproc.policy.problems import Findings, PolicyError
from router_extproc.policy.rate_limits import RateLimits
from router_extproc.policy.routes import Routes, pool
from router_extproc.policy.rules import Rules
from router_extproc.policy.sessions import SessionRules
from router_extproc.policy.settings import check_headers, header_names, settings
from router_extproc.policy.validation import validated
from router_extproc.policy.vocabulary import Vocabulary
from router_extproc.signals.registry import EXTRACTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from router_extproc.plugin import Registry
    from router_extproc.policy.compiled import Route, Rule
    from router_extproc.policy.problems import Path, Problem
    from router_extproc.routing import Extractor, ModelPool
    from router_extproc.signals.services import SignalServices

VERSION_DIGITS = 12


@dataclass(frozen=True, slots=True)
class CompileResult:
    """A policy, and what is probably a mistake in it."""

    policy: Policy
    warnings: tuple[Problem, ...]


def version_of(text: str, sums: Iterable[str] = ()) -> str:
    """The version of a policy: the first digits of its text's SHA-256, or, where it was made of files, of all their SHA-256."""
    own = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    together = " ".join((own, *sums))
    return (own if together == own else hashlib.sha256(together.encode()).hexdigest())[:VERSION_DIGITS]


def compile_policy(
    text: str,
    *,
    source: str,
    services: SignalServices,
    selectors: Registry[Any],
    extractors: Registry[Callable[[str, Any, SignalServices], Extractor]] = EXTRACTORS,
) -> CompileResult:
    """The compiled policy. Raises PolicyError with every problem found, each with its place and cure.

    Its version is that of the text alone: which files it is made of is known when its selectors are built, too.
    """
    document = read(text, source=source)
    findings = Findings(document)
    file = validated(PolicyFile, document.value, (), findings)
    if file is None:
        raise PolicyError(findings.problems)
    vocabulary = Vocabulary(file.signals, extractors, services, findings, document.section("identity"))
    policy = _Compiler(file, findings, vocabulary, selectors, services).compiled(source, version_of(text))
    if findings.failed or policy is None:
        raise PolicyError(findings.problems)
    return CompileResult(policy, findings.problems)


class _Compiler:
    """Puts the parts of one file together."""

    def __init__(
        self,
        file: PolicyFile,
        findings: Findings,
        vocabulary: Vocabulary,
        selectors: Registry[Any],
        services: SignalServices,
    ) -> None:
        self._file = file
        self._services = services
        self._findings = findings
        self._vocabulary = vocabulary
        self._pools: Mapping[str, ModelPool] = {name: pool(name, section) for name, section in file.pools.items()}
        self._own: list[tuple[Rule, Path]] = []
        """Rules of recipes that are not the main policy's."""
        self._sessions = SessionRules(file.sessions, file.circuits, self._pools, findings)
        self._routes = Routes(self._pools, selectors, findings, self._sessions)
        conditions = Conditions(vocabulary, findings)
        self._limits = RateLimits(file, conditions, vocabulary, findings)
        self._caching = CacheRules(file, services, findings)
        self._rules = Rules(
            conditions,
            self._routes,
            vocabulary,
            findings,
            own_headers=header_names(file).all(),
            pools=self._pools,
            caching=self._caching,
        )

    def compiled(self, source: str, version: str) -> Policy | None:
        file, findings = self._file, self._findings
        self._vocabulary.check_all()
        default = self._routes.compiled(file.default, ("default",))
        main = self._rules.compiled(file.decisions, ("decisions",))
        checks.check_names([(clause.name, ("decisions", index)) for index, clause in enumerate(file.decisions)], findings)
        recipes = self._recipes(main, default)
        checks.check_reachable(main, self._rules.nodes, findings)
        checks.check_models(file, self._pools, findings)
        checks.check_recipes(file, findings)
        checks.check_guards(file, [*main, *self._own], findings)
        checks.check_reads([*main, *self._own], self._vocabulary.used, findings)
        check_headers(file, findings)
        identity = compiled_identity(file.identity, self._services, findings)
        constraints = compiled_constraints(file, findings)
        limits = self._limits.compiled()
        tests = embedded_tests(file, findings, signals=self._vocabulary.used, repeats=bool(limits) or self._sessions.any_session)
        self._vocabulary.warn_unused()
        cache = self._caching.limits()
        sessions, circuits = self._sessions.settings(), self._sessions.circuits()
        if default is None:
            return None
        return Policy(
            version=version,
            source=source,
            settings=replace(settings(file, identity, cache, constraints), sessions=sessions, circuits=circuits),
            pools=self._pools,
            extractors=dict(self._vocabulary.used),
            main=Recipe("", tuple(rule for rule, _ in main), default, frozenset(file.virtual_models)),
            recipes=recipes,
            tests=tests,
            limits=limits,
        )

    def _recipes(self, main: list[tuple[Rule, Path]], default: Route | None) -> dict[str, Recipe]:
        guards = [(rule, path) for rule, path in main if rule.is_guard]
        made: dict[str, Recipe] = {}
        for name, section in self._file.recipes.items():
            path: Path = ("recipes", name)
            own = self._rules.compiled(section.decisions, (*path, "decisions"))
            places = [(rule.name, place) for rule, place in guards]
            places += [(clause.name, (*path, "decisions", index)) for index, clause in enumerate(section.decisions)]
            checks.check_names(places, self._findings)
            checks.check_reachable(guards + own, self._rules.nodes, self._findings)
            self._own += own
            target = default
            if section.default is not None:
                target = self._routes.compiled(section.default, (*path, "default"))
            if target is not None:
                rules = tuple(rule for rule, _ in guards + own)
                made[name] = Recipe(name, rules, target, frozenset(section.virtual_models))
        return made

"""Plan: a policy made ready to run. All that does not depend on a request is done here, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router_extproc.errors import SpecError
from router_extproc.policy.compiled import Modify, Route
from router_extproc.policy.expression import floors
from router_extproc.router.shadow import Shadow, named
from router_extproc.routing import OnUnknown, RuleTrace, Skipped, Truth, Unknown
from router_extproc.selectors.registry import SELECTORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router_extproc.encoders.share import Share
    from router_extproc.policy.compiled import Policy, Recipe, Rule, SelectSpec
    from router_extproc.routing import ModelPool, SignalResult
    from router_extproc.selectors.selector import Selector
    from router_extproc.selectors.services import SelectorServices

_NOTHING = Modify()

_UNKNOWN_EFFECT = {
    OnUnknown.SKIP: "unknown: skipped",
    OnUnknown.MATCH: "unknown: taken as match",
    OnUnknown.DENY: "unknown: denied",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A route with its selector."""

    route: Route
    selector: Selector
    share: Share | None = None
    """What reads for the selector or a shadow, if one reads."""
    stays: bool = False
    """Whether sessions or the pools' health have a say."""
    shadows: tuple[Shadow, ...] = ()
    """Selectors that are asked too and never followed."""

    @property
    def observes(self) -> bool:
        """Whether somebody learns from responses."""
        return self.stays or self.selector.observes or any(shadow.selector.observes for shadow in self.shadows)


@dataclass(frozen=True, slots=True)
class Step:
    """A rule with all that its outcome needs; the traces are made once because requests share them."""

    rule: Rule
    target: Target | None
    """Where it routes, if it does."""
    asks: frozenset[str]
    """Signals that it may ask for."""
    floors: Mapping[str, float]
    """By signal: the share of the text, in [0, 1], that must have been looked at lest it counts as unknown; 0 where it is not there."""
    modifies: bool
    ends: bool
    matched: RuleTrace
    missed: RuleTrace
    clean: RuleTrace
    """It applies, and its guards find nothing."""
    undecided: RuleTrace
    exempt: RuleTrace
    skipped: Mapping[str, Skipped]
    """What is said of a signal that this rule made superfluous."""

    def lacks(self, name: str, result: SignalResult) -> bool:
        """Whether a signal is unknown to this rule."""
        return isinstance(result, Unknown) or result.coverage < self.floors.get(name, 0.0)


@dataclass(frozen=True, slots=True)
class Course:
    """A recipe made ready: its steps and its default."""

    name: str
    steps: tuple[Step, ...]
    default: Target
    skipped: Mapping[str, Skipped]
    """What is said of a signal that no rule of it asked for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole policy made ready."""

    policy: Policy
    courses: Mapping[str, Course]
    """By recipe name; the main policy is ''."""
    virtual: Mapping[str, Course]
    """By virtual model name. A body that names no model is like one that names a virtual one of the main policy."""
    explicit: Mapping[str, ModelPool]
    """By every name that callers may use for a pool: its own, its model's and its aliases."""
    observed: frozenset[str]
    """Pools whose responses some selector learns from."""
    signals: tuple[str, ...]

    @property
    def remembers(self) -> bool:
        """Whether some route has memory of its own: of sessions, or of pools that fail."""
        return any(
            target is not None and target.stays
            for course in self.courses.values()
            for target in (course.default, *(step.target for step in course.steps))
        )


def make_plan(policy: Policy, services: SelectorServices) -> Plan:
    """The plan of a policy. Raises SpecError, with the place in the file, if a selector refuses its options."""
    signals = tuple(policy.extractors)
    courses = {recipe.name: _course(recipe, signals, services) for recipe in (policy.main, *policy.recipes.values())}
    main = courses[policy.main.name]
    virtual = {**dict.fromkeys(policy.settings.virtual_models, main), "": main}
    for recipe in policy.recipes.values():
        virtual |= dict.fromkeys(recipe.virtual_models, courses[recipe.name])
    return Plan(
        policy=policy,
        courses=courses,
        virtual=virtual,
        explicit=_explicit(policy.pools.values()),
        observed=_timed(policy) or frozenset(_observed(courses.values())),
        signals=signals,
    )


def _explicit(pools: Iterable[ModelPool]) -> dict[str, ModelPool]:
    """Pools by the names that callers use. A pool's own name goes before another's model, that before another's alias."""
    ordered = tuple(pools)
    named: dict[str, ModelPool] = {}
    for names in (lambda pool: (pool.name,), lambda pool: (pool.model,), lambda pool: sorted(pool.aliases)):
        for pool in ordered:
            for name in names(pool):
                if name:
                    named.setdefault(name, pool)
    return named


def _timed(policy: Policy) -> frozenset[str]:
    """All pools, where callers may demand to be answered in time."""
    constraints = policy.settings.constraints
    return frozenset(policy.pools if constraints is not None and constraints.max_seconds is not None else ())


def _observed(courses: Iterable[Course]) -> Iterable[str]:
    for course in courses:
        for target in (course.default, *(step.target for step in course.steps)):
            if target is not None and target.observes:
                yield from (candidate.pool.name for candidate in target.route.candidates)


def _course(recipe: Recipe, signals: tuple[str, ...], services: SelectorServices) -> Course:
    return Course(
        name=recipe.name,
        steps=tuple(_step(rule, signals, services) for rule in recipe.rules),
        default=_target(recipe.default, services),
        skipped={name: Skipped(name, "not needed: no rule that was asked uses it") for name in signals},
    )


def _target(route: Route, services: SelectorServices) -> Target:
    selector = _selector(route.select, route, services)
    names = named(route.shadow)
    shadows = tuple(Shadow(name, _selector(spec, route, services)) for name, spec in zip(names, route.shadow, strict=True))
    reads = selector.reads or any(shadow.selector.reads for shadow in shadows)
    # The encoder is asked for what selectors read while the policy is being built: readings in flight must not change what they hold.
    stays = route.session is not None or route.fallback is not None
    return Target(route, selector, services.share() if reads else None, stays, shadows)


def _selector(select: SelectSpec, route: Route, services: SelectorServices) -> Selector:
    try:
        return SELECTORS[select.type].build(select.options, route.candidates, services)
    except SpecError as error:
        raise SpecError((*select.path, *error.path), error.message, cure=error.cure) from error


def _step(rule: Rule, signals: tuple[str, ...], services: SelectorServices) -> Step:
    ends = rule.end is not None
    return Step(
        rule=rule,
        target=_target(rule.end, services) if isinstance(rule.end, Route) else None,
        asks=rule.asks,
        floors=_floors(rule),
        modifies=rule.modify != _NOTHING,
        ends=ends,
        matched=RuleTrace(rule.name, Truth.TRUE, "matched" if ends else "modified"),
        missed=RuleTrace(rule.name, Truth.FALSE, "no match"),
        clean=RuleTrace(rule.name, Truth.TRUE, "nothing found"),
        undecided=RuleTrace(rule.name, Truth.UNKNOWN, _UNKNOWN_EFFECT[rule.on_unknown]),
        exempt=RuleTrace(rule.name, Truth.FALSE, "not for explicit models"),
        skipped={name: Skipped(name, f"not needed: {rule.name} decided first") for name in signals},
    )


def _floors(rule: Rule) -> dict[str, float]:
    found = floors(rule.when) if rule.when is not None else {}
    for guard in (rule.privacy, rule.strip):
        if guard is not None:
            found[guard.signal] = max(guard.min_coverage, found.get(guard.signal, 0.0))
    return found

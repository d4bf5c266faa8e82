"""Checks: what no single decision shows: rules that can never fire, names that collide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic.alias_generators import to_camel

from router_extproc.guarding import PrivateAction
from router_extproc.policy.compiled import Answer, Reject, Route
from router_extproc.policy.conditions import canonical
from router_extproc.signals.neural.guards import Jailbreak, Pii
from router_extproc.signals.options import Reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from router_extproc.policy.compiled import Rule
    from router_extproc.policy.expression import Node
    from router_extproc.policy.file import PolicyFile
    from router_extproc.policy.problems import Findings, Path
    from router_extproc.routing import Extractor, ModelPool


def check_names(places: Iterable[tuple[str, Path]], findings: Findings) -> None:
    """Two decisions of one name could not be told apart in metrics and tests."""
    seen: dict[str, Path] = {}
    for name, path in places:
        if name in seen:
            line = findings.line((*seen[name], "name"))
            findings.error((*path, "name"), f"the decision {name!r} is already there, in line {line}", "give it another name")
        else:
            seen[name] = path


def check_reachable(rules: Sequence[tuple[Rule, Path]], nodes: Mapping[Path, Node], findings: Findings) -> None:
    """Find rules that an earlier one always forestalls."""
    final: Rule | None = None
    enders: dict[str, Rule] = {}
    for rule, path in rules:
        if final is not None:
            _note(rule, path, f"{final.name!r} ends every search before it", final, findings)
            continue
        node = nodes.get(path)
        if node is None:
            final = rule if rule.end is not None else None
            continue
        form = canonical(node)
        if form in enders:
            _note(rule, path, f"{enders[form].name!r} has the same condition and comes first", enders[form], findings)
        elif rule.end is not None:
            enders[form] = rule


def _note(rule: Rule, path: Path, why: str, first: Rule, findings: Findings) -> None:
    """An error; a warning where requests for an explicit model, which skip the first rule, can still get there."""
    if isinstance(first.end, Route) and not isinstance(rule.end, Route):
        message = f"the decision {rule.name!r} is reached by requests for an explicit model only: {why}"
        findings.warn(path, message, "put it first if it is meant for all requests")
    else:
        findings.error(path, f"the decision {rule.name!r} can never be reached: {why}", "move it up, or remove one of them")


def check_models(file: PolicyFile, pools: Mapping[str, ModelPool], findings: Findings) -> None:
    """Every name by which a model can be asked for must mean one thing."""
    taken = {
        name: f"a name of the pool {pool.name!r}"
        for pool in pools.values()
        for name in (pool.name, pool.model, *pool.aliases)
        if name
    }
    places: list[tuple[str, Path]] = [(name, ("virtualModels", index)) for index, name in enumerate(file.virtual_models)]
    for recipe, section in file.recipes.items():
        places += [(name, ("recipes", recipe, "virtualModels", index)) for index, name in enumerate(section.virtual_models)]
    for name, path in places:
        if name in taken:
            findings.error(path, f"the virtual model {name!r} is already {taken[name]}", "give one of them another name")
        taken.setdefault(name, "a virtual model")
    _check_aliases(file, findings)


def _check_aliases(file: PolicyFile, findings: Findings) -> None:
    names = {name: name for name in file.pools} | {section.model: name for name, section in file.pools.items() if section.model}
    for name, section in file.pools.items():
        for index, alias in enumerate(section.aliases):
            owner = names.setdefault(alias, name)
            if owner != name:
                findings.error(
                    ("pools", name, "aliases", index), f"{alias!r} already means the pool {owner!r}", "remove one of them"
                )


def check_recipes(file: PolicyFile, findings: Findings) -> None:
    """A recipe must be choosable, and a way to choose needs something to choose."""
    header = file.requests.recipe_header
    for name, section in file.recipes.items():
        path: Path = ("recipes", name)
        if not section.virtual_models and not header:
            cure = "give it `virtualModels`, or set requests.recipeHeader"
            findings.error(path, f"the recipe {name!r} can never be chosen", cure, key=True)
        if not section.decisions and section.default is None:
            findings.error(
                path, f"the recipe {name!r} is no different from the main policy", "give it `decisions` or `default`", key=True
            )
    if header and not file.recipes:
        findings.error(("requests", "recipeHeader"), "there are no recipes to choose", "remove it, or add `recipes:`", key=True)


def check_reads(rules: Sequence[tuple[Rule, Path]], extractors: Mapping[str, Extractor], findings: Findings) -> None:
    """Tell of a guard that reads what was said last only, where no guard of its type reads everything."""
    refusing = [rule for rule, _ in rules if rule.judges or isinstance(rule.end, Reject | Answer)]
    named = ((rule, extractors.get(name)) for rule in refusing for name in sorted(rule.asks))
    asked = [(rule, guard) for rule, guard in named if isinstance(guard, Jailbreak | Pii)]
    thorough = {type(guard) for _, guard in asked if guard.reads is Reads.EVERYTHING}
    told = {guard.name: rule for rule, guard in reversed(asked) if guard.reads is Reads.LAST_USER and type(guard) not in thorough}
    for name, rule in told.items():
        message = f"the decision {rule.name!r} can be got past: {name!r} reads only what the user said last"
        findings.warn(("signals", name, "reads"), message, "write `reads: everything`, which is what a guard reads by default")


_PASSES = {
    "unreadable_encoding": "whose content-encoding cannot be read",
    "malformed": "that cannot be parsed",
    "on_error": "on which the router fails",
}
"""Keys of `requests` that may let requests go on unread, and which."""


def check_guards(file: PolicyFile, rules: Sequence[tuple[Rule, Path]], findings: Findings) -> None:
    """What gets past guards of the texts, and trust that no guard asks for."""
    guards = [(rule, path) for rule, path in rules if rule.judges]
    if guards:
        for key, which in _PASSES.items():
            if getattr(file.requests, key) == "route":
                name = to_camel(key)
                given = key in file.requests.model_fields_set
                path = ("requests", name) if given else guards[0][1]
                message = f"requests {which} get past the decision {guards[0][0].name!r}: requests.{name} lets them go on unread"
                findings.warn(path, message, f"set requests.{name}: reject")
    if any(rule.privacy is not None and PrivateAction.TRUSTED in rule.privacy.actions.values() for rule, _ in guards):
        return
    for name, section in file.pools.items():
        if section.trusted:
            message = f"the pool {name!r} is trusted, and no decision keeps private data among trusted pools"
            findings.warn(
                ("pools", name, "trusted"), message, "say `trusted` for some types in `action.pii`, or remove it", key=True
            )

"""Vocabulary: the signals that the rules of one file can name, built when they are first named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router_extproc.errors import SpecError, UnknownPluginError
from router_extproc.policy.suggest import suggestion
from router_extproc.policy.validation import validated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from router_extproc.plugin import Plugin, Registry
    from router_extproc.policy.clauses import PluginClause
    from router_extproc.policy.problems import Findings, Path
    from router_extproc.routing import Extractor
    from router_extproc.signals.services import SignalServices

Extractors = "Registry[Callable[[str, Any, SignalServices], Extractor]]"

_IDENTITY = {"user": "userHeader", "group": "groupsHeader", "tenant": "tenantHeader"}


class Vocabulary:
    """Signals by name: those that the file declares, and types that need no options under their own name."""

    def __init__(
        self,
        declared: Mapping[str, PluginClause],
        registry: Registry[Callable[[str, Any, SignalServices], Extractor]],
        services: SignalServices,
        findings: Findings,
        identity: Mapping[str, object],
    ) -> None:
        self._declared = declared
        self._registry = registry
        self._services = services
        self._findings = findings
        self._identity = identity
        """The file's `identity` section: which of its keys have a value."""
        self._built: dict[str, Extractor | None] = {}
        self.used: dict[str, Extractor] = {}
        """Those that some rule asked for."""

    def check_all(self) -> None:
        """Build every declared signal, so that mistakes in unused ones are told too."""
        for name in self._declared:
            self._build(name, ("signals", name))

    def warn_unused(self) -> None:
        """Tell of declared signals that no rule asks for."""
        for name in self._declared:
            if name not in self.used and self._built.get(name) is not None:
                self._findings.warn(
                    ("signals", name), f"no decision uses the signal {name!r}", "use it in a `when`, or remove it", key=True
                )

    def find(self, name: str, path: Path) -> Extractor | None:
        """The signal of that name; None after noting why there is none."""
        if name not in self._declared and not self._is_implicit(name):
            self._findings.error(path, f"unknown signal {name!r}", self._cure(name))
            return None
        extractor = self._build(name, path)
        if extractor is not None:
            self.used[name] = extractor
            self._check_identity(name, path)
        return extractor

    def names(self) -> frozenset[str]:
        """Every name that a rule may use."""
        return frozenset(self._declared) | {plugin.name for plugin in self._registry if self._is_implicit(plugin.name)}

    def _is_implicit(self, name: str) -> bool:
        return name in self._registry and not required(self._registry[name])

    def _cure(self, name: str) -> str:
        if name in self._registry:
            needed = ", ".join(required(self._registry[name])) or "its options"
            return f"declare it under `signals:`, because its type needs {needed}"
        return suggestion(name, self.names(), otherwise="declare it under `signals:`")

    def _build(self, name: str, used: Path) -> Extractor | None:
        if name not in self._built:
            self._built[name] = self._made(name, used)
        return self._built[name]

    def _made(self, name: str, used: Path) -> Extractor | None:
        clause = self._declared.get(name)
        path: Path = ("signals", name)
        kind = clause.type if clause else name
        try:
            plugin = self._registry[kind]
        except UnknownPluginError as error:
            self._findings.error((*path, "type"), f"unknown signal type {kind!r}", suggestion(kind, error.known))
            return None
        options = validated(plugin.options, dict(clause.model_extra or {}) if clause else {}, path, self._findings)
        if options is None:
            return None
        try:
            return plugin.build(name, options, self._services)
        except SpecError as error:
            # One that is not declared has no place but where it is first used.
            self._findings.error((*path, *error.path) if clause else used, error.message, error.cure)
            return None
        finally:
            for doubt in self._services.doubts:
                self._findings.warn((*path, *doubt.path) if clause else used, doubt.message, doubt.cure)
            self._services.doubts.clear()

    def _check_identity(self, name: str, path: Path) -> None:
        clause = self._declared.get(name)
        key = _IDENTITY.get(clause.type if clause else name)
        if key and not self._identity.get(key):
            self._findings.error(
                path,
                f"the signal {name!r} never has a value: the policy does not say which header to trust",
                f"set identity.{key}",
            )


def required(plugin: Plugin[Any]) -> tuple[str, ...]:
    """The options that a type cannot do without, as the file spells them."""
    fields: Mapping[str, Any] = getattr(plugin.options, "model_fields", {})
    needed = tuple(info.alias or name for name, info in fields.items() if info.is_required())
    if needed:
        return needed
    try:
        plugin.options()
    except ValueError:
        return ("options",)
    return ()

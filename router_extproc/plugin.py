"""Registry: the one visible list in which plugins of a kind are named."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from router_extproc.errors import UnknownPluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

F = TypeVar("F")


class Stability(StrEnum):
    """How much a plugin's options may still change."""

    ALPHA = "alpha"
    BETA = "beta"
    STABLE = "stable"


@dataclass(frozen=True, slots=True)
class Plugin(Generic[F]):
    """One registered type: how it is called in a file, what options it takes, how it is built."""

    name: str
    options: type
    """A pydantic model, closed (`extra="forbid"`); the policy file is validated against it and the JSON Schema made of it."""
    build: F
    summary: str
    """One sentence for `schema` and the docs."""
    stability: Stability = Stability.STABLE


class Registry(Generic[F]):
    """Plugins of one kind by type name, in the order they were added."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._plugins: dict[str, Plugin[F]] = {}

    def add(self, plugin: Plugin[F]) -> None:
        """Register a plugin; a second one of the same type name is a programming error."""
        if plugin.name in self._plugins:
            msg = f"{self.kind} {plugin.name!r} is registered twice"
            raise ValueError(msg)
        self._plugins[plugin.name] = plugin

    def __getitem__(self, name: str) -> Plugin[F]:
        """The plugin of that type name; raises UnknownPluginError, which lists the known ones."""
        try:
            return self._plugins[name]
        except KeyError:
            raise UnknownPluginError(self.kind, name, tuple(self._plugins)) from None

    def __contains__(self, name: object) -> bool:
        return name in self._plugins

    def __iter__(self) -> Iterator[Plugin[F]]:
        return iter(self._plugins.values())

    def __len__(self) -> int:
        return len(self._plugins)

"""`router-extproc schema`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.registry import EXTRACTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result


def references(value: object) -> Iterator[str]:
    """Every `$ref` in a schema."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


class TestSchema:
    def test_is_one_json_schema(self, cli: Callable[..., Result]) -> None:
        """Closed at its root, so that an editor marks a mistyped key."""
        result = cli("schema")
        told = json.loads(result.stdout)

        assert (result.exit_code, result.stderr) == (0, "")
        assert told["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert told["additionalProperties"] is False
        assert {"version", "pools", "default", "decisions", "signals", "tests"} <= set(told["properties"])

    def test_every_reference_leads_somewhere(self, cli: Callable[..., Result]) -> None:
        """A dangling one would turn an editor's checks off."""
        told = json.loads(cli("schema").stdout)

        assert {name.removeprefix("#/$defs/") for name in references(told)} <= set(told["$defs"])

    def test_knows_every_signal_and_selector(self, cli: Callable[..., Result]) -> None:
        """Those of the registries, by their names in a policy."""
        text = cli("schema").stdout
        names = [plugin.name for plugin in (*EXTRACTORS, *SELECTORS)]

        assert all(f'"{name}"' in text for name in names)

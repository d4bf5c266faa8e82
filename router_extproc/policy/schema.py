"""Schema: the JSON Schema of the policy file (draft 2020-12), from the same declarations that validate it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from router_extproc.policy.file import PolicyFile
from router_extproc.policy.vocabulary import required

if TYPE_CHECKING:
    from router_extproc.plugin import Registry

DIALECT = GenerateJsonSchema.schema_dialect
IDENTIFIER = "https://router-extproc.dev/policy.schema.json"


def json_schema(extractors: Registry[Any], selectors: Registry[Any]) -> dict[str, Any]:
    """The schema, with one branch for each registered signal and selector, so that editors complete their options."""
    schema = TypeAdapter(PolicyFile).json_schema(by_alias=True, mode="validation")
    definitions = schema["$defs"]
    generic = definitions.pop("PluginClause")
    signals = {f"signal-{plugin.name}": _branch(plugin, definitions) for plugin in extractors}
    choosers = {f"selector-{plugin.name}": _branch(plugin, definitions) for plugin in selectors}
    definitions |= signals | choosers
    definitions["Signal"] = {"oneOf": [_reference(name) for name in signals], "description": "A fact about a request."}
    definitions["Selector"] = {"oneOf": [_reference(name) for name in choosers], "description": generic.get("description", "")}
    _replace(schema["properties"]["signals"], "#/$defs/PluginClause", "#/$defs/Signal")
    _replace(schema, "#/$defs/PluginClause", "#/$defs/Selector")
    implicit = [plugin.name for plugin in extractors if not required(plugin)]
    names = [plugin.name for plugin in selectors]
    definitions["RouteClause"]["properties"]["select"]["examples"] = names
    definitions["SignalTest"]["properties"]["signal"]["examples"] = implicit
    return {"$schema": DIALECT, "$id": IDENTIFIER, **schema}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _branch(plugin: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """One type's mapping: `type`, and its options."""
    options = plugin.options.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions |= options.pop("$defs", {})
    return {
        "title": plugin.name,
        "description": plugin.summary,
        "type": "object",
        "properties": {"type": {"const": plugin.name, "description": plugin.summary}, **options.get("properties", {})},
        "required": ["type", *options.get("required", [])],
        "additionalProperties": False,
    }


def _replace(node: Any, old: str, new: str) -> None:
    """Point every reference to one definition at another."""
    if isinstance(node, dict):
        if node.get("$ref") == old:
            node["$ref"] = new
        for child in node.values():
            _replace(child, old, new)
    elif isinstance(node, list):
        for child in node:
            _replace(child, old, new)

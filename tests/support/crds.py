"""Custom resources against the schemas of their definitions: unknown fields are errors, defaults apply, rules in CEL hold."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import cel
from jsonschema import Draft4Validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Schema = dict[str, Any]


def definitions(folder: Path) -> dict[tuple[str, str], Schema]:
    """By apiVersion and kind, of all files with definitions as JSON."""
    found: dict[tuple[str, str], Schema] = {}
    for path in sorted(folder.glob("*.json")):
        spec = json.loads(path.read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = version["schema"]["openAPIV3Schema"]
    return found


def faults(schema: Schema, resource: Mapping[str, Any]) -> list[str]:
    """What an API server would refuse it for; empty if nothing."""
    strict = _strict(schema)
    strict["properties"] = {**strict["properties"], "apiVersion": {}, "kind": {}, "metadata": {"type": "object"}}
    wrong = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in Draft4Validator(strict).iter_errors(resource)
    ]
    return wrong or list(_broken(schema, _defaulted(schema, copy.deepcopy(dict(resource))), ""))


def _strict(schema: Any) -> Any:
    """The same with every object closed that names its fields."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _strict(value) for name, value in schema.items() if not name.startswith("x-")}
    # A field may be called `properties`, or `type`: then it is a schema, and no word of this one.
    names_fields = isinstance(made.get("properties"), dict) and made.get("type") == "object"
    if names_fields and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def _parts(schema: Schema, value: Any) -> Iterator[tuple[Schema, Any, str]]:
    if isinstance(value, dict):
        named, others = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, each in value.items():
            part = named.get(name) or (others if isinstance(others, dict) else None)
            if part:
                yield part, each, f".{name}"
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        yield from ((schema["items"], each, f"[{at}]") for at, each in enumerate(value))


def _defaulted(schema: Schema, value: Any) -> Any:
    if isinstance(value, dict):
        for name, part in (schema.get("properties") or {}).items():
            if name not in value and "default" in part:
                value[name] = copy.deepcopy(part["default"])
    for part, each, _ in _parts(schema, value):
        _defaulted(part, each)
    return value


def _broken(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """Rules that do not hold. Those that compare with what was there before say nothing of a new object."""
    for rule in schema.get("x-kubernetes-validations") or ():
        if "oldSelf" not in rule["rule"] and cel.evaluate(rule["rule"].strip(), {"self": value}) is False:
            yield f"{path}: {rule.get('message', rule['rule'])}"
    if schema.get("x-kubernetes-list-type") == "map":
        keys = [tuple(each.get(key) for key in schema["x-kubernetes-list-map-keys"]) for each in value]
        yield from (f"{path}: {key} twice" for key in {key for key in keys if keys.count(key) > 1})
    for part, each, step in _parts(schema, value):
        yield from _broken(part, each, path + step)

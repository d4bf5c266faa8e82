"""Validation: a part of the document against a closed model; what does not fit becomes findings in an operator's words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Tag, TypeAdapter, ValidationError

from router_extproc.errors import SpecError
from router_extproc.policy.clauses import FORMS
from router_extproc.policy.problems import listed
from router_extproc.policy.suggest import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

    from router_extproc.policy.problems import Findings, Path

_MAX_SHOWN = 60
_MAX_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class _Fault:
    """One error of pydantic, in an operator's words."""

    path: Path
    message: str
    cure: str = ""
    key: bool = False


def validated(kind: Any, value: object, path: Path, findings: Findings) -> Any:
    """The value as that type, or None after noting every fault. Unknown keys are noted and left out, so the rest is still checked."""
    for _ in range(_MAX_ROUNDS):
        try:
            # JSON, because only there pydantic's strict mode reads lists as tuples and words as enum members, yet never "5" as 5.
            return _adapter(kind).validate_json(json.dumps(value), strict=True)
        except SpecError as error:
            place = error.path if error.path[: len(path)] == path else (*path, *error.path)
            findings.error(place, error.message, error.cure)
            return None
        except ValidationError as error:
            errors = error.errors(include_url=False)
        unknown = [_inner(details) for details in errors if details["type"] == "extra_forbidden"]
        for details in errors:
            fault = _fault(details, kind)
            findings.error((*path, *fault.path), fault.message, fault.cure, key=fault.key)
        if len(unknown) < len(errors):
            return None
        value = _without(value, unknown)
    return None


@lru_cache(maxsize=256)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _inner(details: ErrorDetails) -> Path:
    """Where in the value it is: the location without pydantic's own marks."""
    return tuple(step for step in details["loc"] if not _is_mark(step))


def _is_mark(step: str | int) -> bool:
    return isinstance(step, str) and (step == "[key]" or (step.startswith("<") and step.endswith(">")))


def _without(value: Any, paths: Iterable[Path]) -> Any:
    """A copy of the value without those keys."""
    copy = json.loads(json.dumps(value))
    for path in paths:
        parent = copy
        for step in path[:-1]:
            parent = parent[step]
        del parent[path[-1]]
    return copy


def _fault(details: ErrorDetails, kind: Any) -> _Fault:  # noqa: PLR0911 - one line a kind of error
    path = _inner(details)
    error, given = details["type"], details["input"]
    context: Mapping[str, Any] = details.get("ctx", {})
    if details["loc"] and details["loc"][-1] == "[key]":
        return _Fault(path, f"{_shown(path[-1])} cannot be a name", "use letters, digits, '_', '.' and '-', at most 64", key=True)
    if error == "extra_forbidden":
        return _unknown_key(path, known_keys(kind, details["loc"][:-1]), details["loc"])
    if error == "missing":
        return _Fault(path, f"{path[-1]!r} is missing", f"add `{path[-1]}:`")
    if error in _FORMS:
        return _Fault(path, *_form(error, given))
    if error == "policy":
        return _Fault(path, context["message"], context["cure"])
    if error in {"literal_error", "enum"}:
        return _choice(path, given, context["expected"])
    if error in _EXPECTED:
        return _Fault(path, f"expected {_EXPECTED[error]}, found {_found(given)}", _type_cure(error, given))
    return _Fault(path, _plain(details["msg"], given))


_EXPECTED = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}

_FORMS = {
    "policy_condition": (
        "is not a condition",
        "write a signal's name, {all: [...]}, {any: [...]}, {not: ...} or {signal: name, atLeast: ...}",
    ),
    "policy_route": ("is not a route", "write a pool's name, a list of names, or {candidates: [...], select: ...}"),
    "policy_candidate": ("is not a candidate", "write a pool's name, or {pool: name, weight: 1}"),
    "policy_select": ("is not a selector", "write a selector's type, or {type: ..., with its options}"),
    "policy_body": ("is not a body", "write a mapping, which is sent as JSON, or text, which is sent as it stands"),
    "policy_dimension": ("is nothing to count by", "write user, group, tenant, model, or {header: x-team}"),
    "policy_proof": ("is not a proof", "write a mapping such as {header: x-proof, secretFile: proof}, or none"),
    "policy_fact": ("is not a fact", "write true or false for a flag, a number, or a label"),
}


def _form(error: str, given: object) -> tuple[str, str]:
    what, cure = _FORMS[error]
    if error == "policy_condition" and isinstance(given, list):
        return "a condition cannot be a list", "say how its parts go together: {all: [...]} or {any: [...]}"
    if error == "policy_condition" and isinstance(given, dict) and given:
        wanted = next(iter(given))
        likely = suggestion(wanted, FORMS) if len(given) == 1 else ""
        if likely.startswith("did you mean"):
            return f"unknown key {wanted!r} in a condition", likely
        cure = f"name the signal: {{signal: ..., {wanted}: ...}}" if wanted in _TESTS else cure
    return f"{_found(given)} {what}", cure


_TESTS = {"atLeast", "above", "atMost", "below", "in", "is", "minCoverage"}


def _unknown_key(path: Path, known: tuple[str, ...], location: tuple[str | int, ...]) -> _Fault:
    name = str(path[-1])
    in_condition = len(location) > 1 and location[-2] in {f"<{form}>" for form in FORMS}
    if in_condition and name in FORMS:
        return _Fault(
            path, f"a condition has one of {listed(FORMS)}, and this one has {name!r} too", "nest one in the other", key=True
        )
    place = f" in {path[-2]!r}" if len(path) > 1 and isinstance(path[-2], str) else ""
    return _Fault(path, f"unknown key {name!r}{place}", suggestion(name, known, otherwise="remove it"), key=True)


def _choice(path: Path, given: object, expected: str) -> _Fault:
    words = [word.strip("' ") for word in expected.replace(" or ", ", ").split(", ")]
    if len(words) == 1:
        return _Fault(path, f"must be {words[0]}, found {_shown(given)}", f"write {words[0]}")
    cure = suggestion(given, words) if isinstance(given, str) else f"write {listed(words)}"
    return _Fault(path, f"{_shown(given)} is not one of {listed(words)}", "" if cure.startswith("expected") else cure)


def _type_cure(error: str, given: object) -> str:
    if error.startswith("string") and isinstance(given, bool | int | float):
        return f'put it in quotes: "{str(given).lower()}"'
    if error.startswith("bool") and isinstance(given, str) and given.lower() in {"yes", "on", "y"}:
        return "write true: in YAML 1.2 this word is text"
    if error.startswith("bool") and isinstance(given, str) and given.lower() in {"no", "off", "n"}:
        return "write false: in YAML 1.2 this word is text"
    if error.startswith(("int", "float")) and isinstance(given, str) and given.replace(".", "", 1).isdigit():
        return f"take the quotes away: {given}"
    if _EXPECTED[error] == "a list" and isinstance(given, str | int | float):
        return f"write [{given if len(str(given)) <= _MAX_SHOWN else '...'}]"
    return ""


def _found(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {_shown(value)}"
    return _shown(value)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


_REWORDED = (
    ("Input should be", "must be"),
    ("valid ", ""),
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
    ("greater than", "more than"),
)


def _plain(message: str, given: object) -> str:
    """Pydantic's own words, without what it says to programmers."""
    text = message.removeprefix("Value error, ")
    for theirs, ours in _REWORDED:
        text = text.replace(theirs, ours)
    text = text[:1].lower() + text[1:]
    return f"{text}, found {_shown(given)}" if text.startswith("must be") and not isinstance(given, dict | list) else text


def known_keys(kind: Any, location: Iterable[str | int]) -> tuple[str, ...]:
    """The keys that the model at that place (a location as pydantic tells it) takes; empty if it cannot be told."""
    for step in location:
        kind = _step(_bare(kind), step)
    kind = _bare(kind)
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return ()
    return tuple(info.alias or name for name, info in kind.model_fields.items())


def _bare(kind: Any) -> Any:
    """Without Annotated, and without None beside one type."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
            continue
        arms = [arm for arm in get_args(kind) if arm is not type(None)]
        if type(None) in get_args(kind) and len(arms) == 1:
            kind = arms[0]
            continue
        return kind


def _step(kind: Any, step: str | int) -> Any:
    if _is_mark(step):
        return next((arm for arm in get_args(kind) if Tag(str(step)) in getattr(arm, "__metadata__", ())), None)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields.items()
        return next((info.annotation for name, info in fields if step in {name, info.alias}), None)
    arguments = get_args(kind)
    return arguments[-1] if arguments else None

"""Section: the base of every mapping in the policy file, and the types that its values share."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

_UNITS = {"": 1, "B": 1, "KB": 1000, "KiB": 1024, "MB": 1000**2, "MiB": 1024**2, "GB": 1000**3, "GiB": 1024**3}
_SIZE = re.compile(r"([0-9]{1,12})\s*([A-Za-z]*)\Z")


class Section(BaseModel):
    """A mapping of the file: closed, its keys in camelCase, its values never coerced."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


def wrong(message: str, cure: str = "") -> PydanticCustomError:
    """An error of a validator, with the cure that the operator reads."""
    return PydanticCustomError("policy", "{message}", {"message": message, "cure": cure})


def _size(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _SIZE.match(value)
    if not match:
        raise wrong(f"{value[:40]!r} is not a size", "write bytes as a number, or a number with a unit: 10MiB")
    number, unit = match.groups()
    if unit not in _UNITS:
        raise wrong(f"unknown unit {unit[:20]!r}", "write B, KB, KiB, MB, MiB, GB or GiB: 10MiB")
    return int(number) * _UNITS[unit]


Bytes = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^[0-9]{1,12}\s*(B|KB|KiB|MB|MiB|GB|GiB)?$"},
            ],
            "examples": ["10MiB", 1048576],
        }
    ),
]
"""A size in bytes: a number, or text with a unit."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]
"""What an operator calls a thing. It appears in metrics and headers, so it is short and plain."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""A model, cluster or label name: other people chose it."""

HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=128)]

Positive = Annotated[int, Field(gt=0)]

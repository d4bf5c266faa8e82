"""Options: the base of every signal's options, as they stand in the policy file."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Options(BaseModel):
    """A closed mapping: unknown keys are errors, values are never coerced, keys are camelCase."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class NoOptions(Options):
    """It has none."""


class Reads(StrEnum):
    """Which text a signal reads."""

    LAST_USER = "last_user"
    """What the person said last, without what an agent harness put around it."""
    ALL_USER = "all_user"
    """All that the person said, without what a harness put around it."""
    CONVERSATION = "conversation"
    """What the person and the model said."""
    SYSTEM = "system"
    """System and developer instructions."""
    TOOL_RESULTS = "tool_results"
    """What tools and documents brought in."""
    EVERYTHING = "everything"
    """All text of the request: harness text, tool calls, results and definitions of tools, the answer's form. What a guard should read."""

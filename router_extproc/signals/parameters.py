"""Parameters: what a request asks for beside its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import StringConstraints

from router_extproc.signals.measures import Flag, Label, Number, one
from router_extproc.signals.options import NoOptions, Options

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.signals.services import SignalServices


class ParameterOptions(Options):
    """Which parameter."""

    parameter: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    """A top-level field of the body that holds a string, a number or a boolean: `temperature`, `service_tier`."""


def _model(request: Request) -> tuple[str, ...]:
    return one(request.model)


def build_model(name: str, _options: NoOptions, _services: SignalServices) -> Label:
    """`model`: the model's name as the caller wrote it."""
    return Label(name, _model)


def build_stream(name: str, _options: NoOptions, _services: SignalServices) -> Flag:
    """`stream`."""
    return Flag(name, lambda request: request.stream)


def build_output_tokens(name: str, _options: NoOptions, _services: SignalServices) -> Number:
    """`output_tokens`: unknown where the caller names no limit."""
    return Number(name, lambda request: request.max_output_tokens, unit="tokens")


def build_completions(name: str, _options: NoOptions, _services: SignalServices) -> Number:
    """`completions`: how many answers are asked for."""
    return Number(name, lambda request: request.n, unit="completions")


def build_effort(name: str, _options: NoOptions, _services: SignalServices) -> Label:
    """`reasoning_effort`."""
    return Label(name, lambda request: one(request.reasoning_effort))


def _number(request: Request, wanted: str) -> float | None:
    value = request.parameters.get(wanted)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def build_number(name: str, options: ParameterOptions, _services: SignalServices) -> Number:
    """`parameter_number`: unknown where it is left out or no number."""
    wanted = options.parameter
    return Number(name, lambda request: _number(request, wanted), unit="", low=None)


def _text(request: Request, wanted: str) -> tuple[str, ...]:
    value = request.parameters.get(wanted)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return one("" if value is None else str(value))


def build_text(name: str, options: ParameterOptions, _services: SignalServices) -> Label:
    """`parameter`: its value as text; booleans are `true` and `false`."""
    wanted = options.parameter
    return Label(name, lambda request: _text(request, wanted))

"""Origin: who asks and by what way: headers, identity, metadata, API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import StringConstraints

from router_extproc.signals.measures import Label, one
from router_extproc.signals.options import NoOptions, Options

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.signals.services import SignalServices

_APIS = frozenset({"openai_chat", "openai_responses", "openai_completions", "openai_embeddings", "anthropic_messages"})


class HeaderOptions(Options):
    """Which header."""

    header: Annotated[str, StringConstraints(pattern=r"^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$")]
    """Its name in lower case. Callers can send any header: for identity use `user`, `group` and `tenant`."""


class MetadataOptions(Options):
    """Which entry of the body's `metadata`."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    """Its key. Callers write it: it is a wish, not an identity."""


def build_header(name: str, options: HeaderOptions, _services: SignalServices) -> Label:
    """`header`: the value as it came; repeated headers are one value with commas."""
    wanted = options.header
    return Label(name, lambda request: one(request.envelope.headers.get(wanted, "")))


def build_metadata(name: str, options: MetadataOptions, _services: SignalServices) -> Label:
    """`metadata`."""
    wanted = options.key
    return Label(name, lambda request: one(request.metadata.get(wanted, "")))


def build_user(name: str, _options: NoOptions, _services: SignalServices) -> Label:
    """`user`: from the header that the policy's `identity` names."""
    return Label(name, lambda request: one(request.envelope.caller.user))


def build_group(name: str, _options: NoOptions, _services: SignalServices) -> Label:
    """`group`: every group of the caller is a label."""
    return Label(name, lambda request: request.envelope.caller.groups)


def build_tenant(name: str, _options: NoOptions, _services: SignalServices) -> Label:
    """`tenant`."""
    return Label(name, lambda request: one(request.envelope.caller.tenant))


def build_end_user(name: str, _options: NoOptions, _services: SignalServices) -> Label:
    """`end_user`: what the body says; a hint, not an identity."""
    return Label(name, lambda request: one(request.end_user))


def _api(request: Request) -> tuple[str, ...]:
    return (request.api,)


def build_api(name: str, _options: NoOptions, _services: SignalServices) -> Label:
    """`api`."""
    return Label(name, _api, _APIS)

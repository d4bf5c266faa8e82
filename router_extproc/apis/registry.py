"""Registry: the APIs that the router reads, and how a request's path tells which it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.apis.anthropic_messages import AnthropicMessages
from router_extproc.apis.openai_chat import OpenAIChat
from router_extproc.apis.openai_completions import OpenAICompletions
from router_extproc.apis.openai_embeddings import OpenAIEmbeddings
from router_extproc.apis.openai_responses import OpenAIResponses
from router_extproc.apis.paths import normalised

if TYPE_CHECKING:
    from router_extproc.apis.api import Api

APIS: tuple[Api, ...] = (OpenAIChat(), OpenAIResponses(), OpenAICompletions(), OpenAIEmbeddings(), AnthropicMessages())

_BY_NAME = {api.name: api for api in APIS}
_BY_PATH = {path: api for api in APIS for path in api.paths}


def by_name(name: str) -> Api:
    """The API of that name; KeyError if there is none."""
    return _BY_NAME[name]


def find(method: str, path: str, prefixes: tuple[str, ...] = ("",)) -> Api | None:
    """The API that a request is for, or None if it is for none. Prefixes may stand before an API's path: `/openai`."""
    if method.upper() != "POST":
        return None
    plain = normalised(path)
    for prefix in prefixes:
        before = prefix.rstrip("/").lower()
        if plain.startswith(before):
            api = _BY_PATH.get(plain[len(before) :])
            if api is not None:
                return api
    return None

"""What the tests of the response cache share."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cache_makers import CHAT, RULE, Clock

from router_extproc.apis.reader import read
from router_extproc.apis.registry import find
from router_extproc.cache.rule import CacheLimits, CacheRule
from router_extproc.cache.store import ResponseCache
from router_extproc.request import Caller, Envelope

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.request import Request


@pytest.fixture
def clock() -> Clock:
    """Moved by the test."""
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> ResponseCache:
    """An empty one."""
    return ResponseCache(CacheLimits(), secret=b"s" * 32, clock=clock)


@pytest.fixture
def rule() -> Callable[..., CacheRule]:
    """The usual rule with some keys changed."""
    return lambda **more: replace(RULE, **more)


@pytest.fixture
def ask() -> Callable[..., tuple[Request, dict[str, Any]]]:
    """A request and its body."""

    def make(text: str = "hello", *, path: str = CHAT, caller: Caller | None = None, headers: Any = None, **more: Any) -> Any:
        told: dict[str, Any] = {"input": text} if path == "/v1/responses" else {"messages": [{"role": "user", "content": text}]}
        document = read(json.dumps({"model": "auto", **told, **more}).encode(), max_depth=64)
        api = find("POST", path)
        assert api is not None
        envelope = Envelope(path=path, headers=headers or {}, caller=caller or Caller())
        return api.parse(document, envelope), document.value

    return make

"""What all tests share: a small policy, and requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from redis_server import RedisServer
from tiny_bundle import write_bundle

from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.router import Router
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# How long an example takes tells of the machine, not of the code: time limits are the benchmarks'.
settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")

POLICY = """\
version: 1
pools:
  small: {cluster: pool-small, model: qwen-small, price: {input: 1, output: 2}}
  large: {cluster: pool-large, model: qwen-large, aliases: [big]}
default: small
signals:
  topic: {type: parameter, parameter: topic}
  code_words: {type: keyword, any: [traceback, refactor]}
  secret: {type: keyword, any: [hunter2], reads: everything}
decisions:
  - name: no-secrets
    when: secret
    action: {reject: {status: 403, message: "No secrets."}}
  - name: greeting
    when: {signal: topic, is: hello}
    action: {answer: {text: "Hello there."}}
  - name: code
    when: code_words
    route: large
"""


def build(text: str) -> Router:
    """A router for a policy's text."""
    services = SignalServices()
    result = compile_policy(text, source="policy.yaml", services=services, selectors=SELECTORS)
    return Router(result.policy, services=services, stats=PoolStats())


@pytest.fixture
def make_router() -> Callable[[str], Router]:
    """Builds routers."""
    return build


@pytest.fixture
def router() -> Router:
    """A router with a guard, an answer, a route and a default."""
    return build(POLICY)


@pytest.fixture
def policy() -> str:
    """The text of that router's policy."""
    return POLICY


@pytest.fixture
def chat() -> Callable[..., bytes]:
    """Makes chat bodies."""

    def make(text: str = "hello", *, model: str = "auto", **more: Any) -> bytes:
        return json.dumps({"model": model, "messages": [{"role": "user", "content": text}], **more}).encode()

    return make


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small valid model bundle; see tests/support/tiny_bundle.py. Shared: tests that change files copy it."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real one, for the tests of a module; only where redis_server.NEEDED lets them run."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()

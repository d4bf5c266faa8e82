"""The session and the response cache: what is looked for, kept and let go."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from router_extproc.cache.store import ResponseCache
from router_extproc.extproc.events import (
    BodyMode,
    BodyReceived,
    Failed,
    HeadersReceived,
    ResponseBodyReceived,
    ResponseHeadersReceived,
    ResponseTrailersReceived,
)
from router_extproc.extproc.replies import BodyReply, Finish, Immediate, ResponseHeadersReply, Think
from router_extproc.extproc.session import Session
from router_extproc.extproc.states import State
from router_extproc.limits.memory import MemoryStore
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.router import Router
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

Chat = Callable[..., bytes]
POLICY = """\
version: 1
pools: {small: {cluster: a, model: m}}
default: small
limits: {deadlineMs: 5000}
decisions:
  - {name: keep, action: {cache: {mode: exact, scope: global, requestControl: true}}}
"""
OK = {":status": "200", "content-type": "application/json"}
ANSWER = json.dumps({"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}).encode()


@pytest.fixture
def router(make_router: Callable[[str], Router]) -> Router:
    """One that caches."""
    return make_router(POLICY)


@pytest.fixture
def cache() -> ResponseCache:
    """An empty one."""
    return ResponseCache()


def begin(router: Router, cache: ResponseCache, body: bytes, **headers: str) -> tuple[Session, list[Any]]:
    """A session whose request is there, and what it said to that."""
    session = Session(router, cache=cache)
    given = {
        ":method": "POST",
        ":path": "/v1/chat/completions",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    session.receive(HeadersReceived(given, end_of_stream=False, mode=BodyMode.BUFFERED))
    return session, list(session.receive(BodyReceived(body, end_of_stream=True)))


def answer(session: Session, body: bytes = ANSWER, *, trailers: bool = False, headers: dict[str, str] | None = None) -> list[Any]:
    """Let the response come."""
    said = list(session.receive(ResponseHeadersReceived({**OK, **(headers or {})}, end_of_stream=False, at=1.0)))
    for at in range(0, len(body), 10):
        last = at + 10 >= len(body) and not trailers
        said += session.receive(ResponseBodyReceived(body[at : at + 10], last, 1.1))
    if trailers:
        said += session.receive(ResponseTrailersReceived(1.2))
    session.closed(2.0)
    return said


class TestCaching:
    @pytest.mark.parametrize("trailers", [False, True])
    def test_keeps_and_serves(self, router: Router, cache: ResponseCache, chat: Chat, *, trailers: bool) -> None:
        """The caller is told which it was."""
        first, _ = begin(router, cache, chat())
        said = answer(first, trailers=trailers)
        second, served = begin(router, cache, chat())

        assert isinstance(said[0], ResponseHeadersReply)
        assert dict(said[0].headers) == {"x-router-cache": "miss"}
        assert isinstance(served[0], Immediate)
        assert (served[0].status, served[0].body) == (200, ANSWER)
        assert dict(served[0].headers) == {"age": "0", "x-router-cache": "hit"}
        assert served[1] == Finish()
        assert second.outcome is not None
        assert second.passage is not None
        assert second.passage.cached is not None
        assert (second.passage.cached.status, second.passage.cached.how) == ("hit", "exact")

    def test_asks_for_an_answer_that_it_can_read(self, router: Router, cache: ResponseCache, chat: Chat) -> None:
        """Compressed ones are not kept."""
        _, said = begin(router, cache, chat())
        reply = next(reply for reply in said if isinstance(reply, BodyReply))
        assert {edit.name: edit.value for edit in reply.mutation.headers}["accept-encoding"] == "identity"
        assert reply.mutation.record is not None
        assert reply.mutation.record["cache"] == "miss"

    def test_waits_for_the_first(self, router: Router, cache: ResponseCache, chat: Chat) -> None:
        """And is served what it brought."""
        first, _ = begin(router, cache, chat())
        second, said = begin(router, cache, chat(stream=True))
        assert second.state is State.SEARCHING
        think = said[0]
        assert isinstance(think, Think)
        answer(first)
        found = think.routing.step()
        served = second.receive(think.ready(found))
        assert isinstance(served[0], Immediate)
        assert served[0].content_type == "text/event-stream"
        assert len(cache.flights) == cache.flights.waiting == 0

    def test_a_first_one_that_breaks_off_lets_them_go(self, router: Router, cache: ResponseCache, chat: Chat) -> None:
        """Its stream was closed in the midst of the response."""
        first, _ = begin(router, cache, chat())
        _, said = begin(router, cache, chat())
        first.receive(ResponseHeadersReceived(OK, end_of_stream=False, at=1.0))
        first.receive(ResponseBodyReceived(ANSWER[:20], end_of_stream=False, at=1.1))
        first.closed(2.0)
        found = said[0].routing.step()
        assert (found.status, found.leads) == ("miss", True)
        assert cache.figures.abandoned == 1
        assert cache.figures.unkept == {"broken_off": 1}

    def test_a_first_one_that_is_gone_before_any_response_lets_them_go(
        self, router: Router, cache: ResponseCache, chat: Chat
    ) -> None:
        """The model server never answered."""
        first, _ = begin(router, cache, chat())
        first.closed(2.0)
        assert len(cache.flights) == 0

    def test_a_waiter_that_is_gone(self, router: Router, cache: ResponseCache, chat: Chat) -> None:
        """Waits no more."""
        begin(router, cache, chat())
        second, _ = begin(router, cache, chat())
        assert cache.flights.waiting == 1
        second.closed(1.0)
        assert cache.flights.waiting == 0

    @pytest.mark.parametrize("event", [Failed()])
    def test_a_search_that_fails_is_no_error(self, router: Router, cache: ResponseCache, chat: Chat, event: Failed) -> None:
        """The request goes on."""
        begin(router, cache, chat())
        second, _ = begin(router, cache, chat())
        said = second.receive(event)
        assert any(isinstance(reply, BodyReply) and reply.mutation.reroute for reply in said)

    @pytest.mark.parametrize("method", ["find", "keep"])
    def test_a_cache_that_raises_is_no_error(
        self, router: Router, cache: ResponseCache, chat: Chat, monkeypatch: pytest.MonkeyPatch, method: str
    ) -> None:
        """Whatever is wrong with it."""

        def broken(*_: Any) -> None:
            raise RuntimeError("x")

        monkeypatch.setattr(cache, method, broken)
        session, said = begin(router, cache, chat())
        assert any(isinstance(reply, BodyReply) and reply.mutation.reroute for reply in said)
        assert Finish() in answer(session)
        assert len(cache.flights) == 0

    def test_only_if_cached(self, router: Router, cache: ResponseCache, chat: Chat) -> None:
        """504, in the API's own shape."""
        _, said = begin(router, cache, chat(), cache_control="only-if-cached")
        assert isinstance(said[0], Immediate)
        assert said[0].status == 504
        assert json.loads(said[0].body)["error"]["code"] == "not_cached"

    def test_a_response_without_a_body_is_not_kept(self, router: Router, cache: ResponseCache, chat: Chat) -> None:
        """And ends the flight."""
        session, _ = begin(router, cache, chat())
        session.receive(ResponseHeadersReceived(OK, end_of_stream=True, at=1.0))
        session.closed(2.0)
        assert len(cache.flights) == len(cache.entries) == 0

    def test_nothing_is_cached_offline(self, router: Router, chat: Chat) -> None:
        """`explain`, `route` and embedded tests look nothing up."""
        session = Session(router)
        session.receive(
            HeadersReceived({":method": "POST", ":path": "/v1/chat/completions"}, end_of_stream=False, mode=BodyMode.BUFFERED)
        )
        said = session.receive(BodyReceived(chat(), end_of_stream=True))
        assert any(isinstance(reply, BodyReply) for reply in said)
        assert session.passage is not None
        assert session.passage.cached is None

    def test_a_hit_takes_no_tokens_of_a_rate_limit(self, cache: ResponseCache, chat: Chat) -> None:
        """What was reserved for the model is given back, or the third request would find no room."""
        services = SignalServices()
        policy = compile_policy(
            POLICY + "rateLimits: [{name: all, window: 1h, tokens: 1200}]\n", source="p", services=services, selectors=SELECTORS
        ).policy
        router = Router(policy, services=services, stats=PoolStats(), store=MemoryStore())
        answer(begin(router, cache, chat(max_tokens=500))[0])
        for _ in range(5):
            session, served = begin(router, cache, chat(max_tokens=500))
            session.closed(1.0)
            assert isinstance(served[0], Immediate)
            assert served[0].status == 200

"""Rate limits on the stream: what Envoy is told of a refusal, and that a response settles what was reserved."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from router_extproc.extproc.conversation import Conversation
from router_extproc.extproc.events import BodyMode, BodyReceived, HeadersReceived
from router_extproc.extproc.replies import Ask, Finish, HeadersReply, Immediate
from router_extproc.extproc.session import Session
from router_extproc.hooks import Hooks
from router_extproc.limits.memory import MemoryStore

if TYPE_CHECKING:
    from router_extproc.hooks import ReloadDetails, RouteDetails
    from router_extproc.router import Router
    from router_extproc.routing import Observation

Make = Callable[[str], "Router"]
Chat = Callable[..., bytes]
POLICY = """\
version: 1
pools: {a: {cluster: a}}
default: a
requests: {unreadableEncoding: reject}
rateLimits: [{name: it, LIMIT, window: 1h}]
"""


@pytest.fixture
def counting(make_router: Make) -> Callable[[str], tuple[Router, MemoryStore]]:
    """Makes routers that count."""

    def make(limit: str) -> tuple[Router, MemoryStore]:
        store = MemoryStore()
        return make_router(POLICY.replace("LIMIT", limit)).counting(store), store

    return make


Counting = Callable[[str], "tuple[Router, MemoryStore]"]


def said(router: Router, body: bytes) -> list[Any]:
    """Everything that a session says to a chat."""
    session = Session(router)
    headers = {":method": "POST", ":path": "/v1/chat/completions"}
    replies = list(session.receive(HeadersReceived(headers, end_of_stream=False, mode=BodyMode.BUFFERED)))
    return [*replies, *session.receive(BodyReceived(body, end_of_stream=True))]


class TestRefusal:
    def test_tells_when_to_come_again(self, counting: Counting, chat: Chat) -> None:
        """In the header that clients read, and in the record."""
        router, _ = counting("requests: 1")
        said(router, chat())
        *_, answer, end = said(router, chat())

        assert isinstance(answer, Immediate)
        assert end == Finish()
        assert answer.status == 429
        assert dict(answer.headers).keys() == {"retry-after"}
        assert 3600 <= int(dict(answer.headers)["retry-after"]) <= 3900
        assert answer.details == "router_extproc_rate_limited"
        assert answer.record is not None
        assert (answer.record["decision"], answer.record["limited"]) == ("it", "requests")

    def test_or_that_it_is_of_no_use(self, counting: Counting, chat: Chat) -> None:
        """OpenAI's and Anthropic's clients would try again otherwise."""
        router, _ = counting("tokens: 5")
        *_, answer, _end = said(router, chat("word " * 50))

        assert isinstance(answer, Immediate)
        assert answer.headers == (("x-should-retry", "false"),)

    def test_responses_are_asked_for_only_where_they_settle_something(self, counting: Counting, chat: Chat) -> None:
        """Envoy sends them through the router then."""
        first = said(counting("tokens: 1000")[0], chat())[0]
        assert isinstance(first, HeadersReply)
        assert first.ask == Ask(request_body=True, response_headers=True)
        first = said(counting("requests: 1000")[0], chat())[0]
        assert isinstance(first, HeadersReply)
        assert first.ask is None


class Told:
    """A hook that keeps what it is told."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []

    def routed(self, details: RouteDetails, /) -> None:
        """Nothing."""

    def observed(self, observation: Observation, /) -> None:
        """Kept."""
        self.observations.append(observation)

    def reloaded(self, details: ReloadDetails, /) -> None:
        """Nothing."""


class TestSettling:
    async def test_is_told_what_the_response_said(self, counting: Counting, chat: Chat) -> None:
        """When the stream is over."""
        router, store = counting("tokens: 1000")
        hook = Told()
        conversation = Conversation(
            router,
            Hooks([hook]),
            send=lambda _: None,
            finish=lambda _status, _text: None,
            flush=lambda: None,
            pause=lambda: None,
            resume=lambda: None,
        )
        usage = {"usage": {"prompt_tokens": 30, "completion_tokens": 12}, "choices": [{"finish_reason": "stop"}]}

        def tell(**parts: Any) -> None:
            conversation.message(pb.ProcessingRequest(**parts).SerializeToString())

        def headers(end: bool = False, **given: str) -> pb.HttpHeaders:  # noqa: FBT001, FBT002 - as protobuf has it
            message = pb.HttpHeaders(end_of_stream=end)
            for name, value in given.items():
                message.headers.headers.add(key=name.replace("_", "-").replace("--", ":"), raw_value=value.encode())
            return message

        tell(request_headers=headers(__method="POST", __path="/v1/chat/completions"))
        tell(request_body=pb.HttpBody(body=chat(max_tokens=500), end_of_stream=True))
        (window,) = store._spaces["it:3600"].windows.values()
        assert window.used[1] > 500
        tell(response_headers=headers(__status="200", content_type="application/json"))
        tell(response_body=pb.HttpBody(body=json.dumps(usage).encode(), end_of_stream=True))

        assert window.used[:2] == [1, 42]
        assert len(hook.observations) == 1

"""The session: events in, replies out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.extproc.events import (
    BodyMode,
    BodyReceived,
    Failed,
    HeadersReceived,
    ResponseBodyReceived,
    ResponseHeadersReceived,
    ResponseTrailersReceived,
    TrailersReceived,
    UploadTimedOut,
)
from router_extproc.extproc.framing import CHUNK
from router_extproc.extproc.replies import (
    Ask,
    BodyChunk,
    BodyReply,
    Finish,
    HeadersReply,
    Immediate,
    ResponseBodyReply,
    ResponseHeadersReply,
    ResponseTrailersReply,
    TrailersReply,
)
from router_extproc.extproc.session import Session, State
from router_extproc.routing import HeaderOp, Reason, Verdict

if TYPE_CHECKING:
    from router_extproc.extproc.replies import Mutation
    from router_extproc.router import Router

Chat = Callable[..., bytes]
Make = Callable[[str], "Router"]
OK_JSON = {":status": "200", "content-type": "application/json"}
OK_SSE = {":status": "200", "content-type": "text/event-stream"}
MODES = [
    pytest.param(mode, id=mode.value) for mode in (BodyMode.BUFFERED, BodyMode.STREAMED, BodyMode.FULL_DUPLEX, BodyMode.NONE)
]
CHUNKED = [pytest.param(mode, id=mode.value) for mode in (BodyMode.STREAMED, BodyMode.FULL_DUPLEX)]


def headers(mode: BodyMode = BodyMode.BUFFERED, *, end: bool = False, **more: str) -> HeadersReceived:
    """The headers of a chat completion."""
    given = {
        ":method": "POST",
        ":path": "/v1/chat/completions",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    for pseudo in ("method", "path"):
        if pseudo in given:
            given[f":{pseudo}"] = given.pop(pseudo)
    return HeadersReceived(given, end, mode)


def run(session: Session, mode: BodyMode, body: bytes, pieces: int = 1, **more: str) -> list[Any]:
    """Everything that a session says to a request."""
    said = list(session.receive(headers(mode, **more)))
    size = max(1, -(-len(body) // pieces))
    chunks = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    for number, chunk in enumerate(chunks, 1):
        said += session.receive(BodyReceived(chunk, number == len(chunks)))
    return said


def mutation(said: list[Any]) -> Mutation:
    """The one that routes."""
    return next(reply.mutation for reply in said if isinstance(reply, HeadersReply | BodyReply) and reply.mutation.reroute)


def sets(said: list[Any]) -> dict[str, str]:
    """Headers that are set upstream."""
    return {edit.name: edit.value for edit in mutation(said).headers if edit.op is HeaderOp.SET}


def removed(said: list[Any]) -> set[str]:
    """Headers that are removed, in any reply."""
    replies = [reply for reply in said if isinstance(reply, HeadersReply | BodyReply)]
    return {edit.name for reply in replies for edit in reply.mutation.headers if edit.op is HeaderOp.REMOVE}


def sent_body(said: list[Any], original: bytes) -> bytes:
    """The body as it goes upstream."""
    chunks = [reply.body for reply in said if isinstance(reply, BodyChunk)]
    if chunks:
        return b"".join(chunks)
    pieces = [reply.mutation.body for reply in said if isinstance(reply, BodyReply)]
    return original if None in pieces else b"".join(piece or b"" for piece in pieces)


def refusal(said: list[Any]) -> Immediate:
    """The answer that ends the request, which must be followed by the end of the stream."""
    *_, answer, end = said
    assert isinstance(answer, Immediate)
    assert end == Finish()
    return answer


class TestRouting:
    @pytest.mark.parametrize("mode", MODES)
    def test_routes_by_the_body_in_every_mode(self, router: Router, chat: Chat, mode: BodyMode) -> None:
        """The cluster's header is set, the route is chosen again, and the model is rewritten."""
        body = chat("Why this traceback?")
        session = Session(router)

        said = run(session, mode, body)

        assert sets(said)["x-router-pool"] == "pool-large"
        assert sets(said)["x-router-decision"] == "code"
        assert json.loads(sent_body(said, body))["model"] == "qwen-large"
        assert said[-1] == Finish()
        assert session.outcome is not None
        assert session.outcome.decision.reason is Reason.RULE

    @pytest.mark.parametrize("mode", MODES)
    def test_changes_nothing_but_the_model(self, router: Router, mode: BodyMode) -> None:
        """Key order, white space and number forms stay."""
        body = b'{ "temperature" : 1.50,\n "model":"auto" , "messages":[{"role":"user","content":"h\\u0069"}],"x":[1 ,2] }'

        said = run(Session(router), mode, body)

        assert sent_body(said, body) == body.replace(b'"auto"', b'"qwen-small"')

    def test_buffered_bodies_get_their_new_length(self, router: Router, chat: Chat) -> None:
        """Envoy answers 500 to a stale content-length."""
        body = chat()

        said = run(Session(router), BodyMode.BUFFERED, body)

        assert sets(said)["content-length"] == str(len(sent_body(said, body)))

    @pytest.mark.parametrize("mode", CHUNKED)
    def test_chunked_bodies_get_no_length(self, router: Router, chat: Chat, mode: BodyMode) -> None:
        """Envoy drops content-length in these modes; setting it would be wrong."""
        assert "content-length" not in sets(run(Session(router), mode, chat(), pieces=3))

    @pytest.mark.parametrize("mode", CHUNKED)
    def test_says_nothing_before_the_end(self, router: Router, chat: Chat, mode: BodyMode) -> None:
        """A header reply would release the request to the wrong cluster."""
        session = Session(router)

        assert session.receive(headers(mode)) == ()
        assert session.receive(BodyReceived(chat(), end_of_stream=False)) == ()
        assert session.state is State.READING

    def test_answers_every_streamed_chunk(self, router: Router, chat: Chat) -> None:
        """Envoy waits for one reply a chunk."""
        said = run(Session(router), BodyMode.STREAMED, chat("x" * 50), pieces=5)

        assert [type(reply) for reply in said] == [HeadersReply, *[BodyReply] * 5, Finish]

    def test_full_duplex_chunks_stay_below_envoys_limit(self, router: Router, chat: Chat) -> None:
        """A chunk of 64 KiB or more is an error to Envoy; the last one says so."""
        said = run(Session(router), BodyMode.FULL_DUPLEX, chat("x" * 300_000), pieces=4)

        chunks = [reply for reply in said if isinstance(reply, BodyChunk)]
        assert max(len(chunk.body) for chunk in chunks) <= CHUNK
        assert [chunk.end_of_stream for chunk in chunks] == [False] * (len(chunks) - 1) + [True]

    @pytest.mark.parametrize("mode", CHUNKED)
    def test_trailers_end_the_body(self, router: Router, chat: Chat, mode: BodyMode) -> None:
        """With trailers no chunk is the last one, and the trailers want an answer too."""
        session = Session(router)
        session.receive(headers(mode))
        session.receive(BodyReceived(chat("traceback"), end_of_stream=False))

        said = list(session.receive(TrailersReceived()))

        assert sets(said)["x-router-pool"] == "pool-large"
        assert said[-2:] == [TrailersReply(), Finish()]
        assert not any(reply.end_of_stream for reply in said if isinstance(reply, BodyChunk))

    def test_a_buffered_body_is_whole_without_end_of_stream(self, router: Router, chat: Chat) -> None:
        """Where trailers follow, Envoy's one body message does not say that it is the last."""
        session = Session(router)
        session.receive(headers())

        assert session.receive(BodyReceived(chat(), end_of_stream=False))[-1] == Finish()

    def test_mode_none_asks_for_the_body(self, router: Router) -> None:
        """A body that is never seen cannot be guarded."""
        assert Session(router).receive(headers(BodyMode.NONE)) == (HeadersReply(ask=Ask(request_body=True)),)


class TestRefusals:
    @pytest.mark.parametrize("mode", MODES)
    def test_a_rule_refuses_in_every_mode(self, router: Router, chat: Chat, mode: BodyMode) -> None:
        """The answer has the API's own error shape."""
        answer = refusal(run(Session(router), mode, chat("my password is hunter2")))

        assert answer.status == 403
        assert json.loads(answer.body)["error"]["message"] == "No secrets."

    def test_guards_hold_for_explicit_models(self, router: Router, chat: Chat) -> None:
        """Naming a model skips routes, not guards."""
        assert refusal(run(Session(router), BodyMode.BUFFERED, chat("hunter2", model="big"))).status == 403

    def test_unknown_models_are_not_found(self, router: Router, chat: Chat) -> None:
        """As the APIs say it."""
        answer = refusal(run(Session(router), BodyMode.BUFFERED, chat(model="gpt-9")))

        assert answer.status == 404
        assert json.loads(answer.body)["error"]["code"] == "model_not_found"

    def test_answers_of_our_own_are_completions(self, router: Router, chat: Chat) -> None:
        """A client library must be able to read them."""
        answer = refusal(run(Session(router), BodyMode.BUFFERED, chat(topic="hello")))

        assert answer.status == 200
        assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Hello there."

    def test_answers_stream_if_asked(self, router: Router, chat: Chat) -> None:
        """A streaming client reads events."""
        answer = refusal(run(Session(router), BodyMode.BUFFERED, chat(topic="hello", stream=True)))

        assert answer.content_type == "text/event-stream"
        assert answer.body.endswith(b"data: [DONE]\n\n")

    @pytest.mark.parametrize("mode", MODES)
    def test_bodies_over_the_limit_are_refused_early(self, make_router: Make, policy: str, mode: BodyMode) -> None:
        """At the chunk that goes over, without waiting for the end."""
        session = Session(make_router(policy + "limits: {maxRequestBytes: 1024}\n"))
        session.receive(headers(mode))

        assert refusal(list(session.receive(BodyReceived(b"x" * 1025, end_of_stream=False)))).status == 413

    def test_a_length_over_the_limit_is_refused_at_once(self, router: Router) -> None:
        """Before a single byte of the body."""
        assert refusal(list(Session(router).receive(headers(content_length=str(11 * 1024 * 1024))))).status == 413

    @pytest.mark.parametrize("mode", [BodyMode.BUFFERED_PARTIAL, BodyMode.STREAMED_WAITING, BodyMode.GRPC])
    def test_unsafe_body_modes_are_refused_with_the_reason(self, router: Router, mode: BodyMode) -> None:
        """The operator reads why."""
        answer = refusal(list(Session(router).receive(headers(mode))))

        assert answer.status == 500
        assert mode.value in json.loads(answer.body)["error"]["message"]

    def test_a_post_without_a_body_is_refused(self, router: Router) -> None:
        """There is nothing to route by."""
        assert refusal(list(Session(router).receive(headers(end=True)))).status == 400

    @pytest.mark.parametrize("mode", CHUNKED)
    def test_an_upload_that_never_ends_is_ended(self, router: Router, mode: BodyMode) -> None:
        """Envoy has no timeout of its own here."""
        session = Session(router)
        session.receive(headers(mode))

        assert refusal(list(session.receive(UploadTimedOut()))).status == 408


class TestForgedHeaders:
    @pytest.mark.parametrize("mode", MODES)
    def test_are_removed_or_overwritten(self, router: Router, chat: Chat, mode: BodyMode) -> None:
        """Whatever callers send, the router's word holds."""
        said = run(Session(router), mode, chat(), x_router_pool="pool-evil", x_router_reason="evil")

        assert sets(said)["x-router-pool"] == "pool-small"
        assert sets(said)["x-router-reason"] == "default"

    @pytest.mark.parametrize("mode", MODES)
    def test_are_removed_from_requests_that_are_not_ours(self, router: Router, mode: BodyMode) -> None:
        """A route that matches on the header must not be reachable by another path."""
        said = list(Session(router).receive(headers(mode, path="/v1/models", method="GET", end=True, x_router_pool="evil")))

        assert removed(said) == {"x-router-pool"}


class TestOtherRequests:
    def test_pass_and_free_the_stream(self, router: Router) -> None:
        """Neither body nor response is looked at."""
        session = Session(router)

        said = session.receive(headers(path="/metrics"))

        assert isinstance(said[0], HeadersReply)
        assert said[0].ask == Ask(no_request_body=True)
        assert said[1] == Finish()
        assert session.outcome is not None
        assert session.outcome.verdict is Verdict.PASS

    def test_full_duplex_bodies_go_through(self, router: Router) -> None:
        """In that mode Envoy sends upstream only what we give back."""
        session = Session(router)
        said = list(session.receive(headers(BodyMode.FULL_DUPLEX, path="/upload")))
        said += session.receive(BodyReceived(b"a" * 70_000, end_of_stream=False))
        said += session.receive(BodyReceived(b"b", end_of_stream=True))

        assert sent_body(said, b"") == b"a" * 70_000 + b"b"
        assert said[-1] == Finish()


class TestResponses:
    OBSERVED = "record: {observe: true}\n"

    def session(self, make_router: Make, policy: str, chat: Chat, *, stream: bool) -> Session:
        """A session whose request went on at time 10."""
        session = Session(make_router(policy + self.OBSERVED))
        said = run(session, BodyMode.BUFFERED, chat(stream=stream))
        assert said[0] == HeadersReply(ask=Ask(request_body=True, response_headers=True))
        assert Finish() not in said
        session.sent_at = 10.0
        return session

    def test_json_usage_is_read(self, make_router: Make, policy: str, chat: Chat) -> None:
        """Tokens, duration and cost by the pool's prices."""
        session = self.session(make_router, policy, chat, stream=False)
        body = json.dumps(
            {"choices": [{"finish_reason": "stop"}], "usage": {"prompt_tokens": 100, "completion_tokens": 50}}
        ).encode()

        reply = session.receive(ResponseHeadersReceived(OK_JSON, end_of_stream=False, at=10.5))
        assert reply == (ResponseHeadersReply(ask=Ask(response_body=True)),)
        assert session.receive(ResponseBodyReceived(body[:20], end_of_stream=False, at=11)) == (ResponseBodyReply(),)
        assert session.receive(ResponseBodyReceived(body[20:], end_of_stream=True, at=12))[-1] == Finish()

        seen = session.observation
        assert seen is not None
        assert (seen.pool, seen.status, seen.input_tokens, seen.output_tokens) == ("small", 200, 100, 50)
        assert seen.duration_s == pytest.approx(2.0)
        assert seen.tokens_per_second == pytest.approx(25.0)
        assert seen.cost_usd == pytest.approx((100 * 1 + 50 * 2) / 1e6)

    def test_streams_give_the_time_to_the_first_token(self, make_router: Make, policy: str, chat: Chat) -> None:
        """Events are put together from chunks that were cut anywhere."""
        session = self.session(make_router, policy, chat, stream=True)
        events = (
            b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n',
            b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
            b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4}}\n\ndata: [DONE]\n\n',
        )
        session.receive(ResponseHeadersReceived(OK_SSE, end_of_stream=False, at=10.1))
        for at, chunk in enumerate(events, start=11):
            session.receive(ResponseBodyReceived(chunk, end_of_stream=False, at=at))
        assert session.receive(ResponseTrailersReceived(14.0)) == (ResponseTrailersReply(), Finish())

        seen = session.observation
        assert seen is not None
        assert seen.time_to_first_token_s == pytest.approx(2.0)
        assert seen.tokens_per_second == pytest.approx(2.0)
        assert seen.complete

    def test_a_broken_stream_is_told_as_broken(self, make_router: Make, policy: str, chat: Chat) -> None:
        """The caller or the server went away."""
        session = self.session(make_router, policy, chat, stream=True)
        session.receive(ResponseHeadersReceived(OK_SSE, end_of_stream=False, at=10.1))
        session.closed(11.0)

        assert session.observation is not None
        assert not session.observation.complete

    def test_errors_are_not_read(self, make_router: Make, policy: str, chat: Chat) -> None:
        """Their status says enough."""
        session = self.session(make_router, policy, chat, stream=False)

        said = session.receive(ResponseHeadersReceived({**OK_JSON, ":status": "503"}, end_of_stream=False, at=11.0))

        assert said == (ResponseHeadersReply(), Finish())
        assert session.observation is not None
        assert session.observation.status == 503


class TestFaults:
    def test_an_event_out_of_order_ends_in_an_answer(self, router: Router) -> None:
        """Never in silence, which Envoy would read as consent."""
        answer = refusal(list(Session(router).receive(BodyReceived(b"{}", end_of_stream=True))))

        assert answer.status == 500

    def test_events_after_the_end_change_nothing(self, router: Router, chat: Chat) -> None:
        """Duplicate or empty ends of stream happen."""
        session = Session(router)
        run(session, BodyMode.BUFFERED, chat())

        assert session.receive(BodyReceived(b"", end_of_stream=True)) == ()
        assert session.receive(Failed()) == ()

    def test_envoys_own_answers_pass(self, router: Router) -> None:
        """A redirect by Envoy is a response to a request that no filter saw."""
        said = Session(router).receive(ResponseHeadersReceived({":status": "307"}, end_of_stream=True, at=1.0))

        assert said == (ResponseHeadersReply(), Finish())

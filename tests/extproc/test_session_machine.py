"""The session as a state machine: no order of events crashes or hangs it, and no split of a body changes its answer."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

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
from router_extproc.extproc.replies import BodyChunk, BodyReply, Finish, HeadersReply, Immediate
from router_extproc.extproc.session import Session, State
from router_extproc.pools import PoolStats
from router_extproc.router import Router
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POLICY = """\
version: 1
pools: {small: {cluster: pool-small, model: qwen-small}, large: {cluster: pool-large, model: qwen-large}}
default: small
decisions:
  - {name: no-streams, when: {all: [stream, {signal: turns, above: 2}]}, action: {reject: {status: 403}}}
  - {name: long, when: {signal: context_tokens, above: 50}, route: {candidates: [large, small], select: lowest-latency}}
limits: {maxRequestBytes: 4096}
"""


def make(select: str = "lowest-latency") -> Router:
    """A router with a guard, a route that learns (unless told otherwise), and a small limit."""
    from router_extproc.policy.load import compile_policy  # noqa: PLC0415 - keeps collection quick

    services = SignalServices()
    policy = compile_policy(
        POLICY.replace("lowest-latency", select), source="policy.yaml", services=services, selectors=SELECTORS
    ).policy
    return Router(policy, services=services, stats=PoolStats())


ROUTER = make()
CERTAIN = make("first")
"""One that answers the same twice: what has learnt may choose another model the next time."""
GOOD = [BodyMode.BUFFERED, BodyMode.STREAMED, BodyMode.FULL_DUPLEX, BodyMode.NONE]
BODIES = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda text, stream: json.dumps(
            {"model": "auto", "messages": [{"role": "user", "content": text}], "stream": stream}
        ).encode(),
        st.text(max_size=300),
        st.booleans(),
    ),
    st.just(b"x" * 5000),
)
KINDS = st.sampled_from(["application/json", "text/event-stream"])
PATHS = st.sampled_from(["/v1/chat/completions", "/v1/messages", "/other", "/v1/models"])


def headers(mode: BodyMode, path: str = "/v1/chat/completions", method: str = "POST", *, end: bool = False) -> HeadersReceived:
    """Request headers."""
    return HeadersReceived({":method": method, ":path": path, "x-router-pool": "forged"}, end, mode)


class SessionMachine(RuleBasedStateMachine):
    """Any events in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(ROUTER)
        self.said: list[Any] = []
        self.finished = False
        self.heard = False

    def feed(self, event: Any) -> None:
        replies = self.session.receive(event)
        if self.finished:
            assert replies == (), "a finished session says no more"
        self.said += replies
        self.finished = self.finished or Finish() in replies
        self.heard = True

    @rule(mode=st.sampled_from(list(BodyMode)), path=PATHS, end=st.booleans(), method=st.sampled_from(["POST", "GET", "PUT"]))
    def gets_headers(self, mode: BodyMode, path: str, method: str, end: bool) -> None:  # noqa: FBT001 - Hypothesis calls it by name
        self.feed(headers(mode, path, method, end=end))

    @rule(body=BODIES, end=st.booleans())
    def gets_body(self, body: bytes, end: bool) -> None:  # noqa: FBT001 - as above
        self.feed(BodyReceived(body, end))

    @rule(event=st.sampled_from([TrailersReceived(), UploadTimedOut(), Failed(), ResponseTrailersReceived(3.0)]))
    def gets_something(self, event: Any) -> None:
        self.feed(event)

    @rule(
        status=st.sampled_from(["200", "500", "x", ""]),
        end=st.booleans(),
        kind=KINDS,
    )
    def gets_response_headers(self, status: str, end: bool, kind: str) -> None:  # noqa: FBT001 - as above
        self.feed(ResponseHeadersReceived({":status": status, "content-type": kind}, end, 1.0))

    @rule(body=st.binary(max_size=50), end=st.booleans())
    def gets_response_body(self, body: bytes, end: bool) -> None:  # noqa: FBT001 - as above
        self.feed(ResponseBodyReceived(body, end, 2.0))

    @invariant()
    def never_waits_for_nothing(self) -> None:
        """Either it is finished, or something that Envoy still sends (or a timer) will move it on."""
        waiting = self.session.state in {State.NEW, State.READING, State.ECHOING, State.SENT, State.OBSERVING}
        assert self.finished or waiting

    @invariant()
    def never_ends_in_silence(self) -> None:
        """A session that is finished has said something to Envoy before."""
        assert not self.finished or any(not isinstance(reply, Finish) for reply in self.said)

    @invariant()
    def never_lets_a_forged_header_through(self) -> None:
        """Whatever goes on has the forged header removed or overwritten."""
        for reply in self.said:
            if isinstance(reply, HeadersReply | BodyReply) and reply.mutation.record is not None:
                assert any(edit.name == "x-router-pool" for edit in reply.mutation.headers)

    @invariant()
    def holds_no_more_than_the_limit(self) -> None:
        """Of the body."""
        assert sum(map(len, self.session._chunks)) <= ROUTER.policy.settings.limits.max_request_bytes


TestSessionMachine = SessionMachine.TestCase
TestSessionMachine.settings = settings(max_examples=150, stateful_step_count=12)


def conversation(mode: BodyMode, pieces: Sequence[bytes], *, end: Callable[[Session], Any]) -> tuple[Any, ...]:
    """What a session makes of a body in pieces: its answer, its header changes, and the body that goes on."""
    session = Session(CERTAIN)
    said = list(session.receive(headers(mode)))
    for piece in pieces:
        said += session.receive(BodyReceived(piece, end_of_stream=False))
    said += end(session)
    answers = [(reply.status, reply.body) for reply in said if isinstance(reply, Immediate)]
    names = [
        (edit.op, edit.name, edit.value)
        for reply in said
        if isinstance(reply, HeadersReply | BodyReply)
        for edit in reply.mutation.headers
        if edit.name not in {"x-router-decision-id", "content-length"}
    ]
    chunks = [reply.body for reply in said if isinstance(reply, BodyChunk)]
    bodies = [reply.mutation.body for reply in said if isinstance(reply, BodyReply)]
    sent = b"".join(chunks) if mode is BodyMode.FULL_DUPLEX else b"".join(body or b"" for body in bodies)
    return answers, names, sent


class TestSplits:
    @given(
        body=BODIES,
        cuts=st.lists(st.integers(0, 400), max_size=6),
        mode=st.sampled_from([BodyMode.STREAMED, BodyMode.FULL_DUPLEX]),
    )
    @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    def test_any_split_gives_the_same(self, body: bytes, cuts: list[int], mode: BodyMode) -> None:
        """However Envoy cuts the body, and whether it ends by its last chunk or by trailers."""
        places = sorted({0, len(body), *(cut for cut in cuts if cut <= len(body))})
        pieces = [body[left:right] for left, right in pairwise(places)]

        whole = conversation(mode, [], end=lambda session: session.receive(BodyReceived(body, end_of_stream=True)))
        cut = conversation(mode, pieces, end=lambda session: session.receive(BodyReceived(b"", end_of_stream=True)))
        trailed = conversation(mode, pieces, end=lambda session: session.receive(TrailersReceived()))

        assert cut == whole
        assert trailed == whole

    @given(body=BODIES)
    @settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
    def test_all_modes_agree(self, body: bytes) -> None:
        """On the answer, and on the route."""
        found = []
        for mode in GOOD:
            answers, names, _ = conversation(
                mode, [], end=lambda session: session.receive(BodyReceived(body, end_of_stream=True))
            )
            found.append((answers, sorted({name for name in names if name[1].startswith("x-router") and name[0].value == "set"})))

        assert all(each == found[0] for each in found)

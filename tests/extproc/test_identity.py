"""Who calls: what proves it, and what becomes of identity headers that nothing proves."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from router_extproc.extproc.events import NO_EVIDENCE, BodyMode, BodyReceived, Evidence, HeadersReceived
from router_extproc.extproc.messages import read_message
from router_extproc.extproc.replies import BodyReply, HeadersReply, Immediate
from router_extproc.extproc.session import Session
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.router import Router
from router_extproc.routing import HeaderOp, Reason
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.services import SignalServices

Make = Callable[[str], Router]
Chat = Callable[..., bytes]
SECRET = "correct-horse-battery-staple"  # noqa: S105 - of these tests
ANOTHER = "another-horse-another-staple"
POLICY = """\
version: 1
pools: {small: {cluster: s}, large: {cluster: l}}
default: small
identity: {userHeader: x-user, groupsHeader: x-groups, PROOF}
signals: {claimed: {type: header, header: x-user}}
decisions:
  - {name: staff, when: {signal: group, in: [staff]}, route: large}
  - {name: known, when: user, route: large}
  - {name: claimed, when: claimed, route: large}
"""
METADATA = "proof: {metadata: {namespace: jwt, path: [payload, iss], in: [https://id.example]}}"
PEERS = 'proof: {peers: ["spiffe://prod/ns/edge/*", edge.example.com]}'
URI, DNS = "connection.uri_san_peer_certificate", "connection.dns_san_peer_certificate"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_SECRET", f"{SECRET}\n{ANOTHER}\n")


def policy(proof: str) -> str:
    """A policy that asks for a proof."""
    return POLICY.replace("PROOF", proof)


HEADER = policy("proof: {header: X-Proof, secretEnv: EDGE_SECRET}")


def run(router: Router, evidence: Evidence = NO_EVIDENCE, *, path: str = "/v1/chat/completions", **headers: str) -> Session:
    """A session that was told of a chat, with what it said in `said`."""
    session = Session(router)
    given = {":method": "POST", ":path": path, **{f"x-{name}": value for name, value in headers.items()}}
    said = list(session.receive(HeadersReceived(given, end_of_stream=False, mode=BodyMode.BUFFERED, evidence=evidence)))
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "hi"}]}).encode()
    if session.outcome is None:
        said += session.receive(BodyReceived(body, end_of_stream=True))
    SAID[:] = said
    return session


SAID: list[Any] = []
"""By the last session."""


def decision(session: Session) -> str:
    """What decided."""
    assert session.outcome is not None
    return session.outcome.decision.name


def removed() -> set[str]:
    """Headers that do not go upstream."""
    replies = [reply for reply in SAID if isinstance(reply, HeadersReply | BodyReply)]
    return {edit.name for reply in replies for edit in reply.mutation.headers if edit.op is HeaderOp.REMOVE}


class TestSecret:
    @pytest.mark.parametrize("secret", [SECRET, ANOTHER])
    def test_proves_an_identity(self, make_router: Make, secret: str) -> None:
        """Each line of the secret is one, so that it can be changed without a gap."""
        assert decision(run(make_router(HEADER), user="ada", groups="staff", proof=secret)) == "staff"

    @pytest.mark.parametrize(
        "given", ["", "wrong", SECRET + "x", SECRET[:-1], f"{SECRET},{SECRET}", f"{SECRET}\n{ANOTHER}", "é\udc80"]
    )
    def test_nothing_else_does(self, make_router: Make, given: str) -> None:
        """Neither `user`, nor `group`, nor `header` sees an identity that is not proven."""
        session = run(make_router(HEADER), user="ada", groups="staff", proof=given)

        assert decision(session) == "default"
        assert session.arrival is not None
        assert session.arrival.unproven == "header"
        assert not session.arrival.envelope.caller.user
        assert {"x-user", "x-groups", "x-proof"} <= removed()

    def test_goes_no_further(self, make_router: Make) -> None:
        """The identity does; the secret is for this router alone, and no signal sees it."""
        session = run(make_router(HEADER), user="ada", proof=SECRET)

        assert removed() == {"x-proof"}
        assert session.arrival is not None
        assert SECRET not in session.arrival.envelope.headers.values()

    def test_is_removed_from_other_requests_too(self, make_router: Make) -> None:
        """Whatever path they have, and with the identity if that is not proven."""
        run(make_router(HEADER), path="/v1/models", user="ada", proof=SECRET)
        assert removed() == {"x-proof"}
        run(make_router(HEADER), path="/v1/models", user="ada", proof="wrong")
        assert removed() == {"x-proof", "x-user"}

    def test_is_not_asked_of_who_is_nobody(self, make_router: Make) -> None:
        """A request without identity headers has nothing to prove."""
        session = run(make_router(HEADER.replace("PROOF", "")), other="1")

        assert decision(session) == "default"
        assert session.arrival is not None
        assert not session.arrival.unproven

    def test_a_missing_one_proves_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where policies are only looked at, a secret may be missing; then no header holds, the empty one included."""
        monkeypatch.delenv("EDGE_SECRET")
        services = SignalServices(needs_secrets=False)
        result = compile_policy(HEADER, source="p", services=services, selectors=SELECTORS)
        router = Router(result.policy, services=services, stats=PoolStats())

        assert "the secret is empty" in result.warnings[0].message
        assert decision(run(router, user="ada", proof="")) == "default"


class TestReject:
    def test_refuses_what_is_not_proven(self, make_router: Make) -> None:
        """At once, in the API's shape, and without saying which proof is missing."""
        router = make_router(HEADER.replace("PROOF}", "PROOF}").replace("EDGE_SECRET}", "EDGE_SECRET}, onUnproven: reject"))
        session = run(router, user="ada", proof="wrong")

        assert session.outcome is not None
        assert session.outcome.decision.reason is Reason.UNPROVEN_IDENTITY
        answer = SAID[0]
        assert isinstance(answer, Immediate)
        assert answer.status == 403
        assert json.loads(answer.body)["error"]["code"] == "unproven_identity"
        assert decision(run(router, user="ada", proof=SECRET)) == "known"
        assert decision(run(router)) == "default"

    def test_leaves_other_paths_alone(self, make_router: Make) -> None:
        """They are none of ours; the headers go all the same."""
        router = make_router(HEADER.replace("EDGE_SECRET}", "EDGE_SECRET}, onUnproven: reject"))
        run(router, path="/v1/models", user="ada")

        assert removed() == {"x-user"}


class TestMetadata:
    @pytest.mark.parametrize(
        ("metadata", "holds"),
        [
            pytest.param({"jwt": {"payload": {"iss": "https://id.example"}}}, True, id="the value"),
            pytest.param({"jwt": {"payload": {"iss": ["a", "https://id.example"]}}}, True, id="one of a list"),
            pytest.param({"jwt": {"payload": {"iss": "https://id.example.evil"}}}, False, id="another value"),
            pytest.param({"jwt": {"payload": {"iss": 5}}}, False, id="a number"),
            pytest.param({"jwt": {"payload": {"iss": [5, {}]}}}, False, id="no text in the list"),
            pytest.param({"jwt": {"payload": "https://id.example"}}, False, id="no such key"),
            pytest.param({"other": {"payload": {"iss": "https://id.example"}}}, False, id="another filter's"),
            pytest.param({}, False, id="nothing"),
        ],
    )
    def test_holds_if_the_filter_told_one_of_the_values(self, make_router: Make, metadata: dict[str, Any], holds: bool) -> None:  # noqa: FBT001 - a table
        """Callers cannot write metadata."""
        session = run(make_router(policy(METADATA)), Evidence(metadata=metadata), user="ada")

        assert decision(session) == ("known" if holds else "default")


class TestPeers:
    @pytest.mark.parametrize(
        ("attributes", "holds"),
        [
            pytest.param({URI: "spiffe://prod/ns/edge/sa/gateway"}, True, id="the beginning"),
            pytest.param({DNS: "edge.example.com"}, True, id="a DNS name"),
            pytest.param({URI: "spiffe://prod/ns/other/sa/gateway"}, False, id="another peer"),
            pytest.param({DNS: "edge.example.com.evil"}, False, id="a longer DNS name"),
            pytest.param({URI: ""}, False, id="no name"),
            pytest.param({}, False, id="no certificate"),
        ],
    )
    def test_hold_by_the_names_in_their_certificate(self, make_router: Make, attributes: dict[str, str], holds: bool) -> None:  # noqa: FBT001 - a table
        """As Envoy verified it."""
        session = run(make_router(policy(PEERS)), Evidence(attributes=attributes), user="ada")

        assert decision(session) == ("known" if holds else "default")
        assert session.arrival is not None
        assert session.arrival.unproven == ("" if holds else "peers")

    def test_all_that_is_named_must_hold(self, make_router: Make) -> None:
        """A secret alone is not enough where peers are named too."""
        router = make_router(policy("proof: {header: x-proof, secretEnv: EDGE_SECRET, peers: [edge.example.com]}"))

        assert decision(run(router, user="ada", proof=SECRET)) == "default"
        assert decision(run(router, Evidence(attributes={DNS: "edge.example.com"}), user="ada")) == "default"
        assert decision(run(router, Evidence(attributes={DNS: "edge.example.com"}), user="ada", proof=SECRET)) == "known"


class TestEvidence:
    def test_comes_with_the_headers(self) -> None:
        """As Envoy sends it: metadata by namespace, attributes by the filter that asked for them."""
        message = pb.ProcessingRequest(request_headers=pb.HttpHeaders())
        message.metadata_context.filter_metadata["jwt"].update({"payload": {"iss": "a", "groups": ["b"]}})
        message.attributes["envoy.filters.http.ext_proc"].update({URI: "spiffe://a", "connection.mtls": True})
        event = read_message(message.SerializeToString(), 0.0)

        assert isinstance(event, HeadersReceived)
        assert event.evidence.metadata == {"jwt": {"payload": {"iss": "a", "groups": ["b"]}}}
        assert event.evidence.attributes == {URI: "spiffe://a"}

    def test_is_none_where_envoy_sends_none(self) -> None:
        """Which is the usual case, and costs nothing."""
        event = read_message(pb.ProcessingRequest(request_headers=pb.HttpHeaders()).SerializeToString(), 0.0)

        assert isinstance(event, HeadersReceived)
        assert event.evidence is NO_EVIDENCE

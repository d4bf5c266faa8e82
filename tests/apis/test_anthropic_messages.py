"""Anthropic Messages."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from router_extproc.apis.anthropic_messages import AnthropicMessages
from router_extproc.errors import RequestRefusedError
from router_extproc.request import Part, PartKind, Request, Role
from router_extproc.routing import BodyEdits, Reason, SystemEdit, SystemMode

Parse = Callable[..., Request]
Edit = Callable[..., dict[str, Any]]
EditRaw = Callable[[str, bytes, BodyEdits], bytes]
Events = Callable[[bytes], list[tuple[str, Any]]]

API = "anthropic_messages"
HELLO = {"role": "user", "content": "Hello"}


class TestParse:
    """What a body comes to."""

    @pytest.mark.parametrize(
        "system",
        [
            pytest.param("Be brief.", id="string"),
            pytest.param([{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}], id="blocks"),
        ],
    )
    def test_plain_request(self, parse: Parse, system: Any) -> None:
        """The system prompt comes first; settings are found under their neutral names."""
        request = parse(
            API,
            model="auto",
            system=system,
            messages=[HELLO],
            stream=True,
            max_tokens=64,
            metadata={"user_id": "u-1"},
            output_config={"effort": "low"},
            top_k=5,
        )
        assert [(message.role, message.text) for message in request.messages] == [
            (Role.SYSTEM, "Be brief."),
            (Role.USER, "Hello"),
        ]
        assert (request.api, request.model, request.stream, request.max_output_tokens) == (API, "auto", True, 64)
        assert (request.end_user, request.reasoning_effort, request.parameters["top_k"]) == ("u-1", "low", 5)

    @pytest.mark.parametrize(
        ("block", "parts"),
        [
            pytest.param({"type": "text", "text": "a"}, [Part(PartKind.TEXT, "a")], id="text"),
            pytest.param({"type": "image", "source": {}}, [Part(PartKind.IMAGE)], id="image"),
            pytest.param(
                {"type": "document", "title": "T", "source": {"type": "text", "data": "d"}},
                [Part(PartKind.FILE), Part(PartKind.TOOL_RESULT, "T\nd")],
                id="document of text",
            ),
            pytest.param(
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "d"}]}},
                [Part(PartKind.FILE), Part(PartKind.TOOL_RESULT, "d")],
                id="document of blocks",
            ),
            pytest.param({"type": "document", "source": {"type": "base64", "data": "eA"}}, [Part(PartKind.FILE)], id="pdf"),
            pytest.param(
                {"type": "tool_use", "id": "t", "name": "find", "input": {"q": "cats", "n": [1, "two"]}},
                [Part(PartKind.TOOL_CALL, "cats\ntwo", "find")],
                id="tool use",
            ),
            pytest.param({"type": "thinking", "thinking": "hm"}, [Part(PartKind.REASONING, "hm")], id="thinking"),
            pytest.param({"type": "redacted_thinking", "data": "x"}, [Part(PartKind.REASONING)], id="redacted thinking"),
            pytest.param(
                {"type": "search_result", "title": "T", "content": [{"type": "text", "text": "s"}]},
                [Part(PartKind.TOOL_RESULT, "T\ns")],
                id="search result",
            ),
            pytest.param({"type": "container_upload"}, [Part(PartKind.OTHER)], id="unknown"),
        ],
    )
    def test_blocks(self, parse: Parse, block: Any, parts: Any) -> None:
        """Blocks have their kind; an unknown one is no error."""
        message = parse(API, messages=[{"role": "user", "content": [block]}]).messages[0]
        assert (message.role, message.parts) == (Role.USER, tuple(parts))

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            pytest.param("found", [Part(PartKind.TOOL_RESULT, "found", "t")], id="string"),
            pytest.param(
                [{"type": "text", "text": "found"}, {"type": "image"}],
                [Part(PartKind.TOOL_RESULT, "found", "t"), Part(PartKind.IMAGE)],
                id="blocks with a picture",
            ),
            pytest.param(
                [{"type": "document", "source": {"type": "text", "data": "hidden"}}],
                [Part(PartKind.TOOL_RESULT, "hidden", "t"), Part(PartKind.FILE)],
                id="document",
            ),
            pytest.param(None, [Part(PartKind.TOOL_RESULT, "", "t")], id="nothing"),
        ],
    )
    def test_tool_results(self, parse: Parse, content: Any, expected: Any) -> None:
        """A turn of nothing but results is the tool's; all text in it is read."""
        result = {"type": "tool_result", "tool_use_id": "t", "content": content}
        message = parse(API, messages=[{"role": "user", "content": [result]}]).messages[0]
        assert (message.role, message.parts) == (Role.TOOL, tuple(expected))

    def test_results_beside_text(self, parse: Parse) -> None:
        """A turn in which the user also says something is the user's."""
        content = [{"type": "tool_result", "tool_use_id": "t", "content": "found"}, {"type": "text", "text": "And?"}]
        message = parse(API, messages=[{"role": "user", "content": content}]).messages[0]
        assert (message.role, message.text) == (Role.USER, "And?")

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            pytest.param({"system": 3}, "system", id="system"),
            pytest.param({"messages": "hi"}, "messages", id="messages"),
            pytest.param({"messages": [3]}, "messages", id="message"),
            pytest.param({"messages": [{"content": "x"}]}, "messages.role", id="no role"),
            pytest.param({"messages": [{"role": "user", "content": 3}]}, "messages.content", id="content"),
            pytest.param({"max_tokens": "9"}, "max_tokens", id="limit"),
        ],
    )
    def test_refuses_wrong_shapes(self, parse: Parse, body: Any, param: Any) -> None:
        """A wrong type is refused by the field's name."""
        with pytest.raises(RequestRefusedError) as caught:
            parse(API, **body)
        assert (caught.value.reason, caught.value.param) == (Reason.WRONG_SHAPE, param)

    @pytest.mark.parametrize("given", [{"output_config": {"format": {"type": "x"}}}, {"output_format": {"type": "x"}}])
    def test_the_form_of_the_answer(self, parse: Parse, given: Any) -> None:
        """Under its present and its former name."""
        assert parse(API, **given).answer_format == {"type": "x"}


class TestEdit:
    """What edits change, and what they leave."""

    def test_leaves_other_bytes(self, edit_raw: EditRaw) -> None:
        """Only the bytes of model and limit change."""
        raw = b'{ "model" : "auto","max_tokens": 99 ,"messages":[ {"role":"user","content":"\\u00e9"} ],"top_p":1.0 }'
        expected = raw.replace(b'"auto"', b'"m"').replace(b"99", b"10")
        assert edit_raw(API, raw, BodyEdits(model="m", caps={"max_output_tokens": 10})) == expected

    @pytest.mark.parametrize(
        ("mode", "system", "expected"),
        [
            pytest.param("prepend", None, "P", id="none"),
            pytest.param("prepend", "a", "P\n\na", id="prepend"),
            pytest.param("append", "a", "a\n\nP", id="append"),
            pytest.param("replace", [{"type": "text", "text": "a"}], "P", id="replace"),
            pytest.param(
                "prepend",
                [{"type": "text", "text": "a", "cache_control": {}}],
                [{"type": "text", "text": "P"}, {"type": "text", "text": "a", "cache_control": {}}],
                id="prepend to blocks",
            ),
            pytest.param("append", [], [{"type": "text", "text": "P"}], id="append to no blocks"),
        ],
    )
    def test_system(self, edit: Edit, mode: Any, system: Any, expected: Any) -> None:
        """The system prompt stands in `system`, in the caller's form."""
        edits = BodyEdits(system=(SystemEdit(SystemMode(mode), "P"),))
        assert edit(API, edits, system=system, messages=[HELLO]) == {"system": expected, "messages": [HELLO]}

    def test_replacing_takes_system_messages_too(self, edit: Edit) -> None:
        """No system text of the caller's survives among the messages."""
        edits = BodyEdits(system=(SystemEdit(SystemMode.REPLACE, "P"),))
        edited = edit(API, edits, messages=[{"role": "system", "content": "a"}, HELLO])
        assert edited == {"system": "P", "messages": [HELLO]}
        assert edit(API, edits, model="m") == {"model": "m", "system": "P"}

    @pytest.mark.parametrize(
        ("body", "caps", "budget"),
        [
            pytest.param({}, {}, 16384, id="no limit"),
            pytest.param({"max_tokens": 4000}, {}, 3999, id="below the caller's limit"),
            pytest.param({"max_tokens": 4000}, {"max_output_tokens": 9000}, 3999, id="below a limit below the cap"),
            pytest.param({"max_tokens": 9000}, {"max_output_tokens": 4000}, 3999, id="below the cap"),
            pytest.param({"max_tokens": 1000}, {}, None, id="too little to think"),
        ],
    )
    def test_thinking_budget(self, edit: Edit, body: Any, caps: Any, budget: Any) -> None:
        """The budget is at least 1,024 tokens and below the limit, or there is no thinking: the API refuses the rest."""
        edits = BodyEdits(caps=caps, reasoning_effort="high", reasoning_family="anthropic")
        expected = {"type": "disabled"} if budget is None else {"type": "enabled", "budget_tokens": budget}
        assert edit(API, edits, **body)["thinking"] == expected

    def test_callers_budget_fits_a_lowered_limit(self, edit: Edit) -> None:
        """A cap does not turn a valid request into an invalid one."""
        thinking = {"type": "enabled", "budget_tokens": 6000}
        edits = BodyEdits(caps={"max_output_tokens": 4000})
        edited = edit(API, edits, max_tokens=9000, thinking=thinking)
        assert edited == {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 3999}}
        kept = edit(API, BodyEdits(caps={"max_output_tokens": 7000}), max_tokens=9000, thinking=thinking)
        assert kept == {"max_tokens": 7000, "thinking": thinking}

    def test_effort_of_a_family_without_a_field_here(self, edit: Edit) -> None:
        """OpenAI's field means nothing in this API."""
        edits = BodyEdits(reasoning_effort="high", reasoning_family="openai")
        assert edit(API, edits, max_tokens=9) == {"max_tokens": 9}


class TestAnswers:
    """Answers of the router's own."""

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            pytest.param(400, "invalid_request_error", id="400"),
            pytest.param(404, "not_found_error", id="404"),
            pytest.param(418, "invalid_request_error", id="418"),
            pytest.param(429, "rate_limit_error", id="429"),
            pytest.param(500, "api_error", id="500"),
            pytest.param(503, "overloaded_error", id="503"),
        ],
    )
    def test_error(self, events: Events, status: Any, kind: Any) -> None:
        """Anthropic's error object, also as an event."""
        expected = {"type": "error", "error": {"type": kind, "message": "No."}}
        assert json.loads(AnthropicMessages().error(status, "No.", code="c").body) == expected
        assert events(AnthropicMessages().error(status, "No.", code="c", stream=True).body) == [("error", expected)]

    def test_completion(self) -> None:
        """A message with the text."""
        payload = AnthropicMessages().completion("Sorry, no.", model="m", identifier="1", created=7)
        answer = json.loads(payload.body)
        assert answer["content"] == [{"type": "text", "text": "Sorry, no."}]
        assert (answer["type"], answer["role"], answer["model"]) == ("message", "assistant", "m")
        facts = AnthropicMessages().response_facts(payload.body)
        assert (facts.input_tokens, facts.output_tokens, facts.finish_reason, facts.done) == (0, 2, "end_turn", True)

    def test_completion_as_a_stream(self, events: Events) -> None:
        """The events of a message in their order, typed twice alike."""
        payload = AnthropicMessages().completion("Hi.", model="m", identifier="1", created=7, stream=True)
        told = events(payload.body)
        assert [kind for kind, _ in told] == [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
        assert all(kind == event["type"] for kind, event in told)
        assert told[2][1]["delta"] == {"type": "text_delta", "text": "Hi."}


class TestFacts:
    """What responses say."""

    def test_cached_tokens_are_input_tokens(self) -> None:
        """This API counts them beside the input; the neutral figure has them in it, as the other APIs do."""
        usage = {"input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "output_tokens": 4}
        facts = AnthropicMessages().response_facts(json.dumps({"usage": usage, "stop_reason": "max_tokens"}).encode())
        assert (facts.input_tokens, facts.cached_tokens, facts.output_tokens) == (10, 3, 4)
        assert facts.finish_reason == "max_tokens"

    def test_stream(self) -> None:
        """Input comes with the start, output with the last delta, whose zeros do not count."""
        start = {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}}
        delta = {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7, "input_tokens": 0}}
        api = AnthropicMessages()
        begun = api.event_facts("", json.dumps(start).encode())
        assert (begun.input_tokens, begun.output_tokens, begun.has_output) == (5, None, False)
        ended = api.event_facts("message_delta", json.dumps(delta).encode())
        assert (ended.input_tokens, ended.output_tokens, ended.finish_reason, ended.done) == (None, 7, "end_turn", False)
        assert api.event_facts("content_block_delta", b"{}").has_output
        assert api.event_facts("message_stop", b"{}").done
        assert not api.event_facts("ping", b"{}").has_output

    def test_input_known_only_at_the_end(self) -> None:
        """Servers that count the input late tell it in the last delta."""
        delta = b'{"usage":{"output_tokens":7,"input_tokens":5}}'
        assert AnthropicMessages().event_facts("message_delta", delta).input_tokens == 5

    @pytest.mark.parametrize("event", ["message_start", "message_delta", ""])
    @pytest.mark.parametrize("body", [b"", b"[]", b'{"message":3,"usage":[],"delta":4}', b'{"message":{"usage":4}}'])
    def test_survives_anything(self, event: Any, body: Any) -> None:
        """A body that cannot be read has no figures."""
        for facts in (AnthropicMessages().response_facts(body), AnthropicMessages().event_facts(event, body)):
            assert (facts.input_tokens, facts.output_tokens) == (None, None)

"""OpenAI Chat Completions."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from router_extproc.apis.openai_chat import OpenAIChat
from router_extproc.errors import RequestRefusedError
from router_extproc.request import Part, PartKind, Request, Role, Tool
from router_extproc.routing import BodyEdits, Reason, SystemEdit, SystemMode

Parse = Callable[..., Request]
Edit = Callable[..., dict[str, Any]]
EditRaw = Callable[[str, bytes, BodyEdits], bytes]
Events = Callable[[bytes], list[tuple[str, Any]]]

API = "openai_chat"
HELLO = {"role": "user", "content": "Hello"}


class TestParse:
    """What a body comes to."""

    def test_plain_request(self, parse: Parse) -> None:
        """Messages and settings are found under their neutral names."""
        request = parse(
            API,
            model="auto",
            messages=[{"role": "system", "content": "Be brief."}, HELLO],
            stream=True,
            max_completion_tokens=64,
            n=2,
            reasoning_effort="low",
            user="u-1",
            temperature=0.5,
            metadata={"team": "a", "level": 3},
        )
        assert [(message.role, message.text) for message in request.messages] == [
            (Role.SYSTEM, "Be brief."),
            (Role.USER, "Hello"),
        ]
        assert (request.api, request.model, request.stream) == (API, "auto", True)
        assert (request.max_output_tokens, request.n, request.reasoning_effort, request.end_user) == (64, 2, "low", "u-1")
        assert request.parameters["temperature"] == 0.5
        assert request.metadata == {"team": "a"}
        assert request.size > 100

    def test_leaves_out_what_is_left_out(self, parse: Parse) -> None:
        """A body of nothing is a request of nothing."""
        request = parse(API)
        assert (request.model, request.messages, request.tools, request.stream) == ("", (), (), False)
        assert (request.max_output_tokens, request.n) == (None, 1)

    @pytest.mark.parametrize(
        ("part", "expected"),
        [
            pytest.param({"type": "text", "text": "a"}, Part(PartKind.TEXT, "a"), id="text"),
            pytest.param({"text": "a"}, Part(PartKind.TEXT, "a"), id="text without type"),
            pytest.param({"type": "input_text", "text": "a"}, Part(PartKind.TEXT, "a"), id="text of the other API"),
            pytest.param({"type": "refusal", "refusal": "no"}, Part(PartKind.TEXT, "no"), id="refusal"),
            pytest.param({"type": "image_url", "image_url": {"url": "data:x"}}, Part(PartKind.IMAGE), id="image"),
            pytest.param({"image_url": {"url": "data:x"}}, Part(PartKind.IMAGE), id="image without type"),
            pytest.param({"type": "input_audio", "input_audio": {}}, Part(PartKind.AUDIO), id="audio"),
            pytest.param({"type": "file", "file": {}}, Part(PartKind.FILE), id="file"),
            pytest.param({"type": "hologram", "text": "a"}, Part(PartKind.OTHER), id="unknown"),
            pytest.param({"type": ["text"], "text": "a"}, Part(PartKind.OTHER), id="type that is no name"),
        ],
    )
    def test_parts(self, parse: Parse, part: Any, expected: Any) -> None:
        """Parts have their kind whatever their spelling; an unknown one is no error."""
        request = parse(API, messages=[{"role": "user", "content": [part]}])
        assert request.messages[0].parts == (expected,)

    def test_tool_calls_and_results(self, parse: Parse) -> None:
        """Calls and results keep the tool's name and the call's id; a result is no text of the user's."""
        call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":1}'}}
        request = parse(
            API,
            messages=[
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c1", "content": "found"},
                {"role": "function", "name": "find", "content": "old"},
                {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "{}"}},
            ],
        )
        assert request.messages[0].parts == (Part(PartKind.TOOL_CALL, '{"q":1}', "find"),)
        assert request.messages[1].parts == (Part(PartKind.TOOL_RESULT, "found", "c1"),)
        assert request.messages[2].role is Role.TOOL
        assert request.messages[2].parts == (Part(PartKind.TOOL_RESULT, "old", "find"),)
        assert request.messages[3].parts[-1] == Part(PartKind.TOOL_CALL, "{}", "f")
        assert request.messages[1].text == ""

    def test_thoughts_are_not_text(self, parse: Parse) -> None:
        """Thoughts that a client sends back are reasoning."""
        request = parse(API, messages=[{"role": "assistant", "content": "4", "reasoning_content": "2+2"}])
        assert request.messages[0].parts == (Part(PartKind.REASONING, "2+2"), Part(PartKind.TEXT, "4"))

    def test_tool_definitions(self, parse: Parse) -> None:
        """Tools have the size of their definition in the body; the former `functions` are tools too."""
        definition = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
        size = len(json.dumps(definition, separators=(",", ":")))
        expected = Tool("find", "Finds.", size)
        request = parse(API, tools=[{"type": "function", "function": definition}], functions=[definition])
        assert request.tools == (expected, expected)
        assert request.tools[0].definition == {"type": "function", "function": definition}

    def test_custom_tools(self, parse: Parse) -> None:
        """They have a name and a description as well."""
        request = parse(API, tools=[{"type": "custom", "custom": {"name": "sh", "description": "Runs."}}])
        assert (request.tools[0].name, request.tools[0].description) == ("sh", "Runs.")

    @pytest.mark.parametrize(("given", "expected"), [({"type": "json_object"}, {"type": "json_object"}), ("x", {}), (None, {})])
    def test_the_form_of_the_answer(self, parse: Parse, given: Any, expected: Any) -> None:
        """As it stands; nothing of another type is one."""
        assert parse(API, response_format=given).answer_format == expected

    @pytest.mark.parametrize(
        ("field", "limit"),
        [
            pytest.param("max_tokens", 5, id="former name"),
            pytest.param("n_predict", 5, id="llama.cpp"),
            pytest.param("max_tokens", 5.0, id="whole float"),
        ],
    )
    def test_spellings_of_the_token_limit(self, parse: Parse, field: Any, limit: Any) -> None:
        """The limit is found under each of its names."""
        assert parse(API, **{field: limit}).max_output_tokens == 5

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            pytest.param({"model": 3}, "model", id="model"),
            pytest.param({"messages": {}}, "messages", id="messages"),
            pytest.param({"messages": ["hi"]}, "messages", id="message"),
            pytest.param({"messages": [{"content": "x"}]}, "messages.role", id="no role"),
            pytest.param({"messages": [{"role": "wizard"}]}, "messages.role", id="unknown role"),
            pytest.param({"messages": [{"role": "user", "content": 4}]}, "messages.content", id="content"),
            pytest.param({"messages": [{"role": "user", "content": [4]}]}, "messages.content", id="part"),
            pytest.param({"messages": [{"role": "user", "content": [{"text": 4}]}]}, "messages.content", id="text"),
            pytest.param({"stream": "yes"}, "stream", id="stream"),
            pytest.param({"max_tokens": "many"}, "max_tokens", id="limit"),
            pytest.param({"n": True}, "n", id="boolean for a number"),
            pytest.param({"n": 1.5}, "n", id="fraction"),
            pytest.param({"tools": {}}, "tools", id="tools"),
        ],
    )
    def test_refuses_wrong_shapes(self, parse: Parse, body: Any, param: Any) -> None:
        """A wrong type is refused by the field's name."""
        with pytest.raises(RequestRefusedError) as caught:
            parse(API, **body)
        assert (caught.value.reason, caught.value.param) == (Reason.WRONG_SHAPE, param)


class TestEdit:
    """What edits change, and what they leave."""

    def test_leaves_other_bytes(self, edit_raw: EditRaw) -> None:
        """White space, number forms, escapes and order stay."""
        raw = b'{ "temperature":1.0e0, "model" : "auto",\n"messages":[{"role":"user","content":"\\u00e9"}] }'
        assert edit_raw(API, raw, BodyEdits(model="m")) == raw.replace(b'"auto"', b'"m"')

    def test_nothing_to_do(self, edit_raw: EditRaw) -> None:
        """No edits give the same bytes."""
        raw = b' {"model":"a" , "messages": [ ]}\n'
        assert edit_raw(API, raw, BodyEdits()) == raw

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            pytest.param({}, {"max_completion_tokens": 10}, id="missing"),
            pytest.param({"max_tokens": None}, {"max_tokens": None, "max_completion_tokens": 10}, id="null"),
            pytest.param({"max_tokens": 50}, {"max_tokens": 10}, id="too large"),
            pytest.param({"max_tokens": 5}, {"max_tokens": 5}, id="small enough"),
            pytest.param({"max_tokens": -1}, {"max_tokens": 10}, id="negative for unlimited"),
            pytest.param({"max_tokens": "50"}, {"max_tokens": 10}, id="text"),
            pytest.param(
                {"max_tokens": 5, "max_completion_tokens": 50, "n_predict": 60},
                {"max_tokens": 5, "max_completion_tokens": 10, "n_predict": 10},
                id="all spellings",
            ),
        ],
    )
    def test_caps_output_tokens(self, edit: Edit, body: Any, expected: Any) -> None:
        """No spelling of the limit stays above the cap, and there is always one."""
        assert edit(API, BodyEdits(caps={"max_output_tokens": 10}), **body) == expected

    def test_cap_keeps_to_fields_that_are_not_blocked(self, edit: Edit) -> None:
        """A missing limit is not set by a field that the policy takes out."""
        edits = BodyEdits(caps={"max_output_tokens": 10}, blocked=frozenset({"max_completion_tokens"}))
        assert edit(API, edits, max_completion_tokens=3) == {"max_tokens": 10}

    def test_caps_completions(self, edit: Edit) -> None:
        """`n` is lowered where it is given, and else left to its default."""
        edits = BodyEdits(caps={"n": 2})
        assert edit(API, edits, n=5) == {"n": 2}
        assert edit(API, edits, user="u") == {"user": "u"}

    def test_blocks_fields(self, edit: Edit) -> None:
        """Blocked fields go, the others stay."""
        assert edit(API, BodyEdits(blocked=frozenset({"logprobs", "seed"})), logprobs=True, user="u") == {"user": "u"}

    @pytest.mark.parametrize(
        ("mode", "messages", "expected"),
        [
            pytest.param("prepend", [HELLO], [{"role": "system", "content": "P"}, HELLO], id="prepend to none"),
            pytest.param("append", [HELLO], [{"role": "system", "content": "P"}, HELLO], id="append to none"),
            pytest.param("replace", [HELLO], [{"role": "system", "content": "P"}, HELLO], id="replace none"),
            pytest.param("prepend", None, [{"role": "system", "content": "P"}], id="null for messages"),
            pytest.param("prepend", [], [{"role": "system", "content": "P"}], id="no messages"),
            pytest.param(
                "prepend", [{"role": "system", "content": 'a"'}], [{"role": "system", "content": 'P\n\na"'}], id="prepend"
            ),
            pytest.param(
                "append",
                [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, HELLO],
                [{"role": "system", "content": "a"}, {"role": "developer", "content": "b\n\nP"}, HELLO],
                id="append to the last",
            ),
            pytest.param(
                "replace",
                [{"role": "developer", "content": "a"}, HELLO, {"role": "system", "content": "b"}],
                [{"role": "developer", "content": "P"}, HELLO],
                id="replace all",
            ),
            pytest.param(
                "append",
                [{"role": "system", "content": [{"type": "text", "text": "a"}]}],
                [{"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "P"}]}],
                id="append to parts",
            ),
            pytest.param(
                "prepend",
                [{"role": "system", "content": {"type": "text", "text": "a"}}],
                [{"role": "system", "content": [{"type": "text", "text": "P"}, {"type": "text", "text": "a"}]}],
                id="prepend to a lone part",
            ),
            pytest.param("append", [{"role": "system"}], [{"role": "system", "content": "P"}], id="append to nothing"),
        ],
    )
    def test_system(self, edit: Edit, mode: Any, messages: Any, expected: Any) -> None:
        """The policy's text stands where it should, and no text of the caller's survives a replacement."""
        edits = BodyEdits(system=(SystemEdit(SystemMode(mode), "P"),))
        assert edit(API, edits, messages=messages)["messages"] == expected

    def test_several_system_edits(self, edit: Edit) -> None:
        """Edits apply in order."""
        edits = BodyEdits(system=(SystemEdit(SystemMode.PREPEND, "A"), SystemEdit(SystemMode.APPEND, "Z")))
        assert edit(API, edits, messages=[HELLO])["messages"][0]["content"] == "A\n\nZ"

    def test_system_leaves_other_messages(self, edit_raw: EditRaw) -> None:
        """The bytes of messages that are not edited stay."""
        raw = b'{"messages": [ {"role":"system", "content":"a"},  {"role":"user","content":"\\u00e9", "x":1.0} ]}'
        edits = BodyEdits(system=(SystemEdit(SystemMode.APPEND, "P"),))
        assert edit_raw(API, raw, edits) == raw.replace(b'"a"', b'"a\\n\\nP"')

    @pytest.mark.parametrize(
        ("family", "effort", "expected"),
        [
            pytest.param("openai", "none", {"reasoning_effort": "none"}, id="openai"),
            pytest.param("gpt-oss", "high", {"reasoning_effort": "high"}, id="gpt-oss"),
            pytest.param("gpt-oss", "none", {"reasoning_effort": "low"}, id="gpt-oss cannot do without"),
            pytest.param("qwen", "high", {"chat_template_kwargs": {"enable_thinking": True}}, id="qwen"),
            pytest.param("qwen", "none", {"chat_template_kwargs": {"enable_thinking": False}}, id="qwen off"),
            pytest.param("deepseek", "low", {"chat_template_kwargs": {"thinking": True}}, id="deepseek"),
            pytest.param("anthropic", "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}, id="anthropic"),
            pytest.param("anthropic", "none", {"thinking": {"type": "disabled"}}, id="anthropic off"),
            pytest.param("", "low", {}, id="no family"),
        ],
    )
    def test_effort(self, edit: Edit, family: Any, effort: Any, expected: Any) -> None:
        """Effort is spelt as the model's family spells it."""
        edits = BodyEdits(reasoning_effort=effort, reasoning_family=family)
        assert edit(API, edits, user="u") == {"user": "u", **expected}

    def test_effort_keeps_other_template_arguments(self, edit: Edit) -> None:
        """Only the one argument changes."""
        edits = BodyEdits(reasoning_effort="none", reasoning_family="qwen")
        edited = edit(API, edits, chat_template_kwargs={"a": 1, "enable_thinking": True})
        assert edited == {"chat_template_kwargs": {"a": 1, "enable_thinking": False}}


class TestAnswers:
    """Answers of the router's own."""

    def test_error(self) -> None:
        """OpenAI's error object."""
        payload = OpenAIChat().error(404, "No.", code="model_not_found", param="model")
        assert payload.content_type == "application/json"
        assert json.loads(payload.body) == {
            "error": {"message": "No.", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}
        }

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            pytest.param(403, "permission_error", id="403"),
            pytest.param(429, "rate_limit_error", id="429"),
            pytest.param(503, "server_error", id="503"),
        ],
    )
    def test_error_types(self, status: Any, kind: Any) -> None:
        """The type goes by the status."""
        assert json.loads(OpenAIChat().error(status, "No.", code="c").body)["error"]["type"] == kind

    def test_error_in_a_stream(self, events: Events) -> None:
        """One event with the error, then the end."""
        payload = OpenAIChat().error(500, "No.", code="internal_error", stream=True)
        (_, error), (_, end) = events(payload.body)
        assert payload.content_type == "text/event-stream"
        assert (error["error"]["message"], end) == ("No.", "[DONE]")

    def test_completion_is_read_back(self) -> None:
        """The answer is one that our own reading of answers understands."""
        payload = OpenAIChat().completion("Sorry, no.", model="m", identifier="1", created=7)
        answer = json.loads(payload.body)
        assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Sorry, no.", "refusal": None}
        assert (answer["object"], answer["model"], answer["created"]) == ("chat.completion", "m", 7)
        facts = OpenAIChat().response_facts(payload.body)
        assert (facts.input_tokens, facts.output_tokens, facts.finish_reason, facts.done) == (0, 2, "stop", True)

    def test_completion_as_a_stream(self, events: Events) -> None:
        """Chunks whose text adds up, a finish reason, and the end."""
        payload = OpenAIChat().completion("Sorry, no.", model="m", identifier="1", created=7, stream=True)
        *chunks, (_, end) = events(payload.body)
        deltas = [chunk["choices"][0] for _, chunk in chunks]
        assert "".join(choice["delta"].get("content", "") for choice in deltas) == "Sorry, no."
        assert [choice["finish_reason"] for choice in deltas] == [None, "stop"]
        assert end == "[DONE]"
        assert {chunk["object"] for _, chunk in chunks} == {"chat.completion.chunk"}


class TestFacts:
    """What responses say."""

    def test_usage(self) -> None:
        """Tokens, cached ones too."""
        body = (
            b'{"choices":[{"finish_reason":"length"}],"usage":{"prompt_tokens":9,"completion_tokens":2,'
            b'"prompt_tokens_details":{"cached_tokens":4}}}'
        )
        facts = OpenAIChat().response_facts(body)
        assert (facts.input_tokens, facts.output_tokens, facts.cached_tokens, facts.finish_reason) == (9, 2, 4, "length")

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"[1]", id="list"),
            pytest.param(b"\xff", id="no text"),
            pytest.param(b"[" * 100_000, id="deep"),
            pytest.param(b'{"usage":3,"choices":{}}', id="wrong types"),
            pytest.param(b'{"usage":{"prompt_tokens":-1,"completion_tokens":true},"choices":[1]}', id="wrong values"),
        ],
    )
    def test_survives_anything(self, body: Any) -> None:
        """A body that cannot be read has no figures."""
        for facts in (OpenAIChat().response_facts(body), OpenAIChat().event_facts("", body)):
            assert (facts.input_tokens, facts.output_tokens, facts.finish_reason) == (None, None, "")

    @pytest.mark.parametrize(
        ("delta", "spoken"),
        [
            pytest.param({"role": "assistant", "content": ""}, False, id="role only"),
            pytest.param({"content": "a"}, True, id="text"),
            pytest.param({"reasoning_content": "a"}, True, id="thought"),
            pytest.param({"tool_calls": [{}]}, True, id="tool call"),
            pytest.param(None, False, id="none"),
        ],
    )
    def test_first_output(self, delta: Any, spoken: Any) -> None:
        """Only generated content ends the time to first token."""
        data = json.dumps({"choices": [{"delta": delta}]}).encode()
        assert OpenAIChat().event_facts("", data).has_output is spoken

    def test_end_of_stream(self) -> None:
        """The usage comes with the last chunk, the end after it."""
        usage = b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}'
        facts = OpenAIChat().event_facts("", usage)
        assert (facts.input_tokens, facts.output_tokens, facts.done) == (3, 4, False)
        assert OpenAIChat().event_facts("", b"[DONE]").done

"""OpenAI Responses."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from router_extproc.apis.openai_responses import OpenAIResponses
from router_extproc.errors import RequestRefusedError
from router_extproc.request import Part, PartKind, Request, Role
from router_extproc.routing import BodyEdits, Reason, SystemEdit, SystemMode

Parse = Callable[..., Request]
Edit = Callable[..., dict[str, Any]]
EditRaw = Callable[[str, bytes, BodyEdits], bytes]
Events = Callable[[bytes], list[tuple[str, Any]]]

API = "openai_responses"


class TestParse:
    """What a body comes to."""

    def test_plain_request(self, parse: Parse) -> None:
        """Instructions come first; settings are found under their neutral names."""
        request = parse(
            API,
            model="auto",
            instructions="Be brief.",
            input="Hello",
            stream=True,
            max_output_tokens=64,
            reasoning={"effort": "low"},
            safety_identifier="s-1",
            previous_response_id="resp_1",
            temperature=0.5,
        )
        assert [(message.role, message.text) for message in request.messages] == [
            (Role.SYSTEM, "Be brief."),
            (Role.USER, "Hello"),
        ]
        assert (request.api, request.model, request.stream, request.max_output_tokens) == (API, "auto", True, 64)
        assert (request.reasoning_effort, request.end_user, request.conversation_id) == ("low", "s-1", "resp_1")
        assert request.parameters["temperature"] == 0.5

    @pytest.mark.parametrize(
        ("conversation", "expected"),
        [
            pytest.param("conv_1", "conv_1", id="name"),
            pytest.param({"id": "conv_1"}, "conv_1", id="object"),
            pytest.param({}, "", id="empty object"),
            pytest.param(None, "", id="none"),
        ],
    )
    def test_conversation(self, parse: Parse, conversation: Any, expected: Any) -> None:
        """A conversation is found by its id in either form."""
        assert parse(API, input="x", conversation=conversation).conversation_id == expected

    @pytest.mark.parametrize(
        ("item", "role", "parts"),
        [
            pytest.param("Hi", Role.USER, [Part(PartKind.TEXT, "Hi")], id="string"),
            pytest.param({"role": "developer", "content": "Hi"}, Role.DEVELOPER, [Part(PartKind.TEXT, "Hi")], id="no type"),
            pytest.param(
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "a"}, {"type": "input_image"}, {"type": "input_file"}],
                },
                Role.USER,
                [Part(PartKind.TEXT, "a"), Part(PartKind.IMAGE), Part(PartKind.FILE)],
                id="parts",
            ),
            pytest.param(
                {"type": "function_call", "call_id": "c", "name": "find", "arguments": "{}"},
                Role.ASSISTANT,
                [Part(PartKind.TOOL_CALL, "{}", "find")],
                id="call",
            ),
            pytest.param(
                {"type": "local_shell_call", "action": {"command": ["ls", "-l"]}},
                Role.ASSISTANT,
                [Part(PartKind.TOOL_CALL, "ls\n-l", "local_shell_call")],
                id="shell call",
            ),
            pytest.param(
                {"type": "mcp_call", "id": "m", "name": "ask", "arguments": "{}", "output": "secret"},
                Role.ASSISTANT,
                [Part(PartKind.TOOL_CALL, "{}", "ask"), Part(PartKind.TOOL_RESULT, "secret", "m")],
                id="call with its result",
            ),
            pytest.param(
                {"type": "function_call_output", "call_id": "c", "output": "found"},
                Role.TOOL,
                [Part(PartKind.TOOL_RESULT, "found", "c")],
                id="result",
            ),
            pytest.param(
                {
                    "type": "function_call_output",
                    "call_id": "c",
                    "output": [{"type": "input_text", "text": "found"}, {"type": "input_image", "image_url": "data:x"}],
                },
                Role.TOOL,
                [Part(PartKind.TOOL_RESULT, "found", "c"), Part(PartKind.IMAGE)],
                id="result with a picture",
            ),
            pytest.param(
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
                Role.ASSISTANT,
                [Part(PartKind.REASONING, "hm")],
                id="reasoning",
            ),
            pytest.param({"type": "item_reference", "id": "x"}, Role.USER, [Part(PartKind.OTHER)], id="unknown"),
        ],
    )
    def test_items(self, parse: Parse, item: Any, role: Any, parts: Any) -> None:
        """Items become messages, whatever their type."""
        message = parse(API, input=[item]).messages[0]
        assert (message.role, message.parts) == (role, tuple(parts))

    def test_what_fills_a_kept_prompt(self, parse: Parse) -> None:
        """It is the caller's, and the model reads it, so guards do."""
        values = {
            "name": "Jane",
            "picture": {"type": "input_image", "image_url": "data:x"},
            "note": {"type": "input_text", "text": "b"},
        }
        request = parse(API, instructions="Be brief.", prompt={"id": "pmpt_1", "variables": values}, input="Hello")

        filled = (Part(PartKind.TEXT, "Jane"), Part(PartKind.IMAGE), Part(PartKind.TEXT, "b"))
        assert [(message.role, message.parts) for message in request.messages[1:]] == [
            (Role.USER, filled),
            (Role.USER, (Part(PartKind.TEXT, "Hello"),)),
        ]
        for empty in ({"id": "pmpt_1"}, {"id": "pmpt_1", "variables": None}, {"id": "pmpt_1", "variables": {}}, None):
            assert len(parse(API, prompt=empty, input="Hello").messages) == 1

    def test_the_form_of_the_answer(self, parse: Parse) -> None:
        """It stands in `text`."""
        form = {"type": "json_schema", "name": "n", "schema": {"description": "It."}}

        assert parse(API, text={"format": form}).answer_format == form
        assert parse(API, text="x").answer_format == {}

    def test_tools(self, parse: Parse) -> None:
        """Functions go by their name, built-in tools by their type."""
        request = parse(API, tools=[{"type": "function", "name": "find"}, {"type": "web_search"}])
        assert [tool.name for tool in request.tools] == ["find", "web_search"]

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            pytest.param({"instructions": []}, "instructions", id="instructions"),
            pytest.param({"input": 3}, "input", id="input"),
            pytest.param({"input": [3]}, "input", id="item"),
            pytest.param({"input": [{"type": "message"}]}, "input.role", id="no role"),
            pytest.param({"input": [{"role": "user", "content": 3}]}, "input.content", id="content"),
            pytest.param({"prompt": {"id": "p", "variables": ["x"]}}, "prompt.variables", id="variables"),
            pytest.param({"prompt": {"id": "p", "variables": {"a": 3}}}, "prompt.variables", id="variable"),
            pytest.param({"conversation": 3}, "conversation", id="conversation"),
            pytest.param({"previous_response_id": 3}, "previous_response_id", id="previous"),
            pytest.param({"max_output_tokens": []}, "max_output_tokens", id="limit"),
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
        """Only the model's bytes change."""
        raw = b'{ "model" : "auto","input":[ {"role":"user","content":"\\u00e9"} ],"top_p":1.0 }'
        assert edit_raw(API, raw, BodyEdits(model="m")) == raw.replace(b'"auto"', b'"m"')

    def test_caps(self, edit: Edit) -> None:
        """The limit is lowered, or set where there is none."""
        edits = BodyEdits(caps={"max_output_tokens": 10, "n": 1})
        assert edit(API, edits, max_output_tokens=99) == {"max_output_tokens": 10}
        assert edit(API, edits) == {"max_output_tokens": 10}

    @pytest.mark.parametrize(
        ("mode", "expected"),
        [
            pytest.param("prepend", "P\n\nMine.", id="prepend"),
            pytest.param("append", "Mine.\n\nP", id="append"),
            pytest.param("replace", "P", id="replace"),
        ],
    )
    def test_system(self, edit: Edit, mode: Any, expected: Any) -> None:
        """The system prompt is `instructions`."""
        edits = BodyEdits(system=(SystemEdit(SystemMode(mode), "P"),))
        assert edit(API, edits, instructions="Mine.", input="x") == {"instructions": expected, "input": "x"}
        assert edit(API, edits, input="x")["instructions"] == "P"
        assert edit(API, edits, instructions=None, input="x")["instructions"] == "P"

    def test_replacing_takes_system_items_too(self, edit: Edit) -> None:
        """No system text of the caller's survives among the items."""
        edits = BodyEdits(system=(SystemEdit(SystemMode.REPLACE, "P"),))
        user = {"role": "user", "content": "x"}
        others = [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}]
        assert edit(API, edits, input=[others[0], user, others[1]]) == {"instructions": "P", "input": [user]}
        assert edit(API, edits, input=others) == {"instructions": "P", "input": []}

    @pytest.mark.parametrize(
        ("family", "expected"),
        [
            pytest.param("openai", {"reasoning": {"summary": "auto", "effort": "high"}}, id="openai"),
            pytest.param(
                "qwen", {"reasoning": {"summary": "auto"}, "chat_template_kwargs": {"enable_thinking": True}}, id="qwen"
            ),
        ],
    )
    def test_effort(self, edit: Edit, family: Any, expected: Any) -> None:
        """Effort stands in `reasoning`, beside what the caller set there."""
        edits = BodyEdits(reasoning_effort="high", reasoning_family=family)
        assert edit(API, edits, reasoning={"summary": "auto"}) == expected

    def test_effort_where_there_is_none(self, edit: Edit) -> None:
        """A missing (or null) `reasoning` is made."""
        edits = BodyEdits(reasoning_effort="low", reasoning_family="openai")
        assert edit(API, edits) == {"reasoning": {"effort": "low"}}
        assert edit(API, edits, reasoning=None) == {"reasoning": {"effort": "low"}}


class TestAnswers:
    """Answers of the router's own."""

    def test_error(self, events: Events) -> None:
        """OpenAI's error object, or this API's `error` event."""
        plain = json.loads(OpenAIResponses().error(400, "No.", code="c", param="p").body)
        assert plain["error"] == {"message": "No.", "type": "invalid_request_error", "param": "p", "code": "c"}
        stream = OpenAIResponses().error(400, "No.", code="c", param="p", stream=True)
        [(kind, event)] = events(stream.body)
        assert (kind, event["type"], event["message"], event["code"], event["param"]) == ("error", "error", "No.", "c", "p")

    def test_completion(self) -> None:
        """A completed response with the text."""
        payload = OpenAIResponses().completion("Sorry, no.", model="m", identifier="1", created=7)
        answer = json.loads(payload.body)
        assert answer["output"][0]["content"][0]["text"] == "Sorry, no."
        assert (answer["object"], answer["status"], answer["model"], answer["created_at"]) == ("response", "completed", "m", 7)
        facts = OpenAIResponses().response_facts(payload.body)
        assert (facts.input_tokens, facts.output_tokens, facts.finish_reason, facts.done) == (0, 2, "completed", True)

    def test_completion_as_a_stream(self, events: Events) -> None:
        """Events in their order, numbered, typed twice alike; the last one is the whole response."""
        api = OpenAIResponses()
        told = events(api.completion("Hi.", model="m", identifier="1", created=7, stream=True).body)
        assert [event["sequence_number"] for _, event in told] == list(range(len(told)))
        assert all(kind == event["type"] for kind, event in told)
        assert told[0][0] == "response.created"
        assert told[-1][0] == "response.completed"
        assert "".join(event.get("delta", "") for _, event in told) == "Hi."
        whole = json.loads(api.completion("Hi.", model="m", identifier="1", created=7).body)
        assert told[-1][1]["response"] == whole


class TestFacts:
    """What responses say."""

    @pytest.mark.parametrize("status", ["completed", "incomplete", "failed"])
    def test_end_of_stream(self, status: Any) -> None:
        """Each of the last events ends the stream, and carries the usage."""
        usage = {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 4}}
        event = {"type": f"response.{status}", "response": {"status": status, "usage": usage}}
        for name in (event["type"], ""):
            facts = OpenAIResponses().event_facts(str(name), json.dumps(event).encode())
            assert (facts.input_tokens, facts.output_tokens, facts.cached_tokens) == (9, 2, 4)
            assert (facts.finish_reason, facts.done) == (status, True)

    @pytest.mark.parametrize(
        ("kind", "spoken"),
        [
            pytest.param("response.created", False, id="created"),
            pytest.param("response.output_text.delta", True, id="text"),
            pytest.param("response.function_call_arguments.delta", True, id="call"),
        ],
    )
    def test_first_output(self, kind: Any, spoken: Any) -> None:
        """Only generated content ends the time to first token."""
        facts = OpenAIResponses().event_facts(kind, b"{}")
        assert (facts.has_output, facts.done) == (spoken, False)

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"response":3,"usage":[]}'])
    def test_survives_anything(self, body: Any) -> None:
        """A body that cannot be read has no figures."""
        for facts in (OpenAIResponses().response_facts(body), OpenAIResponses().event_facts("response.completed", body)):
            assert (facts.input_tokens, facts.output_tokens) == (None, None)

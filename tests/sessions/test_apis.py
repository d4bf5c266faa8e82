"""Sessions in each API: what tells them, stalls, cached tokens and the names of responses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.apis.anthropic_messages import AnthropicMessages
from router_extproc.apis.openai_chat import OpenAIChat
from router_extproc.apis.openai_responses import OpenAIResponses
from router_extproc.config.offline import parsed
from router_extproc.sessions.identity import Source, identified
from router_extproc.sessions.stall import Stall, stall

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.router import Router

ARGUMENTS = '{"path": "a.py"}'


def chat(times: int) -> dict[str, Any]:
    """A loop in OpenAI's chat."""
    call = {"id": "c", "type": "function", "function": {"name": "read", "arguments": ARGUMENTS}}
    turn = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c", "content": "Error: no such file"}]
    return {"messages": [{"role": "user", "content": "go"}, *turn * times]}


def responses(times: int) -> dict[str, Any]:
    """The same in OpenAI's Responses."""
    turn = [
        {"type": "function_call", "call_id": "c", "name": "read", "arguments": ARGUMENTS},
        {"type": "function_call_output", "call_id": "c", "output": "Error: no such file"},
    ]
    return {"input": [{"role": "user", "content": "go"}, *turn * times], "conversation": {"id": "conv_1"}}


def messages(times: int) -> dict[str, Any]:
    """The same in Anthropic's, whose word it is that the tool failed."""
    turn = [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "read", "input": {"path": "a.py"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "not there", "is_error": True}]},
    ]
    user = {"user_id": "user_a_account_b_session_c-1"}
    return {"messages": [{"role": "user", "content": "go"}, *turn * times], "metadata": user, "max_tokens": 5}


def request(router: Router, path: str, body: dict[str, Any]) -> Request:
    """As it is parsed."""
    return parsed(router, path=path, headers={}, body=json.dumps({"model": "auto", **body}).encode())


class TestApis:
    @pytest.mark.parametrize(
        ("path", "make", "source"),
        [
            pytest.param("/v1/chat/completions", chat, Source.FINGERPRINT, id="chat"),
            pytest.param("/v1/responses", responses, Source.CONVERSATION, id="responses"),
            pytest.param("/v1/messages", messages, Source.METADATA, id="messages"),
        ],
    )
    def test_tells_sessions_and_stalls(self, router: Router, path: str, make: Any, source: Source) -> None:
        """By what each API has for it."""
        looped = request(router, path, make(3))
        found = identified(looped)

        assert found is not None
        assert found.source is source
        assert stall(looped) == Stall(calls=3, errors=3)
        assert stall(request(router, path, make(1))) == Stall(calls=1, errors=1)

    @pytest.mark.parametrize(
        ("api", "usage"),
        [
            pytest.param(
                OpenAIChat(),
                {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 6}},
                id="chat",
            ),
            pytest.param(
                OpenAIResponses(),
                {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 6}},
                id="responses",
            ),
            pytest.param(
                AnthropicMessages(), {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 6}, id="messages"
            ),
        ],
    )
    def test_cached_tokens_are_part_of_the_prompt(self, api: Any, usage: dict[str, Any]) -> None:
        """However an API counts them."""
        facts = api.response_facts(json.dumps({"usage": usage}).encode())

        assert (facts.input_tokens, facts.output_tokens, facts.cached_tokens) == (9, 2, 6)

    def test_a_response_has_a_name(self) -> None:
        """By which the next request may go on: in JSON and at the end of a stream."""
        api, answer = OpenAIResponses(), {"id": "resp_1", "status": "completed"}
        ended = {"type": "response.completed", "response": answer}

        assert api.response_facts(json.dumps(answer).encode()).response_id == "resp_1"
        assert api.event_facts("response.completed", json.dumps(ended).encode()).response_id == "resp_1"
        assert api.response_facts(json.dumps({**answer, "id": "x" * 600}).encode()).response_id == ""

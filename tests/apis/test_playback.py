"""Assembly and playback: streams made of answers and answers of streams, without loss."""

from __future__ import annotations

from typing import Any

import pytest

from router_extproc.apis.assembly import UnassembledError, assembled
from router_extproc.apis.playback import UnplayableError, stream
from router_extproc.apis.sse import SseEvent, SseReader

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
CALL = {"id": "c1", "type": "function", "function": {"name": "send", "arguments": '{"a": 1}'}}
BASE = {"id": "1", "created": 1, "model": "m"}


def chat(message: dict[str, Any], finish: str = "stop", index: int = 0) -> dict[str, Any]:
    """A choice."""
    return {"index": index, "message": {"role": "assistant", **message}, "finish_reason": finish}


def chats(*choices: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """An answer of chat completions."""
    return "openai_chat", {**BASE, "object": "chat.completion", "choices": list(choices), "usage": USAGE}


TEXT = {"index": 0, "text": "hi", "logprobs": None, "finish_reason": "stop"}
PART = {"type": "output_text", "text": "hi", "annotations": []}
ANSWERS: list[tuple[str, dict[str, Any]]] = [
    chats(chat({"content": "hi"})),
    chats(chat({"content": "a"}), chat({"content": "b"}, "length", 1)),
    chats(chat({"content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]}, "tool_calls")),
    chats(chat({"content": "x", "reasoning_content": "y"})),
    ("openai_completions", {**BASE, "object": "text_completion", "choices": [TEXT], "usage": USAGE}),
    (
        "anthropic_messages",
        {
            "id": "m", "type": "message", "role": "assistant", "model": "m",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "hi"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1]}},
            ],
            "stop_reason": "tool_use", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 2},
        },
    ),
    (
        "openai_responses",
        {
            "id": "r", "object": "response", "created_at": 1, "status": "completed", "model": "m",
            "output": [
                {"id": "rs", "type": "reasoning", "summary": []},
                {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [PART]},
                {"id": "f", "type": "function_call", "call_id": "c", "name": "g", "arguments": "{}", "status": "completed"},
            ],
            "usage": {"input_tokens": 1, "output_tokens": 2},
        },
    ),
]  # fmt: skip


class TestRoundTrip:
    @pytest.mark.parametrize(("api", "answer"), ANSWERS)
    def test_loses_nothing(self, api: str, answer: dict[str, Any]) -> None:
        """The stream of an answer is put together to that answer."""
        payload = stream(api, answer, usage=True)
        reader = SseReader()
        events = reader.feed(payload.body)
        assert payload.content_type == "text/event-stream"
        assert assembled(api, events) == answer
        assert (events[-1].data == b"[DONE]") == (api in {"openai_chat", "openai_completions"})

    @pytest.mark.parametrize(("api", "answer"), ANSWERS)
    def test_no_part_of_a_stream_is_an_answer(self, api: str, answer: dict[str, Any]) -> None:
        """Wherever it is cut."""
        events = SseReader().feed(stream(api, answer, usage=True).body)
        for cut in range(len(events)):
            with pytest.raises(UnassembledError):
                assembled(api, events[:cut])

    def test_tells_usage_only_where_it_is_wanted(self) -> None:
        """As OpenAI's streams do."""
        api, answer = ANSWERS[0]
        assert b"usage" not in stream(api, answer, usage=False).body


class TestWhatIsNotKnown:
    @pytest.mark.parametrize(
        ("api", "answer"),
        [
            ("openai_chat", {**BASE, "choices": [{**chat({"content": "x"}), "logprobs": {"content": [1]}}]}),
            ("openai_chat", {**BASE, "choices": [chat({"content": "x", "audio": {"id": "a"}})]}),
            ("openai_chat", {}),
            ("anthropic_messages", {"content": [{"type": "strange"}], "stop_reason": "end_turn"}),
            ("openai_responses", {"output": [{"type": "message", "content": [{"type": "strange"}]}], "status": "completed"}),
            ("openai_embeddings", {"data": []}),
        ],
    )
    def test_is_not_played(self, api: str, answer: dict[str, Any]) -> None:
        """Such an answer serves its own form only."""
        with pytest.raises(UnplayableError):
            stream(api, answer, usage=False)

    @pytest.mark.parametrize(
        "data",
        [
            b'{"choices": [{"index": 0, "delta": {"audio": {"id": "a"}}, "finish_reason": "stop"}]}',
            b'{"choices": [{"index": 0, "delta": {"content": 5}, "finish_reason": "stop"}]}',
            b'{"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 4}]}, "finish_reason": "stop"}]}',
            b'{"error": {"message": "x"}}',
            b"[]",
        ],
    )
    def test_is_not_put_together(self, data: bytes) -> None:
        """Nothing is left out silently."""
        with pytest.raises(UnassembledError):
            assembled("openai_chat", [SseEvent("", data), SseEvent("", b"[DONE]")])

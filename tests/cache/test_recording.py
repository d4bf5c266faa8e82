from __future__ import annotations

import json
from typing import Any

import pytest

from router_extproc.cache.recording import Recording

OK = {":status": "200", "content-type": "application/json"}
SSE = {":status": "200", "content-type": "text/event-stream; charset=utf-8"}


def chat(finish: str = "stop", **message: Any) -> dict[str, Any]:
    """An answer."""
    told = {"role": "assistant", "content": "hi", **message}
    return {"id": "1", "choices": [{"index": 0, "message": told, "finish_reason": finish}], "usage": {"prompt_tokens": 1}}


def chunks(*, finish: str | None = "stop", done: bool = True, **more: Any) -> bytes:
    """A stream."""
    base = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    parts = [
        {"delta": {"role": "assistant", "content": "h"}},
        {"delta": {"content": "i"}, **more},
        {"delta": {}, "finish_reason": finish},
    ]
    told = [{**base, "choices": [{"index": 0, "finish_reason": None, **part}]} for part in parts]
    raw = "".join(f"data: {json.dumps(event)}\n\n" for event in told)
    return (raw + ("data: [DONE]\n\n" if done else "")).encode()


def recorded(
    rule: Any, body: bytes, headers: dict[str, str] | None = None, *, api: str = "openai_chat", **more: Any
) -> Recording:
    """One that saw it all."""
    made = Recording(api, rule(**more), limit=10_000)
    if made.headers(headers or OK):
        for at in range(0, len(body), 7):
            made.body(body[at : at + 7])
    return made


class TestRecording:
    def test_keeps_json_as_it_came(self, rule: Any) -> None:
        """Every byte."""
        body = json.dumps(chat(), indent=3).encode()
        answer = recorded(rule, body).answer()
        assert answer is not None
        assert answer[0] == body

    def test_keeps_a_stream_as_json(self, rule: Any) -> None:
        """However it was cut."""
        answer = recorded(rule, chunks(), SSE).answer()
        assert answer is not None
        assert answer[1]["choices"] == [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            (chunks(done=False), "incomplete"),
            (chunks()[:-1], "incomplete"),
            (chunks()[:-20], "incomplete"),
            (chunks(finish=None), "incomplete"),
            (chunks(finish="length"), "truncated"),
            (chunks(finish="content_filter"), "filtered"),
            (chunks(logprobs={"content": [1]}), "incomplete"),
            (chunks() + b'data: {"more": 1}\n\n', "incomplete"),
            (b"data: no json\n\n" + chunks(), "incomplete"),
            (b"", "incomplete"),
        ],
    )
    def test_keeps_no_stream_that_is_not_whole_or_not_known(self, rule: Any, body: bytes, why: str) -> None:
        """In doubt nothing is kept."""
        made = recorded(rule, body, SSE)
        assert made.answer() is None
        assert made.why == why

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (chat("length"), "truncated"),
            (chat("tool_calls", tool_calls=[{"id": "1"}]), "tool_calls"),
            (chat("stop", tool_calls=[{"id": "1"}]), "tool_calls"),
            (chat("content_filter"), "filtered"),
            (chat(refusal="no"), "filtered"),
            (chat("strange"), "incomplete"),
            ({"error": {"message": "x"}}, "error"),
            ({"choices": []}, "incomplete"),
            ([], "incomplete"),
        ],
        ids=str,
    )
    def test_keeps_no_answer_that_is_not_plain(self, rule: Any, answer: Any, why: str) -> None:
        """Errors, refusals, tool calls, what a limit ended."""
        made = recorded(rule, json.dumps(answer).encode())
        assert made.answer() is None
        assert made.why == why

    def test_keeps_what_the_rule_allows(self, rule: Any) -> None:
        """Tool calls and truncated answers."""
        called = json.dumps(chat("tool_calls", tool_calls=[{"id": "1"}])).encode()
        assert recorded(rule, called, tool_calls=True).answer() is not None
        assert recorded(rule, json.dumps(chat("length")).encode(), truncated=True).answer() is not None

    @pytest.mark.parametrize(
        ("headers", "why"),
        [
            ({":status": "500"}, "error"),
            ({":status": "204"}, "error"),
            ({"cache-control": "no-store"}, "private"),
            ({"cache-control": "max-age=3, Private"}, "private"),
            ({"set-cookie": "a=b"}, "private"),
            ({"vary": "*"}, "private"),
            ({"content-encoding": "gzip"}, "unreadable"),
            ({"content-type": "text/plain"}, "unreadable"),
            ({"content-length": "10001"}, "too_large"),
        ],
        ids=str,
    )
    def test_headers_forbid_it(self, rule: Any, headers: dict[str, str], why: str) -> None:
        """Before a byte is copied."""
        made = Recording("openai_chat", rule(), limit=10_000)
        assert not made.headers({**OK, **headers})
        assert made.why == why
        assert made.answer() is None

    def test_copies_no_more_than_the_bound(self, rule: Any) -> None:
        """And lets go of what it has."""
        made = Recording("openai_chat", rule(), limit=100)
        made.headers(OK)
        assert made.body(b"x" * 100)
        assert not made.body(b"x")
        assert made.why == "too_large"
        assert made.answer() is None

    @pytest.mark.parametrize(
        ("api", "answer", "why"),
        [
            ("anthropic_messages", {"content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn"}, ""),
            ("anthropic_messages", {"content": [{"type": "tool_use"}], "stop_reason": "tool_use"}, "tool_calls"),
            ("anthropic_messages", {"content": [], "stop_reason": "max_tokens"}, "truncated"),
            ("anthropic_messages", {"content": [], "stop_reason": "pause_turn"}, "incomplete"),
            ("anthropic_messages", {"content": [], "stop_reason": "refusal"}, "filtered"),
            ("openai_responses", {"output": [{"type": "message", "content": []}], "status": "completed"}, ""),
            ("openai_responses", {"output": [{"type": "function_call"}], "status": "completed"}, "tool_calls"),
            (
                "openai_responses",
                {"output": [], "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
                "truncated",
            ),
            (
                "openai_responses",
                {"output": [], "status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
                "filtered",
            ),
            ("openai_responses", {"output": [], "status": "failed"}, "incomplete"),
            ("openai_embeddings", {"data": [{"embedding": [1]}]}, ""),
            ("openai_embeddings", {"data": []}, "incomplete"),
        ],
    )
    def test_other_apis(self, rule: Any, api: str, answer: dict[str, Any], why: str) -> None:
        """In their own words."""
        made = recorded(rule, json.dumps(answer).encode(), api=api)
        assert (made.answer() is None) == bool(why)
        assert made.why == why

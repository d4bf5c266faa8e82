"""A model server that answers with what it was told, or with what a header says, cut wherever a test wants.

`x-say`: the answer in base64 (default: the last user text as it arrived); `x-repeat`: so many times; `x-tool`: answer with a tool call
whose argument it is; `x-piece`: characters of one event's text; `x-split`: bytes of one network chunk, whatever the events; `x-delay`:
seconds between two; `x-break`: end the connection after so many chunks; `x-cache-control` and `x-cookie`: the response's headers of
such names. The response header `x-received` holds the body that arrived, in base64.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

Told = tuple[dict[str, Any], list[tuple[str, Any]]]
DONE = "[DONE]"


async def endpoint(request: Request) -> Response:
    """Any API."""
    raw = await request.body()
    body = json.loads(raw)
    headers = {"x-received": base64.b64encode(raw).decode(), "x-accept-encoding": request.headers.get("accept-encoding", "")}
    for name, told in (("x-cache-control", "cache-control"), ("x-cookie", "set-cookie")):
        if name in request.headers:
            headers[told] = request.headers[name]
    said = request.headers.get("x-say")
    text = base64.b64decode(said).decode() if said else last_text(body)
    text *= int(request.headers.get("x-repeat", "1"))
    size = int(request.headers.get("x-piece", "10000000"))
    pieces = [text[at : at + size] for at in range(0, len(text), size)] or [""]
    tool = "x-tool" in request.headers
    whole, events = ANSWERS[request.url.path](text, pieces, tool=tool)
    if body.get("stream"):
        stream = b"".join(written(name, data) for name, data in events)
        return StreamingResponse(cut(stream, request), media_type="text/event-stream", headers=headers)
    kind = request.headers.get("x-type", "application/json")
    data = json.dumps(whole, ensure_ascii=False).encode()
    return StreamingResponse(cut(data, request), media_type=kind, headers=headers)


def last_text(body: dict[str, Any]) -> str:
    """The words of the last message, as they arrived."""
    if "prompt" in body:
        return str(body["prompt"])
    messages = body.get("messages") or body.get("input")
    if isinstance(messages, str):
        return messages
    content = messages[-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def written(name: str, data: Any) -> bytes:
    """One event."""
    text = data if data == DONE else json.dumps(data, ensure_ascii=False)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


async def cut(data: bytes, request: Request) -> AsyncIterator[bytes]:
    """In network chunks; they are sent one by one."""
    size = int(request.headers.get("x-split", "1000000"))
    delay = float(request.headers.get("x-delay", "0"))
    ends = int(request.headers.get("x-break", "0"))
    for number, at in enumerate(range(0, len(data), size)):
        if ends and number == ends:
            raise RuntimeError("broken off, as the test wants it")
        yield data[at : at + size]
        await asyncio.sleep(delay)


def chat(text: str, pieces: list[str], *, tool: bool) -> Told:
    """Chat completions."""
    base = {"id": "chatcmpl-1", "created": 1, "model": "echo"}
    call = {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": json.dumps({"text": text})}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]} if tool else {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if tool else "stop"}
    whole = {**base, "object": "chat.completion", "choices": [choice], "usage": usage}
    chunk = {**base, "object": "chat.completion.chunk"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if tool:
        arguments = json.dumps({"text": text})
        size = len(pieces[0]) or 1
        deltas.append({"tool_calls": [{**call, "index": 0, "function": {"name": "send", "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": 0, "function": {"arguments": arguments[at : at + size]}}]}
            for at in range(0, len(arguments), size)
        ]
    else:
        deltas += [{"content": piece} for piece in pieces]
    events: list[tuple[str, Any]] = [
        ("", {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas
    ]
    last = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    return whole, [*events, ("", {**chunk, "choices": [last]}), ("", {**chunk, "choices": [], "usage": usage}), ("", DONE)]


def completions(text: str, pieces: list[str], *, tool: bool) -> Told:
    """Completions."""
    del tool  # this API has none
    base = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "echo"}
    whole = {**base, "choices": [{"index": 0, "text": text, "finish_reason": "stop"}]}
    events: list[tuple[str, Any]] = [
        ("", {**base, "choices": [{"index": 0, "text": piece, "finish_reason": None}]}) for piece in pieces
    ]
    last = {"index": 0, "text": "", "finish_reason": "stop"}
    return whole, [*events, ("", {**base, "choices": [last]}), ("", DONE)]


def messages(text: str, pieces: list[str], *, tool: bool) -> Told:
    """Anthropic's messages."""
    block = (
        {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"text": text}} if tool else {"type": "text", "text": text}
    )
    base = {"id": "msg_1", "type": "message", "role": "assistant", "model": "echo"}
    usage = {"input_tokens": 5, "output_tokens": 7}
    whole = {**base, "content": [block], "stop_reason": "tool_use" if tool else "end_turn", "usage": usage}
    begun = {**base, "content": [], "stop_reason": None, "usage": usage}
    if tool:
        arguments = json.dumps({"text": text})
        size = len(pieces[0]) or 1
        empty: dict[str, Any] = {**block, "input": {}}
        deltas = [
            {"type": "input_json_delta", "partial_json": arguments[at : at + size]} for at in range(0, len(arguments), size)
        ]
    else:
        empty = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    told: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"]}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]
    return whole, [(event["type"], event) for event in told]


def responses(text: str, pieces: list[str], *, tool: bool) -> Told:
    """OpenAI's responses."""
    part = {"type": "output_text", "text": text, "annotations": []}
    arguments = json.dumps({"text": text})
    item: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    if tool:
        item = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "send", "arguments": arguments}
    usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "echo",
        "output": [item],
        "usage": usage,
    }
    place = {"item_id": item["id"], "output_index": 0}
    if tool:
        size = len(pieces[0]) or 1
        pieces = [arguments[at : at + size] for at in range(0, len(arguments), size)]
        empty, name, done = {**item, "arguments": ""}, "response.function_call_arguments", {"arguments": arguments}
    else:
        place["content_index"] = 0
        empty, name, done = {**item, "status": "in_progress", "content": []}, "response.output_text", {"text": text}
    told: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}},
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        *({"type": f"{name}.delta", **place, "delta": piece} for piece in pieces),
        {"type": f"{name}.done", **place, **done},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return whole, [(event["type"], {**event, "sequence_number": number}) for number, event in enumerate(told)]


ANSWERS = {
    "/v1/chat/completions": chat,
    "/v1/completions": completions,
    "/v1/messages": messages,
    "/v1/responses": responses,
}


def main() -> None:
    """`echo_server.py PORT`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    app = Starlette(routes=[Route(path, endpoint, methods=["POST"]) for path in ANSWERS])
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port, log_level="critical", access_log=False)


if __name__ == "__main__":
    main()

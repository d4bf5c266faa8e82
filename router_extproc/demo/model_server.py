"""Model server: a stand-in that speaks OpenAI's and Anthropic's APIs, JSON and SSE, and tells exactly what reached it.

Its answers are canned, but its form is that of a real server. Response headers say what came in: `x-served-by`, `x-body-sha256`,
`x-received-model` (percent-encoded where it is not ASCII), `x-received-encoding`, `x-received-router-headers`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from router_extproc.demo.prompt_cache import PromptCache

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

Answer = tuple[dict[str, Any], list[tuple[str, Any]]]
"""The JSON answer, and the events of the same answer as a stream."""

_DONE = "[DONE]"


class ModelServer:
    """One pool's model. `delay_s` is the time between two streamed words, `cache` what it tells of a prompt cache (chat only)."""

    def __init__(self, name: str, *, delay_s: float = 0.0, cache: PromptCache | None = None) -> None:
        self._cache = cache
        self._name = name
        self._delay_s = delay_s

    def app(self) -> Starlette:
        """The ASGI application."""
        apis = {
            "/v1/chat/completions": chat,
            "/v1/completions": completions,
            "/v1/responses": responses,
            "/v1/messages": messages,
            "/v1/embeddings": embeddings,
        }
        routes = [Route(path, self._endpoint(answer), methods=["POST"]) for path, answer in apis.items()]
        models = {"object": "list", "data": [{"id": self._name, "object": "model"}]}
        return Starlette(
            routes=[
                *routes,
                Route("/v1/models", lambda _: JSONResponse(models, headers={"x-served-by": self._name})),
                Route("/{rest:path}", self._other, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    def _endpoint(self, answer: Callable[[str, list[str], int], Answer]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            raw = await request.body()
            headers = self._told(request, raw)
            try:
                body = json.loads(raw)
            except (ValueError, RecursionError):
                return JSONResponse({"error": {"message": "not JSON", "type": "invalid_request_error"}}, 400, headers)
            body = body if isinstance(body, dict) else {}
            model = str(body.get("model", "")).encode(errors="replace").decode()  # half a surrogate cannot be sent
            headers["x-received-model"] = quote(model, safe=" /:@+")  # a header holds one line of ASCII
            words = [f"This is pool {self._name},", f"model {model}:", "your answer", "in a few", "words."]
            whole, events = answer(model, words, len(raw) // 4)
            if self._cache is not None and answer is chat:
                # The events share it.
                whole["usage"]["prompt_tokens_details"] = {"cached_tokens": self._cache.read(body, len(raw) // 4)}
            if body.get("stream") and events:
                return StreamingResponse(self._stream(events), media_type="text/event-stream", headers=headers)
            return JSONResponse(whole, headers=headers)

        return endpoint

    async def _other(self, request: Request) -> Response:
        raw = await request.body()
        return PlainTextResponse(f"{self._name}\n", headers=self._told(request, raw))

    def _told(self, request: Request, raw: bytes) -> dict[str, str]:
        ours = {name: value for name, value in request.headers.items() if name.startswith("x-router-")}
        return {
            "x-served-by": self._name,
            "x-body-sha256": hashlib.sha256(raw).hexdigest(),
            "x-body-bytes": str(len(raw)),
            "x-received-encoding": request.headers.get("content-encoding", ""),
            "x-received-router-headers": json.dumps(ours),
        }

    async def _stream(self, events: list[tuple[str, Any]]) -> AsyncIterator[bytes]:
        for name, data in events:
            text = data if data == _DONE else json.dumps(data)
            yield (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()
            if self._delay_s:
                await asyncio.sleep(self._delay_s)


def chat(model: str, words: list[str], prompt_tokens: int) -> Answer:
    """Chat Completions."""
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": len(words), "total_tokens": prompt_tokens + len(words)}
    common = {"id": "chatcmpl-demo", "created": int(time.time()), "model": model}
    message = {"role": "assistant", "content": " ".join(words)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    whole = {**common, "object": "chat.completion", "choices": [choice], "usage": usage}
    chunk = {**common, "object": "chat.completion.chunk"}
    deltas = [{"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None} for word in words]
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    events: list[tuple[str, Any]] = [("", {**chunk, "choices": [delta]}) for delta in deltas]
    events += [("", {**chunk, "choices": [last]}), ("", {**chunk, "choices": [], "usage": usage}), ("", _DONE)]
    return whole, events


def completions(model: str, words: list[str], prompt_tokens: int) -> Answer:
    """Completions."""
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": len(words), "total_tokens": prompt_tokens + len(words)}
    common = {"id": "cmpl-demo", "object": "text_completion", "created": int(time.time()), "model": model}
    whole = {**common, "choices": [{"index": 0, "text": " ".join(words), "finish_reason": "stop"}], "usage": usage}
    events: list[tuple[str, Any]] = [("", {**common, "choices": [{"index": 0, "text": f"{word} "}]}) for word in words]
    return whole, [*events, ("", {**common, "choices": [], "usage": usage}), ("", _DONE)]


def responses(model: str, words: list[str], prompt_tokens: int) -> Answer:
    """Responses."""
    content = [{"type": "output_text", "text": " ".join(words), "annotations": []}]
    whole = {
        "id": "resp_demo",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "model": model,
        "output": [{"id": "msg_demo", "type": "message", "role": "assistant", "status": "completed", "content": content}],
        "usage": {"input_tokens": prompt_tokens, "output_tokens": len(words), "total_tokens": prompt_tokens + len(words)},
    }
    events: list[tuple[str, Any]] = [
        ("response.created", {"type": "response.created", "response": {**whole, "status": "in_progress"}})
    ]
    kind = "response.output_text.delta"
    events += [
        (kind, {"type": kind, "item_id": "msg_demo", "output_index": 0, "content_index": 0, "delta": word}) for word in words
    ]
    return whole, [*events, ("response.completed", {"type": "response.completed", "response": whole})]


def messages(model: str, words: list[str], prompt_tokens: int) -> Answer:
    """Anthropic Messages."""
    whole = {
        "id": "msg_demo",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": " ".join(words)}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": prompt_tokens, "output_tokens": len(words)},
    }
    begun = {**whole, "content": [], "stop_reason": None, "usage": {"input_tokens": prompt_tokens, "output_tokens": 1}}
    told: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"{word} "}} for word in words),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": len(words)}},
        {"type": "message_stop"},
    ]
    return whole, [(event["type"], event) for event in told]


def embeddings(model: str, _words: list[str], prompt_tokens: int) -> Answer:
    """Embeddings."""
    data = [{"object": "embedding", "index": 0, "embedding": [0.0] * 8}]
    usage = {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}, []


def main() -> None:
    """`python -m router_extproc.demo.model_server --name small --port 9101`."""
    parser = argparse.ArgumentParser(description="A model server with canned answers, for the demo and the tests.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds between two streamed words")
    parser.add_argument("--prompt-cache", action="store_true", help="tell cached tokens, as servers with prefix caching do")
    options = parser.parse_args()
    cache = PromptCache() if options.prompt_cache else None
    app = ModelServer(options.name, delay_s=options.delay, cache=cache).app()
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False, loop="uvloop")


if __name__ == "__main__":
    main()

"""The stand-in for a model: it speaks five APIs, and tells exactly what reached it."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from router_extproc.apis import registry
from router_extproc.apis.sse import SseReader
from router_extproc.demo.client import Client
from router_extproc.demo.model_server import ModelServer
from router_extproc.demo.processes import Processes, answers, free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


CHAT = "/v1/chat/completions"
STREAMED = [CHAT, "/v1/completions", "/v1/responses", "/v1/messages"]
APIS = [*STREAMED, "/v1/embeddings"]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of the pool small."""
    transport = httpx.ASGITransport(ModelServer("small").app())
    async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
        yield client


def request(path: str, **more: Any) -> dict[str, Any]:
    """A request of that path's API."""
    said = {"messages": [{"role": "user", "content": "hi"}]}
    kinds: dict[str, dict[str, Any]] = {
        CHAT: said,
        "/v1/messages": {**said, "max_tokens": 9},
        "/v1/completions": {"prompt": "hi"},
    }
    return {"model": "qwen", **kinds.get(path, {"input": "hi"}), **more}


class TestAnswers:
    @pytest.mark.parametrize("path", APIS)
    async def test_a_json_answer_tells_its_tokens(self, client: httpx.AsyncClient, path: str) -> None:
        """The router's own reader of that API understands the answer."""
        answer = await client.post(path, json=request(path))
        api = registry.find("POST", path)
        assert api is not None
        facts = api.response_facts(answer.content)

        assert answer.status_code == 200
        assert answer.json()["model"] == "qwen"
        assert facts.input_tokens == len(answer.request.content) // 4
        assert facts.output_tokens == (None if path == "/v1/embeddings" else 5)

    @pytest.mark.parametrize("path", STREAMED)
    async def test_a_stream_tells_the_same_tokens_and_ends(self, client: httpx.AsyncClient, path: str) -> None:
        """The events carry text, the same usage as the JSON answer, and the mark of the end."""
        answer = await client.post(path, json=request(path, stream=True))
        api = registry.find("POST", path)
        assert api is not None
        facts = [api.event_facts(event.event, event.data) for event in SseReader().feed(answer.content)]
        inputs = [one.input_tokens for one in facts if one.input_tokens is not None]
        outputs = [one.output_tokens for one in facts if one.output_tokens is not None]

        assert answer.headers["content-type"].startswith("text/event-stream")
        assert inputs[-1] == len(answer.request.content) // 4
        assert outputs[-1] == 5
        assert sum(one.has_output for one in facts) >= 5
        assert [one.done for one in facts] == [False] * (len(facts) - 1) + [True]

    async def test_embeddings_have_no_stream(self, client: httpx.AsyncClient) -> None:
        """Whoever asks for one gets JSON, as from a real server."""
        answer = await client.post("/v1/embeddings", json=request("/v1/embeddings", stream=True))

        assert answer.headers["content-type"] == "application/json"

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"{", id="broken"),
            pytest.param(b"", id="empty"),
            pytest.param(b"\xff\xfe", id="not text"),
            pytest.param(b"[" * 100_000, id="too deep"),
        ],
    )
    async def test_a_body_that_is_no_json_is_refused(self, client: httpx.AsyncClient, body: bytes) -> None:
        """The refusal still tells what came in."""
        answer = await client.post(CHAT, content=body)

        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert answer.headers["x-body-sha256"] == hashlib.sha256(body).hexdigest()

    async def test_a_body_that_is_no_object_is_answered(self, client: httpx.AsyncClient) -> None:
        """Judging bodies is the router's task, not the stand-in's."""
        assert (await client.post(CHAT, content=b"[1]")).status_code == 200


class TestWhatItTells:
    async def test_the_pool_and_the_body(self, client: httpx.AsyncClient) -> None:
        """Byte for byte: a test can see that nothing was changed on the way."""
        body = b'{ "model":"qwen",\n "messages": [] }'
        answer = await client.post(CHAT, content=body)

        assert answer.headers["x-served-by"] == "small"
        assert answer.headers["x-body-sha256"] == hashlib.sha256(body).hexdigest()
        assert answer.headers["x-body-bytes"] == str(len(body))
        assert answer.headers["x-received-model"] == "qwen"
        assert answer.headers["x-received-encoding"] == ""

    async def test_the_routers_headers(self, client: httpx.AsyncClient) -> None:
        """Only those that start with x-router-."""
        headers = {"X-Router-Pool": "pool-small", "x-router-decision": "code", "x-other": "1"}
        answer = await client.post(CHAT, json=request(CHAT), headers=headers)

        assert json.loads(answer.headers["x-received-router-headers"]) == {
            "x-router-pool": "pool-small",
            "x-router-decision": "code",
        }

    async def test_the_encoding(self, client: httpx.AsyncClient) -> None:
        """A compressed body is told to be one."""
        answer = await client.post(CHAT, content=b"\x1f\x8b", headers={"content-encoding": "gzip"})

        assert answer.headers["x-received-encoding"] == "gzip"

    @pytest.mark.parametrize(
        ("model", "told"),
        [
            pytest.param("org/model:free@1+2", "org/model:free@1+2", id="plain"),
            pytest.param("模型", "%E6%A8%A1%E5%9E%8B", id="Chinese"),
            pytest.param("a\r\nx-forged: 1", "a%0D%0Ax-forged: 1", id="line break"),
            pytest.param("\ud800", "%3F", id="half a surrogate"),
            pytest.param(7, "7", id="number"),
        ],
    )
    async def test_any_model_fits_in_a_header(self, client: httpx.AsyncClient, model: str | int, told: str) -> None:
        """What a caller named comes back on one line of ASCII."""
        answer = await client.post(CHAT, content=json.dumps(request(CHAT, model=model)).encode())

        assert answer.headers["x-received-model"] == told
        assert "x-forged" not in answer.headers


class TestOtherPaths:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
    async def test_are_answered_with_the_pools_name(self, client: httpx.AsyncClient, method: str) -> None:
        """A request that is for no LLM API arrives too."""
        answer = await client.request(method, "/healthz", content=b"abc")

        assert (answer.status_code, answer.text) == (200, "small\n")
        assert answer.headers["x-body-bytes"] == "3"

    async def test_the_list_of_models(self, client: httpx.AsyncClient) -> None:
        """It has the pool's one model."""
        answer = await client.get("/v1/models")

        assert [model["id"] for model in answer.json()["data"]] == ["small"]
        assert answer.headers["x-served-by"] == "small"


class TestMain:
    def test_serves_on_the_port_and_streams_at_its_pace(self, tmp_path: Path) -> None:
        """As a process: the delay lies between two words, and the pool has its name."""
        port = free_ports(1)[0]
        command = [sys.executable, "-m", "router_extproc.demo.model_server", "--name", "large", "--port", str(port)]
        with Processes(tmp_path) as processes:
            child = processes.start("model", [*command, "--delay", "0.02"])
            processes.wait(child, lambda: answers(f"http://127.0.0.1:{port}/healthz"))
            client = Client(f"http://127.0.0.1:{port}")
            answer = client.post(CHAT, json.dumps(request(CHAT, stream=True)).encode())
            client.close()

        assert answer.headers["x-served-by"] == "large"
        assert answer.body.endswith(b"data: [DONE]\n\n")

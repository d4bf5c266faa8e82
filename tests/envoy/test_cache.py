"""The response cache through the real Envoy: three APIs, JSON and streams, one made of the other."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis_server import NEEDED, RedisServer

from router_extproc.apis.registry import find
from router_extproc.demo.client import post
from router_extproc.demo.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router_extproc.demo.client import Answered
    from router_extproc.demo.stack import Stack

pytestmark = pytest.mark.envoy

ECHO = Path(__file__).parent / "echo_server.py"
MODES = ("buffered", "full_duplex", "streamed")
PATHS = ("/v1/chat/completions", "/v1/messages", "/v1/responses")
MAIL, OTHER, KEY = "jana.hofer@post.example.org", "t.okoro@firma.example.com", "sk-proj-Zk3vQ9mW2xLr8TnB5yHc7JdF"
POLICY = """\
version: 1
pools:
  small: {cluster: pool-small}
  large: {cluster: pool-large}
default: small
identity: {userHeader: x-user, tenantHeader: x-tenant}
limits: {deadlineMs: 4000}
signals:
  team: {type: header, header: x-team}
  words: {type: keyword, any: [forbidden]}
decisions:
  - name: no
    when: words
    action: {reject: {status: 403, message: "No."}}
  - name: private
    when: {signal: team, is: private}
    action:
      pii:
        types: {EMAIL: restore}
  - name: look
    when: {signal: team, is: private}
    action:
      response:
        pii: {API_KEY: block, IP_ADDRESS: tag}
  - name: everybody
    when: {signal: team, in: [all, private]}
    action: {cache: {mode: semantic, scope: global, waitMs: 3000, requestControl: true}}
  - name: tenants
    when: {signal: team, is: tenants}
    action: {cache: {mode: exact, scope: tenant}}
cache: {ttlSeconds: 600, maxEntryBytes: 64KiB}
"""


@pytest.fixture(scope="module", params=MODES)
def cached(workshop: Any, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Everything, with echoing model servers."""
    path = workshop.directory / f"cache-{request.param}.yaml"
    path.write_text(POLICY)
    with workshop.echoed(workshop.plan(body_mode=request.param, timeout_s=6.0), path) as running:
        yield running


def wait_for(stack: Stack) -> None:
    """Until the echoing servers listen."""
    for _ in range(200):
        if post(stack.url, PATHS[0], body(PATHS[0], "hello")).status == 200:
            return
        time.sleep(0.05)
    raise TimeoutError("no echo")


def body(path: str, text: str, **more: Any) -> bytes:
    """A request with that user text."""
    if path == "/v1/responses":
        told: dict[str, Any] = {"input": text, "store": False}
    else:
        told = {"messages": [{"role": "user", "content": text}]} | ({"max_tokens": 99} if path == "/v1/messages" else {})
    return json.dumps({"model": "auto", **told, **more}).encode()


def ask(stack: Stack, path: str, text: str, *, team: str = "all", headers: dict[str, str] | None = None, **more: Any) -> Answered:
    """One request."""
    return post(stack.url, path, body(path, text, **more), {"x-team": team, **(headers or {})})


def result(answer: Answered) -> str:
    """What the cache did."""
    return answer.headers.get("x-router-cache", "")


def text_of(path: str, answer: Answered) -> str:
    """The words of an answer, in either form."""
    if answer.headers["content-type"].startswith("text/event-stream"):
        api = find("POST", path)
        assert api is not None
        lines = [line.removeprefix(b"data: ") for line in answer.body.split(b"\n") if line.startswith(b"data: ")]
        text = ""
        for event in [json.loads(line) for line in lines if line != b"[DONE]"]:
            for fragment in api.pieces(event).fragments:
                value: Any = event
                for step in fragment.path:
                    value = value[step]
                text += value
        return text
    whole = json.loads(answer.body)
    if "choices" in whole:
        return str(whole["choices"][0]["message"]["content"])
    part = whole["content"][0] if "content" in whole else whole["output"][0]["content"][0]
    return str(part["text"])


class TestHits:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("first", [False, True])
    @pytest.mark.parametrize("second", [False, True])
    def test_serves_each_form_from_each(self, cached: Stack, path: str, *, first: bool, second: bool) -> None:
        """A stream from a JSON answer and the other way round, too; the words are the same."""
        question = f"Is {path} {first} or {second} the better ending?"
        usage = {"stream_options": {"include_usage": True}} if path == PATHS[0] else {}
        before = ask(cached, path, question, stream=first, headers={"x-piece": "3", "x-split": "70"}, **usage)
        after = ask(cached, path, question, stream=second, **usage)

        assert (before.status, result(before)) == (200, "miss")
        assert (after.status, result(after)) == (200, "hit")
        assert after.headers["age"].isdigit()
        assert after.headers["content-type"].startswith("text/event-stream" if second else "application/json")
        assert text_of(path, after) == text_of(path, before) == question
        assert "x-received" not in after.headers

    def test_serves_the_same_question_in_other_words(self, cached: Stack) -> None:
        """And none with another number, name, or direction."""
        first = ask(cached, PATHS[0], "How many ounces are in 3 tonnes?")
        same = ask(cached, PATHS[0], "Convert 3 tonnes to ounces.", stream=True)
        others = [ask(cached, PATHS[0], text) for text in ("Convert 30 tonnes to ounces.", "Convert 3 ounces to tonnes.")]

        assert [result(first), result(same), *map(result, others)] == ["miss", "hit", "miss", "miss"]
        assert text_of(PATHS[0], same) == "How many ounces are in 3 tonnes?"


class TestPartitions:
    def test_never_serves_another_tenant(self, cached: Stack) -> None:
        """The same words from another tenant, or from nobody, are another request."""
        first = ask(cached, PATHS[0], "what is ours?", team="tenants", headers={"x-tenant": "red"})
        others = [
            ask(cached, PATHS[0], "what is ours?", team="tenants", headers=headers)
            for headers in ({"x-tenant": "blue"}, {}, {"x-tenant": "red"}, {"x-tenant": "blue"})
        ]

        assert [result(first), *map(result, others)] == ["miss", "miss", "bypass", "hit", "hit"]

    @pytest.mark.parametrize(
        "more",
        [
            {"temperature": 0},
            {"tools": []},
            {"seed": 3},
            {"response_format": {"type": "json_object"}},
            {"max_tokens": 7},
            {"n": 2},
        ],
        ids=str,
    )
    def test_keeps_what_changes_an_answer_apart(self, cached: Stack, more: dict[str, Any]) -> None:
        """Parameters, tools and formats."""
        question = f"What does {sorted(more)} change here?"
        assert result(ask(cached, PATHS[0], question)) == "miss"
        assert result(ask(cached, PATHS[0], question, **more)) == "miss"
        assert result(ask(cached, PATHS[0], question)) == "hit"

    def test_asks_the_guards_first(self, cached: Stack) -> None:
        """What a rule refuses gets no kept answer either."""
        assert ask(cached, PATHS[0], "a forbidden word in it").status == 403

    def test_restores_for_each_caller(self, cached: Stack) -> None:
        """The key is the masked body; each gets the own values back."""
        answers = [ask(cached, PATHS[0], f"Write to {mail} at noon", team="private") for mail in (MAIL, OTHER, MAIL)]
        streamed = ask(cached, PATHS[0], f"Write to {OTHER} at noon", team="private", stream=True)

        assert [*map(result, answers), result(streamed)] == ["miss", "hit", "hit", "hit"]
        assert [text_of(PATHS[0], answer) for answer in answers] == [f"Write to {mail} at noon" for mail in (MAIL, OTHER, MAIL)]
        assert text_of(PATHS[0], streamed) == f"Write to {OTHER} at noon"


class TestWhatIsNotKept:
    @pytest.mark.parametrize(
        "headers",
        [
            {"x-tool": "1"},
            {"x-cache-control": "no-store"},
            {"x-cache-control": "private"},
            {"x-cookie": "a=b"},
            {"x-type": "text/plain"},
        ],
        ids=str,
    )
    def test_response(self, cached: Stack, headers: dict[str, str]) -> None:
        """Tool calls, private answers, what cannot be read."""
        question = f"Is {sorted(headers.items())} kept in it?"
        assert [result(ask(cached, PATHS[0], question, headers=headers)) for _ in range(2)] == ["miss", "miss"]

    def test_what_a_guard_touched(self, cached: Stack) -> None:
        """Blocked or tagged."""
        for words in (f"echo the key {KEY} here", "echo the address 10.11.12.13 here"):
            assert [result(ask(cached, PATHS[0], words, team="private")) for _ in range(2)] == ["miss", "miss"]

    def test_a_stream_that_breaks_off(self, cached: Stack) -> None:
        """The next one is asked anew."""
        question = "Does a broken stream stay in the cache?"
        with contextlib.suppress(Exception):  # a client may tell a broken stream in several ways
            ask(cached, PATHS[0], question, headers={"x-piece": "4", "x-split": "40", "x-break": "9"}, stream=True)
        assert result(ask(cached, PATHS[0], question)) == "miss"

    def test_too_large(self, cached: Stack) -> None:
        """By the policy's bound."""
        question = "large " * 20_000
        assert [result(ask(cached, PATHS[0], question)) for _ in range(2)] == ["miss", "miss"]

    @pytest.mark.parametrize("more", [{"temperature": 0.7}, {"conversation": "c1"}], ids=str)
    def test_request(self, cached: Stack, more: dict[str, Any]) -> None:
        """Sampled, or part of what the model server remembers."""
        assert [result(ask(cached, PATHS[2], "What about these?", **more)) for _ in range(2)] == ["bypass", "bypass"]


class TestControl:
    def test_by_the_caller(self, cached: Stack) -> None:
        """no-cache asks anew and keeps; no-store leaves the cache out; only-if-cached asks no model."""
        question = "Who has control over the cache?"

        def tell(control: str) -> Answered:
            return ask(cached, PATHS[0], question, headers={"cache-control": control})

        assert tell("only-if-cached").status == 504
        assert [result(tell(control)) for control in ("no-store", "no-cache", "max-age=60", "only-if-cached", "no-cache")] == [
            "bypass", "miss", "hit", "hit", "miss",
        ]  # fmt: skip
        time.sleep(1.1)
        assert result(tell("max-age=0")) == "miss"


class TestTogether:
    def test_identical_requests_ask_once(self, cached: Stack) -> None:
        """All but the first wait for its answer."""
        seen: list[str] = []

        def one() -> None:
            headers = {"x-piece": "4", "x-split": "60", "x-delay": "0.02"}
            seen.append(result(ask(cached, PATHS[0], "What is asked by many at once?", headers=headers, stream=True)))

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(seen) == ["hit"] * 7 + ["miss"]

    def test_a_leader_that_dies_releases_them(self, cached: Stack) -> None:
        """They go on by themselves."""
        seen: list[int] = []

        def one(headers: dict[str, str]) -> None:
            try:
                seen.append(ask(cached, PATHS[0], "What if the leader dies?", headers=headers, stream=True).status)
            except Exception:  # noqa: BLE001 - the leader's own connection breaks
                seen.append(0)

        leader = threading.Thread(target=one, args=({"x-piece": "4", "x-split": "60", "x-delay": "0.05", "x-break": "6"},))
        others = [threading.Thread(target=one, args=({},)) for _ in range(4)]
        leader.start()
        time.sleep(0.1)
        for thread in others:
            thread.start()
        for thread in (leader, *others):
            thread.join()
        assert seen.count(200) >= 4


@NEEDED
class TestReplicas:
    def test_share_answers_in_redis_and_do_without(self, workshop: Any, tmp_path: Path) -> None:
        """What one keeps, the other serves; when Redis is gone both go on as if nothing were kept."""
        server = RedisServer(tmp_path).start()
        secret = tmp_path / "secret"
        secret.write_text("0123456789abcdef" * 2)
        path = tmp_path / "policy.yaml"
        path.write_text(POLICY.replace("cache: {ttlSeconds", "cache: {backend: redis, timeoutMs: 100, ttlSeconds"))
        more = ("--state", server.url, "--cache-secret-file", str(secret))
        (port,) = free_ports(1)
        child = workshop.processes.start("echo-shared", [sys.executable, str(ECHO), str(port)])
        plans = [replace(workshop.plan(timeout_s=6.0), pools=dict.fromkeys(workshop.plan().pools, port)) for _ in range(2)]
        try:
            with workshop.routed(plans[0], path, *more) as one, workshop.routed(plans[1], path, *more) as two:
                wait_for(one)
                wait_for(two)
                assert result(ask(one, PATHS[0], "What do replicas share?")) == "miss"
                time.sleep(0.3)
                assert result(ask(two, PATHS[0], "What do replicas share?", stream=True)) == "hit"
                server.stop()
                answers = [ask(stack, PATHS[0], "What do replicas share?") for stack in (one, two) * 4]
                assert [(answer.status, result(answer)) for answer in answers] == [(200, "miss")] * 8
        finally:
            server.stop()
            workshop.processes.end(child)

from __future__ import annotations

from typing import Any

import pytest
from cache_makers import outcome

from router_extproc.cache.keys import keys, refusal
from router_extproc.cache.rule import CacheMode, CacheScope
from router_extproc.guarding import ResponseAction, ResponseGuard
from router_extproc.request import Caller
from router_extproc.routing import BodyEdits, SystemEdit, SystemMode

SECRET = b"s" * 32


class TestKeys:
    @pytest.mark.parametrize(
        "more",
        [
            {"seed": 1}, {"temperature": 0}, {"max_tokens": 3}, {"tools": [{"type": "function", "function": {"name": "f"}}]},
            {"response_format": {"type": "json_object"}}, {"n": 2}, {"unheard_of": True}, {"stop": ["x"]},
        ],
        ids=str,
    )  # fmt: skip
    def test_every_parameter_counts(self, ask: Any, rule: Any, more: dict[str, Any]) -> None:
        """Also those that this version does not know."""
        first, second = (keys(SECRET, rule(), request, outcome(), body) for request, body in (ask(), ask(**more)))
        assert first.exact != second.exact

    @pytest.mark.parametrize(
        "more", [{"stream": True}, {"stream_options": {"include_usage": True}}, {"user": "u"}, {"metadata": {"a": "b"}}], ids=str
    )
    def test_what_changes_no_answer_does_not(self, ask: Any, rule: Any, more: dict[str, Any]) -> None:
        """Streams and JSON are made of each other."""
        first, second = (keys(SECRET, rule(), request, outcome(), body) for request, body in (ask(), ask(**more)))
        assert first.exact == second.exact

    @pytest.mark.parametrize(
        "other",
        [
            {"policy": "def"},
            {"edits": BodyEdits(system=(SystemEdit(SystemMode.PREPEND, "x"),))},
            {"guard": ResponseGuard({"IBAN": ResponseAction.MASK}, 160, refuse_unreadable=True)},
        ],
        ids=["policy", "system prompt", "guard"],
    )
    def test_what_the_policy_does_counts(self, ask: Any, rule: Any, other: dict[str, Any]) -> None:
        """Its version, its edits, its guards."""
        request, body = ask()
        assert keys(SECRET, rule(), request, outcome(), body) != keys(SECRET, rule(), request, outcome(**other), body)

    def test_scopes(self, ask: Any, rule: Any) -> None:
        """Another user, tenant or group is another key where the scope says so, and only there."""
        people = [Caller("ann", (), "red"), Caller("bob", (), "red"), Caller("ann", (), "blue"), Caller("ann", ("admin",), "red")]

        def count(scope: CacheScope) -> int:
            told = [ask(caller=caller) for caller in people]
            return len({keys(SECRET, rule(scope=scope), request, outcome(), body).exact for request, body in told})

        assert [count(scope) for scope in (CacheScope.USER, CacheScope.TENANT, CacheScope.GLOBAL)] == [4, 2, 1]

    def test_headers_that_change_answers_count(self, ask: Any, rule: Any) -> None:
        """As a version of the API does; x-request-id does not."""
        told = [ask(headers=headers) for headers in ({}, {"anthropic-beta": "x"}, {"x-request-id": "1"})]
        first, second, third = (keys(SECRET, rule(), request, outcome(), body).exact for request, body in told)
        assert first != second
        assert first == third

    def test_no_key_without_the_secret(self, ask: Any, rule: Any) -> None:
        """Who sees keys cannot try prompts."""
        request, body = ask()
        assert keys(SECRET, rule(), request, outcome(), body) != keys(b"t" * 32, rule(), request, outcome(), body)

    def test_partition_leaves_out_only_the_last_text(self, ask: Any, rule: Any) -> None:
        """History, system prompt and parameters must be the same."""
        semantic = rule(mode=CacheMode.SEMANTIC)

        def partition(text: str, **more: Any) -> bytes:
            request, body = ask(text, **more)
            return keys(SECRET, semantic, request, outcome(), body).partition

        assert partition("a") == partition("b") != b""
        assert partition("a") != partition("a", temperature=0)
        history = [{"role": "system", "content": "x"}, {"role": "user", "content": "a"}]
        assert partition("a") != partition("", messages=history) != b""

    @pytest.mark.parametrize(
        "messages",
        [
            [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
            [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}]}],
            [{"role": "tool", "content": "a", "tool_call_id": "1"}],
        ],
        ids=["assistant last", "image", "tool last"],
    )
    def test_no_partition_where_more_than_words_is_asked(self, ask: Any, rule: Any, messages: list[Any]) -> None:
        """Those requests are served by exact lookups only."""
        request, body = ask(messages=messages)
        assert keys(SECRET, rule(mode=CacheMode.SEMANTIC), request, outcome(), body).partition == b""

    def test_no_partition_where_the_answer_can_be_continued(self, ask: Any, rule: Any) -> None:
        """The Responses API keeps what was said, unless told not to."""
        semantic = rule(mode=CacheMode.SEMANTIC)
        kept, free = (ask(path="/v1/responses", **more) for more in ({}, {"store": False}))
        assert keys(SECRET, semantic, kept[0], outcome(), kept[1]).partition == b""
        assert keys(SECRET, semantic, free[0], outcome(), free[1]).partition != b""


class TestRefusal:
    @pytest.mark.parametrize(
        ("scope", "caller", "why"),
        [
            (CacheScope.USER, Caller(tenant="red"), "no_identity"),
            (CacheScope.TENANT, Caller("ann"), "no_identity"),
            (CacheScope.USER, Caller("ann"), ""),
            (CacheScope.GLOBAL, Caller(), ""),
        ],
    )
    def test_needs_the_identity_of_its_scope(self, ask: Any, rule: Any, scope: CacheScope, caller: Caller, why: str) -> None:
        """A missing one is never everybody."""
        assert refusal(rule(scope=scope), ask(caller=caller)[0]) == why

    @pytest.mark.parametrize(
        ("more", "why"),
        [({"temperature": 0.2}, "sampled"), ({"temperature": 0}, ""), ({"temperature": 0.0}, ""), ({}, "")],
    )
    def test_sampled(self, ask: Any, rule: Any, more: dict[str, Any], why: str) -> None:
        """A caller who asks for chance gets it, unless the rule says otherwise."""
        assert refusal(rule(), ask(**more)[0]) == why
        assert refusal(rule(sampled=True), ask(**more)[0]) == ""

    @pytest.mark.parametrize("more", [{"previous_response_id": "r"}, {"conversation": "c"}, {"background": True}], ids=str)
    def test_stateful(self, ask: Any, rule: Any, more: dict[str, Any]) -> None:
        """What the model server remembers is in no key."""
        assert refusal(rule(), ask(path="/v1/responses", **more)[0]) == "stateful"

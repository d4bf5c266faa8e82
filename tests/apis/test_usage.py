"""Usage: what is believed of what model servers say."""

from __future__ import annotations

from typing import Any

import pytest

from router_extproc.apis.usage import MAX_TOKENS, decoded, facts


class TestFacts:
    @pytest.mark.parametrize(
        ("told", "believed"),
        [
            pytest.param(0, 0, id="none"),
            pytest.param(MAX_TOKENS, MAX_TOKENS, id="the most"),
            pytest.param(MAX_TOKENS + 1, None, id="more than there are"),
            pytest.param(-1, None, id="less than none"),
            pytest.param(2.5, None, id="a part"),
            pytest.param(True, None, id="a truth"),
            pytest.param("7", None, id="a text"),
        ],
    )
    def test_believes_counts_that_can_be(self, told: Any, believed: int | None) -> None:
        """Of the prompt, the answer and the cache alike."""
        found = facts({"prompt_tokens": told, "completion_tokens": told, "prompt_tokens_details": {"cached_tokens": told}})

        assert [found.input_tokens, found.output_tokens, found.cached_tokens] == [believed] * 3

    @pytest.mark.parametrize("usage", [None, [], "x", {"prompt_tokens_details": []}])
    def test_without_usage_nothing_is_known(self, usage: Any) -> None:
        """Whatever stands in its place."""
        assert facts(usage).input_tokens is None

    @pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000])
    def test_a_body_that_is_no_object_is_an_empty_one(self, body: bytes) -> None:
        """What a model server sends breaks nothing."""
        assert decoded(body) == {}

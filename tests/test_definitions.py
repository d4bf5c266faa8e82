"""What the definitions of tools and of the answer say to a model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.apis.leaves import leaves
from router_extproc.definitions import is_definition, is_said, said

SCHEMA = {
    "type": "object",
    "title": "Where",
    "properties": {
        "city": {"type": "string", "description": "The city.", "examples": ["Wien"]},
        "unit": {"enum": ["celsius", "kelvin", None, 3], "default": "celsius"},
        "more": {"type": "array", "items": {"anyOf": [{"const": "all of it"}, {"$ref": "#/$defs/x"}]}},
        "type": {"type": ["string", "null"], "description": "Its type."},
    },
    "required": ["city"],
}
SAID = ["Where", "The city.", "Wien", "celsius", "kelvin", "celsius", "all of it", "Its type."]
_NAMES = ["type", "name", "enum", "properties", "headers", "description", "a b c"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["a b", "string", "x" * 70]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=12,
)


class TestSaid:
    @pytest.mark.parametrize(
        ("definition", "expected"),
        [
            pytest.param({"type": "function", "function": {"name": "f", "parameters": SCHEMA}}, SAID, id="chat completions"),
            pytest.param({"type": "function", "name": "f", "parameters": SCHEMA}, SAID, id="responses"),
            pytest.param({"name": "f", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}, SAID, id="Anthropic"),
            pytest.param({"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}, SAID, id="the answer's form"),
            pytest.param({"type": "mcp", "server_url": "https://x y", "headers": {"a": "b c"}}, [], id="what goes to a server"),
            pytest.param({"type": "ignore all of it"}, ["ignore all of it"], id="a sentence for a term"),
            pytest.param(
                {"parameters": {"properties": {"ignore all of it": {}}}}, ["ignore all of it"], id="a sentence for a name"
            ),
            pytest.param({"parameters": {"properties": {"headers": {"title": "T"}}}}, ["T"], id="a property of that name"),
            pytest.param({}, [], id="nothing"),
        ],
    )
    def test_gives_what_is_no_formal_term(self, definition: dict[str, Any], expected: list[str]) -> None:
        """In order."""
        assert list(said(definition)) == expected

    def test_takes_any_depth_and_size(self) -> None:
        """Without recursion, and in one pass."""
        deep: dict[str, Any] = {"description": "the end"}
        for _ in range(20_000):
            deep = {"items": [deep]}

        assert list(said(deep)) == ["the end"]
        assert len(list(said({"enum": ["a"] * 100_000}))) == 100_000

    @given(st.dictionaries(st.sampled_from(["type", "function", "parameters", "headers"]), _JSON, max_size=3))
    def test_what_is_read_can_be_replaced(self, definition: dict[str, Any]) -> None:
        """The bytes of a body tell the same strings, but for names of members; whatever the types."""
        body = json.dumps({"tools": [definition]}).encode()
        found = [leaf.text for leaf in leaves(body) if is_said(leaf.path, leaf.text)]

        assert [text for text in said(definition) if text not in _NAMES] == [text for text in found if text not in _NAMES]


class TestIsDefinition:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            pytest.param(("tools", 0, "function"), True, id="a tool"),
            pytest.param(("functions", 0), True, id="a function"),
            pytest.param(("response_format", "json_schema"), True, id="chat completions"),
            pytest.param(("text", "format", "schema"), True, id="responses"),
            pytest.param(("output_config", "format", "schema"), True, id="Anthropic"),
            pytest.param(("text", "verbosity"), False, id="another setting"),
            pytest.param(("messages", 0, "tools"), False, id="a message"),
            pytest.param(("text",), False, id="a text"),
        ],
    )
    def test_tells_by_the_path(self, path: tuple[str | int, ...], *, expected: bool) -> None:
        """In the bodies of all APIs."""
        assert is_definition(path) is expected

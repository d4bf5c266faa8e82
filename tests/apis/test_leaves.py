"""Leaves: every string of a document, where it stands."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router_extproc.apis.leaves import Offsets, Splice, inner, leaves, spliced

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(TEXT, below, max_size=4),
    max_leaves=20,
)


def walked(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], str]]:
    """The strings of a value, in order."""
    if isinstance(value, str):
        return [(path, value)]
    if isinstance(value, dict):
        return [found for key, child in value.items() for found in walked(child, (*path, key))]
    if isinstance(value, list):
        return [found for index, child in enumerate(value) for found in walked(child, (*path, index))]
    return []


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_finds_what_a_parser_finds(value: Any, ascii_: bool, indent: int | None) -> None:  # noqa: FBT001 - hypothesis gives it by place
    """Paths and texts, whatever the escapes and the white space."""
    raw = json.dumps(value, ensure_ascii=ascii_, indent=indent).encode()

    assert [(leaf.path, leaf.text) for leaf in leaves(raw)] == walked(value)


@given(VALUES, st.booleans())
def test_tells_where_each_character_stands(value: Any, ascii_: bool) -> None:  # noqa: FBT001 - hypothesis gives it by place
    """What is spliced at a character's offsets replaces that character and nothing else."""
    raw = json.dumps(value, ensure_ascii=ascii_).encode()

    for leaf in leaves(raw):
        offsets = Offsets(leaf.raw)
        text = leaf.text
        for index in range(len(text)):
            splice = Splice(leaf.start + offsets.byte(index), leaf.start + offsets.byte(index + 1), b"#")
            changed = spliced(raw, [splice])
            (again,) = [each for each in leaves(changed) if each.start == leaf.start]
            assert again.text == text[:index] + "#" + text[index + 1 :]


def test_a_key_that_stands_twice_does_no_harm() -> None:
    """Answers of model servers are not as strict as requests."""
    assert [leaf.text for leaf in leaves(b'{"a": "x", "a": {"b": "y"}, "a": ["z"]}')] == ["x", "y", "z"]


def test_depth_does_no_harm() -> None:
    """It is the author's choice."""
    assert [leaf.text for leaf in leaves(b"[" * 100_000 + b'"x"' + b"]" * 100_000)] == ["x"]


def test_knows_json_inside_a_text() -> None:
    """Objects and arrays, with their names; no other text."""
    assert [(leaf.text, leaf.key) for leaf in inner('{"a": "b"}') or ()] == [("a", True), ("b", False)]
    assert inner("{nearly") is None
    assert inner('"text"') is None

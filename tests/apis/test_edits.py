"""Edits: JSON changed by splicing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router_extproc.apis.edits import changed, elements, members, value_of, with_element, with_replaced
from router_extproc.apis.rewriting import without

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.text(max_size=12)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=15,
)
OBJECTS = st.dictionaries(st.text(max_size=8), VALUES, max_size=6)
SPACES = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: "), (",\r\n  ", " :")])


class TestChanged:
    ODD = b' {\n "a" : 1.50 ,"\\u0062":[1 ,2],\t"c":{"a":"x"} } '

    @pytest.mark.parametrize(
        ("changes", "wanted"),
        [
            pytest.param({"a": b"2"}, b' {\n "a" : 2 ,"\\u0062":[1 ,2],\t"c":{"a":"x"} } ', id="first"),
            pytest.param({"b": b'"y"'}, b' {\n "a" : 1.50 ,"\\u0062":"y",\t"c":{"a":"x"} } ', id="escaped key"),
            pytest.param({"c": None}, b' {\n "a" : 1.50 ,"\\u0062":[1 ,2] } ', id="last removed"),
            pytest.param({"a": None}, b' {\n "\\u0062":[1 ,2],\t"c":{"a":"x"} } ', id="first removed"),
            pytest.param({"b": None}, b' {\n "a" : 1.50 ,"c":{"a":"x"} } ', id="middle removed"),
            pytest.param({"d": b"true"}, b' {\n "a" : 1.50 ,"\\u0062":[1 ,2],\t"c":{"a":"x"},"d":true } ', id="added"),
            pytest.param({"a": None, "b": None, "c": None, "d": b"1"}, b' {"d":1} ', id="all others removed"),
        ],
    )
    def test_leaves_every_other_byte(self, changes: dict[str, bytes | None], wanted: bytes) -> None:
        """Number forms, white space, escapes, order."""
        assert changed(self.ODD, changes) == wanted

    @given(body=OBJECTS, spaces=SPACES, data=st.data())
    @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    def test_is_what_the_changes_say(self, body: dict[str, Any], spaces: tuple[str, str], data: st.DataObject) -> None:
        """Replacing, removing and adding, in any mix and any style."""
        keys = st.one_of(st.sampled_from(sorted(body)), st.text(max_size=8)) if body else st.text(max_size=8)
        wanted = data.draw(st.dictionaries(keys, st.one_of(st.just(...), VALUES), max_size=5))
        raw = json.dumps(body, separators=spaces).encode()

        result = changed(raw, {key: None if value is ... else json.dumps(value).encode() for key, value in wanted.items()})

        expected = {key: value for key, value in {**body, **wanted}.items() if value is not ...}
        assert json.loads(result) == expected
        for member in members(raw):
            if member.key not in wanted:
                assert raw[member.start : member.end] in result


class TestArrays:
    @given(items=st.lists(VALUES, max_size=6), spaces=SPACES, data=st.data())
    @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    def test_elements_are_found_and_changed(self, items: list[Any], spaces: tuple[str, str], data: st.DataObject) -> None:
        """Nested arrays are one element."""
        raw = json.dumps(items, separators=spaces).encode()

        assert [json.loads(raw[span.start : span.end]) for span in elements(raw)] == items
        at = data.draw(st.integers(0, len(items) + 1))
        assert json.loads(with_element(raw, b'{"new":1}', at=at)) == [*items[:at], {"new": 1}, *items[at:]]
        if items:
            index = data.draw(st.integers(0, len(items) - 1))
            assert json.loads(with_replaced(raw, index, b"0")) == [*items[:index], 0, *items[index + 1 :]]
            gone = data.draw(st.sets(st.integers(0, len(items) - 1)))
            assert json.loads(without(raw, gone)) == [item for place, item in enumerate(items) if place not in gone]

    def test_a_value_is_found_as_it_is_written(self) -> None:
        """Or None."""
        assert value_of(b'{"a": [1,  2] , "b":3}', "a") == b"[1,  2]"
        assert value_of(b'{"a": 1}', "b") is None

"""Reader: what every parser reads the same way, or a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router_extproc.apis.reader import read
from router_extproc.errors import RequestRefusedError
from router_extproc.routing import Reason


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            pytest.param(b"\xef\xbb\xbf{}", Reason.BYTE_ORDER_MARK, id="byte order mark"),
            pytest.param(b'{"a":1,"a":1}', Reason.DUPLICATE_KEY, id="key twice"),
            pytest.param(b'{"a":{"b":[{"c":1,"c":2}]}}', Reason.DUPLICATE_KEY, id="key twice, deep"),
            pytest.param(b'{"a":1,"\\u0061":1}', Reason.DUPLICATE_KEY, id="key twice by an escape"),
            pytest.param(b'{"Model":"x"}', Reason.DUPLICATE_KEY, id="capitals"),
            pytest.param(b'{"messages":[{"Role":"user"}]}', Reason.DUPLICATE_KEY, id="capitals in a message"),
            pytest.param(b'{"messages":[{"content":[{"TEXT":"x"}]}]}', Reason.DUPLICATE_KEY, id="capitals in a part"),
            pytest.param(b'{"a":"\xff"}', Reason.INVALID_UTF8, id="no UTF-8"),
            pytest.param(b'{"a":"\xc0\xaf"}', Reason.INVALID_UTF8, id="overlong"),
            pytest.param(b'{"a":"\xed\xa0\x80"}', Reason.INVALID_UTF8, id="surrogate in UTF-8"),
            pytest.param(b'{"a":"\\ud800"}', Reason.LONE_SURROGATE, id="half a pair"),
            pytest.param(b'{"a":"\\udc00\\ud800"}', Reason.LONE_SURROGATE, id="pair the wrong way round"),
            pytest.param(b'{"\\ud800":1}', Reason.LONE_SURROGATE, id="half a pair in a key"),
            pytest.param(b'{"a":NaN}', Reason.NON_FINITE_NUMBER, id="NaN"),
            pytest.param(b'{"a":-Infinity}', Reason.NON_FINITE_NUMBER, id="infinity"),
            pytest.param(b'{"a":1e999}', Reason.NON_FINITE_NUMBER, id="beyond a double"),
            pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, Reason.TOO_DEEP, id="too deep"),
            pytest.param(b'{"a":' + b"[" * 100_000, Reason.TOO_DEEP, id="endlessly deep"),
            pytest.param(b"[]", Reason.WRONG_SHAPE, id="array"),
            pytest.param(b'"x"', Reason.WRONG_SHAPE, id="string"),
            pytest.param(b"{}{}", Reason.MALFORMED_JSON, id="two documents"),
            pytest.param(b'{"a":1,}', Reason.MALFORMED_JSON, id="comma at the end"),
            pytest.param(b'{"a":01}', Reason.MALFORMED_JSON, id="leading zero"),
            pytest.param(b'{"a":"\n"}', Reason.MALFORMED_JSON, id="raw line break in a string"),
            pytest.param(b"{'a':1}", Reason.MALFORMED_JSON, id="single quotes"),
            pytest.param(b"\x00", Reason.MALFORMED_JSON, id="zero"),
            pytest.param(b"", Reason.MALFORMED_JSON, id="nothing"),
        ],
    )
    def test_say_why(self, body: bytes, reason: Reason) -> None:
        """With a 400, and without a word of the body."""
        with pytest.raises(RequestRefusedError) as caught:
            read(body, max_depth=64)

        assert (caught.value.reason, caught.value.status) == (reason, 400)

    def test_do_not_quote(self) -> None:
        """A message may be logged."""
        with pytest.raises(RequestRefusedError) as caught:
            read(b'{"secret words": 1, "secret words": 2}', max_depth=64)

        assert "secret" not in caught.value.message


class TestReading:
    def test_depth_up_to_the_limit(self) -> None:
        """The limit itself is allowed."""
        body = b'{"a":' * 64 + b"1" + b"}" * 64

        assert read(body, max_depth=64).raw == body

    def test_brackets_in_strings_are_no_depth(self) -> None:
        """However many."""
        assert read(b'{"a":"' + b"[{" * 500 + b'"}', max_depth=4).value == {"a": "[{" * 500}

    def test_tool_schemas_may_name_what_they_like(self) -> None:
        """Their keys are the caller's, not the API's."""
        body = {"tools": [{"function": {"parameters": {"properties": {"Content": {}, "content": {}, "Model": {}}}}}]}

        assert read(json.dumps(body).encode(), max_depth=64).value == body

    @given(
        body=st.dictionaries(
            st.text(max_size=6).filter(lambda key: key.lower() == key),
            st.recursive(
                st.one_of(st.none(), st.integers(-(2**60), 2**60), st.text(max_size=9)), lambda inner: st.lists(inner, max_size=3)
            ),
            max_size=5,
        )
    )
    @settings(max_examples=200)
    def test_gives_what_json_gives(self, body: dict[str, Any]) -> None:
        """Two parsers, one value."""
        raw = json.dumps(body).encode()

        document = read(raw, max_depth=64)

        assert (document.value, document.raw) == (body, raw)

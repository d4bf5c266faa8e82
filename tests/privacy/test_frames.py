"""Frames: events that differ in one piece are told like the first of them, to the byte."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router_extproc.apis.registry import find
from router_extproc.guarding import ResponseAction, ResponseGuard
from router_extproc.privacy import answers
from router_extproc.privacy.answers import Plan, StreamAnswer
from router_extproc.privacy.frames import Frame
from router_extproc.privacy.placeholders import Restorer

API = find("POST", "/v1/chat/completions")
RESTORER = Restorer({"[EMAIL_1]": 'jö"rg@x.org'})
KEY = "sk-proj-Zk3vQ9mW2xLr8TnB5yHc7JdF"
GUARD = ResponseGuard({"API_KEY": ResponseAction.BLOCK, "EMAIL": ResponseAction.MASK}, 20, refuse_unreadable=True)
TEXTS = st.sampled_from(["[EMAIL", "_1] ", "a", ' "ü" \\ ', "b@c.org", "\n", "[", "content", KEY, "", " the", "\U0001f600"])


def event(piece: str, **more: Any) -> bytes:
    """A chunk that says a piece, as it is or with escapes."""
    choice = {"index": more.pop("index", 0), "delta": {"content": piece}, "finish_reason": more.pop("end", None)}
    return b"data: " + msgspec.json.encode({"id": "x", **more, "choices": [choice]}) + b"\n\n"


def escaped(data: bytes) -> bytes:
    """The same said in other bytes."""
    return data.replace(b"a", b"\\u0061", 4).replace(b"d\\u0061t\\u0061", b"data")


def told(events: list[bytes], frames: int, guard: ResponseGuard | None) -> tuple[bytes, dict[str, int]]:
    """What becomes of a stream if so many frames may be made."""
    assert API is not None
    plan = Plan(API, RESTORER, guard, stream=True)
    answer = StreamAnswer(plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "_FRAMES", frames)
        made = b"".join(answer.feed(each, last=False) for each in events) + answer.feed(b"data: [DONE]\n\n", last=True)
    return made, plan.findings.counts


MORE = st.one_of(
    st.just({}),
    st.just({}),
    st.just({"index": 1}),
    st.just({"sequence_number": 4}),
    st.just({"end": "stop"}),
    st.just({"note": "b@c.org"}),
    st.just({"note": "[EMAIL_1]"}),
)
EVENTS = st.lists(
    st.builds(lambda piece, more, odd: (escaped if odd else bytes)(event(piece, **more)), TEXTS, MORE, st.booleans())
)


class TestStreamAnswer:
    @settings(max_examples=300)
    @given(EVENTS, st.sampled_from([None, GUARD]))
    def test_tells_the_same_with_frames_and_without(self, events: list[bytes], guard: ResponseGuard | None) -> None:
        """Whatever comes between."""
        assert told(events, 8, guard) == told(events, 0, guard)

    def test_a_broken_event_is_none_of_the_frame(self) -> None:
        """A lone surrogate is no JSON, so a guard refuses it."""
        broken = event("a").replace(b'"a"', b'"\\ud800"')

        with pytest.raises(answers.UnreadableError):
            told([event("a"), broken], 8, GUARD)

    def test_gives_up_where_each_event_is_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """To make a frame costs something."""
        assert API is not None
        made: list[bytes] = []
        monkeypatch.setattr(answers, "framed", lambda data, *_: made.append(data))
        answer = StreamAnswer(Plan(API, RESTORER, GUARD, stream=True))
        for number in range(20):
            answer.feed(event("a", seed=number), last=False)

        assert len(made) == 8


class TestFrame:
    @pytest.mark.parametrize(
        ("data", "piece"),
        [
            pytest.param(b'{"a":"x","b":1}', "x", id="another piece"),
            pytest.param(b'{"a":"\\u0078\\"","b":1}', 'x"', id="escapes"),
            pytest.param(b'{"a":"","b":1}', "", id="nothing"),
            pytest.param(b'{"a":"x","b":2}', None, id="another end"),
            pytest.param(b'{"a":"x","c":"y","b":1}', None, id="another member"),
            pytest.param(b'{"a":null,"b":1}', None, id="no string"),
            pytest.param(b'{"a":"\\x","b":1}', None, id="no JSON"),
            pytest.param(b'{"a":"\xff","b":1}', None, id="no UTF-8"),
            pytest.param(b'{"a":', None, id="no end"),
        ],
    )
    def test_knows_its_like(self, data: bytes, piece: str | None) -> None:
        """By every byte but the piece's."""
        frame = Frame(b'{"a":', b',"b":1}', None, {})  # type: ignore[arg-type]  # not looked at

        assert frame.piece(data) == piece

    def test_is_filled(self) -> None:
        """With another piece."""
        assert Frame(b'{"a":', b"}", None, {}).filled('"') == b'{"a":"\\""}'  # type: ignore[arg-type]  # not looked at

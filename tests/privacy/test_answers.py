"""Answers: restored, masked or cut, wherever a stream is cut."""

from __future__ import annotations

import importlib.util
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router_extproc.apis.registry import find
from router_extproc.guarding import ResponseAction, ResponseGuard
from router_extproc.privacy.answers import MAX_BYTES, JsonAnswer, Plan, StreamAnswer, UnreadableError
from router_extproc.privacy.placeholders import Restorer

_SPEC = importlib.util.spec_from_file_location("echo_server", Path(__file__).parents[1] / "envoy" / "echo_server.py")
assert _SPEC is not None
assert _SPEC.loader is not None
echo = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(echo)

VALUES = {"[EMAIL_1]": 'jö"rg@x.org', "[PERSON_12]": "Jörg\nMüller"}
RESTORER = Restorer(VALUES)
TEXT = "Hi [PERSON_12], mail [EMAIL_1] or [EMAIL_2] [EM"
WANTED = TEXT.replace("[EMAIL_1]", VALUES["[EMAIL_1]"]).replace("[PERSON_12]", VALUES["[PERSON_12]"])
PATHS = tuple(echo.ANSWERS)
KEY = "sk-proj-Zk3vQ9mW2xLr8TnB5yHc7JdF"
BLOCK = ResponseGuard({"API_KEY": ResponseAction.BLOCK, "IBAN": ResponseAction.MASK}, 160, refuse_unreadable=True)


def api_of(path: str) -> Any:
    """The API of a path."""
    return find("POST", path)


def stream_of(path: str, text: str, size: int, *, tool: bool = False) -> bytes:
    """A stream that says a text in pieces of so many characters."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    _, told = echo.ANSWERS[path](text, pieces, tool=tool)
    return b"".join(echo.written(name, data) for name, data in told)


def through(answer: StreamAnswer, raw: bytes, ends: list[int]) -> bytes:
    """A stream fed in chunks that end there."""
    bounds = [0, *ends, len(raw)]
    return b"".join(answer.feed(raw[a:b], last=b == len(raw)) for a, b in pairwise(bounds))


def events(raw: bytes) -> list[dict[str, Any]]:
    """The JSON events of a stream."""
    lines = [line.removeprefix(b"data: ") for line in raw.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def said(path: str, raw: bytes, *, tool: bool = False) -> str:
    """The text that a stream says."""
    text = ""
    for event in events(raw):
        for fragment in api_of(path).pieces(event).fragments:
            value: Any = event
            for step in fragment.path:
                value = value[step]
            text += value
    return json.loads(text)["text"] if tool and path != "/v1/completions" else text


def plan(path: str, *, restorer: Restorer = RESTORER, guard: ResponseGuard | None = None, stream: bool = True) -> Plan:
    """What is done with an answer."""
    return Plan(api_of(path), restorer, guard, stream=stream)


class TestRestoring:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("tool", [False, True])
    @pytest.mark.parametrize("size", [1, 1000])
    def test_at_every_byte_of_the_stream(self, path: str, size: int, *, tool: bool) -> None:
        """Cut in two there, it says the same."""
        raw = stream_of(path, "[EMAIL_1]b", size, tool=tool)
        whole = through(StreamAnswer(plan(path)), raw, [])

        assert said(path, whole, tool=tool) == VALUES["[EMAIL_1]"] + "b"
        for at in range(1, len(raw)):
            assert through(StreamAnswer(plan(path)), raw, [at]) == whole

    @given(st.data(), st.sampled_from(PATHS), st.integers(1, 9), st.booleans(), st.booleans())
    @settings(max_examples=150)
    def test_in_any_chunks(self, data: st.DataObject, path: str, size: int, tool: bool, guarded: bool) -> None:  # noqa: FBT001 - hypothesis gives it by place
        """With and without a guard, in words and in arguments."""
        raw = stream_of(path, TEXT, size, tool=tool)
        ends = sorted(data.draw(st.lists(st.integers(1, len(raw) - 1), max_size=20)))
        made = through(StreamAnswer(plan(path, guard=BLOCK if guarded else None)), raw, ends)

        assert said(path, made, tool=tool) == WANTED
        if path == "/v1/responses":
            numbers = [event["sequence_number"] for event in events(made)]
            assert numbers == list(range(len(numbers)))

    @pytest.mark.parametrize("path", PATHS)
    def test_leaves_a_stream_without_placeholders_byte_for_byte(self, path: str) -> None:
        """Also comments, other line ends, and events that are no JSON."""
        raw = b": ping\r\n\r\n" + stream_of(path, "just [words] and [[more]]", 4) + b"data: no json\n\nretry: 5\n\n"

        assert through(StreamAnswer(plan(path)), raw, list(range(7, len(raw), 11))) == raw

    @pytest.mark.parametrize("path", PATHS)
    def test_in_json(self, path: str) -> None:
        """An answer in one piece, however its bytes come."""
        whole, _ = echo.ANSWERS[path](TEXT, [TEXT], tool=False)
        raw = json.dumps(whole).encode()
        answer = JsonAnswer(plan(path, stream=False))
        made = b"".join(answer.feed(raw[at : at + 9], last=False) for at in range(0, len(raw), 9))

        assert WANTED in json.dumps(json.loads(made), ensure_ascii=False).replace('\\"', '"').replace("\\n", "\n")

    def test_choices_do_not_mix(self) -> None:
        """Placeholders of two choices that come by turns."""
        raw = b""
        for one, two in zip("[EMAIL_1]", "[PERSON_1", strict=True):
            for index, piece in ((0, one), (1, two)):
                raw += echo.written("", {"choices": [{"index": index, "delta": {"content": piece}, "finish_reason": None}]})
        raw += echo.written("", {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        raw += echo.written("", {"choices": [{"index": 1, "delta": {"content": "2]"}, "finish_reason": "stop"}]})
        texts = {0: "", 1: ""}
        for event in events(through(StreamAnswer(plan(PATHS[0])), raw, [])):
            for choice in event["choices"]:
                texts[choice["index"]] += choice["delta"].get("content", "")

        assert texts == {0: VALUES["[EMAIL_1]"], 1: VALUES["[PERSON_12]"]}

    def test_shows_no_value_of_its_own(self) -> None:
        """Where somebody prints it."""
        assert repr(RESTORER) == "Restorer(2 values)"


class TestGuarding:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_no_byte_of_what_is_blocked_goes_on(self, path: str, size: int) -> None:
        """Wherever it stands, and however it is cut."""
        for before in (0, 1, 100, 159, 160, 161, 400):
            text = "a " * (before // 2) + KEY + " and more"
            made = through(StreamAnswer(plan(path, guard=BLOCK)), stream_of(path, text, size), [])

            assert said(path, made) == "a " * (before // 2)
            assert b"sk-" not in made

    @pytest.mark.parametrize("path", PATHS)
    def test_a_long_token_waits_as_a_whole(self, path: str) -> None:
        """Its beginning alone tells nothing, but gives much away."""
        token = f"eyJ{'hbGciOiJI' * 40}.eyJ{'zdWIiOiIx' * 40}.c2lnbmF0dXJlLW9mLWl0"
        made = through(StreamAnswer(plan(path, guard=BLOCK)), stream_of(path, f"take {token} now", 5), [])

        assert said(path, made) == "take "

    @pytest.mark.parametrize("path", PATHS)
    def test_masks_in_streams_as_in_json(self, path: str) -> None:
        """The same words."""
        text = "pay DE89 3704 0044 0532 0130 00 " + "soon " * 80
        whole, _ = echo.ANSWERS[path](text, [text], tool=False)
        made = JsonAnswer(plan(path, guard=BLOCK, stream=False)).feed(json.dumps(whole).encode(), last=True)
        streamed = through(StreamAnswer(plan(path, guard=BLOCK)), stream_of(path, text, 6), [])

        assert said(path, streamed) == text.replace("DE89 3704 0044 0532 0130 00", "[IBAN]")
        assert b"pay [IBAN] soon" in made
        assert b'{"private_data":{"IBAN":1}}' in made
        assert streamed.count(b'{"private_data":{"IBAN":1}}') == 1

    def test_one_choice_that_is_blocked_ends_all(self) -> None:
        """A guard does not trust the others either."""
        raw = b"".join(
            echo.written("", {"id": "x", "choices": [{"index": index, "delta": {"content": text}, "finish_reason": None}]})
            for index, text in ((0, "fine "), (1, f"{KEY} "), (0, "more"))
        )
        made = through(StreamAnswer(plan(PATHS[0], guard=BLOCK)), raw, [])

        (last,) = [event for event in events(made) if event["choices"][0]["finish_reason"]]
        assert [choice["finish_reason"] for choice in last["choices"]] == ["content_filter"] * 2
        assert b"more" not in made

    @pytest.mark.parametrize("stream", [False, True])
    def test_what_cannot_be_looked_at_is_told(self, *, stream: bool) -> None:
        """Too large, or no JSON."""
        answer = (StreamAnswer if stream else JsonAnswer)(plan(PATHS[0], guard=BLOCK, stream=stream))
        with pytest.raises(UnreadableError):
            answer.feed(b"data: " + b"x" * (MAX_BYTES + 1), last=False)
        answer = (StreamAnswer if stream else JsonAnswer)(plan(PATHS[0], guard=BLOCK, stream=stream))
        with pytest.raises(UnreadableError):
            answer.feed(b"data: words\n\n", last=True)

"""OpenAI Completions."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from router_extproc.apis.openai_completions import OpenAICompletions
from router_extproc.errors import RequestRefusedError
from router_extproc.request import Part, PartKind, Request, Role
from router_extproc.routing import BodyEdits, Reason, SystemEdit, SystemMode

Parse = Callable[..., Request]
Edit = Callable[..., dict[str, Any]]
EditRaw = Callable[[str, bytes, BodyEdits], bytes]
Events = Callable[[bytes], list[tuple[str, Any]]]

API = "openai_completions"
TEXT = PartKind.TEXT


class TestParse:
    """What a body comes to."""

    @pytest.mark.parametrize(
        ("prompt", "parts"),
        [
            pytest.param("Hi", [Part(TEXT, "Hi")], id="text"),
            pytest.param(["a", "b"], [Part(TEXT, "a"), Part(TEXT, "b")], id="texts"),
            pytest.param([1, 2, 3], [Part(PartKind.OTHER)], id="token ids"),
            pytest.param([[1, 2], [3]], [Part(PartKind.OTHER)], id="lists of token ids"),
            pytest.param(["a", [1]], [Part(TEXT, "a"), Part(PartKind.OTHER)], id="both"),
            pytest.param(None, [], id="nothing"),
        ],
    )
    def test_prompts(self, parse: Parse, prompt: Any, parts: Any) -> None:
        """All prompts are one user turn; token ids are a part that cannot be read."""
        (message,) = parse(API, prompt=prompt).messages
        assert (message.role, message.parts) == (Role.USER, tuple(parts))

    def test_settings(self, parse: Parse) -> None:
        """Settings are found under their neutral names; the suffix is text that the model reads too."""
        request = parse(API, model="m", prompt="a", suffix="z", stream=True, max_tokens=9, n=1, best_of=4, user="u")
        assert request.messages[0].text == "a\nz"
        assert (request.model, request.stream, request.max_output_tokens, request.n, request.end_user) == ("m", True, 9, 4, "u")

    @pytest.mark.parametrize("prompt", [{"text": "a"}, True, ["a", {}], 1.5])
    def test_refuses_wrong_shapes(self, parse: Parse, prompt: Any) -> None:
        """A prompt of another type is refused by name."""
        with pytest.raises(RequestRefusedError) as caught:
            parse(API, prompt=prompt)
        assert (caught.value.reason, caught.value.param) == (Reason.WRONG_SHAPE, "prompt")

    def test_refuses_a_second_spelling_of_another_type(self, parse: Parse) -> None:
        """A model server may read that one first."""
        with pytest.raises(RequestRefusedError) as caught:
            parse(API, prompt="a", max_tokens=5, n_predict=[])
        assert caught.value.param == "n_predict"


class TestEdit:
    """What edits change, and what they leave."""

    def test_leaves_other_bytes(self, edit_raw: EditRaw) -> None:
        """Only the model's bytes change."""
        raw = b'{ "model" : "auto","prompt": "\\u00e9","top_p":1.0 }'
        assert edit_raw(API, raw, BodyEdits(model="m")) == raw.replace(b'"auto"', b'"m"')

    def test_caps(self, edit: Edit) -> None:
        """The limits hold in all their spellings."""
        edits = BodyEdits(caps={"max_output_tokens": 10, "n": 2})
        assert edit(API, edits, n=5, best_of=6, n_predict=-1) == {"n": 2, "best_of": 2, "n_predict": 10}
        assert edit(API, edits) == {"max_tokens": 10}

    @pytest.mark.parametrize(
        ("mode", "prompt", "expected"),
        [
            pytest.param("prepend", "a", "P\n\na", id="prepend"),
            pytest.param("append", "a", "a\n\nP", id="append"),
            pytest.param("replace", "a", "P\n\na", id="replace keeps the prompt"),
            pytest.param("prepend", ["a", "b"], ["P\n\na", "P\n\nb"], id="each prompt"),
            pytest.param("prepend", [1, 2], [1, 2], id="token ids"),
        ],
    )
    def test_system(self, edit: Edit, mode: Any, prompt: Any, expected: Any) -> None:
        """The policy's text goes before or after each prompt."""
        edits = BodyEdits(system=(SystemEdit(SystemMode(mode), "P"),))
        assert edit(API, edits, prompt=prompt) == {"prompt": expected}


class TestAnswers:
    """Answers of the router's own."""

    def test_error(self, events: Events) -> None:
        """OpenAI's error object, also as an event."""
        plain = json.loads(OpenAICompletions().error(400, "No.", code="c").body)
        assert plain["error"]["message"] == "No."
        assert events(OpenAICompletions().error(400, "No.", code="c", stream=True).body) == [("", plain), ("", "[DONE]")]

    def test_completion(self, events: Events) -> None:
        """A text completion, whole or as its one chunk."""
        api = OpenAICompletions()
        payload = api.completion("Sorry, no.", model="m", identifier="1", created=7)
        answer = json.loads(payload.body)
        assert (answer["object"], answer["choices"][0]["text"]) == ("text_completion", "Sorry, no.")
        facts = api.response_facts(payload.body)
        assert (facts.output_tokens, facts.finish_reason, facts.done) == (2, "stop", True)
        stream = api.completion("Sorry, no.", model="m", identifier="1", created=7, stream=True)
        assert events(stream.body) == [("", answer), ("", "[DONE]")]


class TestFacts:
    """What responses say."""

    def test_stream(self) -> None:
        """Text, then usage, then the end."""
        api = OpenAICompletions()
        assert api.event_facts("", b'{"choices":[{"text":"a"}]}').has_output
        assert not api.event_facts("", b'{"choices":[{"text":""}]}').has_output
        assert api.event_facts("", b'{"choices":[],"usage":{"completion_tokens":3}}').output_tokens == 3
        assert api.event_facts("", b"[DONE]").done
        assert api.event_facts("", b"rubbish").output_tokens is None

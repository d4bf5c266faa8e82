"""OpenAI Embeddings."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from router_extproc.apis.openai_embeddings import OpenAIEmbeddings
from router_extproc.errors import RequestRefusedError
from router_extproc.request import Part, PartKind, Request
from router_extproc.routing import BodyEdits, SystemEdit, SystemMode

Parse = Callable[..., Request]
Edit = Callable[..., dict[str, Any]]

API = "openai_embeddings"


class TestParse:
    """What a body comes to."""

    def test_inputs(self, parse: Parse) -> None:
        """All inputs are one user turn."""
        request = parse(API, model="m", input=["a", "b"], dimensions=3, user="u")
        assert (request.api, request.model, request.messages[0].text, request.end_user) == (API, "m", "a\nb", "u")
        assert request.parameters["dimensions"] == 3

    def test_token_ids(self, parse: Parse) -> None:
        """Token ids cannot be read."""
        assert parse(API, input=[1, 2]).messages[0].parts == (Part(PartKind.OTHER),)

    def test_refuses_wrong_shapes(self, parse: Parse) -> None:
        """An input of another type is refused by name."""
        with pytest.raises(RequestRefusedError) as caught:
            parse(API, input={"a": 1})
        assert caught.value.param == "input"


class TestEdit:
    """What edits change, and what they leave."""

    def test_model_and_blocked_fields_only(self, edit: Edit) -> None:
        """Caps, system prompts and effort mean nothing here."""
        edits = BodyEdits(
            model="m",
            caps={"max_output_tokens": 3, "n": 1},
            blocked=frozenset({"user"}),
            system=(SystemEdit(SystemMode.PREPEND, "P"),),
            reasoning_effort="low",
            reasoning_family="qwen",
        )
        assert edit(API, edits, model="auto", input="a", user="u") == {"model": "m", "input": "a"}


class TestAnswers:
    """Answers of the router's own, and what it reads in others'."""

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_sentence_is_no_embedding(self, stream: Any) -> None:
        """Errors and canned answers are error objects, never vectors and never a stream."""
        api = OpenAIEmbeddings()
        answers = (
            api.error(400, "No.", code="c", stream=stream),
            api.completion("No.", model="m", identifier="1", created=7, stream=stream),
        )
        for payload in answers:
            assert payload.content_type == "application/json"
            assert json.loads(payload.body)["error"]["message"] == "No."

    def test_facts(self) -> None:
        """Usage is read; there are no events."""
        api = OpenAIEmbeddings()
        facts = api.response_facts(b'{"usage":{"prompt_tokens":3,"total_tokens":3}}')
        assert (facts.input_tokens, facts.output_tokens, facts.done) == (3, None, True)
        assert not api.event_facts("", b"[DONE]").done

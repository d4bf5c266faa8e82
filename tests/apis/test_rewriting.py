"""What holds for all APIs, whatever the body."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.apis.api import Api
from router_extproc.apis.reader import read
from router_extproc.apis.registry import APIS
from router_extproc.errors import RequestRefusedError
from router_extproc.request import Envelope, Request
from router_extproc.routing import BodyEdits, Reason, SystemEdit, SystemMode

WORDS = st.sampled_from(["", "a", "text", "user", "system", "tool", "tool_result", "function_call", "document", 'ü"\\'])
SCALARS = st.none() | st.booleans() | st.integers(-5, 2**40) | st.floats(-5, 5) | WORDS
NAMES = st.sampled_from(["type", "role", "content", "text", "source", "output", "tool_calls", "function", "name", "data", "id"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)
FIELDS = st.sampled_from(
    [
        *("model", "messages", "input", "prompt", "system", "instructions", "tools", "functions", "stream", "n", "best_of"),
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict", "reasoning", "reasoning_effort", "thinking"),
        *("chat_template_kwargs", "metadata", "user", "conversation", "extra"),
    ]
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool"])},
        optional={
            "content": st.none() | WORDS | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": WORDS}), max_size=2)
        },
    ),
    max_size=4,
)
BODIES = st.builds(
    lambda fields, given: {**fields, **given},
    st.dictionaries(FIELDS, VALUES, max_size=6),
    st.fixed_dictionaries(
        {}, optional={"messages": MESSAGES, "input": MESSAGES, "system": WORDS, "max_tokens": st.integers(-2, 2**20)}
    ),
)
EDITS = st.builds(
    BodyEdits,
    model=st.none() | st.just("m"),
    caps=st.fixed_dictionaries({}, optional={"max_output_tokens": st.integers(1, 2**15), "n": st.integers(1, 3)}),
    blocked=st.frozensets(FIELDS.filter(lambda name: name not in {"model", "messages", "input", "prompt", "system"}), max_size=2),
    system=st.lists(st.builds(SystemEdit, mode=st.sampled_from(SystemMode), text=st.just("P\n")), max_size=2).map(tuple),
    reasoning_effort=st.sampled_from(["", "none", "low", "high"]),
    reasoning_family=st.sampled_from(["", "openai", "anthropic", "qwen", "deepseek", "gpt-oss"]),
)
INDENTS = st.sampled_from([None, 1])
EACH_API = pytest.mark.parametrize("api", [pytest.param(api, id=api.name) for api in APIS])


def readable(body: dict[str, Any], indent: int | None) -> bytes:
    """The body as JSON text."""
    return json.dumps(body, indent=indent, ensure_ascii=indent is None).encode()


@EACH_API
class TestAnyBody:
    """Hostile and accidental shapes."""

    @given(body=BODIES, indent=INDENTS, edits=EDITS)
    def test_is_parsed_or_refused(self, api: Api, body: dict[str, Any], indent: int | None, edits: BodyEdits) -> None:
        """Each body is refused by name, or parsed; then it can be edited, and the result can be parsed again."""
        document = read(readable(body, indent), max_depth=64)
        try:
            api.parse(document, Envelope())
        except RequestRefusedError as caught:
            refusal = caught
        else:
            request = api.parse(read(api.edit(document, edits), max_depth=80), Envelope())
            _check(request, edits)
            return
        assert refusal.reason is Reason.WRONG_SHAPE
        assert refusal.param

    @given(body=BODIES, indent=INDENTS)
    def test_no_edits_no_change(self, api: Api, body: dict[str, Any], indent: int | None) -> None:
        """Without edits the bytes stay."""
        raw = readable(body, indent)
        assert api.edit(read(raw, max_depth=64), BodyEdits()) == raw

    @given(body=BODIES, indent=INDENTS)
    def test_only_the_model_changes(self, api: Api, body: dict[str, Any], indent: int | None) -> None:
        """Every other field keeps its value and its place."""
        edited = json.loads(api.edit(read(readable(body, indent), max_depth=64), BodyEdits(model="m")))
        assert edited == {**body, "model": "m"}
        assert list(edited) == list({**body, "model": "m"})


def _check(request: Request, edits: BodyEdits) -> None:
    if edits.model is not None:
        assert request.model == edits.model
    if request.api == "openai_embeddings":
        return
    if "max_output_tokens" in edits.caps and request.max_output_tokens is not None:
        assert request.max_output_tokens <= edits.caps["max_output_tokens"]
    if request.api in {"openai_chat", "openai_completions"}:
        assert request.n <= edits.caps.get("n", request.n)

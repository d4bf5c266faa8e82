"""The list of signals."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router_extproc.policy.load import compile_policy
from router_extproc.request import Request
from router_extproc.routing import Extractor, Signal, SignalKind, SignalResult, Unknown
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.options import Options
from router_extproc.signals.registry import EXTRACTORS
from router_extproc.signals.services import SignalServices

Build = Callable[..., Extractor]
Ask = Callable[..., Request]
Extract = Callable[[Extractor, Request], SignalResult]

REQUIRED: dict[str, dict[str, Any]] = {
    "keyword": {"any": ["a"], "patterns": ["x+y"], "fuzzy": 1},
    "structure": {"count": "formulas", "per": "100_words"},
    "header": {"header": "x-a"},
    "metadata": {"key": "a"},
    "parameter": {"parameter": "a"},
    "parameter_number": {"parameter": "a"},
    "embedding": {"intents": {"refund": ["refund please", "a refund"], "song": ["a song", "the song"]}},
    "knowledge": {"file": "exemplars.jsonl"},
    "linear": {"file": "head.json"},
    "onnx": {"model": "model.onnx", "tokenizer": "tokenizer.json", "labels": ["good", "bad"], "window": 32},
}
DOCS = (Path(__file__).parents[2] / "docs" / "signals.md").read_text(encoding="utf-8")
NAMES = [plugin.name for plugin in EXTRACTORS]


class TestExtractors:
    @pytest.mark.parametrize("name", NAMES)
    def test_every_type_tells_its_options(self, name: str) -> None:
        """The schema and the docs come from the model and the summary."""
        plugin = EXTRACTORS[name]
        assert issubclass(plugin.options, Options)
        assert plugin.summary.endswith(".")

    @pytest.mark.parametrize("name", NAMES)
    def test_types_without_required_options_take_none(self, build: Build, name: str) -> None:
        """They can be used in a rule by the name of their type."""
        if name not in REQUIRED:
            assert build(name).name == "it"

    @pytest.mark.parametrize("name", NAMES)
    def test_a_signal_keeps_its_shape(self, build: Build, ask: Ask, extract: Extract, name: str, hostile: str) -> None:
        """Whatever the text, the value is in range and of the kind that the checks of the policy rest on."""
        extractor = build(name, **REQUIRED.get(name, {}))
        result = extract(extractor, ask("Earlier words of mine", hostile))
        if isinstance(result, Unknown):
            assert not result.detail or len(result.detail) < 100
            return
        _check(result, extractor)

    @pytest.mark.parametrize("name", NAMES)
    def test_a_signal_that_leaves_text_out_has_a_shape_that_says_so(
        self, build: Build, ask: Ask, extract: Extract, name: str
    ) -> None:
        """Else a condition that asks for enough of it would be refused."""
        extractor = build(name, **REQUIRED.get(name, {}))
        result = extract(extractor, ask(*(f"{number} the tea of the song. " * 300 for number in range(300))))

        if isinstance(result, Signal):
            assert extractor.shape.partial or result.coverage == 1.0

    @pytest.mark.parametrize("name", NAMES)
    def test_a_request_of_nothing_is_no_error(self, build: Build, ask: Ask, extract: Extract, name: str) -> None:
        """An API without messages still has every signal."""
        result = extract(build(name, **REQUIRED.get(name, {})), ask())
        assert result.name == "it"


class TestDocs:
    @pytest.mark.parametrize("name", NAMES)
    def test_every_type_has_its_section(self, name: str) -> None:
        """With all of its options, as they stand in the file, and all words that they may take."""
        section = next(text for text in DOCS.split("\n##") if name in re.findall(r"[a-z_]+", text.partition("\n")[0]))
        schema = EXTRACTORS[name].options.model_json_schema()  # type: ignore[attr-defined]  # every options type is a pydantic model
        for key in schema["properties"]:
            assert f"| `{key}` |" in section
        for definition in schema.get("$defs", {}).values():
            assert all(f"`{word}`" in DOCS for word in definition["enum"])

    def test_the_example_is_a_policy(self) -> None:
        """With pools it compiles, without a warning."""
        example = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)[0]
        pools = "version: 1\npools: {small: {cluster: s}, large: {cluster: l}}\ndefault: small\n"
        result = compile_policy(pools + example, source="docs", services=SignalServices(), selectors=SELECTORS)
        assert not result.warnings


def _check(result: Signal, extractor: Extractor) -> None:
    assert result.name == "it"
    assert 0.0 <= result.value <= 1.0
    assert 0.0 <= result.coverage <= 1.0
    shape = extractor.shape
    assert (result.measure is not None) == (shape.kind is SignalKind.NUMBER)
    assert (result.label is not None) == (shape.kind is SignalKind.LABEL)
    if result.measure is not None:
        assert math.isfinite(result.measure)
        assert shape.minimum is None or result.measure >= shape.minimum
    if shape.labels is not None and (result.label or shape.exhaustive):
        assert result.label in shape.labels
    assert shape.partial or result.coverage == 1.0
    if shape.kind is SignalKind.FLAG:
        assert result.value in {0.0, 1.0}

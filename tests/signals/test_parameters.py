"""What a request asks for beside its text."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from router_extproc.request import Request
from router_extproc.routing import Extractor, Signal, Unknown, UnknownReason

Build = Callable[..., Extractor]
Ask = Callable[..., Request]


def label(extractor: Extractor, request: Request) -> str | None:
    """The label of the signal; empty if there is none."""
    result = extractor.extract(request)
    assert isinstance(result, Signal)
    return result.label


class TestModel:
    @pytest.mark.parametrize(
        ("model", "expected"),
        [("gpt-4o", "gpt-4o"), ("", ""), ("GPT-4o", "GPT-4o"), ("m" * 5000, "m" * 512)],
        ids=["name", "none", "capitals", "absurdly long"],
    )
    def test_the_name_is_as_the_caller_wrote_it(self, build: Build, ask: Ask, model: str, expected: str) -> None:
        """But not longer than any policy compares."""
        assert label(build("model"), ask("a", model=model)) == expected


class TestStream:
    @pytest.mark.parametrize("stream", [True, False])
    def test_it_is_the_field(self, build: Build, ask: Ask, *, stream: bool) -> None:
        """There or not."""
        assert build("stream").extract(ask("a", stream=stream)) == Signal("it", float(stream))


class TestOutputTokens:
    @pytest.mark.parametrize("limit", [1, 4096, 10**12])
    def test_it_is_the_caller_s_limit(self, build: Build, ask: Ask, limit: int) -> None:
        """Whatever it is."""
        assert build("output_tokens").extract(ask("a", max_output_tokens=limit)) == Signal("it", 1.0, measure=float(limit))

    def test_no_limit_is_unknown(self, build: Build, ask: Ask) -> None:
        """It may be the model's greatest or a server's default: the rule must say what that means."""
        result = build("output_tokens").extract(ask("a"))
        assert isinstance(result, Unknown)
        assert result.reason is UnknownReason.UNAVAILABLE


class TestCompletions:
    @pytest.mark.parametrize(("rest", "count"), [({}, 1.0), ({"n": 8}, 8.0)], ids=["not said", "eight"])
    def test_they_are_counted(self, build: Build, ask: Ask, rest: dict[str, Any], count: float) -> None:
        """One where the body does not say."""
        assert build("completions").extract(ask("a", **rest)) == Signal("it", 1.0, measure=count)


class TestReasoningEffort:
    @pytest.mark.parametrize("effort", ["", "high"])
    def test_it_is_the_caller_s(self, build: Build, ask: Ask, effort: str) -> None:
        """No label if the caller asks for nothing."""
        assert label(build("reasoning_effort"), ask("a", reasoning_effort=effort)) == effort


class TestParameter:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            pytest.param("flex", "flex", id="text"),
            pytest.param(1, "1", id="number"),
            pytest.param(True, "true", id="true"),
            pytest.param(False, "false", id="false"),
            pytest.param(None, "", id="null"),
            pytest.param("", "", id="empty"),
            pytest.param("a" * 5000, "a" * 512, id="long"),
        ],
    )
    def test_the_value_is_text(self, build: Build, ask: Ask, value: object, expected: str) -> None:
        """Booleans as JSON writes them."""
        assert label(build("parameter", parameter="p"), ask("a", parameters={"p": value, "q": "other"})) == expected

    @pytest.mark.parametrize("kind", ["parameter", "parameter_number"])
    @pytest.mark.parametrize("options", [{}, {"parameter": ""}, {"parameter": "a" * 129}], ids=["missing", "empty", "long"])
    def test_wrong_names_are_refused(self, build: Build, kind: str, options: dict[str, Any]) -> None:
        """When the policy is loaded."""
        with pytest.raises(ValidationError):
            build(kind, **options)


class TestParameterNumber:
    @pytest.mark.parametrize(
        ("value", "measure"),
        [(0, 0.0), (0.7, 0.7), (-1.5, -1.5), (10**400, sys.float_info.max), (-(10**400), -sys.float_info.max)],
    )
    def test_a_number_is_measured(self, build: Build, ask: Ask, value: float, measure: float) -> None:
        """Also below zero; one that is beyond all bounds is above every bound of a policy."""
        extractor = build("parameter_number", parameter="p")
        assert extractor.shape.minimum is None
        assert extractor.extract(ask("a", parameters={"p": value})) == Signal("it", float(bool(value)), measure=measure)

    @pytest.mark.parametrize(
        "parameters",
        [{}, {"p": None}, {"p": "0.7"}, {"p": True}],
        ids=["missing", "null", "text", "boolean"],
    )
    def test_all_else_is_unknown(self, build: Build, ask: Ask, parameters: dict[str, object]) -> None:
        """Not zero: a temperature that is left out is the model's default."""
        assert isinstance(build("parameter_number", parameter="p").extract(ask("a", parameters=parameters)), Unknown)

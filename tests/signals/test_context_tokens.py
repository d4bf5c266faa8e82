"""The prompt's size."""

from collections.abc import Callable

import pytest

from router_extproc.request import Part, PartKind, Request, Role, Tool
from router_extproc.routing import Cost, Extractor, Signal, SignalKind
from router_extproc.signals.services import SignalServices

Build = Callable[..., Extractor]
Ask = Callable[..., Request]


def measured(extractor: Extractor, request: Request) -> float:
    """The measure of the signal."""
    result = extractor.extract(request)
    assert isinstance(result, Signal)
    assert result.measure is not None
    return result.measure


class TestContextTokens:
    def test_its_shape(self, build: Build) -> None:
        """A number of tokens, cheap enough to be asked first."""
        extractor = build("context_tokens")
        assert (extractor.shape.kind, extractor.shape.unit, extractor.cost) == (SignalKind.NUMBER, "tokens", Cost.FIELD)

    def test_the_whole_prompt_counts(self, build: Build, ask: Ask) -> None:
        """Not only what the user said: a short question on a long document needs a long window."""
        extractor = build("context_tokens")
        long = "word " * 10_000
        alone = measured(extractor, ask("why?"))
        with_system = measured(extractor, ask((Role.SYSTEM, long), "why?"))
        with_result = measured(extractor, ask((Role.TOOL, (Part(PartKind.TOOL_RESULT, long, tool="call_1"),)), "why?"))
        with_tools = measured(extractor, ask("why?", tools=(Tool("t", size=50_000),)))
        assert alone < 20
        assert min(with_system, with_result, with_tools) > 10_000

    def test_a_request_without_anything_is_zero(self, build: Build, ask: Ask) -> None:
        """The value tells that there is nothing."""
        assert build("context_tokens").extract(ask()) == Signal("it", 0.0, measure=0.0)

    def test_it_uses_what_was_learned(self, build: Build, ask: Ask) -> None:
        """What one policy learned serves the next: the ratio is a service."""
        services, request = SignalServices(), ask("word " * 1000)
        before = measured(build("context_tokens", services=services), request)
        for _ in range(300):
            services.token_ratio.learn(request, round(before * 2))
        assert measured(build("context_tokens", services=services), request) == pytest.approx(2 * before, rel=0.02)

    def test_no_text_makes_it_fail(self, build: Build, ask: Ask, hostile: str) -> None:
        """Every text has a size, never more than a token a character and the template around it."""
        assert 0 < measured(build("context_tokens"), ask(hostile)) <= len(hostile) + 4

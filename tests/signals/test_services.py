"""What signals share: the estimate of tokens."""

from collections.abc import Callable
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.request import Part, PartKind, Request, Role, Tool
from router_extproc.signals.services import SignalServices, TokenRatio, raw_tokens, text_tokens

Ask = Callable[..., Request]

PROSE = "The quick brown fox jumps over the lazy dog. " * 40


class TestTextTokens:
    @pytest.mark.parametrize(
        ("text", "low", "high"),
        [
            # The bounds are what tokenizers of 100,000 to 200,000 pieces make of such text, and a third more to either side.
            pytest.param(PROSE, 300, 560, id="English"),
            pytest.param("今天天气怎么样" * 100, 400, 1000, id="Chinese"),
            pytest.param("Съешь ещё этих мягких французских булок " * 20, 160, 420, id="Russian"),
        ],
    )
    def test_the_estimate_is_near(self, text: str, low: float, high: float) -> None:
        """Each script has its own ratio."""
        assert low < text_tokens(text) < high

    def test_a_long_text_is_sampled_at_three_places(self) -> None:
        """An English beginning does not hide that the rest is Chinese."""
        mixed = PROSE + "今天天气怎么样" * 2000
        assert text_tokens(mixed) > 2 * text_tokens("a" * len(mixed))

    def test_one_foreign_letter_changes_little(self) -> None:
        """An English text with an accent is still English."""
        plain = PROSE * 10
        assert text_tokens(f"{plain}é") == pytest.approx(text_tokens(plain), rel=0.02)

    @given(st.text(min_size=1, max_size=2000))
    def test_it_lies_between_the_ratios(self, text: str) -> None:
        """No text has more tokens than the dearest script, or fewer than the cheapest."""
        assert 0 < text_tokens(text) <= 0.85 * len(text) + 1e-6

    def test_hostile_text_has_an_estimate(self, hostile: str) -> None:
        """No text makes it fail."""
        assert 0 <= text_tokens(hostile) <= len(hostile)


class TestRawTokens:
    def test_all_of_the_prompt_counts(self, ask: Ask) -> None:
        """Every message, what tools brought, images and the tools' definitions add to the prompt."""
        parts = [
            (Role.SYSTEM, PROSE),
            PROSE,
            (Role.TOOL, (Part(PartKind.TOOL_RESULT, PROSE, tool="call_1"),)),
            (Role.USER, (Part(PartKind.IMAGE),)),
        ]
        sizes = [raw_tokens(ask(*parts[:count])) for count in range(5)]
        assert sizes == sorted(set(sizes))
        assert raw_tokens(ask(*parts, tools=(Tool("t", size=4100),))) == pytest.approx(sizes[-1] + 1000)


class TestTokenRatio:
    def test_it_starts_without_a_correction(self, ask: Ask) -> None:
        """Before any answer the estimate is what the text says."""
        request = ask(PROSE)
        assert TokenRatio().prompt_tokens(request) == round(raw_tokens(request))

    @pytest.mark.parametrize("factor", [0.7, 1.6])
    def test_it_learns_what_servers_report(self, ask: Ask, factor: float) -> None:
        """After some hundred answers the estimate is theirs."""
        ratio, request = TokenRatio(), ask(PROSE)
        reported = round(raw_tokens(request) * factor)
        for _ in range(400):
            ratio.learn(request, reported)
        assert ratio.prompt_tokens(request) == pytest.approx(reported, rel=0.01)

    @pytest.mark.parametrize(
        ("reported", "low", "high"),
        [pytest.param(10**12, 1.0, 1.04, id="absurdly many"), pytest.param(64, 0.96, 1.0, id="absurdly few")],
    )
    def test_one_odd_report_moves_it_little(self, ask: Ask, reported: int, low: float, high: float) -> None:
        """A broken server cannot spoil the estimate with one answer."""
        ratio = TokenRatio()
        ratio.learn(ask(PROSE), reported)
        assert low <= ratio.scale <= high
        assert ratio.scale != 1.0

    def test_many_odd_reports_stay_in_range(self, ask: Ask) -> None:
        """Nor can it with many: the scale has bounds."""
        ratio = TokenRatio()
        for _ in range(2000):
            ratio.learn(ask(PROSE), 10**9)
        assert ratio.scale == pytest.approx(2.5)

    @pytest.mark.parametrize(
        ("turn", "reported"),
        [
            pytest.param("hi", 100, id="short text"),
            pytest.param(PROSE, 20, id="few tokens"),
            pytest.param(PROSE, 0, id="none"),
            pytest.param(PROSE, -5, id="negative"),
            pytest.param((Role.USER, (Part(PartKind.TEXT, PROSE), Part(PartKind.IMAGE))), 9000, id="image"),
            pytest.param((Role.USER, (Part(PartKind.TEXT, PROSE), Part(PartKind.FILE))), 9000, id="file"),
        ],
    )
    def test_it_learns_only_from_telling_prompts(self, ask: Ask, turn: object, reported: int) -> None:
        """Short prompts are mostly template, and media are counted in ways of their own."""
        ratio = TokenRatio()
        ratio.learn(ask(turn), reported)
        assert ratio.scale == 1.0

    def test_threads_lose_no_report(self, ask: Ask) -> None:
        """Answers end on several threads at once."""
        request = ask(PROSE)
        reported = round(raw_tokens(request) * 1.5)
        alone, shared = TokenRatio(), TokenRatio()

        def learn(ratio: TokenRatio, times: int) -> None:
            for _ in range(times):
                ratio.learn(request, reported)

        learn(alone, 200)
        threads = [Thread(target=learn, args=(shared, 50)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert shared.scale == pytest.approx(alone.scale)


class TestSignalServices:
    def test_each_has_its_own_ratio(self) -> None:
        """Two routers in one process do not learn from each other unless they are told to."""
        assert SignalServices().token_ratio is not SignalServices().token_ratio

"""Selectors: who is chosen among a route's candidates."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.pools import PoolStatistics
from router_extproc.request import Caller, Envelope, Message, Part, PartKind, Request, Role, Tool
from router_extproc.routing import Candidate, Modality, ModelPool, Price
from router_extproc.selectors import cheapest, estimates, latency, weighted
from router_extproc.selectors.registry import SELECTORS
from router_extproc.selectors.selector import Choice
from router_extproc.selectors.services import SelectorServices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router_extproc.selectors.selector import Selector


def pool(name: str, **more: Any) -> ModelPool:
    """A pool that can do everything, unless told otherwise."""
    everything = frozenset(Modality)
    return ModelPool(name=name, cluster=f"pool-{name}", model=f"model-{name}", **{"modalities": everything, **more})


def candidates(*pools: ModelPool, weights: tuple[float, ...] = ()) -> tuple[Candidate, ...]:
    """Candidates with these pools."""
    return tuple(Candidate(each, weights[index] if weights else 1.0) for index, each in enumerate(pools))


def request(text: str = "hello", *, kinds: tuple[PartKind, ...] = (), **more: Any) -> Request:
    """A request with one user turn."""
    parts = (Part(PartKind.TEXT, text), *(Part(kind) for kind in kinds))
    return Request("openai_chat", "auto", (Message(Role.USER, parts),), **more)


def choice(asked: Request | None = None, *, tokens: int = 100, statistics: Mapping[str, PoolStatistics] | None = None) -> Choice:
    """All that a selector may look at."""
    return Choice(asked or request(), {}, tokens, statistics or {})


def built(kind: str, given_: tuple[Candidate, ...], **options: Any) -> Selector:
    """A selector of that type."""
    plugin = SELECTORS[kind]
    return plugin.build(plugin.options(**options), given_, SelectorServices())


def chosen(selector: Selector, given_: tuple[Candidate, ...], what: Choice) -> str | None:
    """The chosen pool's name."""
    selection, _ = selector.select(given_, what)
    return selection.pool.name if selection else None


class TestFilters:
    @pytest.mark.parametrize(
        ("bad", "asked", "tokens", "why"),
        [
            pytest.param({"context_window": 1000}, {}, 1001, "context_window", id="prompt too long"),
            pytest.param({"context_window": 1000}, {"max_output_tokens": 950}, 100, "context_window", id="answer too long"),
            pytest.param({"tools": False}, {"tools": (Tool("t"),)}, 1, "tools", id="tools"),
            pytest.param({"modalities": frozenset({Modality.TEXT})}, {"kinds": (PartKind.IMAGE,)}, 1, "modality", id="image"),
            pytest.param({"modalities": frozenset({Modality.TEXT})}, {"kinds": (PartKind.AUDIO,)}, 1, "modality", id="audio"),
            pytest.param({"modalities": frozenset({Modality.TEXT})}, {"kinds": (PartKind.FILE,)}, 1, "modality", id="file"),
            pytest.param({"apis": frozenset({"anthropic_messages"})}, {}, 1, "api", id="api"),
        ],
    )
    @pytest.mark.parametrize("kind", ["first", "weighted", "cheapest-sufficient", "lowest-latency"])
    def test_drop_what_cannot_serve(self, kind: str, bad: dict[str, Any], asked: dict[str, Any], tokens: int, why: str) -> None:
        """In every selector, with the reason on record."""
        given_ = candidates(pool("bad", **bad), pool("good"))

        selection, dropped = built(kind, given_).select(given_, choice(request(**asked), tokens=tokens))

        assert selection is not None
        assert selection.pool.name == "good"
        assert dropped == selection.filtered == {"bad": why}

    def test_an_answer_the_model_cannot_write_needs_no_room(self) -> None:
        """A caller's limit above the model's own counts as the model's own."""
        given_ = candidates(pool("a", context_window=1000, max_output_tokens=100))

        assert chosen(built("first", given_), given_, choice(request(max_output_tokens=5000), tokens=800)) == "a"

    def test_weight_zero_takes_a_candidate_out(self) -> None:
        """Whatever the selector."""
        given_ = candidates(pool("a"), pool("b"), weights=(0, 1))

        assert chosen(built("first", given_), given_, choice()) == "b"

    def test_when_nobody_can_serve_nobody_is_chosen(self) -> None:
        """And the reasons are told."""
        given_ = candidates(pool("a", tools=False), pool("b", context_window=10))

        selection, dropped = built("first", given_).select(given_, choice(request(tools=(Tool("t"),)), tokens=50))

        assert selection is None
        assert dropped == {"a": "tools", "b": "context_window"}


class TestFirst:
    def test_takes_the_first(self) -> None:
        """In the order of the policy."""
        given_ = candidates(pool("a"), pool("b"))

        assert chosen(built("first", given_), given_, choice()) == "a"

    def test_a_pool_without_a_model_keeps_the_callers(self) -> None:
        """The body is not changed then."""
        given_ = candidates(ModelPool("a", "pool-a", ""))

        selection, _ = built("first", given_).select(given_, choice())

        assert selection is not None
        assert selection.model == "auto"


class TestWeighted:
    def test_splits_by_weight(self) -> None:
        """Nine to one, within four standard deviations."""
        given_ = candidates(pool("a"), pool("b"), weights=(9, 1))
        selector = weighted.build_from(weighted.WeightedOptions(), given_, random.Random(7))

        counts = Counter(chosen(selector, given_, choice()) for _ in range(4000))

        assert abs(counts["b"] - 400) < 4 * (4000 * 0.1 * 0.9) ** 0.5

    @pytest.mark.parametrize(
        ("by", "make"),
        [
            pytest.param("user", lambda key: request(envelope=Envelope(caller=Caller(user=key))), id="user"),
            pytest.param("tenant", lambda key: request(envelope=Envelope(caller=Caller(tenant=key))), id="tenant"),
            pytest.param("session", lambda key: request(conversation_id=key), id="session by id"),
            pytest.param("session", lambda key: request(f"I am number {key}"), id="session by its beginning"),
            pytest.param("header:x-key", lambda key: request(envelope=Envelope(headers={"x-key": key})), id="header"),
        ],
    )
    def test_sticks(self, by: str, make: Any) -> None:
        """One key always goes the same way; many keys split by weight."""
        given_ = candidates(pool("a"), pool("b"), weights=(3, 1))
        selector = built("weighted", given_, stickyBy=by)
        keys = [str(number) for number in range(2000)]

        first = [chosen(selector, given_, choice(make(key))) for key in keys]
        again = [chosen(selector, given_, choice(make(key))) for key in keys]

        assert first == again
        assert abs(Counter(first)["b"] - 500) < 4 * (2000 * 0.25 * 0.75) ** 0.5

    def test_later_turns_stay_with_the_first(self) -> None:
        """A conversation is known by how it began."""
        given_ = candidates(pool("a"), pool("b"))
        selector = built("weighted", given_, stickyBy="session")
        for number in range(50):
            begun = request(f"question {number}")
            later = Request(
                "openai_chat",
                "auto",
                (*begun.messages, Message(Role.ASSISTANT, (Part(PartKind.TEXT, "yes"),)), *request("and then?").messages),
            )

            assert chosen(selector, given_, choice(begun)) == chosen(selector, given_, choice(later))

    def test_a_changed_weight_moves_only_what_it_must(self) -> None:
        """From 50:50 to 60:40 a tenth moves, and only to the one that grew."""
        before, after = candidates(pool("a"), pool("b"), weights=(50, 50)), candidates(pool("a"), pool("b"), weights=(60, 40))
        old, new = built("weighted", before, stickyBy="session"), built("weighted", after, stickyBy="session")
        asked = [choice(request(conversation_id=str(number))) for number in range(3000)]

        moves = Counter((chosen(old, before, each), chosen(new, after, each)) for each in asked)

        assert moves["a", "b"] == 0
        assert abs(moves["b", "a"] - 300) < 4 * (3000 * 0.1 * 0.9) ** 0.5

    def test_another_salt_makes_another_split(self) -> None:
        """A second experiment does not follow the first."""
        given_ = candidates(pool("a"), pool("b"))
        one, two = built("weighted", given_, stickyBy="session"), built("weighted", given_, stickyBy="session", salt="2")
        asked = [choice(request(conversation_id=str(number))) for number in range(1000)]

        same = sum(chosen(one, given_, each) == chosen(two, given_, each) for each in asked)

        assert abs(same - 500) < 4 * (1000 * 0.25) ** 0.5


class TestCheapest:
    PRICED = (pool("dear", price=Price(2, 8)), pool("cheap", price=Price(1, 2)), pool("unpriced"))

    def test_takes_the_cheapest(self) -> None:
        """A pool without a price comes last."""
        given_ = candidates(*self.PRICED)

        assert chosen(built("cheapest-sufficient", given_), given_, choice()) == "cheap"

    def test_counts_prompt_and_answer(self) -> None:
        """A long prompt and a short answer may make another pool the cheapest."""
        given_ = candidates(pool("reads", price=Price(1, 10)), pool("writes", price=Price(2, 1)))
        selector = built("cheapest-sufficient", given_)

        assert chosen(selector, given_, choice(request(max_output_tokens=10), tokens=10_000)) == "reads"
        assert chosen(selector, given_, choice(request(), tokens=10)) == "writes"

    def test_expected_output_decides_where_nothing_is_told(self) -> None:
        """The option has an effect."""
        given_ = candidates(pool("reads", price=Price(1, 10)), pool("writes", price=Price(2, 1)))

        assert chosen(built("cheapest-sufficient", given_, expectedOutputTokens=1), given_, choice(tokens=1000)) == "reads"
        assert chosen(built("cheapest-sufficient", given_, expectedOutputTokens=5000), given_, choice(tokens=1000)) == "writes"

    def test_learns_how_long_answers_are(self) -> None:
        """From what the pool itself wrote lately."""
        given_ = candidates(pool("a", price=Price(1, 1)), pool("b", price=Price(1, 1)))
        seen = {"a": PoolStatistics(responses=5, output_tokens=2000), "b": PoolStatistics(responses=5, output_tokens=50)}

        assert chosen(built("cheapest-sufficient", given_), given_, choice(statistics=seen)) == "b"

    def test_scores_are_ratios_of_prices(self) -> None:
        """Twice the price is half the score."""
        scorer = cheapest.Cheapness(0)
        given_ = candidates(pool("a", price=Price(1, 0)), pool("b", price=Price(2, 0)), pool("c"))

        assert list(scorer.score(given_, choice())) == [1.0, 0.5, 0.0]


class TestLowestLatency:
    SEEN = {
        "fast": PoolStatistics(responses=9, time_to_first_token_s=0.2, tokens_per_second=100),
        "slow": PoolStatistics(responses=9, time_to_first_token_s=2.0, tokens_per_second=20),
    }

    def selector(self, given_: tuple[Candidate, ...], **options: Any) -> Selector:
        """One that explores by a known source of chance."""
        return latency.build_from(latency.LatencyOptions(**options), given_, random.Random(3))

    def test_takes_the_fastest(self) -> None:
        """And needs responses for it."""
        given_ = candidates(pool("slow"), pool("fast"))
        selector = self.selector(given_, explore=0.0)

        assert selector.observes
        assert chosen(selector, given_, choice(statistics=self.SEEN)) == "fast"

    def test_explores_a_share(self) -> None:
        """Half of what is explored goes to each of two."""
        given_ = candidates(pool("slow"), pool("fast"))
        selector = self.selector(given_, explore=0.2)

        counts = Counter(chosen(selector, given_, choice(statistics=self.SEEN)) for _ in range(2000))

        assert abs(counts["slow"] - 200) < 4 * (2000 * 0.1 * 0.9) ** 0.5

    def test_a_pool_that_was_never_seen_is_tried_by_exploration(self) -> None:
        """Wherever it stands: a reload that adds it must not send it all requests at the same moment."""
        for given_ in (candidates(pool("new"), pool("fast")), candidates(pool("fast"), pool("new"))):
            assert chosen(self.selector(given_, explore=0.0), given_, choice(statistics=self.SEEN)) == "fast"
            explorer = self.selector(given_, explore=0.5)
            counts = Counter(chosen(explorer, given_, choice(statistics=self.SEEN)) for _ in range(2000))
            assert abs(counts["new"] - 500) < 4 * (2000 * 0.25 * 0.75) ** 0.5

    @pytest.mark.parametrize(
        "dead",
        [
            pytest.param(PoolStatistics(responses=3, error_rate=1.0), id="never answered"),
            pytest.param(PoolStatistics(responses=3, error_rate=0.9, time_to_first_token_s=0.1), id="answered once"),
        ],
    )
    def test_a_pool_that_was_never_seen_is_better_than_one_that_fails(self, dead: PoolStatistics) -> None:
        """It may work."""
        given_ = candidates(pool("dead"), pool("new"))

        assert chosen(self.selector(given_, explore=0.0), given_, choice(statistics={"dead": dead})) == "new"

    def test_errors_count_as_time(self) -> None:
        """A pool that fails half of the time takes twice as long."""
        healthy = PoolStatistics(responses=5, time_to_first_token_s=1.0)
        failing = PoolStatistics(responses=5, time_to_first_token_s=1.0, error_rate=0.5)

        assert estimates.seconds(healthy, 0) == 1.0
        assert estimates.seconds(failing, 0) == 2.0

    def test_only_failures_are_worse_than_anything(self) -> None:
        """A pool that never answered is known to be bad, not unknown."""
        given_ = candidates(pool("dead"), pool("slow"))
        seen = {**self.SEEN, "dead": PoolStatistics(responses=3, error_rate=1.0)}

        assert chosen(self.selector(given_, explore=0.0), given_, choice(statistics=seen)) == "slow"

    def test_expected_output_weighs_the_writing(self) -> None:
        """A short answer asks for the first token, a long one for speed."""
        given_ = candidates(pool("starts"), pool("writes"))
        seen = {
            "starts": PoolStatistics(responses=5, time_to_first_token_s=0.1, tokens_per_second=10),
            "writes": PoolStatistics(responses=5, time_to_first_token_s=1.0, tokens_per_second=100),
        }

        assert chosen(self.selector(given_, explore=0.0, expectedOutputTokens=0), given_, choice(statistics=seen)) == "starts"
        assert chosen(self.selector(given_, explore=0.0, expectedOutputTokens=500), given_, choice(statistics=seen)) == "writes"


class TestEverySelector:
    @given(
        kind=st.sampled_from([plugin.name for plugin in SELECTORS if plugin.name != "best-value"]),
        windows=st.lists(st.one_of(st.none(), st.integers(1, 2000)), min_size=1, max_size=6),
        weights=st.lists(st.floats(0, 10), min_size=6, max_size=6),
        tokens=st.integers(0, 3000),
    )
    def test_chooses_among_those_that_can_serve(
        self, kind: str, windows: list[int | None], weights: list[float], tokens: int
    ) -> None:
        """Somebody if anybody can, and never one that cannot."""
        pools = [pool(str(index), context_window=window) for index, window in enumerate(windows)]
        given_ = candidates(*pools, weights=tuple(weights[: len(pools)]))
        able = {
            each.pool.name
            for each in given_
            if each.weight > 0 and (each.pool.context_window is None or tokens <= each.pool.context_window)
        }

        deaf = {"implicit": {"feedback": 0.0}} if kind == "bandit" else {}  # needs no model bundle
        selection, dropped = built(kind, given_, **deaf).select(given_, choice(tokens=tokens))

        assert (selection.pool.name if selection else None) in (able or (None,))
        assert set(dropped) == {each.pool.name for each in given_} - able
        if selection is not None:
            assert all(0 <= score <= 1 for score in selection.scores.values())

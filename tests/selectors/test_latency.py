"""Lowest latency: from what was observed to who is asked."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from router_extproc.pools import PoolStatistics, PoolStats
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import Candidate, ModelPool, Observation
from router_extproc.selectors import estimates
from router_extproc.selectors.latency import LatencyOptions, Quickness, build, build_from
from router_extproc.selectors.selector import Choice
from router_extproc.selectors.services import SelectorServices

REQUEST = Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, "hello"),)),))


def candidates(*names: str) -> tuple[Candidate, ...]:
    """Candidates with these names."""
    return tuple(Candidate(ModelPool(name, f"pool-{name}", name)) for name in names)


def scores(expected: int, **seen: PoolStatistics | None) -> list[float]:
    """Scores of pools of which this was seen."""
    statistics = {name: each for name, each in seen.items() if each is not None}
    return list(Quickness(expected).score(candidates(*seen), Choice(REQUEST, {}, 1, statistics)))


def figures(
    first: float | None = None, rate: float | None = None, whole: float | None = None, errors: float = 0.0
) -> PoolStatistics:
    """What one pool showed."""
    return PoolStatistics(responses=5, error_rate=errors, time_to_first_token_s=first, tokens_per_second=rate, duration_s=whole)


class TestSeconds:
    @pytest.mark.parametrize(
        ("seen", "expected", "seconds"),
        [
            pytest.param(figures(first=0.5, rate=50), 100, 2.5, id="first token and writing"),
            pytest.param(figures(first=0.5, rate=50, whole=9), 0, 0.5, id="first token only"),
            pytest.param(figures(first=0.5, whole=4), 100, 4.0, id="rate unknown: the whole answer"),
            pytest.param(figures(first=0.5), 100, 0.5, id="nothing but the first token"),
            pytest.param(figures(whole=4, rate=50), 100, 4.0, id="not streamed"),
            pytest.param(figures(first=0.5, rate=50, errors=0.75), 100, 10.0, id="a quarter succeeds"),
            pytest.param(figures(first=0.5, rate=50, errors=1.0), 100, 250.0, id="none succeeds now"),
            pytest.param(figures(errors=1.0), 100, 3600.0, id="none ever succeeded"),
            pytest.param(figures(), 100, None, id="answers without figures"),
            pytest.param(PoolStatistics(), 100, None, id="no answers"),
            pytest.param(None, 100, None, id="not seen"),
        ],
    )
    def test_are_what_an_answer_takes(self, seen: PoolStatistics | None, expected: int, seconds: float | None) -> None:
        """By the figures that are known."""
        found = None if seen is None else estimates.seconds(seen, expected)

        assert found == (None if seconds is None else pytest.approx(seconds))


class TestScore:
    def test_is_a_ratio_of_times(self) -> None:
        """Twice the time is half the score."""
        assert scores(0, a=figures(first=1.0), b=figures(first=2.0), c=figures(first=0.5)) == [0.5, 0.25, 1.0]

    def test_of_the_unseen_is_half_of_the_quickest(self) -> None:
        """Behind every pool that is nearly as quick, before one that is far slower."""
        assert scores(0, a=figures(first=1.0), b=figures(first=4.0), new=None) == [1.0, 0.25, 0.5]

    def test_of_the_unseen_is_best_where_the_others_fail(self) -> None:
        """By more than half of their answers."""
        assert scores(0, a=figures(first=1.0, errors=0.75), new=None) == [0.5, 1.0]

    def test_of_all_is_the_same_where_nothing_was_seen(self) -> None:
        """The first in the policy is asked then."""
        assert scores(0, a=None, b=None) == [1.0, 1.0]

    def test_of_no_time_at_all_is_1(self) -> None:
        """A clock may not tell the difference."""
        assert scores(0, a=figures(first=0.0), b=figures(first=1.0), new=None) == [1.0, 0.0, 1.0]

    @given(
        st.lists(
            st.one_of(
                st.none(),
                st.builds(
                    figures,
                    first=st.none() | st.floats(0, 1e4),
                    rate=st.none() | st.floats(1e-3, 1e9),
                    whole=st.none() | st.floats(0, 1e4),
                    errors=st.floats(0, 1),
                ),
            ),
            min_size=1,
            max_size=6,
        ),
        st.integers(0, 1_000_000),
    )
    def test_is_between_0_and_1_and_somebody_is_best(self, seen: list[PoolStatistics | None], expected: int) -> None:
        """Whatever was seen."""
        found = scores(expected, **{str(index): each for index, each in enumerate(seen)})

        assert all(0 <= score <= 1 for score in found)
        assert max(found) == 1.0


class TestLowestLatency:
    def test_leaves_a_pool_that_begins_to_refuse(self) -> None:
        """Its refusals are quicker than any answer; they must not attract requests."""
        stats = PoolStats(clock=lambda: 0.0)
        given_ = candidates("a", "b")
        selector = build_from(LatencyOptions(explore=0.0), given_, random.Random(1))
        for pool, whole in (("a", 1.0), ("b", 1.5)):
            stats.observe(Observation("1", pool, "m", 200, duration_s=whole))
        for _ in range(3):
            stats.observe(Observation("1", "a", "m", 429, duration_s=0.001))

        selection, _ = selector.select(given_, Choice(REQUEST, {}, 1, stats.snapshot()))

        assert selection is not None
        assert selection.pool.name == "b"

    def test_settles_on_the_quickest_and_finds_it_again(self) -> None:
        """By what the requests themselves showed; then the quick one becomes slow, and the other is found."""
        now = 0.0
        stats = PoolStats(half_life_s=20, clock=lambda: now)
        given_ = candidates("a", "b", "c")
        selector = build_from(
            LatencyOptions.model_validate({"explore": 0.1, "expectedOutputTokens": 0}), given_, random.Random(11)
        )
        asked: list[Counter[str]] = []
        for times in ({"a": 2.0, "b": 0.5, "c": 1.0}, {"a": 2.0, "b": 5.0, "c": 1.0}):
            asked.append(Counter())
            for _ in range(400):
                now += 1.0
                selection, _ = selector.select(given_, Choice(REQUEST, {}, 1, stats.snapshot()))
                assert selection is not None
                asked[-1][selection.pool.name] += 1
                stats.observe(Observation("1", selection.pool.name, "m", 200, time_to_first_token_s=times[selection.pool.name]))

        assert asked[0]["b"] > 300
        assert asked[1]["c"] > 300

    def test_explores_nobody_that_cannot_serve(self) -> None:
        """However much it explores."""
        able, unable = candidates("able", "unable")
        given_ = (able, Candidate(unable.pool, 0.0))
        selector = build_from(LatencyOptions(explore=1.0), given_, random.Random(1))

        for _ in range(50):
            selection, _ = selector.select(given_, Choice(REQUEST, {}, 1, {}))
            assert selection is not None
            assert selection.pool.name == "able"

    def test_of_the_policy_has_chance_of_its_own(self) -> None:
        """Two routes do not explore in step."""
        given_ = candidates("a", "b")
        selectors = [build(LatencyOptions(explore=1.0), given_, SelectorServices()) for _ in range(2)]
        found = [
            [
                selection.pool.name
                for selection, _ in (each.select(given_, Choice(REQUEST, {}, 1, {})) for _ in range(64))
                if selection
            ]
            for each in selectors
        ]

        assert found[0] != found[1]


class TestLatencyOptions:
    @pytest.mark.parametrize(
        "wrong", [{"explore": 1.1}, {"explore": -0.1}, {"explore": float("nan")}, {"expectedOutputTokens": -1}, {"other": 1}]
    )
    def test_have_bounds(self, wrong: dict[str, object]) -> None:
        """And no other keys."""
        with pytest.raises(ValidationError):
            LatencyOptions.model_validate(wrong)

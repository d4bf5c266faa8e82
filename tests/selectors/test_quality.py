"""Quality: selectors that know how likely each candidate is to answer well."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from agent import asked, call, result, user
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.encoders.reading import Reading
from router_extproc.pools import PoolStatistics
from router_extproc.quality.facts import FACTS, facts_of
from router_extproc.request import Message, Part, PartKind, Request, Role
from router_extproc.routing import Candidate, ModelFacts, ModelPool, Price
from router_extproc.selectors.cheapest import CheapestOptions, Cheapness, Sufficiency
from router_extproc.selectors.judge import Judge, profile
from router_extproc.selectors.profile import Profile
from router_extproc.selectors.selector import Choice
from router_extproc.selectors.value import Value, ValueOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router_extproc.quality.profile import ModelProfile, Query

REQUEST = Request("openai_chat", "auto", (Message(Role.USER, (Part(PartKind.TEXT, "hello"),)),), max_output_tokens=1000)
READING = Reading(chances={"difficulty": 0.9}, embedding=np.array([1.0, 0.0], np.float32))
CHOICE = Choice(REQUEST, {}, 1000, {}, READING)


@dataclass
class Oracle:
    """A quality model that knows the answers."""

    chances: tuple[float, ...]
    method: str = "oracle"
    facts: int = 0
    asked: list[tuple[Query, Sequence[ModelProfile]]] = field(default_factory=list)

    def predict(self, query: Query, models: Sequence[ModelProfile], /) -> NDArray[np.float64]:
        """As given."""
        self.asked.append((query, models))
        return np.array(self.chances)


class Each:
    """A quality model that finds everything good, however many are asked about."""

    method = "each"
    facts = 0

    def predict(self, _query: Query, models: Sequence[ModelProfile], /) -> NDArray[np.float64]:
        """One for each."""
        return np.ones(len(models))


def pools(*prices: float | None, **more: Any) -> tuple[Candidate, ...]:
    """Candidates a, b, c, ... with these prices of a million tokens."""
    made = (
        ModelPool(name, f"pool-{name}", f"model-{name}", price=None if price is None else Price(price, price), **more)
        for name, price in zip("abcdefgh", prices, strict=False)
    )
    return tuple(Candidate(pool) for pool in made)


def cheapest(chances: tuple[float, ...], given_: tuple[Candidate, ...], what: Choice, *, unread: str = "best") -> str:
    """The pool that the cheapest sufficient selector takes."""
    scorer = Sufficiency(Cheapness(500), 0.7, cheap_if_unread=unread == "cheapest")
    selection, _ = Profile("s", given_, [(scorer, 1.0)], judge=Judge(Oracle(chances), given_, 2)).select(given_, what)
    assert selection is not None
    assert all(0.0 <= score <= 1.0 for score in selection.scores.values())
    return selection.pool.name


class TestCheapestSufficient:
    @pytest.mark.parametrize(
        ("chances", "prices", "expected"),
        [
            pytest.param((0.9, 0.8, 0.95), (5, 1, 9), "b", id="the cheapest of three that suffice"),
            pytest.param((0.9, 0.5, 0.95), (5, 1, 9), "a", id="the cheapest does not suffice"),
            pytest.param((0.1, 0.5, 0.3), (1, 5, 9), "b", id="none suffices: the likeliest"),
            pytest.param((0.9, 0.1, 0.69), (None, 1, 2), "a", id="without a price, but the only one that suffices"),
            pytest.param((0.9, 0.9, 0.1), (None, 1000, 2), "b", id="one with a price goes first"),
            pytest.param((0.7, 0.9, 0.1), (1, 2, 0), "a", id="the target itself suffices"),
        ],
    )
    def test_takes_the_cheapest_that_is_good_enough(
        self, chances: tuple[float, ...], prices: tuple[float | None, ...], expected: str
    ) -> None:
        """And of none the best."""
        assert cheapest(chances, pools(*prices), CHOICE) == expected

    @pytest.mark.parametrize(("unread", "expected"), [("best", "b"), ("cheapest", "c")])
    def test_what_could_not_be_read_goes_where_the_policy_says(self, unread: str, expected: str) -> None:
        """To the candidate that is best for anything, or to the cheapest."""
        assert cheapest((0.9, 0.95, 0.1), pools(5, 9, 1), replace(CHOICE, reading=None), unread=unread) == expected

    @pytest.mark.parametrize("options", [{"target": 0.5}, {"unread": "best"}])
    def test_options_without_a_quality_model_are_refused(self, options: dict[str, Any]) -> None:
        """They would do nothing."""
        with pytest.raises(ValueError, match="have no effect without `quality`"):
            CheapestOptions(**options)

    # Half of the least subnormal number is zero, and scores are halved.
    @given(st.lists(st.tuples(st.floats(0, 1, allow_subnormal=False), st.floats(0, 100)), min_size=2, max_size=8))
    def test_nothing_cheaper_would_have_sufficed(self, table: list[tuple[float, float]]) -> None:
        """Whatever the chances and prices."""
        given_ = pools(*(price for _, price in table))
        name = cheapest(tuple(chance for chance, _ in table), given_, CHOICE)

        index = "abcdefgh".index(name)
        sufficing = [price for chance, price in table if chance >= 0.7]
        if sufficing:
            assert table[index][0] >= 0.7
            assert table[index][1] == pytest.approx(min(sufficing), rel=1e-5, abs=1e-4)
        else:
            assert table[index][0] == max(chance for chance, _ in table)


class TestBestValue:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            pytest.param({}, "c", id="quality alone"),
            pytest.param({"costWeight": 0.01}, "b", id="cost"),
            pytest.param({"costWeight": 1.0}, "a", id="cost above all"),
            pytest.param({"latencyWeight": 0.1}, "b", id="latency"),
            pytest.param({"energyWeight": 5.0}, "a", id="energy"),
        ],
    )
    def test_weighs_quality_against_what_it_costs(self, options: dict[str, float], expected: str) -> None:
        """Each weight by itself."""
        prices = (1.0, 2.0, 20.0)
        given_ = tuple(
            Candidate(ModelPool(name, name, name, price=Price(price, price), energy=Price(price * 50, price * 50)))
            for name, price in zip("abc", prices, strict=True)
        )
        statistics = {
            name: PoolStatistics(responses=1, duration_s=seconds) for name, seconds in zip("abc", (2.0, 1.0, 6.0), strict=True)
        }
        scorer = Value(ValueOptions.model_validate({"quality": "q", **options}))
        judge = Judge(Oracle((0.5, 0.8, 0.9)), given_, 2)

        selection, _ = Profile("v", given_, [(scorer, 1.0)], judge=judge).select(given_, replace(CHOICE, statistics=statistics))

        assert selection is not None
        assert selection.pool.name == expected

    def test_a_price_that_nobody_tells_does_not_win(self) -> None:
        """It counts as the highest that is known."""
        given_ = pools(1.0, None)
        scorer = Value(ValueOptions.model_validate({"quality": "q", "costWeight": 0.01}))
        selection, _ = Profile("v", given_, [(scorer, 1.0)], judge=Judge(Oracle((0.8, 0.8)), given_, 2)).select(given_, CHOICE)

        assert selection is not None
        assert selection.scores["a"] == selection.scores["b"]


class TestJudge:
    def test_asks_about_all_candidates_with_the_same_tuple(self) -> None:
        """Also where filters dropped some: the model keeps what depends on the tuple."""
        oracle, given_ = Oracle((0.1, 0.2, 0.3)), pools(1, 2, 3)
        judge = Judge(oracle, given_, 2)

        judged = [judge.judged(CHOICE, given_), judge.judged(CHOICE, given_)]

        assert judged[0].quality == {"a": 0.1, "b": 0.2, "c": 0.3}
        assert oracle.asked[0][1] is oracle.asked[1][1]
        assert oracle.asked[0][0].difficulty == 0.9
        assert oracle.asked[0][0].embedding is READING.embedding

    def test_keeps_its_figures_in_bounds(self) -> None:
        """A model that goes wrong must not win by it."""
        given_ = pools(1, 2)

        judged = Judge(Oracle((float("nan"), 7.0)), given_, 2).judged(CHOICE, given_)

        assert judged.quality == {"a": 0.0, "b": 1.0}

    def test_what_could_not_be_read_is_about_nothing_in_particular(self) -> None:
        """And of middling difficulty."""
        oracle = Oracle((0.5, 0.5))

        Judge(oracle, pools(1, 2), 7).judged(replace(CHOICE, reading=None), pools(1, 2))

        query, _ = oracle.asked[0]
        assert (query.difficulty, query.embedding.tolist()) == (0.5, [0.0] * 7)

    def test_facts_are_told_to_a_model_that_reads_them(self) -> None:
        """Also of a request that the encoder could not read: its shape is known all the same."""
        oracle, request = Oracle((0.5, 0.5), facts=FACTS), asked(user("Fix it."), call(), result())

        for reading in (READING, None):
            Judge(oracle, pools(1, 2), 2).judged(replace(CHOICE, request=request, reading=reading), pools(1, 2))

        assert [query.facts for query, _ in oracle.asked] == [facts_of(request)] * 2
        assert oracle.asked[0][0].embedding is READING.embedding

    def test_knows_pools_that_are_not_the_routes(self) -> None:
        """Private data may leave a request to any trusted pool, though the route has one candidate, or others."""
        given_, others = pools(1), pools(1, 2)
        selector = Profile(
            "s", given_, [(Sufficiency(Cheapness(500), 0.7, cheap_if_unread=True), 1.0)], judge=Judge(Each(), given_, 2)
        )

        selection, _ = selector.select(others, CHOICE)

        assert selection is not None
        assert (selection.pool.name, set(selection.quality)) == ("a", {"a", "b"})

    def test_a_single_candidate_needs_no_judge(self) -> None:
        """Nor anything to be read."""
        oracle, given_ = Oracle((0.5,)), pools(1)
        selector = Profile("s", given_, [], judge=Judge(oracle, given_, 2))

        selection, _ = selector.select(given_, CHOICE)

        assert not selector.reads
        assert not oracle.asked
        assert selection is not None
        assert not selection.quality

    def test_profiles_tell_what_the_policy_tells(self) -> None:
        """Under the name by which outcomes know the model."""
        facts = ModelFacts("qwen", 8.0, {"mmlu": 0.7})
        pool = ModelPool("p", "c", "m", price=Price(1, 2), context_window=10, tags=frozenset({"t"}), facts=facts)

        found = profile(pool)

        assert (found.name, found.parameters_b, found.scores, found.tags) == ("qwen", 8.0, {"mmlu": 0.7}, {"t"})
        assert (found.price_input, found.price_output, found.context_window) == (1, 2, 10)
        assert profile(replace(pool, facts=ModelFacts())).name == "m"
        assert profile(ModelPool("p", "c", "")).name == "p"

"""Judge: what holds of every judgement, whatever the session and the offer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.policy.session_rules import Budget, Escalation, SessionRule, Switch, WhenSpent
from router_extproc.pools import PoolStatistics
from router_extproc.routing import ModelPool, Price
from router_extproc.sessions.identity import Source
from router_extproc.sessions.judge import Case, Judgement, Offer, first, judged, signs
from router_extproc.sessions.note import Move, SessionNote, Spent
from router_extproc.sessions.prices import Prices, cached_tokens, gain_usd, held_tokens, loss_usd
from router_extproc.sessions.stall import Stall
from router_extproc.sessions.state import SessionState

POOLS = tuple(
    ModelPool(name, name, name, price=price)
    for name, price in (("a", Price(1, 2, 0.1)), ("b", Price(3, 6, 0.3)), ("c", Price(10, 20, 1)), ("d", None))
)
ORDER = ("d", "a", "b", "c")
STAY = {Move.KEPT, Move.PINNED, Move.HELD}

stalls = st.builds(Stall, st.integers(0, 5), st.integers(0, 5), st.integers(0, 3))
rules = st.builds(
    SessionRule,
    st.sampled_from(Switch),
    st.integers(1, 20),
    st.floats(0, 1),
    st.just(300.0),
    st.booleans(),
    st.none() | st.just(Escalation(order=ORDER)),
    st.none() | st.builds(Budget, usd=st.just(1.0), then=st.sampled_from(WhenSpent)),
)
states = st.builds(
    SessionState,
    pool=st.sampled_from(ORDER),
    turns=st.integers(1, 50),
    input_tokens=st.integers(0, 100_000),
    cached_share=st.none() | st.floats(0, 1),
    active_at=st.just(1000.0),
    raised=st.sampled_from(("", "b", "c")),
    calm=st.integers(0, 6),
    mark=st.integers(0, 10),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, str]:
    """One turn, and why its pool cannot serve it."""
    rule, state, stall = draw(rules), draw(states), draw(stalls)
    pools = tuple(draw(st.lists(st.sampled_from(POOLS), min_size=1, max_size=4, unique_by=lambda pool: pool.name)))
    offer = Offer(
        chosen=draw(st.sampled_from(pools)),
        pools=pools,
        scores={pool.name: draw(st.floats(0, 1)) for pool in pools},
        prices=Prices(draw(st.integers(0, 100_000)), draw(st.none() | st.integers(1, 5000)), {}),
        in_loop=draw(st.booleans()),
        messages=draw(st.integers(1, 50)),
        now=1000.0 + draw(st.floats(0, 1000)),
    )
    budget = draw(st.sampled_from([Spent.OK, Spent.NEARLY, Spent.SPENT])) if rule.budget else Spent.NONE
    here = next(pool for pool in POOLS if pool.name == state.pool)
    note = SessionNote("k", Source.HEADER, state.turns + 1, Move.OPENED, here.name, budget=budget, stall=stall)
    return Case(rule, state, offer, here, note, stall), draw(st.sampled_from(["", "", "context_window"]))


def judgement(given_: tuple[Case, str]) -> Judgement:
    """Of a case."""
    return judged(*given_)


class TestJudged:
    @given(cases())
    def test_leaves_an_open_tool_loop_for_a_reason_only(self, given_: tuple[Case, str]) -> None:
        """Its pool cannot serve, a rule overrides, it does not get on, or the budget is spent."""
        case, unfit = given_
        found = judgement(given_)
        if not case.offer.in_loop or found.pool is None or found.pool.name == case.here.name:
            return

        assert unfit or case.rule.override or signs(case.rule.escalation, case.stall) or case.note.budget is Spent.SPENT
        assert found.note.move in {Move.MOVED, Move.OVERRIDDEN, Move.ESCALATED, Move.LOWERED}

    @given(cases())
    def test_the_word_says_what_was_done(self, given_: tuple[Case, str]) -> None:
        """It stays if the word says so, and only then; it goes only where it can be served."""
        case, unfit = given_
        found = judgement(given_)
        if found.pool is None:
            assert found.note.move is Move.REFUSED
            return

        stays = found.pool.name == case.here.name
        if found.note.move in STAY:
            assert stays
            assert not unfit
        elif found.note.move is not Move.MOVED:
            assert not stays
        assert stays or found.pool in case.offer.pools

    @given(cases())
    def test_a_spent_budget_is_never_overdrawn_by_a_dearer_pool(self, given_: tuple[Case, str]) -> None:
        """It is refused, or goes to the cheapest; unless its pool cannot serve or the rule overrides."""
        case, unfit = given_
        found = judgement(given_)
        if case.note.budget is not Spent.SPENT or case.rule.budget is None or unfit or case.rule.override:
            return
        if case.rule.budget.then is WhenSpent.REJECT:
            assert found.pool is None
        else:
            assert found.pool == (case.offer.prices.cheapest(case.offer.pools) or case.here)

    @given(cases())
    def test_a_switch_gains_more_than_it_costs(self, given_: tuple[Case, str]) -> None:
        """Where it was weighed."""
        note = judgement(given_).note
        if note.gain_usd is not None and note.loss_usd is not None:
            assert (note.gain_usd > note.loss_usd) == (note.move is Move.SWITCHED)
            assert note.loss_usd >= 0

    @given(cases())
    def test_a_session_that_was_raised_comes_down_only_when_it_got_on(self, given_: tuple[Case, str]) -> None:
        """Hysteresis: not before as many calm turns as are asked for."""
        case, unfit = given_
        found = judgement(given_)
        escalation = case.rule.escalation
        if (
            escalation is None
            or not case.state.raised
            or unfit
            or case.rule.override
            or case.note.budget in {Spent.NEARLY, Spent.SPENT}
        ):
            return
        if found.pool != case.here and found.note.move is Move.SWITCHED:
            assert case.state.calm >= escalation.hold

    @given(rules, st.sampled_from(Spent))
    def test_a_first_turn_goes_where_the_selector_says(self, rule: SessionRule, budget: Spent) -> None:
        """Unless there is little or nothing to spend."""
        offer = Offer(POOLS[2], POOLS, {}, Prices(100, None, {}), in_loop=False, messages=1, now=1.0)
        found = first(rule, offer, SessionNote("k", Source.HEADER, 1, Move.OPENED, budget=budget))

        if budget in {Spent.NONE, Spent.OK}:
            assert (found.pool, found.note.move) == (POOLS[2], Move.OPENED)
        elif found.pool is not None:
            assert (found.pool, found.note.move) == (POOLS[0], Move.LOWERED)


class TestPrices:
    def test_a_pool_that_was_not_seen_is_not_cheaper_for_it(self) -> None:
        """Its answers are expected to be as long as the others'."""
        prices = Prices(100, None, {"a": PoolStatistics(1, output_tokens=80.0), "b": PoolStatistics(1, output_tokens=120.0)})

        assert prices.output_tokens(POOLS[2]) == 100.0
        assert Prices(100, 30, {}).output_tokens(POOLS[2]) == 30.0

    def test_a_pool_that_fails_costs_more_until_it_answers(self) -> None:
        """Half of the answers: twice."""
        failing = Prices(1000, 100, {"a": PoolStatistics(1, error_rate=0.5)})

        assert failing.answer(POOLS[0]) == 2 * failing.turn(POOLS[0])

    @given(states, st.integers(0, 200_000), st.floats(0, 600))
    def test_no_more_is_cached_than_was_sent(self, state: SessionState, prompt: int, idle: float) -> None:
        """And nothing after the cache's time."""
        found = cached_tokens(state, prompt, idle, 300.0)

        assert 0 <= found <= min(state.input_tokens, prompt)
        assert found == 0 or idle <= 300.0

    def test_a_pool_that_was_left_lately_still_has_its_part(self) -> None:
        """So going back costs less, for as long as caches live."""
        state = SessionState("a", left="c", left_tokens=600, left_at=1000.0)
        prices = Prices(1000, 100, {})

        assert held_tokens(state, POOLS[2], 1000, 1200.0, 300.0) == 600
        assert held_tokens(state, POOLS[2], 500, 1200.0, 300.0) == 500
        assert held_tokens(state, POOLS[2], 1000, 1301.0, 300.0) == 0
        assert held_tokens(state, POOLS[1], 1000, 1200.0, 300.0) == 0
        assert loss_usd(POOLS[2], prices, 800, 600) == pytest.approx(200 * 9 * 1e-6)
        assert loss_usd(POOLS[2], prices, 800, 900) == 0.0

    def test_the_gain_and_loss_of_a_switch(self) -> None:
        """By hand: 1,000 tokens of which 800 are cached, 100 out, five turns."""
        prices = Prices(1000, 100, {})
        small, large = POOLS[0], POOLS[2]
        warm_large = 200 * 10 + 800 * 1 + 100 * 20
        warm_small = 200 * 1 + 800 * 0.1 + 100 * 2

        assert gain_usd(large, small, prices, 800, 5) == pytest.approx(5 * (warm_large - warm_small) * 1e-6)
        assert loss_usd(small, prices, 800) == pytest.approx(800 * 0.9 * 1e-6)
        assert gain_usd(large, POOLS[3], prices, 800, 5) == 0.0

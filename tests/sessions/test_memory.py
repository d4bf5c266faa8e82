"""Memory: what is remembered, for how long, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.routing import Observation, Price
from router_extproc.sessions.memory import SessionMemory
from router_extproc.sessions.state import SessionState, Settled, Turn, correction, cost_usd, settled, taken


@dataclass
class Clock:
    """Seconds, as the test says."""

    now: float = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def turn(pool: str = "small", at: float = 1000.0, usd: float = 1.0, tokens: int = 10) -> Turn:
    """A turn that was decided."""
    return Turn(pool, usd, tokens, at)


class TestSessionMemory:
    def test_forgets_what_is_old(self) -> None:
        """A session that nobody goes on with is no session any more; one that goes on begins anew."""
        clock = Clock()
        memory = SessionMemory(clock=clock)
        memory.take(b"k", turn())
        clock.now += memory.ttl_s + 1

        assert memory.get(b"k") is None
        memory.take(b"k", turn(at=clock.now))
        found = memory.get(b"k")
        assert found is not None
        assert found.turns == 1

    def test_is_bounded(self) -> None:
        """The one longest unused makes place; old ones go by themselves, and are not counted as evicted."""
        clock = Clock()
        memory = SessionMemory(clock=clock, most=3)
        for number in range(10):
            memory.take(bytes([number]), turn())
        assert len(memory) == 3
        assert memory.evicted == 7
        assert memory.get(b"\x09") is not None

        clock.now += memory.ttl_s + 1
        for number in range(10, 13):
            memory.take(bytes([number]), turn(at=clock.now))
        assert len(memory) == 3
        assert memory.evicted == 7

    def test_an_answer_of_a_forgotten_session_is_nothing(self) -> None:
        """It does not come back by that."""
        memory = SessionMemory(clock=Clock())
        memory.settle(b"k", Settled("small", 1.0, 5))

        assert memory.get(b"k") is None
        assert len(memory) == 0

    def test_what_is_old_already_may_come_from_a_shared_store(self) -> None:
        """As after a reload with a shorter `ttlSeconds`: it is nothing, and the request goes on, also where nothing else is remembered."""
        memory = SessionMemory(clock=Clock())
        memory.ttl_s = 60.0
        memory.meet(b"k", SessionState(pool="small", turns=3, active_at=0.0))

        assert memory.get(b"k") is None
        assert len(memory) == 0

    def test_follows_links(self) -> None:
        """A response's id stands for its session; as many are kept as sessions."""
        memory = SessionMemory(clock=Clock(), most=2)
        for number in range(4):
            memory.link(bytes([number]), b"session")

        assert memory.resolved(b"\x03") == b"session"
        assert memory.resolved(b"\x00") == b"\x00"


class TestState:
    def test_counts_turns_and_spending(self) -> None:
        """Estimates first, corrected by what answers tell; an error took nothing."""
        price = Price(1.0, 2.0, 0.1)
        first = turn(usd=0.5, tokens=100)
        state = taken(None, first)
        told = Observation("1", "small", "m", 200, input_tokens=1000, output_tokens=100, cached_tokens=500)
        state = settled(state, correction(first, told, price))
        assert state.usd == pytest.approx((500 * 1 + 500 * 0.1 + 100 * 2) * 1e-6)
        assert state.tokens == 1100

        second = turn(usd=0.5, tokens=100)
        state = settled(taken(state, second), correction(second, Observation("2", "small", "m", 503), price))
        assert state.tokens == 1100
        assert state.turns == 2

    def test_an_answer_from_the_response_cache_took_nothing(self) -> None:
        """And says nothing of what the pool has in its cache."""
        state = settled(taken(None, turn()), Settled("small", 0, 0, 1000, 0))
        again = turn(usd=0.5, tokens=100)
        kept = Observation("2", "small", "m", 200, input_tokens=0, output_tokens=0)
        after = settled(taken(state, again), correction(again, kept, Price(1.0, 2.0)))

        assert (after.usd, after.tokens, after.input_tokens) == (state.usd, state.tokens, 1000)

    def test_learns_how_well_the_pool_caches(self) -> None:
        """By how much of the last prompt it found again; after a move nothing is known of it."""
        state = settled(taken(None, turn()), Settled("small", 0, 0, 1000, 0))
        assert state.cached_share is None
        state = settled(state, Settled("small", 0, 0, 1500, 800))

        assert state.cached_share == pytest.approx(0.8)
        assert state.input_tokens == 1500
        moved = taken(state, turn("large"))
        assert (moved.cached_share, moved.input_tokens) == (None, 0)
        assert (moved.left, moved.left_tokens, moved.left_at) == ("small", 1200, 1000.0)

    def test_an_answer_of_a_pool_that_was_left_says_nothing_of_the_next(self) -> None:
        """But it has its price."""
        state = settled(taken(None, turn("large")), Settled("small", 2.0, 5, 1500, 800))

        assert (state.input_tokens, state.cached_share) == (0, None)
        assert (state.usd, state.tokens) == (3.0, 15)

    @given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=4))
    def test_answers_may_come_in_any_order(self, pairs: list[tuple[int, int]]) -> None:
        """What was spent comes out the same."""
        price, turns = Price(1.0, 1.0), [turn(usd=cost_usd(Price(1.0, 1.0), 2000, 0), tokens=2000) for _ in pairs]
        answers = [Observation("1", "small", "m", 200, input_tokens=a, output_tokens=b) for a, b in pairs]
        changes = [correction(each, seen, price) for each, seen in zip(turns, answers, strict=True)]
        for order in permutations(changes):
            state = None
            for each in turns:
                state = taken(state, each)
            assert state is not None
            for change in order:
                state = settled(state, change)
            assert state.tokens == sum(a + b for a, b in pairs)
            assert state.usd == pytest.approx(sum(a + b for a, b in pairs) * 1e-6)

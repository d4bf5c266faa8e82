from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router_extproc.cache.entry import Entry, read, written
from router_extproc.cache.index import MAX_QUESTIONS, Index, Question
from router_extproc.cache.keys import Keys
from router_extproc.cache.meaning import meaning
from router_extproc.cache.rule import CacheLimits
from router_extproc.cache.store import ResponseCache

if TYPE_CHECKING:
    from cache_makers import Clock

    from router_extproc.cache.meaning import Meaning


def entry(clock: Clock, body: bytes = b"{}", ttl: float = 60.0) -> Entry:
    """An answer that is kept now."""
    return Entry(body, clock.now, clock.now + ttl, "openai_chat")


def key(number: int) -> bytes:
    """One of many."""
    return number.to_bytes(32, "big")


def told(text: str) -> Meaning:
    """What a question says."""
    made = meaning(text)
    assert made is not None
    return made


def question(
    number: int, clock: Clock, text: str = "How is the weather in Rome?", vector: tuple[float, float] = (1.0, 0.0)
) -> Question:
    """One that was asked."""
    return Question(key(number), np.array(vector, np.float32), told(text), clock.now + 60)


class TestBounds:
    def test_bytes(self, clock: Clock) -> None:
        """Whatever comes, no more is held than the policy allows; the one longest unused goes first."""
        cache = ResponseCache(CacheLimits(max_bytes=100_000), clock=clock)
        for number in range(500):
            cache.keep(Keys(key(number), b"p"), entry(clock, b"x" * 1500), question(number, clock))
            cache.find(key(0))
            assert cache.size <= 100_000
        assert cache.find(key(0)) is not None
        assert cache.find(key(1)) is None
        assert cache.figures.evictions == 500 - len(cache.entries)
        assert len(cache.index) == len(cache.entries)

    def test_counts_what_it_holds(self, clock: Clock) -> None:
        """The figure is that of the parts, and 0 once all is gone."""
        cache = ResponseCache(clock=clock)
        made, asked = entry(clock, b"x" * 100), question(1, clock)
        cache.keep(Keys(key(1), b"p"), made, asked)
        assert cache.size == made.size + asked.size
        cache.configure(CacheLimits(), "other")
        assert cache.size == len(cache.entries) == len(cache.index) == 0

    def test_a_smaller_bound_holds_at_once(self, clock: Clock) -> None:
        """At a reload."""
        cache = ResponseCache(clock=clock)
        cache.configure(CacheLimits(), "v")
        for number in range(100):
            cache.keep(Keys(key(number)), entry(clock, b"x" * 1000), None)
        cache.configure(CacheLimits(max_bytes=70_000), "v")
        assert 0 < cache.size <= 70_000

    def test_time(self, cache: ResponseCache, clock: Clock) -> None:
        """An answer that has expired is none, and takes no place."""
        cache.keep(Keys(key(1)), entry(clock), None)
        clock.now += 59
        assert cache.find(key(1)) is not None
        clock.now += 1
        assert cache.find(key(1)) is None
        assert cache.size == 0

    def test_another_policy_serves_nothing_of_this_one(self, cache: ResponseCache, clock: Clock) -> None:
        """It may decide otherwise."""
        cache.configure(CacheLimits(), "one")
        cache.keep(Keys(key(1)), entry(clock), None)
        cache.configure(CacheLimits(), "two")
        assert cache.find(key(1)) is None


class TestIndex:
    def test_finds_the_near_and_verifies(self, cache: ResponseCache, clock: Clock) -> None:
        """What is near and asks something else is counted, not served."""
        cache.keep(Keys(key(1), b"p"), entry(clock), question(1, clock, "How warm is Rome in May?"))
        cache.keep(Keys(key(2), b"p"), entry(clock), question(2, clock, "How warm is Rome in June?"))
        cache.keep(Keys(key(3), b"q"), entry(clock), question(3, clock, "How warm is Rome in June?"))
        vector = np.array([1.0, 0.0], np.float32)

        assert list(cache.near(Keys(b"", b"p"), vector, told("how warm is Rome in June"), 0.6)) == [key(2)]
        assert list(cache.near(Keys(b"", b"p"), -vector, told("how warm is Rome in June"), 0.6)) == []
        assert cache.figures.refusals == {"words": 1}

    def test_is_bounded_for_each_partition(self, clock: Clock) -> None:
        """The oldest question goes."""
        index = Index()
        for number in range(MAX_QUESTIONS + 10):
            index.add(b"p", question(number, clock))
        assert len(index) == MAX_QUESTIONS
        assert index.oldest() == key(10)

    def test_forgets_the_expired(self, clock: Clock) -> None:
        """When it comes across them."""
        index = Index()
        index.add(b"p", question(1, clock))
        assert index.near(b"p", np.array([1.0, 0.0], np.float32), 0.5, clock.now + 61) == []
        assert index.bytes == len(index) == 0


class TestEntry:
    def test_goes_to_another_process_and_back(self, clock: Clock) -> None:
        """As it was."""
        made = entry(clock, b'{"a": 1}')
        assert read(written(made)) == made

from __future__ import annotations

import json
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from cache_makers import Clock, Reading, embed, outcome

from router_extproc.cache.control import control
from router_extproc.cache.entry import Entry
from router_extproc.cache.keys import keys
from router_extproc.cache.rule import CacheMode
from router_extproc.cache.search import Found, Search, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.cache.store import ResponseCache

ANSWER = json.dumps(
    {
        "id": "1",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    }
).encode()


class Asker:
    """Searches in one cache."""

    def __init__(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        self.cache = cache
        self.clock = clock
        self._ask = ask
        self.rule = rule

    def search(self, text: str = "How warm is Rome?", *, header: str = "", embedder: Any = None, **more: Any) -> Search:
        """One."""
        request, body = self._ask(text, **more)
        wanted = Wanted(request.api, request.stream, usage=bool(more.get("stream_options")))
        made = keys(self.cache.secret, self.rule, request, outcome(), body)
        deadline = time.perf_counter() + 5
        return Search(self.cache, self.rule, made, wanted, control=control(header), embed=embedder, deadline=deadline)

    def keep(self, search: Search, **more: Any) -> None:
        """Answer it."""
        entry = Entry(ANSWER, self.clock.now, self.clock.now + 60, "openai_chat", **more)
        self.cache.keep(search.keys, entry, search.question(entry.expires_at) if search.question else None)
        self.cache.flights.land(search.keys.exact, entry)


def asker(cache: ResponseCache, clock: Clock, ask: Any, rule: Callable[..., Any], **more: Any) -> Asker:
    """With a rule."""
    return Asker(cache, clock, ask, rule(**more))


class TestSearch:
    def test_misses_then_hits(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        """The first leads; the answer's age is told."""
        ours = asker(cache, clock, ask, rule)
        first = ours.search()
        assert first.step() == Found("miss", "absent", leads=True)
        ours.keep(first)
        clock.now += 7
        found = ours.search().step()
        assert found is not None
        assert (found.status, found.how, found.age_s) == ("hit", "exact", 7.0)
        assert found.payload is not None
        assert found.payload.body == ANSWER

    def test_makes_a_stream_of_it(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        """With usage only where it is known."""
        ours = asker(cache, clock, ask, rule)
        ours.keep(ours.search(), usage=False)
        found = ours.search(stream=True).step()
        assert found is not None
        assert found.payload is not None
        assert found.payload.content_type == "text/event-stream"
        assert ours.search(stream=True, stream_options={"include_usage": True}).step() == Found("miss", "form", leads=True)

    def test_waits_for_an_identical_request(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        """Once; what it brought is served."""
        ours = asker(cache, clock, ask, rule, wait_s=5)
        leader, follower = ours.search(), ours.search()
        leader.step()
        assert follower.step() is None
        assert follower.work
        assert cache.flights.waiting == 1
        ours.keep(leader)
        found = follower.step()
        assert found is not None
        assert (found.status, found.how) == ("hit", "shared")
        assert cache.flights.waiting == len(cache.flights) == 0

    def test_goes_on_when_the_leader_fails(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        """And leads itself."""
        ours = asker(cache, clock, ask, rule, wait_s=5)
        leader, follower = ours.search(), ours.search()
        leader.step()
        follower.step()
        cache.flights.land(leader.keys.exact)
        assert follower.step() == Found("miss", "absent", leads=True)

    def test_goes_on_when_it_takes_too_long(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        """Without leading: the first may still bring the answer."""
        ours = asker(cache, clock, ask, rule, wait_s=0.001)
        leader, follower = ours.search(), ours.search()
        leader.step()
        assert follower.step() is None
        assert follower.remaining_s() <= 0.001
        assert follower.give_up() == Found("miss", "absent", leads=False)
        assert cache.flights.waiting == 0

    def test_does_not_wait_where_the_rule_says_so(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        """`waitMs: 0`."""
        ours = asker(cache, clock, ask, rule, wait_s=0)
        ours.search().step()
        assert ours.search().step() == Found("miss", "absent", leads=False)

    def test_a_waiter_that_is_gone_waits_no_more(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        """Its stream ended."""
        ours = asker(cache, clock, ask, rule, wait_s=5)
        ours.search().step()
        follower = ours.search()
        follower.step()
        follower.close()
        follower.close()
        assert cache.flights.waiting == 0


class TestSemantic:
    def test_serves_what_asks_the_same(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        """And nothing else, however near it is."""
        ours = asker(cache, clock, ask, rule, mode=CacheMode.SEMANTIC)
        first = ours.search("What's the capital of Peru?", embedder=embed)
        first.step()
        ours.keep(first)
        same = ours.search("What is Peru's capital?", embedder=embed).step()
        other = ours.search("What is Chile's capital?", embedder=embed).step()
        assert same is not None
        assert (same.status, same.how) == ("hit", "semantic")
        assert other == Found("miss", "absent", leads=True)

    def test_a_model_that_is_late_or_fails_is_a_miss(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        """The answer is kept for identical requests."""
        ours = asker(cache, clock, ask, rule, mode=CacheMode.SEMANTIC)
        never: Future[Any] = Future()
        late = ours.search("What is the capital of Peru?", embedder=lambda *_: never)
        assert late.step() is None
        assert late.give_up() == Found("miss", "not_embedded", leads=True)
        failed: Future[Any] = Future()
        failed.set_exception(RuntimeError("x"))
        assert ours.search("What is the capital of Chile?", embedder=lambda *_: failed).step() == Found(
            "miss", "not_embedded", leads=True
        )
        assert late.question is None

    def test_joins_a_request_that_began_while_the_text_was_read(
        self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any
    ) -> None:
        """Two at the same moment ask the model once."""
        ours = asker(cache, clock, ask, rule, mode=CacheMode.SEMANTIC, wait_s=5)
        readings: list[Future[Any]] = [Future(), Future()]
        given = iter(readings)
        one, two = (ours.search("What is the capital of Peru?", embedder=lambda *_: next(given)) for _ in range(2))
        assert one.step() is None
        assert two.step() is None
        for reading in readings:
            reading.set_result(Reading(embed("", 0).result().embedding))
        assert one.step() == Found("miss", "absent", leads=True)
        assert two.step() is None
        ours.keep(one)
        found = two.step()
        assert found is not None
        assert found.how == "shared"


class TestControl:
    def test_directives(self, cache: ResponseCache, clock: Clock, ask: Any, rule: Any) -> None:
        """As RFC 9111 has them."""
        ours = asker(cache, clock, ask, rule, wait_s=0)
        assert ours.search(header="only-if-cached").step() == Found("miss", "only_if_cached")
        ours.keep(ours.search())
        clock.now += 10
        told = {
            header: ours.search(header=header).step()
            for header in ("no-store", "no-cache", "max-age=5", "max-age=20", 'MAX-AGE="20", x')
        }
        assert [(found.status, found.how) for found in told.values() if found] == [
            ("bypass", "caller"), ("miss", "caller"), ("miss", "stale"), ("hit", "exact"), ("hit", "exact"),
        ]  # fmt: skip

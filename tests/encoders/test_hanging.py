"""Work that fails or hangs: what the batcher tells those who come after it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.breaker import BreakerOptions, BreakerState
from router_extproc.encoders.batching import Batcher, BatchOptions
from router_extproc.encoders.errors import LateError, OverloadedError, StrangeError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Make = Callable[..., Batcher[str, str]]

_PATIENCE = 30.0
PAUSE, HUNG, WAIT = 10.0, 1.0, 0.2
BREAKER = BreakerOptions(failures=2, pause_s=PAUSE, hung_s=HUNG)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Model:
    """Reads texts; `hang` does not end until it is let, `strange` gives no number, `crash` raises, `slow` takes two seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.gate = threading.Event()
        self.inside = threading.Semaphore(0)

    def __call__(self, works: Sequence[str]) -> list[str | Exception]:
        """Read."""
        if "crash" in works:
            raise ZeroDivisionError
        if "slow" in works:
            self._clock.now += 2 * HUNG
        if "hang" in works:
            self.inside.release()
            assert self.gate.wait(_PATIENCE)
        return [StrangeError("strange") if work == "strange" else work for work in works]


@pytest.fixture
def clock() -> Clock:
    """The test's."""
    return Clock()


@pytest.fixture
def model(clock: Clock) -> Iterator[Model]:
    """Lets its threads go at the end."""
    model = Model(clock)
    yield model
    model.gate.set()


@pytest.fixture
def make(model: Model, clock: Clock) -> Iterator[Make]:
    """Makes batchers of the model that end with the test."""
    made: list[Batcher[str, str]] = []

    def batcher(**options: Any) -> Batcher[str, str]:
        more = {key: options.pop(key) for key in ("size", "usual") if key in options}
        made.append(Batcher(model, BatchOptions(wait_ms=0.0, **options), name="tiny", breaker=BREAKER, clock=clock, **more))
        return made[-1]

    yield batcher
    for each in made:
        each.close()


def error(batcher: Batcher[str, str], clock: Clock, work: str = "tea") -> type[BaseException]:
    """What a text fails with; NoneType if it is read."""
    return type(batcher.submit(work, clock.now + WAIT).exception(_PATIENCE))


def hang(batcher: Batcher[str, str], model: Model, clock: Clock) -> None:
    """Have one more thread hang."""
    batcher.submit("hang", clock.now + WAIT)
    assert model.inside.acquire(timeout=_PATIENCE)


class TestFailing:
    @pytest.mark.parametrize(("work", "kind"), [("strange", StrangeError), ("crash", ZeroDivisionError)])
    def test_is_refused_at_once_after_some_in_a_row(self, make: Make, clock: Clock, work: str, kind: type[Exception]) -> None:
        """What would have been read, too; its error is of its own class."""
        it = make()

        assert [error(it, clock, work) for _ in range(3)] == [kind, kind, UnavailableError]
        assert error(it, clock) is UnavailableError
        assert it.breaker.state is BreakerState.OPEN

    def test_is_tried_again_after_a_pause(self, make: Make, clock: Clock) -> None:
        """And once a text is read, all are."""
        it = make()
        for _ in range(2):
            error(it, clock, "strange")
        clock.now += PAUSE

        assert [error(it, clock) for _ in range(3)] == [type(None)] * 3
        assert it.breaker.state is BreakerState.CLOSED
        assert it.figures.turns == {"open": 1, "half_open": 1, "closed": 1}

    def test_a_batch_that_breaks_is_one_failure(self, make: Make, model: Model, clock: Clock) -> None:
        """However many texts were in it: which of them it was nobody knows."""
        it = make(max_batch=4)
        hang(it, model, clock)
        tasks = [it.submit(work, clock.now + WAIT) for work in ("crash", "tea", "tea", "tea")]
        model.gate.set()

        assert {type(task.exception(_PATIENCE)) for task in tasks} == {ZeroDivisionError}
        assert it.breaker.state is BreakerState.CLOSED


class TestLoad:
    def test_a_full_queue_is_no_failure(self, make: Make, model: Model, clock: Clock) -> None:
        """The model works as fast as it can."""
        it = make(max_queue=1)
        hang(it, model, clock)
        it.submit("tea", clock.now + WAIT)

        assert [error(it, clock) for _ in range(5)] == [OverloadedError] * 5
        assert it.breaker.state is BreakerState.CLOSED

    def test_what_comes_too_late_is_no_failure(self, make: Make, model: Model, clock: Clock) -> None:
        """In the queue, or from the beginning."""
        it = make()
        hang(it, model, clock)
        waiting = [it.submit("tea", clock.now + WAIT) for _ in range(5)]
        clock.now += HUNG
        model.gate.set()

        assert {type(task.exception(_PATIENCE)) for task in waiting} == {LateError}
        assert {type(it.submit("tea", clock.now - 1).exception(_PATIENCE)) for _ in range(5)} == {LateError}
        assert it.breaker.state is BreakerState.CLOSED

    def test_a_trial_that_found_no_room_is_no_trial(self, make: Make, model: Model, clock: Clock) -> None:
        """The next text is one."""
        it = make(threads=2, max_queue=1, max_batch=1)
        for _ in range(2):
            error(it, clock, "strange")
        clock.now += PAUSE
        hang(it, model, clock)
        clock.now += WAIT + HUNG

        assert error(it, clock) is UnavailableError
        assert it.breaker.why == "the text that was tried is not read"


class TestHanging:
    def test_is_not_seen_where_threads_are_only_busy(self, make: Make, clock: Clock) -> None:
        """However often somebody looks while they come and go."""
        it = make(threads=3, max_queue=100_000)
        tasks = [it.submit("tea", clock.now + WAIT) for _ in range(20_000)]

        assert {type(task.exception(_PATIENCE)) for task in tasks} == {type(None)}
        assert it.figures.turns == {}

    def test_opens_it_when_every_thread_hangs(self, make: Make, model: Model, clock: Clock) -> None:
        """Those who come then do not wait."""
        it = make(threads=2, max_batch=1)
        hang(it, model, clock)
        hang(it, model, clock)
        before = it.breaker.state
        clock.now += HUNG + 0.1

        assert (before, it.breaker.state, it.breaker.why) == (BreakerState.CLOSED, BreakerState.OPEN, "every pass hangs")
        assert error(it, clock) is UnavailableError

    def test_goes_on_while_a_thread_is_left(self, make: Make, model: Model, clock: Clock) -> None:
        """One text that hangs the model takes one thread."""
        it = make(threads=2, max_batch=1)
        hang(it, model, clock)
        clock.now += 100

        assert error(it, clock) is type(None)
        assert it.breaker.state is BreakerState.CLOSED

    def test_tries_nothing_while_every_thread_hangs(self, make: Make, model: Model, clock: Clock) -> None:
        """No request pays for a trial that cannot succeed."""
        it = make()
        hang(it, model, clock)
        clock.now += 100
        first = error(it, clock)
        clock.now += 1000

        assert (first, error(it, clock)) == (UnavailableError, UnavailableError)
        assert it.breaker.state is BreakerState.OPEN

    def test_closes_again_when_the_pass_ends(self, make: Make, model: Model, clock: Clock) -> None:
        """After the pause, by the first text that is read."""
        it = make()
        task = it.submit("hang", clock.now + WAIT)
        assert model.inside.acquire(timeout=_PATIENCE)
        clock.now += HUNG + 0.1
        state = it.breaker.state
        model.gate.set()
        task.result(_PATIENCE)
        while it._queue._running:
            threading.Event().wait(0.001)
        clock.now += PAUSE

        assert (state, error(it, clock), it.breaker.state) == (BreakerState.OPEN, type(None), BreakerState.CLOSED)

    def test_waits_as_long_as_the_request_may(self, make: Make, model: Model, clock: Clock) -> None:
        """A slow model under a long deadline works as it is meant to."""
        it = make()
        it.submit("hang", clock.now + 20 * HUNG)
        assert model.inside.acquire(timeout=_PATIENCE)
        clock.now += 19 * HUNG

        assert it.breaker.state is BreakerState.CLOSED

    def test_a_pass_that_ends_too_late_is_a_failure(self, make: Make, clock: Clock) -> None:
        """Its result is still told."""
        it = make()

        assert [error(it, clock, "slow") for _ in range(3)] == [type(None), type(None), UnavailableError]
        assert it.breaker.why.endswith("a pass was too slow")

    def test_a_long_text_is_no_failure(self, make: Make, clock: Clock) -> None:
        """It takes its time, and callers choose how long their texts are."""
        it = make(size=lambda _: 10, usual=4)

        assert [error(it, clock, "slow") for _ in range(5)] == [type(None)] * 5
        assert it.breaker.state is BreakerState.CLOSED

    def test_its_pace_is_not_believed(self, make: Make, clock: Clock) -> None:
        """Else everything would be refused for long after it works again."""
        it = make()
        error(it, clock, "slow")

        assert it._queue._pace == 0.0

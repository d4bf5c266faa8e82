"""Work that is run in steps: what becomes of pieces whose deadline passes half-way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.breaker import BreakerOptions, BreakerState
from router_extproc.encoders.batching import Batcher, BatchOptions
from router_extproc.encoders.course import Course, InSteps
from router_extproc.encoders.errors import LateError, OverloadedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from router_extproc.encoders.batching import Task

    Make = Callable[..., Batcher[str, str]]

_PATIENCE = 30.0
PAUSE, HUNG, WAIT, LONG = 10.0, 1.0, 0.2, 1000.0


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Model:
    """Reads a letter of each text at a step. What a test wants to happen just before a letter's step happens in the model's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds = 0.0
        """That a step takes."""
        self.before: dict[str, list[Callable[[], object]]] = {}
        self.read: list[str] = []
        """Letters, in the order in which they were read."""

    def __call__(self, works: Sequence[str], course: Course) -> list[str | Exception]:
        """Capitals."""
        total = sum(map(len, works))
        for number in range(max(map(len, works))):
            letters = {place: work[number] for place, work in enumerate(works) if number < len(work)}
            for letter in letters.values():
                for happens in self.before.pop(letter, []):
                    happens()
            if "!" in letters.values():
                raise ZeroDivisionError
            going = course.going(letters)
            if going:
                self._clock.move(self.seconds)
                self.read += [letters[place] for place in going]
                course.did(len(going) / total)
        return [work.upper() for work in works]


@pytest.fixture
def clock() -> Clock:
    """The test's."""
    return Clock()


@pytest.fixture
def model(clock: Clock) -> Model:
    """The test's."""
    return Model(clock)


@pytest.fixture
def make(model: Model, clock: Clock) -> Iterator[Make]:
    """Makes batchers of the model that end with the test."""
    made: list[Batcher[str, str]] = []

    def batcher(*, breaker: BreakerOptions | None = None, run: Any = None, **options: Any) -> Batcher[str, str]:
        breaker = breaker or BreakerOptions(failures=2, pause_s=PAUSE, hung_s=HUNG)
        chosen = BatchOptions(wait_ms=0.0, **options)
        made.append(Batcher(run or InSteps(model), chosen, name="tiny", size=len, breaker=breaker, clock=clock))
        return made[-1]

    yield batcher
    for each in made:
        each.close()


def error(task: Task[str]) -> type[BaseException]:
    """What a task fails with; NoneType if it is done."""
    return type(task.exception(_PATIENCE))


def settle(batcher: Batcher[str, str]) -> None:
    """Wait until its thread has counted what it told: what comes before finds it busy."""
    while batcher._queue._load:
        threading.Event().wait(0.001)


class Others:
    """Texts that come while another is being read."""

    def __init__(self, batcher: Batcher[str, str], clock: Clock) -> None:
        self._batcher = batcher
        self._clock = clock
        self.tasks: list[Task[str]] = []

    def come(self, *texts: str, wait: float = LONG) -> Callable[[], None]:
        """What has them come, when it happens."""

        def happens() -> None:
            self.tasks += [self._batcher.submit(text, self._clock.now + wait) for text in texts]

        return happens


class TestGivingUp:
    def test_makes_way_for_what_can_be_in_time(self, make: Make, model: Model, clock: Clock) -> None:
        """No further step of it is run; what is given up is late, and not read."""
        it = make()
        others = Others(it, clock)
        model.before["b"] = [lambda: clock.move(2 * WAIT), others.come("x")]
        task = it.submit("abc", clock.now + WAIT)

        assert error(task) is LateError
        assert others.tasks[0].result(_PATIENCE) == "X"
        assert model.read == ["a", "x"]
        assert (it.figures.late, it.figures.texts) == (1, 1)

    def test_happens_before_the_first_step(self, make: Make, model: Model, clock: Clock) -> None:
        """What comes before the steps may take long."""
        it = make()
        others = Others(it, clock)
        model.before["a"] = [lambda: clock.move(2 * WAIT), others.come("x")]

        assert error(it.submit("abc", clock.now + WAIT)) is LateError
        assert others.tasks[0].result(_PATIENCE) == "X"
        assert model.read == ["x"]

    @pytest.mark.parametrize(
        ("late", "others"),
        [
            pytest.param(2 * WAIT, (), id="nothing waits"),
            pytest.param(2 * WAIT, ("x",), id="what waits is late, too"),
            pytest.param(0.0, ("x",), id="it is in time"),
        ],
    )
    def test_does_not_happen_where_it_helps_nobody(
        self, make: Make, model: Model, clock: Clock, late: float, others: tuple[str, ...]
    ) -> None:
        """It is then known if it is asked for again."""
        it = make()
        model.before["b"] = [Others(it, clock).come(*others, wait=WAIT), lambda: clock.move(late)]

        assert it.submit("abc", clock.now + WAIT).result(_PATIENCE) == "ABC"

    def test_makes_way_for_what_was_refused_since(self, make: Make, model: Model, clock: Clock) -> None:
        """The next one that comes finds a thread."""
        it = make(max_queue=1)
        others = Others(it, clock)
        model.before["b"] = [others.come("x", wait=WAIT), lambda: clock.move(2 * WAIT), others.come("y")]

        assert error(it.submit("abc", clock.now + WAIT)) is LateError
        assert [error(task) for task in others.tasks] == [LateError, OverloadedError]
        assert model.read == ["a"]

    def test_does_not_make_way_for_what_was_refused_before(self, make: Make, model: Model, clock: Clock) -> None:
        """Those are gone."""
        it = make(max_queue=1)
        others = Others(it, clock)
        model.before["b"] = [others.come("x", "y", wait=WAIT), lambda: clock.move(2 * WAIT)]

        assert it.submit("abc", clock.now + WAIT).result(_PATIENCE) == "ABC"
        assert [error(task) for task in others.tasks] == [LateError, OverloadedError]

    def test_does_not_happen_while_a_thread_is_idle(self, make: Make, model: Model, clock: Clock) -> None:
        """It takes what waits."""
        it = make(threads=2)
        others = Others(it, clock)
        model.before["b"] = [
            lambda: clock.move(2 * WAIT),
            others.come("x"),
            lambda: others.tasks[0].result(_PATIENCE),
            others.come("y"),
        ]

        assert it.submit("abc", clock.now + WAIT).result(_PATIENCE) == "ABC"
        assert others.tasks[1].result(_PATIENCE) == "Y"

    def test_leaves_the_other_texts_of_the_batch(self, make: Make, model: Model, clock: Clock) -> None:
        """Those that are in time, and those of which no step is left."""
        it = make(max_batch=3)
        others = Others(it, clock)
        model.before["0"] = [others.come("abc", "d", wait=WAIT), others.come("efg", "x")]
        model.before["b"] = [lambda: clock.move(2 * WAIT)]
        it.submit("0", clock.now + LONG).result(_PATIENCE)
        given_up, ended, timely, _ = others.tasks

        assert error(given_up) is LateError
        assert (ended.result(_PATIENCE), timely.result(_PATIENCE)) == ("D", "EFG")
        assert model.read[:6] == ["0", "a", "d", "e", "f", "g"]

    def test_is_told_as_such_where_the_others_fail(self, make: Make, model: Model, clock: Clock) -> None:
        """It is not what failed."""
        it = make(max_batch=2)
        others = Others(it, clock)
        model.before["0"] = [others.come("abc", wait=WAIT), others.come("de!", "x")]
        model.before["b"] = [lambda: clock.move(2 * WAIT)]
        it.submit("0", clock.now + LONG).result(_PATIENCE)
        given_up, failed, _ = others.tasks

        assert [error(given_up), error(failed)] == [LateError, ZeroDivisionError]
        assert it.figures.late == 1

    def test_is_for_what_is_run_in_steps_alone(self, make: Make, clock: Clock) -> None:
        """Others need not know of it."""
        taken: list[Task[str]] = []

        def run(works: Sequence[str]) -> list[str]:
            if "abc" in works:
                clock.move(2 * WAIT)
                taken.append(it.submit("x", clock.now + LONG))
            return [work.upper() for work in works]

        it = make(run=run)

        assert it.submit("abc", clock.now + WAIT).result(_PATIENCE) == "ABC"
        assert taken[0].result(_PATIENCE) == "X"


class TestProlonging:
    def test_keeps_what_is_late_but_not_given_up(self, make: Make, model: Model, clock: Clock) -> None:
        """Who asks anew for what is being read does not have it begun anew."""
        it = make()
        others = Others(it, clock)
        tasks: list[Task[str]] = []
        kept: list[bool] = []
        model.before["0"] = [lambda: tasks.append(it.submit("abc", clock.now + WAIT))]
        model.before["b"] = [
            lambda: clock.move(2 * WAIT),
            others.come("x"),
            lambda: kept.append(it.prolong(tasks[0], clock.now + WAIT)),
        ]
        it.submit("0", clock.now + LONG).result(_PATIENCE)

        assert tasks[0].result(_PATIENCE) == "ABC"
        assert kept == [True]

    def test_comes_too_late_for_what_is_given_up(self, make: Make, model: Model, clock: Clock) -> None:
        """Though it has not been told so yet: it must be begun anew."""
        it = make(max_batch=2)
        others = Others(it, clock)
        kept: list[tuple[bool, bool]] = []
        model.before["0"] = [others.come("abc", wait=WAIT), others.come("defg", "x")]
        model.before["b"] = [lambda: clock.move(2 * WAIT)]
        model.before["f"] = [lambda: kept.append((others.tasks[0].done(), it.prolong(others.tasks[0], clock.now + LONG)))]
        it.submit("0", clock.now + LONG).result(_PATIENCE)

        assert error(others.tasks[0]) is LateError
        assert others.tasks[1].result(_PATIENCE) == "DEFG"
        assert kept == [(False, False)]


class TestBreaker:
    def test_does_not_take_it_for_a_failure(self, make: Make, model: Model, clock: Clock) -> None:
        """Callers choose how long their texts are."""
        it = make()
        others = Others(it, clock)
        for _ in range(5):
            model.before["b"] = [lambda: clock.move(2 * WAIT), others.come("x")]
            assert error(it.submit("abc", clock.now + WAIT)) is LateError
            assert others.tasks[-1].result(_PATIENCE) == "X"
            settle(it)

        assert it.figures.turns == {}

    def test_tries_another_in_place_of_a_trial_that_is_given_up(self, make: Make, model: Model, clock: Clock) -> None:
        """It was not tried after all."""
        it = make(breaker=BreakerOptions(failures=2, pause_s=PAUSE, hung_s=HUNG, trials=2))
        others = Others(it, clock)
        for _ in range(2):
            error(it.submit("!", clock.now + WAIT))
        clock.move(PAUSE)
        model.before["b"] = [lambda: clock.move(2 * WAIT), others.come("x", wait=WAIT)]

        assert error(it.submit("abc", clock.now + WAIT)) is LateError
        assert others.tasks[0].result(_PATIENCE) == "X"
        settle(it)
        clock.move(2 * HUNG)
        assert it.submit("y", clock.now + WAIT).result(_PATIENCE) == "Y"
        assert it.figures.turns == {"open": 1, "half_open": 1, "closed": 1}

    def test_finds_a_model_too_slow_by_what_is_given_up(self, make: Make, model: Model, clock: Clock) -> None:
        """Where no text is read to its end nothing else would tell."""
        it = make(max_batch=2)
        others = Others(it, clock)
        model.before["0"] = [others.come("ab", "cd", wait=WAIT), others.come("x")]
        model.before["a"] = [lambda: setattr(model, "seconds", 3 * HUNG)]
        it.submit("0", clock.now + LONG).result(_PATIENCE)

        assert [error(task) for task in others.tasks] == [LateError, LateError, type(None)]
        assert model.read == ["0", "a", "c", "x"]
        assert it.breaker.why == "2 failures in a row, the last: a pass was too slow"
        assert error(it.submit("y", clock.now + WAIT)) is UnavailableError

    def test_finds_a_step_that_hangs(self, make: Make, model: Model, clock: Clock) -> None:
        """While it does."""
        it = make()
        seen: list[BreakerState] = []
        model.before["a"] = [lambda: clock.move(2 * HUNG), lambda: seen.append(it.breaker.state)]
        it.submit("a", clock.now + WAIT).result(_PATIENCE)

        assert seen == [BreakerState.OPEN]


class TestPace:
    @pytest.fixture
    def patient(self, make: Make) -> Batcher[str, str]:
        """A batcher of a model that may take its time."""
        return make(breaker=BreakerOptions(hung_s=LONG), max_batch=1)

    def pace(self, batcher: Batcher[str, str]) -> float:
        """Seconds a letter, once all is over."""
        batcher.close()
        for thread in batcher._threads:
            thread.join(_PATIENCE)
        return batcher._queue._pace

    def test_is_that_of_what_was_run(self, patient: Batcher[str, str], model: Model, clock: Clock) -> None:
        """Half a text in half of its time is no twice as fast model."""
        others = Others(patient, clock)
        model.seconds = 1.0
        model.before["c"] = [others.come("x")]

        assert error(patient.submit("abcd", clock.now + 1.5)) is LateError
        others.tasks[0].result(_PATIENCE)
        assert model.read == ["a", "b", "x"]
        assert self.pace(patient) == pytest.approx(1.0)

    def test_counts_once_what_comes_before_the_steps(self, patient: Batcher[str, str], model: Model, clock: Clock) -> None:
        """That was done for all of them."""
        others = Others(patient, clock)
        model.before["a"] = [lambda: setattr(model, "seconds", 1.0), lambda: clock.move(4.0)]
        model.before["b"] = [others.come("x"), lambda: setattr(model, "seconds", 0.0)]

        assert error(patient.submit("abcd", clock.now + 4.5)) is LateError
        others.tasks[0].result(_PATIENCE)
        assert self.pace(patient) == pytest.approx(2.0)

    def test_is_left_alone_where_no_step_was_run(self, patient: Batcher[str, str], model: Model, clock: Clock) -> None:
        """Nothing is known of it."""
        others = Others(patient, clock)
        model.before["a"] = [lambda: clock.move(4.0), others.come("x")]

        assert error(patient.submit("abcd", clock.now + WAIT)) is LateError
        others.tasks[0].result(_PATIENCE)
        assert self.pace(patient) == 0.0


class TestRoom:
    """What is taken by the pace so far: a second a letter."""

    @pytest.fixture
    def slow(self, make: Make, model: Model, clock: Clock) -> Batcher[str, str]:
        """A batcher whose pace is known."""
        it = make(breaker=BreakerOptions(hung_s=LONG), max_batch=1)
        model.seconds = 1.0
        it.submit("0", clock.now + LONG).result(_PATIENCE)
        settle(it)
        return it

    def test_is_there_behind_what_will_be_given_up(self, slow: Batcher[str, str], model: Model, clock: Clock) -> None:
        """It takes no longer than until its deadline, and what is left of a step."""
        others = Others(slow, clock)
        model.before["c"] = [others.come("x", wait=2.0)]

        assert error(slow.submit("abcdefghij", clock.now + 2.5)) is LateError
        assert others.tasks[0].result(_PATIENCE) == "X"

    def test_is_there_behind_what_is_late(self, slow: Batcher[str, str], model: Model, clock: Clock) -> None:
        """The step that it is in is over as soon as it should be."""
        others = Others(slow, clock)
        model.before["d"] = [others.come("x", "y", "z", wait=2.5)]

        assert error(slow.submit("abcdefghij", clock.now + 2.5)) is LateError
        assert [error(task) for task in others.tasks] == [type(None), type(None), OverloadedError]

    def test_is_there_for_one_behind_what_is_late_at_any_pace(self, slow: Batcher[str, str], model: Model, clock: Clock) -> None:
        """As where nothing is under way, for nobody waits for that."""
        others = Others(slow, clock)
        model.before["d"] = [others.come("x", "y", wait=0.5)]

        assert error(slow.submit("abcdefghij", clock.now + 2.5)) is LateError
        assert [error(task) for task in others.tasks] == [type(None), OverloadedError]

    def test_is_not_there_behind_what_has_time(self, slow: Batcher[str, str], model: Model, clock: Clock) -> None:
        """It will be read to its end."""
        others = Others(slow, clock)
        model.before["b"] = [others.come("x", wait=4.0)]

        assert slow.submit("abcdefghij", clock.now + 60).result(_PATIENCE) == "ABCDEFGHIJ"
        assert error(others.tasks[0]) is OverloadedError

    def test_is_not_there_behind_what_is_never_given_up(self, make: Make, clock: Clock) -> None:
        """It is run to its end, late or not."""
        taken: list[Task[str]] = []

        def run(works: Sequence[str]) -> list[str]:
            if len(works[0]) > 1:
                taken.append(it.submit("x", clock.now + 4.0))
            clock.move(len(works[0]))
            return list(works)

        it = make(run=run, breaker=BreakerOptions(hung_s=LONG), max_batch=1)
        it.submit("0", clock.now + LONG).result(_PATIENCE)
        settle(it)
        it.submit("abcdefghij", clock.now + 2.0).result(_PATIENCE)

        assert error(taken[0]) is OverloadedError

    def test_is_not_taken_by_what_is_late_in_the_queue(self, slow: Batcher[str, str], model: Model, clock: Clock) -> None:
        """It is not run."""
        others = Others(slow, clock)
        model.before["0"] = [others.come("abcdefghij", wait=20.0), lambda: clock.move(21.0), others.come("x", wait=4.0)]
        slow.submit("0", clock.now + LONG).result(_PATIENCE)

        assert error(others.tasks[0]) is LateError
        assert others.tasks[1].result(_PATIENCE) == "X"

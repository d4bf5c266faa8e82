"""Breaker: when it opens, when it tries again, what it tells. All by a clock of the test's own."""

from __future__ import annotations

import logging

import pytest

from router_extproc.breaker import Breaker, BreakerOptions, BreakerReport, BreakerState, worst
from router_extproc.encoders.figures import Figures

CLOSED, HALF_OPEN, OPEN = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN
OPTIONS = BreakerOptions(failures=3, pause_s=10.0, longest_pause_s=35.0, hung_s=1.0)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The test's."""
    return Clock()


@pytest.fixture
def figures() -> Figures:
    """What the breaker counts."""
    return Figures()


@pytest.fixture
def breaker(clock: Clock, figures: Figures) -> Breaker:
    """A closed one."""
    return Breaker("tiny", OPTIONS, figures, clock)


@pytest.fixture
def opened(breaker: Breaker) -> Breaker:
    """One that has just opened."""
    for _ in range(OPTIONS.failures):
        breaker.failed("StrangeError")
    return breaker


class TestOpening:
    def test_one_failure_less_changes_nothing(self, breaker: Breaker) -> None:
        """Texts are let through, however many."""
        for _ in range(OPTIONS.failures - 1):
            breaker.failed("StrangeError")

        assert breaker.report == BreakerReport(CLOSED)
        assert all(breaker.admits(200.0) for _ in range(10))

    def test_failures_in_a_row_open_it(self, opened: Breaker) -> None:
        """No text is let through."""
        assert opened.report == BreakerReport(OPEN, "3 failures in a row, the last: StrangeError")
        assert not opened.admits(200.0)

    def test_a_success_begins_the_row_anew(self, breaker: Breaker) -> None:
        """A text now and then that the model cannot read blinds nobody."""
        for _ in range(10):
            breaker.failed("StrangeError")
            breaker.failed("StrangeError")
            breaker.succeeded()

        assert breaker.report.state is CLOSED

    def test_a_trip_opens_it_at_once(self, breaker: Breaker) -> None:
        """Where nothing can be read at all."""
        breaker.trip("every pass hangs")

        assert breaker.report == BreakerReport(OPEN, "every pass hangs")

    def test_what_was_under_way_does_not_close_it(self, opened: Breaker) -> None:
        """Only a text that was let through on trial does."""
        opened.succeeded()

        assert opened.report.state is OPEN


class TestTrial:
    def test_one_text_is_let_through_after_the_pause(self, opened: Breaker, clock: Clock) -> None:
        """The others go on being refused."""
        clock.now += OPTIONS.pause_s - 0.1
        before = opened.admits(clock.now + 5)
        clock.now += 0.1
        after = [opened.admits(clock.now + 5) for _ in range(3)]

        assert (before, after) == (False, [True, False, False])
        assert opened.report.state is HALF_OPEN

    def test_success_closes_it(self, opened: Breaker, clock: Clock) -> None:
        """All texts are let through again, and the next row of failures is a new one."""
        clock.now += OPTIONS.pause_s
        opened.admits(clock.now + 5)
        opened.succeeded()
        opened.failed("StrangeError")

        assert opened.report == BreakerReport(CLOSED)
        assert opened.admits(clock.now + 5)

    def test_failure_doubles_the_pause_up_to_the_longest(self, opened: Breaker, clock: Clock) -> None:
        """Each costs a request its time."""
        pauses = []
        for _ in range(4):
            began = clock.now
            while not opened.admits(clock.now + 5):
                clock.now += 0.5
            pauses.append(clock.now - began)
            opened.failed("StrangeError")

        assert pauses == [10.0, 20.0, 35.0, 35.0]

    def test_the_pause_is_the_usual_one_after_a_success(self, opened: Breaker, clock: Clock) -> None:
        """The next trouble is another one."""
        clock.now += OPTIONS.pause_s
        opened.admits(clock.now + 5)
        opened.failed("StrangeError")
        clock.now += 2 * OPTIONS.pause_s
        opened.admits(clock.now + 5)
        opened.succeeded()
        opened.trip("every pass hangs")
        clock.now += OPTIONS.pause_s

        assert opened.admits(clock.now + 5)

    def test_one_that_never_ends_has_failed(self, opened: Breaker, clock: Clock) -> None:
        """Nobody waits for it any more."""
        clock.now += OPTIONS.pause_s
        opened.admits(clock.now + 2)
        clock.now += 2.1

        assert not opened.admits(clock.now + 2)
        assert opened.report == BreakerReport(OPEN, "the text that was tried is not read")

    def test_one_that_nobody_could_wait_for_has_the_time_of_a_pass(self, opened: Breaker, clock: Clock) -> None:
        """A request whose time is nearly over says nothing about the model."""
        clock.now += OPTIONS.pause_s
        opened.admits(clock.now + 0.01)
        clock.now += OPTIONS.hung_s - 0.1

        assert not opened.admits(clock.now + 2)
        assert opened.report.state is HALF_OPEN

    def test_one_that_was_not_tried_makes_room_for_another(self, opened: Breaker, clock: Clock) -> None:
        """It found the queue full."""
        clock.now += OPTIONS.pause_s
        opened.admits(clock.now + 5)
        opened.passed()

        assert opened.admits(clock.now + 5)
        assert opened.report.state is HALF_OPEN

    def test_a_trip_while_one_is_tried_doubles_the_pause(self, opened: Breaker, clock: Clock) -> None:
        """As its failure does."""
        clock.now += OPTIONS.pause_s
        opened.admits(clock.now + 5)
        opened.trip("every pass hangs")
        clock.now += OPTIONS.pause_s

        assert not opened.admits(clock.now + 5)


class TestTold:
    def test_each_transition_is_counted(self, opened: Breaker, clock: Clock, figures: Figures) -> None:
        """By the state that it went to."""
        clock.now += OPTIONS.pause_s
        opened.admits(clock.now + 5)
        opened.succeeded()

        assert figures.turns == {OPEN: 1, HALF_OPEN: 1, CLOSED: 1}

    def test_each_transition_is_logged_once(self, breaker: Breaker, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
        """However many texts are refused meanwhile."""
        caplog.set_level(logging.INFO)
        for _ in range(10):
            breaker.failed("StrangeError")
            breaker.admits(clock.now + 5)
        clock.now += OPTIONS.pause_s
        for _ in range(10):
            breaker.admits(clock.now + 5)
        for _ in range(10):
            breaker.succeeded()

        assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
            ("ERROR", "classifier tiny: the breaker is open: 3 failures in a row, the last: StrangeError"),
            ("INFO", "classifier tiny: the breaker is half-open: 3 failures in a row, the last: StrangeError"),
            ("INFO", "classifier tiny: the breaker is closed"),
        ]


class TestWorst:
    def test_is_told_of_several_of_one_name(self) -> None:
        """During a reload the old model and the new one are both in memory."""
        reports = [
            ("a", BreakerReport(CLOSED)),
            ("a", BreakerReport(OPEN, "x")),
            ("a", BreakerReport(HALF_OPEN)),
            ("b", BreakerReport(CLOSED)),
        ]

        assert worst(reports) == {"a": BreakerReport(OPEN, "x"), "b": BreakerReport(CLOSED)}

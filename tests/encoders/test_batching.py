from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.encoders.batching import Batcher, BatchOptions
from router_extproc.encoders.errors import LateError, OverloadedError
from router_extproc.encoders.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Make = Callable[..., Batcher[str, str]]

_PATIENCE = 30.0
"""Seconds until a test that would hang fails."""


class Gate:
    """A model that begins at once and ends when it is let; it keeps what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.began = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, works: Sequence[str]) -> list[str | Exception]:
        self.batches.append(list(works))
        self.began.release()
        assert self.open.wait(_PATIENCE)
        return [work.upper() for work in works]

    def enter(self) -> None:
        """Wait until a thread is inside."""
        assert self.began.acquire(timeout=_PATIENCE)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Opens at the end, so that no thread is left in it."""
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture
def batcher() -> Iterator[Make]:
    """Makes batchers that are closed with the test."""
    made: list[Batcher[str, str]] = []

    def make(run: Any, *, figures: Figures | None = None, **options: Any) -> Batcher[str, str]:
        made.append(Batcher(run, BatchOptions(**options), name="tiny", figures=figures))
        return made[-1]

    yield make
    for each in made:
        each.close()


class TestBatcher:
    def test_gives_each_piece_its_own_result(self, batcher: Make, later: float) -> None:
        """Many threads at once, several pieces a batch."""
        it = batcher(lambda works: [work * 2 for work in works], threads=3, max_queue=10_000)
        with ThreadPoolExecutor(8) as pool:
            tasks = list(pool.map(lambda number: it.submit(str(number), later), range(2000)))

        assert [task.result(_PATIENCE) for task in tasks] == [str(number) * 2 for number in range(2000)]

    def test_takes_what_waits_together(self, batcher: Make, gate: Gate, later: float) -> None:
        """Up to max_batch pieces, in the order in which they came."""
        it = batcher(gate, max_batch=4)
        first = it.submit("a", later)
        gate.enter()
        tasks = [first, *(it.submit(work, later) for work in "bcdef")]
        queued = it.queued
        gate.open.set()

        assert [task.result(_PATIENCE) for task in tasks] == list("ABCDEF")
        assert gate.batches == [["a"], ["b", "c", "d", "e"], ["f"]]
        assert queued == 5

    def test_does_not_wait_without_other_work(self, batcher: Make, later: float) -> None:
        """A lone text pays nothing for batching."""
        it = batcher(list, threads=2, wait_ms=1e6)

        assert it.submit("a", later).result(_PATIENCE) == "a"

    def test_waits_for_a_batch_to_fill_while_others_are_at_work(self, batcher: Make, gate: Gate, later: float) -> None:
        """It goes as soon as the batch is full."""
        it = batcher(gate, threads=2, max_batch=2, wait_ms=1e6)
        it.submit("a", later)
        gate.enter()
        it.submit("b", later)
        it.submit("c", later)
        gate.enter()

        assert gate.batches == [["a"], ["b", "c"]]

    def test_waits_no_longer_than_the_bound(self, batcher: Make, gate: Gate, later: float) -> None:
        """A batch that does not fill goes as it is."""
        it = batcher(gate, threads=2, max_batch=2, wait_ms=1)
        it.submit("a", later)
        gate.enter()
        it.submit("b", later)
        gate.enter()

        assert gate.batches == [["a"], ["b"]]

    def test_refuses_at_once_when_the_queue_is_full(self, batcher: Make, gate: Gate, later: float) -> None:
        """What waits already is not harmed."""
        figures = Figures()
        it = batcher(gate, max_queue=2, figures=figures)
        tasks = [it.submit("a", later)]
        gate.enter()
        tasks += [it.submit("b", later), it.submit("c", later)]
        refused = it.submit("d", later)

        assert refused.done()
        assert isinstance(refused.exception(), OverloadedError)
        assert "2 texts wait" in str(refused.exception())
        assert figures.overloads == 1
        gate.open.set()
        assert [task.result(_PATIENCE) for task in tasks] == list("ABC")

    def test_fails_what_comes_too_late_without_running_it(self, batcher: Make, gate: Gate, later: float) -> None:
        """Nobody waits for it any more."""
        figures = Figures()
        it = batcher(gate, figures=figures)
        it.submit("a", later)
        gate.enter()
        late, timely = it.submit("b", time.perf_counter() + 0.3), it.submit("c", later)
        time.sleep(0.31)
        gate.open.set()

        assert timely.result(_PATIENCE) == "C"
        assert isinstance(late.exception(_PATIENCE), LateError)
        assert gate.batches == [["a"], ["c"]]
        assert figures.late == 1

    def test_refuses_what_comes_after_its_deadline(self, batcher: Make, gate: Gate) -> None:
        """Though nothing waits."""
        figures = Figures()
        late = batcher(gate, figures=figures).submit("a", time.perf_counter() - 1)

        assert isinstance(late.exception(0), LateError)
        assert (figures.late, gate.batches) == (1, [])

    def test_refuses_at_once_what_cannot_be_done_in_time(self, gate: Gate, later: float) -> None:
        """By the pace of the batches before; it would take the time of what can still be done."""
        it = Batcher(gate, BatchOptions(), name="tiny", size=len)
        try:
            gate.open.set()
            it.submit("a", later).result(_PATIENCE)
            it._queue._pace = 1.0  # seconds a letter: what a very slow machine would have shown
            gate.open.clear()
            it.submit("b", later)
            refused, taken = it.submit("c" * 30, time.perf_counter() + 20), it.submit("d", time.perf_counter() + 20)

            assert isinstance(refused.exception(), OverloadedError)
            assert not taken.done()
        finally:
            gate.open.set()
            it.close()

    def test_tries_what_seems_too_slow_where_nothing_else_waits(self, gate: Gate, later: float) -> None:
        """Or one slow moment would be believed for ever."""
        it = Batcher(gate, BatchOptions(), name="tiny", size=len)
        gate.open.set()
        try:
            it.submit("a", later).result(_PATIENCE)
            it._queue._pace = 1000.0
            done = it.submit("b", time.perf_counter() + 20)

            assert done.result(_PATIENCE) == "B"
            deadline = time.perf_counter() + _PATIENCE
            while it._queue._pace == 1000.0 and time.perf_counter() < deadline:
                time.sleep(0.001)
            assert it._queue._pace < 1000.0
        finally:
            it.close()

    def test_runs_large_pieces_alone(self, gate: Gate, later: float) -> None:
        """Together they would only wait for each other."""
        it = Batcher(gate, BatchOptions(), name="tiny", size=len, together=4)
        try:
            it.submit("a", later)
            gate.enter()
            tasks = [it.submit(text, later) for text in ("bb", "cc", "d", "eeeeeee", "f")]
            gate.open.set()
            for task in tasks:
                task.result(_PATIENCE)

            assert gate.batches == [["a"], ["bb", "cc"], ["d"], ["eeeeeee"], ["f"]]
        finally:
            it.close()

    def test_lets_a_later_deadline_count(self, batcher: Make, gate: Gate, later: float) -> None:
        """One that joins in may have more time than the first."""
        it = batcher(gate)
        it.submit("a", later)
        gate.enter()
        task = it.submit("b", time.perf_counter() + 0.3)

        assert it.prolong(task, later)
        assert it.prolong(task, 0.0)
        time.sleep(0.31)
        gate.open.set()
        assert task.result(_PATIENCE) == "B"

    def test_says_that_a_failed_task_cannot_be_prolonged(self, batcher: Make, later: float) -> None:
        """Then it has to be started anew; one that succeeded need not be."""
        it = batcher(list)
        done, late = it.submit("a", later), it.submit("b", 0.0)
        wait([done, late], _PATIENCE)

        assert it.prolong(done, later)
        assert not it.prolong(late, later)

    def test_tells_a_failure_to_all_and_lives_on(self, batcher: Make, gate: Gate, later: float) -> None:
        """A model that breaks once may not stop all that follows."""

        def run(works: Sequence[str]) -> list[str | Exception]:
            if "bad" in works:
                raise RuntimeError("broken")
            return gate(works)

        it = batcher(run)
        it.submit("a", later)
        gate.enter()
        tasks = [it.submit("bad", later), it.submit("b", later)]
        gate.open.set()

        assert [str(task.exception(_PATIENCE)) for task in tasks] == ["broken", "broken"]
        assert it.submit("c", later).result(_PATIENCE) == "C"

    @pytest.mark.parametrize("given", [pytest.param([], id="none"), pytest.param(["x", "y"], id="too many")])
    def test_tells_of_a_wrong_number_of_results(self, batcher: Make, later: float, given: list[str]) -> None:
        """Nobody is left waiting, and nobody gets another's result."""
        answers = [given, ["b"]]
        it = batcher(lambda _works: answers.pop(0))

        assert isinstance(it.submit("a", later).exception(_PATIENCE), ValueError)
        assert it.submit("b", later).result(_PATIENCE) == "b"

    def test_fails_only_the_piece_whose_result_is_an_exception(self, batcher: Make, gate: Gate, later: float) -> None:
        """What is wrong with one text is nothing to another."""

        def run(works: Sequence[str]) -> list[str | Exception]:
            return [ValueError(work) if work == "B" else work for work in gate(works)]

        it = batcher(run)
        it.submit("a", later)
        gate.enter()
        bad, good = it.submit("b", later), it.submit("c", later)
        gate.open.set()

        assert isinstance(bad.exception(_PATIENCE), ValueError)
        assert good.result(_PATIENCE) == "C"
        assert len(gate.batches) == 2

    def test_does_not_let_one_who_waits_cancel_the_work(self, batcher: Make, gate: Gate, later: float) -> None:
        """Others may wait for it, too."""
        it = batcher(gate)
        it.submit("a", later)
        gate.enter()
        task = it.submit("b", later)

        assert not task.cancel()
        gate.open.set()
        assert task.result(_PATIENCE) == "B"

    def test_tells_without_holding_its_lock(self, batcher: Make, gate: Gate, later: float) -> None:
        """One who is told may take a lock that another holds who submits at that moment."""
        it = batcher(gate)
        submitted: list[bool] = []

        def told(_task: object) -> None:
            other = threading.Thread(target=it.submit, args=("x", later), daemon=True)
            other.start()
            other.join(_PATIENCE)
            submitted.append(not other.is_alive())

        it.submit("a", later).add_done_callback(told)
        gate.enter()
        late = it.submit("b", 0.0)
        late.add_done_callback(told)
        gate.open.set()
        late.exception(_PATIENCE)
        it.close()

        assert all(submitted)

    def test_counts_what_it_did(self, batcher: Make, later: float) -> None:
        """For metrics."""
        figures = Figures()
        it = batcher(list, figures=figures)
        for work in "abc":
            it.submit(work, later).result(_PATIENCE)

        assert (figures.texts, figures.batches, figures.late, figures.overloads) == (3, 3, 0, 0)
        assert figures.seconds >= 0


class TestClose:
    def test_fails_what_waits_and_what_comes(self, batcher: Make, gate: Gate, later: float) -> None:
        """What is being worked on is finished."""
        it = batcher(gate)
        running = it.submit("a", later)
        gate.enter()
        waiting = it.submit("b", later)
        it.close()
        gate.open.set()

        assert running.result(_PATIENCE) == "A"
        assert isinstance(waiting.exception(_PATIENCE), OverloadedError)
        assert "closed" in str(it.submit("c", later).exception(0))

    def test_ends_the_threads(self, batcher: Make, later: float) -> None:
        """Those that wait for work, too."""
        it = batcher(list, threads=2)
        it.submit("a", later).result(_PATIENCE)
        it.close()
        for thread in it._threads:
            thread.join(_PATIENCE)

        assert not any(thread.is_alive() for thread in it._threads)

    def test_happens_when_nothing_refers_to_it_any_more(self, later: float) -> None:
        """A reload that drops a model frees its memory, though nobody closes it."""
        it: Batcher[str, str] = Batcher(list, BatchOptions(threads=2), name="tiny")
        it.submit("a", later).result(_PATIENCE)
        threads = list(it._threads)
        del it
        gc.collect()
        for thread in threads:
            thread.join(_PATIENCE)

        assert not any(thread.is_alive() for thread in threads)

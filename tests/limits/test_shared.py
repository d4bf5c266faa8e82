"""The shared store beside the local one: who counts when, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.limits.connection import RemoteError
from router_extproc.limits.memory import MemoryStore
from router_extproc.limits.shared import MAX_PENDING, SharedStore
from router_extproc.limits.store import Answer, Charge, Over, Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.limits.remote import Told

Make = Callable[..., Charge]


class Fake:
    """A shared store that answers what the test says."""

    def __init__(self) -> None:
        self.trouble = ""
        """Reason of the RemoteError that it raises, if any."""
        self.over: Over | None = None
        self.asked: list[Sequence[Sequence[Charge]]] = []
        self.adjusted: list[tuple[Charge, float]] = []
        self.gate: asyncio.Event | None = None
        self.closed = False

    async def _turn(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.trouble:
            raise RemoteError(self.trouble)

    async def reserve(self, requests: Sequence[Sequence[Charge]], /) -> tuple[float, list[Told]]:
        """What the test says."""
        self.asked.append(requests)
        await self._turn()
        return 77.0, [self.over or tuple(charge.amounts[1] for charge in charges) for charges in requests]

    async def adjust(self, changes: Sequence[tuple[Charge, float]], /) -> None:
        """Noted."""
        await self._turn()
        self.adjusted += changes

    async def ping(self) -> None:
        """As the others."""
        await self._turn()

    async def close(self) -> None:
        """Noted."""
        self.closed = True


@pytest.fixture
def fake() -> Fake:
    """One that grants everything."""
    return Fake()


@pytest.fixture
async def store(fake: Fake, clock: Any) -> SharedStore:
    """One that is up."""
    made = SharedStore(fake, MemoryStore(clock=clock))
    await made.look()
    return made


async def answer(store: SharedStore, *charges: Charge) -> Answer:
    """The answer, waited for."""
    asked = store.reserve(charges)
    return await asyncio.wrap_future(asked) if isinstance(asked, Future) else asked


class TestUp:
    async def test_the_shared_store_decides(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """And what it grants is counted here too, so that this process knows something when it has to decide alone."""
        request = charge(requests=1)
        assert (await answer(store, request)).receipt == Receipt(1000.0, 77.0)
        assert (await answer(store, request)).granted
        assert store.used(request) == (2, 0, 0)
        fake.over = Over(request, 0, 5.0)
        assert (await answer(store, request)).over == fake.over
        assert store.used(request) == (2, 0, 0)

    async def test_both_are_corrected(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """Each by its own clock."""
        receipt = (await answer(store, charge(takes=(1, 50, 0), tokens=100))).receipt
        change = [charge(takes=(0, -20, 0), tokens=100)]
        store.adjust(change, receipt)
        await asyncio.sleep(0.01)

        assert fake.adjusted == [(change[0], 77.0)]
        assert store.used(charge()) == (1, 30, 0)

    async def test_what_comes_meanwhile_goes_together(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """Four calls at once, and then one with all the others: a call costs more than what is in it."""
        fake.gate = asyncio.Event()
        asked = []
        for number in range(30):
            asked.append(store.reserve([charge(str(number))]))
            await asyncio.sleep(0)
        assert [len(batch) for batch in fake.asked] == [1, 1, 1, 1]
        fake.gate.set()
        answers = await asyncio.gather(*(asyncio.wrap_future(each) for each in asked if isinstance(each, Future)))
        assert all(answer.granted for answer in answers)
        assert [len(batch) for batch in fake.asked] == [1, 1, 1, 1, 26]

    async def test_corrections_go_together(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """Those of one turn of the loop."""
        receipt = (await answer(store, charge())).receipt
        for tokens in range(100):
            store.adjust([charge(takes=(0, tokens, 0))], receipt)
        await asyncio.sleep(0.01)

        assert [charge.amounts[1] for charge, _ in fake.adjusted] == list(range(100))

    async def test_a_correction_that_fails_is_counted(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """The estimate stays; nobody waits for it."""
        receipt = (await answer(store, charge())).receipt
        fake.trouble = "timeout"
        store.adjust([charge(takes=(0, 5, 0))], receipt)
        await asyncio.sleep(0.01)

        assert store.health.failures == {"timeout": 1}


class TestTrouble:
    async def test_this_process_decides_alone(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """By what it counted before and counts now, so that an outage lifts no limit."""
        request = charge(requests=2)
        await answer(store, request)
        fake.trouble = "timeout"

        assert (await answer(store, request)).granted
        assert (await answer(store, request)).over is not None
        assert store.health.unknown == {("it", "local"): 2}
        assert store.health.failures == {"timeout": 2}

    async def test_or_denies_where_the_limit_says_so(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """One such limit is enough; nothing is counted then."""
        fake.trouble = "connection"
        strict = charge(name="strict", requests=9, deny=True)
        told = await answer(store, charge(requests=9), strict)

        assert told.denied == strict.limit
        assert not told.granted
        assert store.used(charge()) == (0, 0, 0)
        assert store.health.unknown == {("it", "denied"): 1, ("strict", "denied"): 1}

    async def test_is_not_asked_again_before_it_answers(
        self, store: SharedStore, fake: Fake, charge: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        """After three failures no request waits for it; it is looked at beside them, and told of once."""
        caplog.set_level(logging.INFO)
        fake.trouble = "timeout"
        for _ in range(5):
            await answer(store, charge())
        assert len(fake.asked) == 3
        assert not store.health.up
        await store.look()
        fake.trouble = ""
        await store.look()
        await answer(store, charge())
        assert len(fake.asked) == 4
        assert [record.getMessage() for record in caplog.records] == [
            "the shared store for rate limits does not answer (timeout): limits are counted in this process alone",
            "the shared store for rate limits answers",
        ]

    async def test_one_failure_is_no_outage(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """Three in a row are."""
        for trouble in ("timeout", "timeout", "", "timeout", "timeout"):
            fake.trouble = trouble
            await answer(store, charge())

        assert store.health.up

    async def test_why_is_told_when_it_changes(self, fake: Fake, clock: Any, caplog: pytest.LogCaptureFixture) -> None:
        """A wrong password is another thing to do than a server that is down."""
        store = SharedStore(fake, MemoryStore(clock=clock))
        for fake.trouble in ("connection", "connection", "credentials"):
            await store.look()

        assert [record.getMessage() for record in caplog.records] == [
            "the shared store for rate limits does not answer (connection): limits are counted in this process alone",
            "the shared store for rate limits does not answer (credentials): limits are counted in this process alone",
        ]
        assert store.health.why == "credentials"

    async def test_no_request_waits_longer_than_it_may(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """The call goes on without it: its connection may be needed, and what it counts there is right."""
        fake.gate = asyncio.Event()
        asked = store.reserve([charge(requests=5)])
        assert isinstance(asked, Future)
        assert (await asyncio.wait_for(asyncio.wrap_future(asked), 0.5)).granted
        assert store.health.failures == {"timeout": 1}
        assert store.pending == 1
        fake.gate.set()
        await asyncio.sleep(0.01)
        assert store.pending == 0
        assert store.used(charge()) == (1, 0, 0)

    async def test_calls_in_flight_are_bounded(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """One more is decided at once."""
        fake.gate = asyncio.Event()
        asked = [store.reserve([charge(str(number))]) for number in range(MAX_PENDING + 1)]
        waits = [each for each in asked if isinstance(each, Future)]
        assert 0.99 * MAX_PENDING < len(waits) < MAX_PENDING
        assert isinstance(asked[-1], Answer)
        assert store.health.failures == {"overloaded": len(asked) - len(waits)}
        fake.gate.set()
        await asyncio.gather(*(asyncio.wrap_future(each) for each in waits))
        await asyncio.sleep(0.01)
        assert store.pending == 0

    async def test_a_thread_without_a_loop_is_answered_at_once(self, store: SharedStore, charge: Make) -> None:
        """Nothing there could wait for the answer."""
        assert isinstance(await asyncio.to_thread(store.reserve, [charge()]), Answer)


class TestEnd:
    async def test_nobody_is_left_waiting(self, store: SharedStore, fake: Fake, charge: Make) -> None:
        """Requests in flight get this process's answer."""
        fake.gate = asyncio.Event()
        asked = store.reserve([charge()])
        await asyncio.sleep(0)
        await store.close()
        await asyncio.sleep(0)

        assert isinstance(asked, Future)
        assert asked.result(1).granted
        assert fake.closed

    async def test_watching_looks_until_it_answers(self, fake: Fake, clock: Any) -> None:
        """And goes on looking later, when it does not any more."""
        store = SharedStore(fake, MemoryStore(clock=clock))
        watching = asyncio.create_task(store.watch())
        await asyncio.sleep(0.01)
        watching.cancel()

        assert store.health.up

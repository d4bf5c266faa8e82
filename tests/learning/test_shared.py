"""Shared learning through a real Redis: two replicas, one truth, nothing lost and nothing counted twice."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from redis_server import NEEDED, RedisServer, free_port

from router_extproc.learning.event import Applied, Event
from router_extproc.learning.experience import Experience
from router_extproc.learning.exploration import Exploration
from router_extproc.learning.feedback import Feedback
from router_extproc.learning.learner import Learner
from router_extproc.learning.lesson import Weights
from router_extproc.learning.lin_ucb import LinUcb
from router_extproc.learning.remote import RedisLearning
from router_extproc.learning.state_file import StateFile
from router_extproc.limits.connection import RemoteError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from router_extproc.learning.ledger import Key
    from router_extproc.learning.lesson import Lesson

NOW = 1_800_000_000.0
KEY = "small/m"


@pytest.fixture
async def replicas(redis: RedisServer) -> AsyncIterator[tuple[Experience, Experience]]:
    """Two processes' experiences, with an empty store."""
    made = replica(redis), replica(redis)
    assert made[0].shared is not None
    await made[0].shared._remote._client.flushall()  # type: ignore[attr-defined]
    yield made
    for each in made:
        await each.close()


def replica(
    redis: RedisServer, file: Path | None = None, *, clock: Callable[[], float] | None = None, ttl_s: float = 3600.0
) -> Experience:
    """One process's."""
    remote = RedisLearning(redis.url, ttl_s=ttl_s, timeout_s=2.0)
    state = StateFile(file) if file else None
    return Experience(remote=remote, file=state, ttl_s=ttl_s, **({"clock": clock} if clock else {}))


def died(experience: Experience) -> None:
    """Its file is free for the next process."""
    assert experience._file is not None
    experience._file._hold.release()


async def settled(*experiences: Experience) -> None:
    """All that waits is sent, and everyone knows it."""
    for each in (*experiences, *experiences):
        assert each.shared is not None
        await each.settled()
        await each.shared.turn()


def weight(experience: Experience, lesson: Lesson) -> float:
    """Observations of an arm, as this replica knows."""
    found = experience.stored((lesson.space.key, lesson.arm, 0))
    return 0.0 if found is None else float(found[0])


@NEEDED
class TestReplicas:
    async def test_feedback_for_another_replicas_decision(
        self, replicas: tuple[Experience, Experience], lesson: Callable[..., Lesson]
    ) -> None:
        """It counts once, whoever is told how often, and everyone learns it."""
        one, other = replicas
        made = lesson(at=one._clock())
        one.remember("a-1", made)
        one.stored((made.space.key, made.arm, 0))
        await settled(one)

        found = [*await other.tell([Feedback(id="a-1", score=1.0)] * 2), *await one.tell([Feedback(id="a-1", score=1.0)])]
        conflict = await one.tell([Feedback(id="a-1", score=0.0)])
        other.stored((made.space.key, made.arm, 0))
        await settled(one, other)

        assert found == ["applied", "duplicate", "duplicate"]
        assert conflict == ["conflict"]
        assert (weight(one, made), weight(other, made)) == (1, 1)

    async def test_many_at_once_count_once_each(
        self, replicas: tuple[Experience, Experience], lesson: Callable[..., Lesson]
    ) -> None:
        """Both replicas get all of it at the same moment."""
        one, other = replicas
        made = lesson(at=one._clock())
        for index in range(100):
            (one, other)[index % 2].remember(f"a-{index}", made)
        await settled(one, other)
        pieces = [Feedback(id=f"a-{index}", score=index % 2) for index in range(100)]

        found = await asyncio.gather(*(each.tell(pieces) for each in (one, other, one)))
        one.stored((made.space.key, made.arm, 0))
        await settled(one)

        assert sum(each is Applied.APPLIED for told in found for each in told) == 100
        assert {each for told in found for each in told} == {Applied.APPLIED, Applied.DUPLICATE}
        assert weight(one, made) == 100

    async def test_sums_add_exactly(self, replicas: tuple[Experience, Experience], event: Callable[..., Event]) -> None:
        """The script's doubles are numpy's."""
        one, other = replicas
        assert one.shared is not None
        assert other.shared is not None
        for index, each in enumerate((one.shared, other.shared, one.shared)):
            assert await each._remote.apply(event(f"a-{index}", 0.1 * index, at=one._clock(), weight=0.3)) is Applied.APPLIED
            one.ledger.apply(event(f"a-{index}", 0.1 * index, weight=0.3))
        ((key, known),) = one.ledger.sums().items()

        found = (await other.shared._remote.read([key]))[key]

        assert found.tolist() == known.tolist()

    async def test_a_pair_of_two_replicas_decisions(
        self, replicas: tuple[Experience, Experience], lesson: Callable[..., Lesson]
    ) -> None:
        """Applied to both or to none."""
        one, other = replicas
        better, worse = lesson(at=one._clock()), lesson("large", at=one._clock())
        one.remember("a-1", better)
        other.remember("b-1", worse)
        await settled(one, other)

        found = await one.tell([Feedback(better="a-1", worse="b-1")] * 2 + [Feedback(better="b-1", worse="a-1")])

        assert found == ["applied", "duplicate", "conflict"]

    async def test_no_lesson_stays_for_ever(self, redis: RedisServer, lesson: Callable[..., Lesson]) -> None:
        """It is written with its end in one transaction: a connection that breaks in between leaves neither."""
        remote = RedisLearning(redis.url, ttl_s=60.0, timeout_s=2.0)
        await remote._client.flushall()
        await remote._client.config_resetstat()
        await remote.remember([("a-1", lesson(at=time.time(), conversation="c")), ("a-2", lesson(at=time.time()))])

        assert (await remote._client.info("commandstats"))["cmdstat_exec"]["calls"] == 1
        keys = await remote._client.keys("*")
        assert len(keys) == 3
        assert all([await remote._client.pttl(key) > 0 for key in keys])
        await remote.close()

    async def test_what_nobody_decided_is_unknown(
        self, replicas: tuple[Experience, Experience], lesson: Callable[..., Lesson]
    ) -> None:
        """Nor what is too long ago, though the store still knows it."""
        one, other = replicas
        other.remember("old", lesson(at=one._clock() - 3601))
        await settled(other)

        assert await one.tell([Feedback(id="none", score=1.0), Feedback(id="old", score=1.0)]) == ["unknown", "unknown"]


@NEEDED
class TestOutage:
    async def test_without_a_file_nothing_is_acknowledged(self, tmp_path: Path, lesson: Callable[..., Lesson]) -> None:
        """The caller asks again; what nobody is told of waits in memory, and is merged once."""
        server = RedisServer(tmp_path, port=free_port())
        clock = [NOW]
        one = replica(server, clock=lambda: clock[0])
        made = lesson(at=NOW, weights=Weights(error=1.0))
        one.remember("a-1", made)
        one.imply("a-1", "error", 0.0)
        await one.settled()
        assert await one.tell([Feedback(id="a-1", score=1.0), Feedback(id="b-9", score=1.0)]) == ["unavailable", "unavailable"]
        assert one.figures.waiting == 1
        assert one.figures.up is False
        assert weight(one, made) == 1

        server.start()
        clock[0] += 2
        await settled(one)
        try:
            assert await one.tell([Feedback(id="a-1", score=1.0)]) == ["applied"]
            await settled(one)
            assert (one.figures.waiting, weight(one, made)) == (0, 2)
            await one.close()
        finally:
            server.stop()

    async def test_with_a_file_it_is_kept_over_a_crash_and_merged_once(
        self, tmp_path: Path, lesson: Callable[..., Lesson]
    ) -> None:
        """Told as buffered, told twice to the store, counted once."""
        server = RedisServer(tmp_path, port=free_port())
        clock, made = [NOW], lesson(at=NOW)
        one = replica(server, tmp_path / "one", clock=lambda: clock[0])
        one.remember("a-1", made)
        found = await one.tell([Feedback(id="a-1", score=1.0), Feedback(id="a-1", score=1.0), Feedback(id="a-1", score=0.5)])
        assert found == ["buffered", "buffered", "conflict"]

        died(one)
        second = replica(server, tmp_path / "one", clock=lambda: clock[0])
        assert second.figures.waiting == 1
        server.start()
        try:
            clock[0] += 2
            second.stored((made.space.key, made.arm, 0))
            await settled(second)
            died(second)
            third = replica(server, tmp_path / "one", clock=lambda: clock[0])
            third.stored((made.space.key, made.arm, 0))
            await settled(third)

            assert (weight(second, made), weight(third, made), third.figures.waiting) == (1, 1, 0)
            for each in (one, second, third):
                await each.close()
        finally:
            server.stop()

    async def test_what_waited_too_long_is_dropped_and_told(self, tmp_path: Path, lesson: Callable[..., Lesson]) -> None:
        """The store no longer knows what it was told of the decision: it could count twice."""
        clock = [NOW]
        one = replica(RedisServer(tmp_path, port=free_port()), clock=lambda: clock[0], ttl_s=60.0)
        one.remember("a-1", lesson(at=NOW, weights=Weights(error=1.0)))
        one.imply("a-1", "error", 0.0)
        await one.settled()
        clock[0] += 119
        assert one.shared is not None
        await one.shared.turn()

        assert (one.figures.waiting, one.figures.lost) == (0, {"late": 1})

    async def test_errors_name_no_address(self) -> None:
        """It may hold a password."""
        remote = RedisLearning(f"redis://:hidden@127.0.0.1:{free_port()}/0", ttl_s=1.0)

        with pytest.raises(RemoteError) as caught:
            await remote.find("a")

        assert (str(caught.value), caught.value.reason) == ("connection", "connection")
        await remote.close()


class Fake:
    """A store that answers as the test says."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        """Calls that fail."""
        self.sums: dict[Key, NDArray[np.float64]] = {}

    def _called(self, name: str) -> None:
        if name in self.away:
            raise RemoteError("connection")

    async def remember(self, _lessons: Sequence[tuple[str, Lesson]], /) -> None:
        """Keep nothing."""
        self._called("remember")

    async def find(self, _identity: str, /) -> Lesson | None:
        """Know nothing."""
        self._called("find")
        return None

    async def last(self, _conversation: str, /) -> str | None:
        """Know nothing."""
        self._called("last")
        return None

    async def apply(self, _event: Event, /) -> Applied:
        """Apply it."""
        self._called("apply")
        return Applied.APPLIED

    async def read(self, keys: Sequence[Key], /) -> Mapping[Key, NDArray[np.float64]]:
        """What the test says that there is."""
        self._called("read")
        return {key: self.sums[key] for key in keys if key in self.sums}

    async def close(self) -> None:
        """Nothing."""


class TestCopy:
    async def test_what_waited_counts_once_here(self, lesson: Callable[..., Lesson]) -> None:
        """Also when the store takes it and then cannot be read."""
        store, clock, made = Fake(), [NOW], lesson(at=NOW, weights=Weights(error=1.0))
        one = Experience(remote=store, clock=lambda: clock[0])
        store.away = {"apply", "read"}
        one.remember("a-1", made)
        one.imply("a-1", "error", 0.0)
        await one.settled()
        assert (weight(one, made), one.figures.waiting) == (1, 1)

        clock[0] += 2
        store.away = {"read"}
        assert one.shared is not None
        await one.shared.turn()

        assert (weight(one, made), one.figures.waiting) == (1, 0)

    @pytest.mark.parametrize("sums", [pytest.param(np.ones(3), id="size"), pytest.param(np.full(17, np.nan), id="no number")])
    async def test_sums_of_somebody_else_are_nothing(self, lesson: Callable[..., Lesson], sums: NDArray[np.float64]) -> None:
        """Neither the watch nor a request ends by them."""
        store, made = Fake(), lesson(at=NOW)
        one = Experience(remote=store, clock=lambda: NOW)
        store.sums[made.space.key, made.arm, 0] = sums
        one.stored((made.space.key, made.arm, 0))
        one.remember("a-1", made)
        assert one.shared is not None
        await one.shared.turn()

        learner = Learner(made.space, LinUcb(0.5), Exploration(), one, clock=lambda: NOW)
        found = learner.take([made.arm, "large/m"], made.features, costs=np.zeros(2))
        assert found.shares.sum() == pytest.approx(1.0)
        assert await one.tell([Feedback(id="a-1", score=1.0)]) == ["applied"]

    async def test_a_clock_that_is_set_back_keeps_nobody_from_asking(self, lesson: Callable[..., Lesson]) -> None:
        """A store that failed once is asked again after a second, not when it is as late again."""
        store, clock = Fake(), [NOW]
        one = Experience(remote=store, clock=lambda: clock[0])
        one.remember("a-1", lesson(at=NOW - 7200))
        store.away = {"apply"}
        assert await one.tell([Feedback(id="a-1", score=1.0)]) == ["unknown"]
        one.remember("a-2", lesson(at=NOW))
        assert await one.tell([Feedback(id="a-2", score=1.0)]) == ["unavailable"]

        store.away, clock[0] = set(), NOW - 3600

        assert await one.tell([Feedback(id="a-2", score=1.0)]) == ["applied"]

    async def test_the_watch_outlives_what_nobody_expected(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is counted every time and told once; the next turn may do better."""
        monkeypatch.setattr("router_extproc.learning.experience._POLL_S", 0.0)
        store, turns = Fake(), asyncio.Event()

        async def odd(_keys: Sequence[Key]) -> Mapping[Key, NDArray[np.float64]]:
            if one.figures.lost.get("bug", 0) > 1:
                turns.set()
            raise ValueError("odd")

        monkeypatch.setattr(store, "read", odd)
        one = Experience(remote=store, clock=lambda: NOW)
        watch = asyncio.create_task(one.watch())
        await turns.wait()
        watch.cancel()

        assert sum("told once" in record.message for record in caplog.records) == 1

"""Sessions that several processes share: in a real Redis, and with one that is gone or slow."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest
from agent import asked, call, result, user
from redis_server import NEEDED, RedisServer, free_port, silent_server

from router_extproc.extproc.waiting import done
from router_extproc.limits.connection import RemoteError
from router_extproc.limits.patience import Patience
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.router import Router
from router_extproc.routing import Observation, Outcome, Price
from router_extproc.selectors.registry import SELECTORS
from router_extproc.sessions.keys import SessionKeys
from router_extproc.sessions.remote import RedisSessions, key_of, state_of
from router_extproc.sessions.sessions import Sessions
from router_extproc.sessions.shared import SharedSessions
from router_extproc.sessions.state import SessionState, Settled, Turn, correction, settled, taken
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from router_extproc.request import Message

KEY, TASK = b"k" * 16, b"t" * 16
SECRET = b"s" * 32
POLICY = """\
version: 1
pools:
  small: {cluster: s, model: small, price: {input: 1, output: 2, cached: 0.1}}
  large: {cluster: l, model: large, price: {input: 10, output: 20}}
default: {candidates: [large, small], session: {budget: {tokens: 5000}}}
"""


@pytest.fixture
async def remote(redis: RedisServer) -> AsyncIterator[RedisSessions]:
    """Connected to an empty one."""
    made = RedisSessions(redis.url, timeout_s=2.0)
    await made._client.flushall()
    yield made
    await made.close()


@NEEDED
class TestRedis:
    async def test_knows_what_memory_knows(self, remote: RedisSessions) -> None:
        """The same turns and answers come to the same state there and here."""
        price, state = Price(1.0, 2.0, 0.1), None
        turns = [
            Turn("small", 0.001, 500, 1000.0),
            Turn("small", 0.001, 500, 1001.5, "small", 2, 7),
            Turn("large", 0.01, 500, 1002.0),
        ]
        answers = [
            Observation("1", "small", "m", 200, 1000, 100, 0),
            Observation("2", "small", "m", 200, 1500, 100, 900),
            Observation("3", "large", "m", 503),
        ]
        for turn, answer in zip(turns, answers, strict=True):
            change = correction(turn, answer, price)
            state = settled(taken(state, turn), change)
            await remote.take([KEY, TASK], turn, 60.0)
            await remote.settle([KEY, TASK], change)
            key, (session, task) = await remote.fetch(KEY, TASK, named=False)
            assert key == KEY
            assert session == task
            assert session is not None
            assert (session.pool, session.turns, session.tokens) == (state.pool, state.turns, state.tokens)
            assert session.usd == pytest.approx(state.usd)
            assert (session.input_tokens, session.raised, session.calm, session.mark) == (
                state.input_tokens,
                state.raised,
                state.calm,
                state.mark,
            )
            assert session.cached_share == pytest.approx(state.cached_share)
            assert session.active_at == pytest.approx(state.active_at)
            assert (session.left, session.left_tokens, session.left_at) == (state.left, state.left_tokens, state.left_at)

    async def test_counts_each_answer_once_however_many_processes_tell(self, remote: RedisSessions) -> None:
        """Differences add up in any order."""
        await asyncio.gather(*(remote.take([KEY], Turn("small", 0.5, 10, 1.0), 60.0) for _ in range(50)))
        await asyncio.gather(*(remote.settle([KEY], Settled("small", -0.25, 5)) for _ in range(50)))
        _, (session,) = await remote.fetch(KEY, None, named=False)

        assert session is not None
        assert (session.turns, session.tokens, session.usd) == (50, 750, pytest.approx(12.5))

    async def test_forgets(self, remote: RedisSessions) -> None:
        """After its time; an answer does not bring a session back. Names of responses lead to sessions, for as long."""
        await remote.take([KEY], Turn("small", 0.5, 10, 1.0), 0.05)
        await remote.link(TASK, KEY, 0.05)
        assert (await remote.fetch(TASK, None, named=True))[0] == KEY
        await asyncio.sleep(0.1)
        await remote.settle([KEY], Settled("small", 1.0, 1))

        assert await remote.fetch(TASK, None, named=True) == (TASK, [None])

    async def test_a_store_that_is_gone_is_an_error(self) -> None:
        """Which names nobody."""
        gone = RedisSessions(f"redis://:secret@127.0.0.1:{free_port()}/0", timeout_s=0.5)
        with pytest.raises(RemoteError) as caught:
            await gone.fetch(KEY, None, named=False)
        await gone.close()

        assert (caught.value.reason, str(caught.value)) == ("connection", "connection")


WHOLE = {b"pool": b"small", b"turns": b"1", b"cost": b"1", b"tokens": b"1", b"at": b"1000", b"calm": b"0", b"mark": b"0"}


class TestStateOf:
    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({}, id="nothing"),
            pytest.param({b"pool": b"small"}, id="a part"),
            pytest.param({**WHOLE, b"turns": b"x"}, id="no number"),
            pytest.param({**WHOLE, b"cached": b"nan"}, id="no share"),
            pytest.param({**WHOLE, b"cached": b"7"}, id="more than all"),
            pytest.param({**WHOLE, b"pool": b"\xff"}, id="no text"),
        ],
    )
    def test_what_another_version_wrote_is_nothing(self, fields: dict[bytes, bytes]) -> None:
        """The session begins anew."""
        assert state_of(fields) is None
        assert state_of(WHOLE) is not None

    @pytest.mark.parametrize("found", [None, b"", b"no hexadecimal", b"\xff"])
    def test_a_name_that_stands_for_no_key_stands_for_itself(self, found: bytes | None) -> None:
        """Whoever wrote it."""
        assert key_of(found) == b""
        assert key_of(KEY.hex().encode()) == KEY


class Fake:
    """A store in memory that tells what it is told."""

    def __init__(self, *, fails: bool = False, known: SessionState | None = None) -> None:
        self.fails = fails
        self.known = known
        self.calls: list[str] = []

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.fails:
            raise RemoteError("connection")

    async def fetch(self, key: bytes, task: bytes | None, /, *, named: bool) -> tuple[bytes, Sequence[SessionState | None]]:
        """What it knows."""
        del named
        await self._called("fetch")
        return key, [self.known] if task is None else [self.known, None]

    async def take(self, keys: Sequence[bytes], turn: Turn, ttl_s: float, /) -> None:
        """Nothing."""
        del keys, turn, ttl_s
        await self._called("take")

    async def settle(self, keys: Sequence[bytes], seen: Settled, /) -> None:
        """Nothing."""
        del keys, seen
        await self._called("settle")

    async def link(self, alias: bytes, key: bytes, ttl_s: float, /) -> None:
        """Nothing."""
        del alias, key, ttl_s
        await self._called("link")

    async def close(self) -> None:
        """Nothing."""


class TestSharedSessions:
    async def test_leaves_a_store_alone_that_fails(self) -> None:
        """After three failures nobody waits for it for a while."""
        store = Fake(fails=True)
        shared = SharedSessions(store, timeout_s=1.0)
        for _ in range(3):
            future = shared.fetch(KEY, None, named=False)
            assert future is not None
            assert await done((future,), 5.0)
            assert future.result() is None

        assert shared.fetch(KEY, None, named=False) is None
        shared.take([KEY], Turn("small", 0, 0, 1.0), 60.0)
        assert shared.figures.failures == {"connection": 3, "down": 2}
        assert store.calls == ["fetch"] * 3
        await shared.close()

    def test_is_not_asked_in_another_thread(self) -> None:
        """Where nothing runs a loop: an explanation, a test of a policy."""
        assert SharedSessions(Fake(), timeout_s=1.0).fetch(KEY, None, named=False) is None

    async def test_a_slow_store_is_not_waited_for(self) -> None:
        """Longer than it may take."""
        with silent_server() as port:
            remote = RedisSessions(f"redis://127.0.0.1:{port}/0", timeout_s=5.0)
            shared = SharedSessions(remote, timeout_s=0.05)
            future = shared.fetch(KEY, None, named=False)
            assert future is not None
            assert await done((future,), 5.0)
            await shared.close()

        assert future.result() is None
        assert shared.figures.failures == {"timeout": 1}


def replica(remote: RedisSessions | Fake) -> Router:
    """One process."""
    services = SignalServices()
    policy = compile_policy(POLICY, source="p", services=services, selectors=SELECTORS).policy
    sessions = Sessions(keys=SessionKeys(SECRET), shared=SharedSessions(remote, timeout_s=2.0))
    return Router(policy, services=services, stats=PoolStats(), sessions=sessions)


async def route(router: Router, *messages: Message, conversation_id: str = "") -> Outcome:
    """The outcome as a conversation on the event loop comes to it."""
    routing = router.begin(asked(*messages, conversation_id=conversation_id))
    outcome = routing.step()
    while outcome is None:
        finished = await done(routing.work, routing.remaining_s())
        outcome = routing.step() if finished else routing.give_up()
    return outcome


async def quiet(router: Router) -> None:
    """Wait until nothing is in flight."""
    while router.sessions.shared is not None and router.sessions.shared.pending:  # noqa: ASYNC110 - a test looks from outside
        await asyncio.sleep(0.005)


TURN = user("fix the tests please")


class TestReplicas:
    @NEEDED
    async def test_go_on_with_each_others_sessions(self, remote: RedisSessions) -> None:
        """A tool loop that began at one stays where it is at the other, and what it spent counts once."""
        one, other = replica(remote), replica(remote)
        first = await route(one, TURN)
        assert first.selection is not None
        assert first.settle is not None
        first.settle(Observation(first.id, "large", "m", 200, 1000, 100, 0, response_id="resp_1"))
        await quiet(one)
        second = await route(other, TURN, call(), result())
        third = await route(other, user("go on"), conversation_id="resp_1")
        await quiet(other)

        assert second.session is not None
        assert (second.session.turn, second.session.move, second.session.before) == (2, "kept", "large")
        assert second.session.tokens == 1100
        assert third.session is not None
        assert (third.session.turn, third.session.key) == (3, second.session.key)

    async def test_go_on_alone_without_the_store(self) -> None:
        """And say so; what is known here is more than a store knows that missed it."""
        store = Fake(fails=True)
        router = replica(store)
        assert (await route(router, TURN)).session is not None
        await quiet(router)
        later = await route(router, TURN, call(), result())
        await quiet(router)
        assert later.session is not None
        assert later.session.turn == 2
        assert router.sessions.shared is not None
        assert router.sessions.shared.figures.failures["connection"] >= 3

        store.fails, store.known = False, SessionState("small", 1, active_at=time.time())
        router.sessions.shared._patience = Patience()
        last = await route(router, TURN, call(), result())
        await quiet(router)
        assert last.session is not None
        assert (last.session.turn, last.session.before) == (3, "large")

    async def test_a_request_that_is_late_goes_on_with_what_is_known_here(self) -> None:
        """At its own deadline."""
        router = replica(Fake())
        routing = router.begin(asked(TURN))
        assert routing.step() is None
        assert all(isinstance(each, Future) for each in routing.work)
        outcome = routing.give_up()
        await quiet(router)

        assert outcome.session is not None
        assert outcome.session.turn == 1

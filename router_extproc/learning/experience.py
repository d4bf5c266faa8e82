"""Experience: what this process learned, and how it learns more: from feedback, and from what replicas learned meanwhile.

Its methods are called on the event loop, but for `stored`, which selectors call from any thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from router_extproc.learning.event import TOLD, Applied, Event, Part
from router_extproc.learning.figures import LearningFigures
from router_extproc.learning.ledger import Entry, Ledger
from router_extproc.learning.shared import Shared
from router_extproc.learning.state_file import Record, State
from router_extproc.limits.connection import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence, Sized

    from numpy.typing import NDArray

    from router_extproc.learning.feedback import Feedback
    from router_extproc.learning.ledger import Key
    from router_extproc.learning.lesson import Lesson
    from router_extproc.learning.remote import Remote
    from router_extproc.learning.state_file import StateFile

    Floats = NDArray[Any]

_log = logging.getLogger(__name__)

TTL_S = 3600.0
"""How long a decision may get feedback, unless told otherwise."""
MOST = 50_000
"""Decisions that may get feedback at one time, unless told otherwise; half a kilobyte each."""
_SNAPSHOT_S = 30.0
_JOURNAL_BYTES = 16 * 1024 * 1024
_POLL_S = 1.0
MAX_TASKS = 1000
"""Pieces of implicit feedback in flight."""
_PAIR_WEIGHT = 0.5
"""Of each decision of a pair: together they are one observation."""


class Experience:
    """One process's. Without a shared store its own ledger is the truth; with one, that is."""

    def __init__(
        self,
        *,
        ttl_s: float = TTL_S,
        most: int = MOST,
        file: StateFile | None = None,
        remote: Remote | None = None,
        told: Callable[[Event], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Reads the file. `told` hears of what is learned, and once more of what is sent again while a store is away.

        Raises OSError if the file cannot be read or its folder not be written.
        """
        self._told = told
        self.ledger = Ledger(ttl_s=ttl_s, most=most)
        self._clock = clock
        self._file = file
        self._dirty = False
        self._written = clock()
        """When the last snapshot was written; Unix seconds."""
        self._counts = LearningFigures(up=False if remote else None)
        self._conversations: Sized = ()
        self._tasks: set[asyncio.Task[None]] = set()
        self.shared = Shared(remote, self._counts, ttl_s=ttl_s, most=most, clock=clock) if remote is not None else None
        if file is not None:
            self._restore(file.load())

    def _restore(self, state: State) -> None:
        for key, sums in state.sums.items():
            self.ledger.add(key, sums)
        for identity, entry in state.entries.items():
            self.ledger.restore(identity, entry)
        waiting = list(state.waiting)
        for record in state.journal:
            if record.lesson is not None:
                self.ledger.remember(record.id, record.lesson)
            elif record.event is not None and self.shared is not None:
                waiting.append(record.event)
            elif record.event is not None:
                self.ledger.apply(record.event)
        if self.shared is not None:
            for event in waiting:
                self.shared.wait_with(event)
        self._dirty = bool(state.journal)

    @property
    def version(self) -> int:
        """Grows with every change of what was learned."""
        return self.ledger.version if self.shared is None else self.shared.version

    def stored(self, key: Key, /) -> Floats | None:
        """Sums as they are known here."""
        return self.ledger.stored(key) if self.shared is None else self.shared.stored(key)

    @property
    def figures(self) -> LearningFigures:
        """What is counted, as of now."""
        counts = self._counts
        counts.conversations = len(self._conversations)
        counts.pending, counts.evicted = len(self.ledger), self.ledger.evicted
        counts.sums = len(self.ledger.sums()) if self.shared is None else self.shared.sums
        counts.waiting = len(self.shared.waiting) if self.shared is not None else 0
        return counts

    def count_conversations(self, known: Sized) -> None:
        """Have the figures tell how many conversations are remembered."""
        self._conversations = known

    def remember(self, identity: str, lesson: Lesson) -> None:
        """Keep a decision for feedback to come."""
        self.ledger.remember(identity, lesson)
        self._dirty = True
        if self._file is not None and not self._file.full:
            self._file.append(Record(identity, lesson))
        if self.shared is not None:
            self.shared.remember(identity, lesson)

    async def tell(self, pieces: Sequence[Feedback]) -> list[Applied]:
        """Learn from feedback; what became of each piece. What is `kept` is so whatever happens to this process from then on."""
        found = [await self._tell(piece) for piece in pieces]
        if self._file is not None and any(each.kept for each in found):
            try:
                await asyncio.to_thread(self._file.sync)
            except OSError as error:
                _log.error("feedback cannot be written to the learning state: %s", error.strerror)
                self._counts.lose("file")
                found = [Applied.UNAVAILABLE if each.kept else each for each in found]
        for piece, each in zip(pieces, found, strict=True):
            self._counts.count(piece.kind, each.value)
        return found

    async def _tell(self, piece: Feedback) -> Applied:
        rewards = piece.rewards()
        try:
            lessons = [await self.find(identity) for identity in rewards]
        except RemoteError:
            return Applied.UNAVAILABLE
        parts = [
            Part(identity, lesson, reward)
            for (identity, reward), lesson in zip(rewards.items(), lessons, strict=True)
            if lesson is not None
        ]
        if len(parts) < len(rewards):
            return Applied.UNKNOWN
        pair = len(parts) > 1
        source = f"pair:{':'.join(sorted(rewards))}" if pair else TOLD
        weight = _PAIR_WEIGHT if pair else 1.0
        return await self._learn(Event(source, piece.kind, weight, self._clock(), tuple(parts)), safe=True)

    async def find(self, identity: str) -> Lesson | None:
        """What is remembered of a decision, here or in the shared store. Raises RemoteError."""
        now = self._clock()
        lesson = self.ledger.find(identity, now)
        if lesson is None and self.shared is not None:
            lesson = await self.shared.find(identity)
        return lesson if lesson is not None and now < lesson.at + self.ledger.ttl_s else None

    async def _learn(self, event: Event, *, safe: bool) -> Applied:
        """Apply an event. `safe`: somebody will be told that it is kept, so that a queue in memory is not good enough."""
        applied = await self._applied(event, safe=safe)
        if applied in {Applied.APPLIED, Applied.BUFFERED}:
            self._told(event)
        return applied

    async def _applied(self, event: Event, *, safe: bool) -> Applied:
        if self.shared is None:
            if self._is_stuck():
                return Applied.UNAVAILABLE
            applied = self.ledger.apply(event)
            if applied is Applied.APPLIED:
                self._journal(event)
            return applied
        applied = await self.shared.apply(event)
        if applied is not Applied.UNAVAILABLE:
            return applied
        if (safe and self._file is None) or self._is_stuck():
            return applied
        applied = self.shared.wait_with(event)
        if applied is Applied.BUFFERED:
            self._journal(event)
        return applied

    def _is_stuck(self) -> bool:
        """Whether the file takes nothing any more: then nothing is learned that it could not keep."""
        if self._file is None or not self._file.full:
            return False
        self._counts.lose("file")
        return True

    def _journal(self, event: Event) -> None:
        self._dirty = True
        if self._file is not None:
            self._file.append(Record(event=event))

    def now(self) -> float:
        """The time, Unix seconds."""
        return self._clock()

    def imply(self, identity: str, kind: str, reward: float) -> None:
        """Learn from what was seen of a decision, as much as that weighs in its lesson; nobody is told what came of it.

        `kind` is a field of Weights. Decisions that nobody learns from are left alone.
        """
        lesson = self.ledger.find(identity, self._clock())
        if lesson is not None:
            self._imply(identity, lesson, kind, reward)

    def _imply(self, identity: str, lesson: Lesson, kind: str, reward: float) -> None:
        weight: float = getattr(lesson.weights, kind)
        if weight > 0:
            event = Event(kind, kind, weight, self._clock(), (Part(identity, lesson, reward),))
            self._start(self._observe(event))

    async def _observe(self, event: Event) -> None:
        self._counts.count(event.kind, (await self._learn(event, safe=False)).value)

    def ask_last(self, conversation: str, then: Callable[[str], None]) -> None:
        """Tell the id of a conversation's last decision, if another replica made it."""
        if self.shared is not None:
            self._start(self._ask_last(self.shared, conversation, then))

    async def _ask_last(self, shared: Shared, conversation: str, then: Callable[[str], None]) -> None:
        found = await shared.last(conversation)
        if found is None:
            return
        try:
            lesson = await self.find(found)
        except RemoteError:
            return
        if lesson is not None:
            self.ledger.restore(found, Entry(lesson))
            then(found)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= MAX_TASKS:
            work.close()
            self._counts.lose("full")
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait for what is in flight."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def watch(self) -> None:
        """Tell the shared store what waits, hear what others learned, and write snapshots; until cancelled."""
        while True:
            try:
                await self._turn()
            except Exception as error:  # noqa: BLE001 - counted, and told once; learning goes on with the next turn
                if "bug" not in self._counts.lost:
                    _log.exception("learning: one turn of the watch failed with %s (told once)", type(error).__name__)
                self._counts.lose("bug")
            await asyncio.sleep(_POLL_S)

    async def _turn(self) -> None:
        if self.shared is not None:
            await self.shared.turn()
        if self._file is None:
            return
        # A clock that was set back must not put the next one off.
        due = abs(self._clock() - self._written) >= _SNAPSHOT_S or self._file.bytes > _JOURNAL_BYTES
        if due and self._dirty:
            await self.save()
            self._written = self._clock()
        else:
            await self._flush()

    async def _flush(self) -> None:
        """Write lessons that nobody waits for."""
        if self._file is not None:
            try:
                await asyncio.to_thread(self._file.sync)
            except OSError:
                self._counts.lose("file")

    async def save(self) -> None:
        """Write a snapshot. A failure is counted and logged; the journal still holds everything then."""
        if self._file is None:
            return
        try:
            await asyncio.to_thread(self._file.sync)
            # Nothing may come between the two: what the journal no longer holds, the snapshot must.
            generation, state = self._file.begin(), self._state()
            self._dirty = False
            await asyncio.to_thread(self._file.write, generation, state)
        except OSError as error:
            self._dirty = True
            self._counts.lose("file")
            _log.error("the learning state cannot be written: %s", error.strerror)

    def _state(self) -> State:
        waiting = list(self.shared.waiting.values()) if self.shared is not None else []
        return State(self.ledger.sums(), self.ledger.entries(), waiting)

    async def close(self) -> None:
        """End: what is in flight is learned, what waits is told once more, and all is written."""
        await self.settled()
        if self.shared is not None:
            await self.shared.turn()
            await self.shared.close()
        if self._file is not None:
            await self.save()
            self._file.close()

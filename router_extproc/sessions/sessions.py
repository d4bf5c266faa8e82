"""Sessions: what one process knows of sessions, and the visit of one request to it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from router_extproc.sessions.identity import Source, identified
from router_extproc.sessions.keys import SessionKeys
from router_extproc.sessions.memory import SessionMemory
from router_extproc.sessions.state import Turn, correction

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from router_extproc.policy.session_rules import SessionSettings
    from router_extproc.request import Request
    from router_extproc.routing import ModelPool, Observation
    from router_extproc.sessions.judge import Judgement
    from router_extproc.sessions.shared import Fetched, SharedSessions
    from router_extproc.sessions.state import SessionState


class Sessions:
    """All sessions of a process; outlives policies. With a shared store beside it, replicas go on with each other's."""

    def __init__(
        self, memory: SessionMemory | None = None, keys: SessionKeys | None = None, shared: SharedSessions | None = None
    ) -> None:
        self.memory = SessionMemory() if memory is None else memory  # an empty one is false
        self.keys = keys or SessionKeys()
        self.shared = shared

    def visit(self, request: Request, settings: SessionSettings) -> Visit | None:
        """The visit of a request; None if nothing tells its session."""
        who = identified(request, settings.header)
        if who is None:
            return None
        key = self.memory.resolved(self.keys.session(request, who.raw, who.thread))
        named = request.envelope.headers.get(settings.task_header, "") if settings.task_header else ""
        if named:
            return Visit(self, key, who.source, request, self.keys.task(request, named))
        # What its threads spend, the session spends.
        return Visit(self, key, who.source, request, self.keys.session(request, who.raw) if who.thread else None)


class Visit:
    """One request of a session. Dies with it; used by one thread at a time."""

    __slots__ = ("_sessions", "key", "request", "source", "task", "waiting")

    def __init__(self, sessions: Sessions, key: bytes, source: Source, request: Request, task: bytes | None) -> None:
        self._sessions = sessions
        self.key = key
        self.source = source
        self.request = request
        self.task = task
        """Whose budget it is: the task's, or the session's where this is a thread of it. None: the session is its own task."""
        self.waiting: Future[Fetched | None] | None = None
        """What the shared store is asked, until `refresh` has taken it."""

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self._sessions.memory.clock()

    def ask(self) -> None:
        """Ask the shared store what other processes know, if there is one; never blocks. See `waiting`."""
        shared = self._sessions.shared
        if shared is not None:
            self.waiting = shared.fetch(self.key, self.task, named=self.source is Source.CONVERSATION)

    def refresh(self) -> None:
        """Take what the shared store answered, if it did by now."""
        waiting, self.waiting = self.waiting, None
        found = waiting.result() if waiting is not None and waiting.done() else None
        if found is None:
            return
        self.key, states = found
        memory = self._sessions.memory
        for key, state in zip((self.key, self.task), states, strict=False):
            if key is not None and state is not None:
                memory.meet(key, state)

    def state(self) -> SessionState | None:
        """What is known of the session."""
        return self._sessions.memory.get(self.key)

    def purse(self) -> SessionState | None:
        """What its task has spent."""
        return self._sessions.memory.get(self.key if self.task is None else self.task)

    def take(self, judgement: Judgement, pool: ModelPool, usd: float, tokens: int) -> Callable[[Observation], None]:
        """Note that the turn goes to that pool and is expected to take so much; gives what is to be told of its answer."""
        memory, shared = self._sessions.memory, self._sessions.shared
        turn = Turn(pool.name, usd, tokens, memory.clock(), judgement.raised, judgement.calm, judgement.mark)
        keys = (self.key,) if self.task is None else (self.key, self.task)
        for key in keys:
            memory.take(key, turn)
        if shared is not None:
            shared.take(keys, turn, memory.ttl_s)
        return partial(self._settle, keys, turn, pool)

    def _settle(self, keys: tuple[bytes, ...], turn: Turn, pool: ModelPool, seen: Observation) -> None:
        memory, shared = self._sessions.memory, self._sessions.shared
        change = correction(turn, seen, pool.price)
        for key in keys:
            memory.settle(key, change)
        if shared is not None:
            shared.settle(keys, change)
        if not seen.response_id:
            return
        alias = self._sessions.keys.session(self.request, seen.response_id)
        memory.link(alias, self.key)
        if shared is not None:
            shared.link(alias, self.key, memory.ttl_s)

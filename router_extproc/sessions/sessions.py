"""Sessions: what one process knows of sessions, and the visit of one request to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from router_extproc.sessions.identity import identified
from router_extproc.sessions.keys import SessionKeys
from router_extproc.sessions.memory import SessionMemory
from router_extproc.sessions.state import Turn, correction

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.policy.session_rules import SessionSettings
    from router_extproc.request import Request
    from router_extproc.routing import ModelPool, Observation
    from router_extproc.sessions.identity import Source
    from router_extproc.sessions.judge import Judgement
    from router_extproc.sessions.state import SessionState


class Sessions:
    """All sessions of a process; outlives policies."""

    def __init__(self, memory: SessionMemory | None = None, keys: SessionKeys | None = None) -> None:
        self.memory = SessionMemory() if memory is None else memory  # an empty one is false
        self.keys = keys or SessionKeys()

    def visit(self, request: Request, settings: SessionSettings) -> Visit | None:
        """The visit of a request; None if nothing tells its session."""
        who = identified(request, settings.header)
        if who is None:
            return None
        key = self.memory.resolved(self.keys.session(request, who.raw))
        named = request.envelope.headers.get(settings.task_header, "") if settings.task_header else ""
        task = self.keys.task(request, named) if named else None
        return Visit(self, key, who.source, request, task)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a session."""

    sessions: Sessions
    key: bytes
    source: Source
    request: Request
    task: bytes | None
    """None: the session is its own task."""

    def state(self) -> SessionState | None:
        """What is known of the session."""
        return self.sessions.memory.get(self.key)

    def purse(self) -> SessionState | None:
        """What its task has spent."""
        return self.sessions.memory.get(self.key if self.task is None else self.task)

    def take(self, judgement: Judgement, pool: ModelPool, usd: float, tokens: int) -> Callable[[Observation], None]:
        """Note that the turn goes to that pool and is expected to take so much; gives what is to be told of its answer."""
        memory = self.sessions.memory
        turn = Turn(pool.name, usd, tokens, memory.clock(), judgement.raised, judgement.calm, judgement.mark)
        keys = (self.key,) if self.task is None else (self.key, self.task)
        for key in keys:
            memory.take(key, turn)
        return partial(self._settle, keys, turn, pool)

    def _settle(self, keys: tuple[bytes, ...], turn: Turn, pool: ModelPool, seen: Observation) -> None:
        memory = self.sessions.memory
        change = correction(turn, seen, pool.price)
        for key in keys:
            memory.settle(key, change)
        if seen.response_id:
            memory.link(self.sessions.keys.session(self.request, seen.response_id), self.key)

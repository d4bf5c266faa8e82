"""Flow: from where a secret came into a conversation, and to which tool calls it went."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from router_extproc.signals.credentials.marks import found, keyed
from router_extproc.signals.credentials.views import forms, tokens, views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence

    from router_extproc.signals.credentials.marks import Mark

_HOST = re.compile(r"://(?:[^\s/@\"'\\]{0,256}@)?([A-Za-z0-9.-]{1,253})")
_HOSTS = 16
"""Of one call that count; with more of them, those that come first in the alphabet."""
MOST = 32
"""Secrets of one conversation that are followed; later ones are not."""


class Origin(StrEnum):
    """Where a secret stood first."""

    SYSTEM = "system"
    TOOL_RESULT = "tool_result"
    DOCUMENT = "document"
    USER = "user"
    """The person gave it away; to the first tool that got it, and to no other."""
    CALL = "call"
    """A tool call had it that stood nowhere else."""


class Leak(StrEnum):
    """What went where it should not: the signal's labels, the worst first."""

    CANARY = "canary"
    SYSTEM = "system"
    DOCUMENT = "document"
    TOOL_RESULT = "tool_result"
    ELSEWHERE = "elsewhere"


_CONFINED = {Origin.SYSTEM: Leak.SYSTEM, Origin.DOCUMENT: Leak.DOCUMENT, Origin.TOOL_RESULT: Leak.TOOL_RESULT}
"""Origins whose secrets are to go to no tool at all."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One text of a conversation, in its order."""

    origin: Origin
    text: str
    tool: str = ""
    """The tool's name, of a call."""


@dataclass(slots=True)
class Entry:
    """What is known of one secret."""

    origin: Origin
    score: float
    """How sure it is that it is one, in [0, 1]."""
    destinations: frozenset[bytes] = frozenset()
    """Keyed hashes of the tools and hosts that it may go to, because it went there first."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator says of secrets."""

    trusted: frozenset[str] = frozenset()
    """Tools that may be given any."""
    canaries: frozenset[bytes] = frozenset()
    """SHA-256 of tokens that are to be in no tool call."""


@dataclass(slots=True)
class Flow:
    """What a conversation leaks."""

    leaks: dict[Leak, float] = field(default_factory=dict)
    """With how sure it is."""
    tools: dict[Leak, str] = field(default_factory=dict)
    """The first tool that got it. A caller chose the name."""

    def note(self, leak: Leak, score: float, tool: str) -> None:
        """Add one."""
        self.leaks[leak] = max(score, self.leaks.get(leak, 0.0))
        self.tools.setdefault(leak, tool)


def follow(
    pieces: Iterable[Piece],
    entries: MutableMapping[Mark, Entry],
    terms: Terms,
    find: Callable[[str], Sequence[tuple[Mark, float]]],
) -> Flow:
    """What leaks, by the pieces in order and what is known before; `entries` learns. `find` gives the secrets of a text."""
    flow = Flow()
    for piece in pieces:
        secrets = find(piece.text)
        destinations = frozenset[bytes]()
        # Most conversations have no secret: then nothing has to be looked for.
        if piece.origin is Origin.CALL and (secrets or entries or terms.canaries):
            said = forms(piece.text)
            destinations = _destinations(piece.tool, said)
            if piece.tool not in terms.trusted:
                _judge(piece.tool, said, destinations, entries, terms, flow)
        for mark, score in secrets:
            if mark not in entries and len(entries) < MOST:
                entries[mark] = Entry(piece.origin, score, destinations)
    return flow


def _judge(
    tool: str,
    said: list[str],
    destinations: frozenset[bytes],
    entries: Mapping[Mark, Entry],
    terms: Terms,
    flow: Flow,
) -> None:
    """Note what one call leaks."""
    for mark in found("|".join(views(said)), entries):
        entry = entries[mark]
        leak = _CONFINED.get(entry.origin)
        if leak is None and entry.destinations:
            leak = None if destinations <= entry.destinations else Leak.ELSEWHERE
        elif leak is None:
            entry.destinations = destinations
        if leak is not None:
            flow.note(leak, entry.score, tool)
    if terms.canaries and any(hashlib.sha256(token.encode()).digest() in terms.canaries for token in tokens(said)):
        flow.note(Leak.CANARY, 1.0, tool)


def _destinations(tool: str, said: list[str]) -> frozenset[bytes]:
    hosts = sorted({host.lower() for each in said for host in _HOST.findall(each)})[:_HOSTS]
    return frozenset(keyed(tool, host) for host in hosts or [""])

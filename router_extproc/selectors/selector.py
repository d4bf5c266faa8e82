"""Filter, Scorer, Picker: the three steps of choosing, and Selector, which is a profile of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.encoders.reading import Reading
    from router_extproc.pools import PoolStatistics
    from router_extproc.request import Request
    from router_extproc.routing import Candidate, Selection, SignalResult


_NONE: Mapping[str, float] = MappingProxyType({})


def _none() -> Mapping[str, float]:
    return _NONE


@dataclass(frozen=True, slots=True)
class Choice:
    """All that a selector may look at for one request."""

    request: Request
    signals: Mapping[str, SignalResult]
    """Those computed so far."""
    prompt_tokens: int
    """Estimated size of the prompt, tokens."""
    statistics: Mapping[str, PoolStatistics]
    """A snapshot of what the pools showed lately, by pool name."""
    reading: Reading | None = None
    """What the shared encoder says of the last user turn (embedding, difficulty); only for a selector that reads. None where there was
    nothing to read or the encoder could not: the selector must do without."""
    quality: Mapping[str, float] = field(default_factory=_none)
    """Chance in [0, 1] that each candidate answers well, by pool name; only where a selector has a quality model."""


class Filter(Protocol):
    """Drops candidates that cannot serve the request."""

    @property
    def name(self) -> str:
        """Told in Selection.filtered."""
        ...

    def keeps(self, candidate: Candidate, choice: Choice, /) -> bool: ...


class Scorer(Protocol):
    """Rates candidates: one figure in [0, 1] each, higher is better, in the order given."""

    @property
    def name(self) -> str: ...

    def score(self, candidates: Sequence[Candidate], choice: Choice, /) -> Sequence[float]: ...


class Picker(Protocol):
    """Picks one of the scored candidates; there is at least one."""

    def pick(self, scored: Sequence[tuple[Candidate, float]], choice: Choice, /) -> Candidate: ...

    def chances(self, scored: Sequence[tuple[Candidate, float]], choice: Choice, /) -> Sequence[float]:
        """How likely it picks each of them, over all that it leaves to chance (sessions, where it is the same for one): 1 in all."""
        ...


class Selector(Protocol):
    """Chooses among a route's candidates. None if no candidate can serve the request."""

    @property
    def name(self) -> str: ...

    @property
    def observes(self) -> bool:
        """Whether it learns from responses, so that the response phase is needed."""
        ...

    @property
    def reads(self) -> bool:
        """Whether it wants a reading of the request."""
        ...

    def select(self, candidates: Sequence[Candidate], choice: Choice, /) -> tuple[Selection | None, Mapping[str, str]]:
        """The selection, and why the others were dropped (by pool name; also when nothing was selected)."""
        ...

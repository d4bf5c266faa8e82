"""Privacy: what the rules of a policy make of the private data in one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from router_extproc.guarding import Masks, PrivateAction, ResponseAction, ResponseGuard
from router_extproc.request import PartKind
from router_extproc.routing import Candidate, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from router_extproc.policy.compiled import Privacy, Strip
    from router_extproc.request import Request
    from router_extproc.router.signals import SignalTable
    from router_extproc.routing import Extractor, ModelPool
    from router_extproc.signals.neural.guards import Jailbreak, Pii

_REPLACED = frozenset({PrivateAction.MASK, PrivateAction.RESTORE})
_SEVERITY = {action: rank for rank, action in enumerate(ResponseAction)}
_STRENGTH = {action: rank for rank, action in enumerate(PrivateAction)}


class PrivateData:
    """What guards found in one request so far, and what is to become of it."""

    __slots__ = ("_replaced", "_spans", "actions", "stripped")

    def __init__(self) -> None:
        self.actions: dict[str, PrivateAction] = {}
        """By type that was found; of several rules' actions the strongest."""
        self._replaced: dict[str, PrivateAction] = {}
        self._spans: dict[str, list[tuple[int, int, str]]] = {}
        self.stripped: dict[str, str] = {}
        """Texts that go as a whole, each with what takes its place."""

    def judged(self, strip: Strip, signals: SignalTable, extractor: Extractor, request: Request) -> bool | None:
        """Take the texts that a rule strips; whether there are any, None where that is unknown. Raises NeedsModel until it can be told."""
        told = signals[strip.signal]
        if not isinstance(told, Signal) or told.coverage < strip.min_coverage:
            return None
        if told.value < strip.at_least:
            return False
        judged = cast("Jailbreak", extractor).judged(request)
        # A model's own tool calls are code, which a notice would break.
        calls = {part.text for message in request.messages for part in message.parts if part.kind is PartKind.TOOL_CALL}
        wanted = (segment.text for segment, chance in judged if chance >= strip.at_least and segment.kind in strip.kinds)
        texts = [text for text in wanted if text not in calls]
        self.stripped |= dict.fromkeys(texts, strip.notice)
        return bool(texts)

    def found(self, privacy: Privacy, signals: SignalTable) -> bool | None:
        """Take what a rule asks for; whether there is anything, None where that is unknown. Raises NeedsModel until it can be told."""
        told = signals[privacy.signal]
        if not isinstance(told, Signal) or told.coverage < privacy.min_coverage:
            return None
        labels = told.labels or {}
        kinds = {kind: action for kind, action in privacy.actions.items() if kind in labels and labels[kind] >= privacy.at_least}
        for kind, action in kinds.items():
            known = self.actions.get(kind, action)
            self.actions[kind] = max(known, action, key=_STRENGTH.__getitem__)
            if action in _REPLACED:
                self._replaced.setdefault(kind, action)
        return bool(kinds)

    def locate(self, privacy: Privacy, extractor: Extractor, request: Request) -> None:
        """Take where it stands that is to be replaced."""
        replaced = {kind for kind in self.actions if privacy.actions.get(kind) in _REPLACED}
        if not replaced:
            return
        for text, spans in cast("Pii", extractor).spans(request).items():
            wanted = [(span.start, span.end, span.type) for span in spans if _counts(span.type, span.score, privacy, replaced)]
            self._spans.setdefault(text, []).extend(wanted)

    def types(self, action: PrivateAction) -> list[str]:
        """Types for which that action holds."""
        return sorted(kind for kind, chosen in self.actions.items() if chosen is action)

    @property
    def only_trusted(self) -> bool:
        """Whether the request may go to trusted pools only."""
        return PrivateAction.TRUSTED in self.actions.values()

    def masks(self) -> Masks | None:
        """What is to be replaced in the body, if anything."""
        return Masks(self._replaced, self._spans, self.stripped) if self._replaced or self.stripped else None


def _counts(kind: str, score: float, privacy: Privacy, replaced: Iterable[str]) -> bool:
    return kind in replaced and score >= privacy.at_least


def trusted(candidates: tuple[Candidate, ...], pools: Iterable[ModelPool]) -> tuple[Candidate, ...]:
    """Those that are trusted; where the route has none, all trusted pools of the policy."""
    kept = tuple(candidate for candidate in candidates if candidate.pool.trusted)
    return kept or tuple(Candidate(pool) for pool in pools if pool.trusted)


def together(guards: Sequence[ResponseGuard]) -> ResponseGuard:
    """What several rules look for in an answer, as one: the strictest of each."""
    if len(guards) == 1:
        return guards[0]
    types: dict[str, ResponseAction] = {}
    for guard in guards:
        for kind, action in guard.types.items():
            types[kind] = max(action, types.get(kind, action), key=_SEVERITY.__getitem__)
    return ResponseGuard(
        types,
        max(guard.hold_back for guard in guards),
        any(guard.refuse_unreadable for guard in guards),
        max(guard.min_support for guard in guards),
        any(guard.whole_request for guard in guards),
    )


def listed(message: str, types: Iterable[str]) -> str:
    """A refusal that names the types."""
    return f"{message} ({', '.join(types)})"

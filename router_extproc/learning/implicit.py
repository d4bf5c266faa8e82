"""Implicit: what nobody says and requests and responses tell all the same: errors, cut answers, and how the user goes on. A hook."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from router_extproc.encoders.heads import CLASSES
from router_extproc.pools import REFUSALS, SERVER_ERROR
from router_extproc.routing import Signal
from router_extproc.signals.conversation import in_tool_loop
from router_extproc.signals.reask import Reask, ReaskOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.hooks import AnswerDetails, ReloadDetails, RouteDetails
    from router_extproc.learning.experience import Experience
    from router_extproc.learning.lesson import Lesson
    from router_extproc.observation import Observation
    from router_extproc.request import Request
    from router_extproc.routing import Outcome

MAX_CONVERSATIONS = 50_000
"""Whose last decision is remembered, in this process."""
AGAIN = 0.8
"""From here on a turn is nearly the same as an earlier one; see signals/reask.py."""
TRUNCATED = frozenset({"length", "max_tokens", "max_output_tokens", "incomplete"})
"""Finish reasons of the APIs by which an answer ended at its limit."""
HEARD = {"satisfied": 1.0, "wrong_answer": 0.0, "want_different": 0.0}
"""Rewards by label of the feedback head; one who needs a clarification says nothing of the model."""
_FEEDBACK = frozenset(CLASSES["feedback"])


class Implicit:
    """Remembers the decisions of learning routes, and learns from what follows."""

    def __init__(self, experience: Experience, conversation_of: Callable[[Request], str], secret: bytes = b"") -> None:
        """`conversation_of` tells conversations of all callers apart; empty where it cannot. `secret`, the replicas', keys their hashes."""
        self._experience = experience
        self._conversation_of = conversation_of
        self._key = blake2b(secret, digest_size=32, person=b"learning").digest()
        self._last: OrderedDict[str, str] = OrderedDict()
        """The last decision's id by conversation."""
        experience.count_conversations(self._last)
        self._reask = Reask("reask", ReaskOptions())

    def routed(self, details: RouteDetails) -> None:
        """Learn of the decision before from this turn, and remember this one."""
        outcome, request = details.outcome, details.request
        lesson = outcome.selection.lesson if outcome.selection is not None else None
        if request is None or (lesson is None and not self._last):
            return
        wanted = lesson is not None and lesson.weights.turns
        conversation = self._conversation(request) if wanted or self._last else ""
        if conversation:
            self._turn(conversation, request, outcome)
        answered = details.cache is not None and details.cache.status == "hit"
        if lesson is not None and not answered:
            self._remember(outcome.id, lesson, conversation if wanted else "")

    def _turn(self, conversation: str, request: Request, outcome: Outcome) -> None:
        if in_tool_loop(request):
            return  # the person said it at the turn before, and it was heard then
        again = self._reask.extract(request).value >= AGAIN
        heard = HEARD.get(_heard(outcome))
        if not again and heard is None:
            return
        previous = self._last.pop(conversation, None)
        if previous is not None:
            self._judge(previous, again=again, heard=heard)
        elif outcome.selection is not None and outcome.selection.lesson is not None:
            self._experience.ask_last(conversation, lambda found: self._judge(found, again=again, heard=heard))

    def _judge(self, previous: str, *, again: bool, heard: float | None) -> None:
        if again:
            self._experience.imply(previous, "reask", 0.0)
        if heard is not None:
            self._experience.imply(previous, "feedback", heard)

    def _remember(self, identity: str, lesson: Lesson, conversation: str) -> None:
        now = self._experience.now()
        self._experience.remember(identity, msgspec.structs.replace(lesson, at=now, conversation=conversation))
        if conversation:
            self._last[conversation] = identity
            self._last.move_to_end(conversation)
            if len(self._last) > MAX_CONVERSATIONS:
                self._last.popitem(last=False)

    def _conversation(self, request: Request) -> str:
        told = self._conversation_of(request)
        return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16, key=self._key).hexdigest() if told else ""

    def observed(self, observation: Observation) -> None:
        """Learn from an error or a cut answer."""
        seen = observation
        if seen.status >= SERVER_ERROR or seen.status in REFUSALS or not seen.complete:
            self._experience.imply(seen.outcome_id, "error", 0.0)
        elif seen.finish_reason in TRUNCATED:
            self._experience.imply(seen.outcome_id, "truncation", 0.0)

    def answered(self, details: AnswerDetails) -> None:
        """Nothing: what a guard makes of an answer is the policy's matter."""

    def reloaded(self, details: ReloadDetails) -> None:
        """Nothing: what was learned outlives a policy."""


def _heard(outcome: Outcome) -> str:
    """What the feedback head hears: by a signal of the policy, or by what the selector read."""
    for result in outcome.signals.values():
        if isinstance(result, Signal) and result.label in _FEEDBACK and result.value >= AGAIN:
            return result.label or ""
    return outcome.selection.heard if outcome.selection is not None else ""

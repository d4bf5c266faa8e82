"""Step: how likely an agent's next step needs more than the cheapest model, by the shape of all that came before it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from router_extproc.request import PartKind, Role
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape

if TYPE_CHECKING:
    from router_extproc.request import Request
    from router_extproc.signals.options import NoOptions
    from router_extproc.signals.services import SignalServices

_SYSTEM = frozenset({Role.SYSTEM, Role.DEVELOPER})
_CODE = (
    "```", "def ", "class ", "import ", "return ", "self.", "diff --git", "\n@@ ", "Traceback",
    ".py", ".js", ".ts", ".java", ".go", ".rs", ".c",
)  # fmt: skip
"""What code, patches and paths leave in a text. Counting them takes a tenth of the time of one expression that finds them all."""
_READ = 8000
"""Characters, the last ones, that are searched for it."""
_DENSE = 5.0
"""Marks in 1,000 characters that count as all code."""
_CALLS, _CODES, _BASE = 1.15, 2.48, -2.32
"""Logistic regression (L2 = 1) on the 98 training steps of TwinRouterBench: whether the cheapest tier of models does not suffice.

Left out by instance its AUC is 0.90, on the 23 held-out steps 1.00. Failed results (alone AUC 0.73) add nothing to these two, and the
difficulty head of the last user turn (0.52) tells nothing there: what a person asked is the same in every step.
"""


class StepDifficulty:
    """A chance in [0, 1] by two facts: tool calls so far, and how much of what was said last is code."""

    cost = Cost.TEXT
    shape = SignalShape(SignalKind.SCORE)

    def __init__(self, name: str) -> None:
        self.name = name

    def extract(self, request: Request, /) -> Signal:
        """The signal; the facts are its evidence."""
        calls, code = calls_of(request), code_share(request)
        logit = _BASE + _CALLS * math.log1p(calls) + _CODES * code
        return Signal(self.name, 1.0 / (1.0 + math.exp(-logit)), evidence=(f"{calls} tool calls", f"code {code:.2f}"))


def calls_of(request: Request) -> int:
    """Tool calls so far."""
    return sum(part.kind is PartKind.TOOL_CALL for message in request.messages for part in message.parts)


def code_share(request: Request) -> float:
    """How much of what was said last is code, in [0, 1]. Found once for a request."""
    found: float | None = request.memo.get(code_share)
    if found is None:
        found = request.memo[code_share] = _share(_tail(request))
    return found


def _share(text: str) -> float:
    if not text:
        return 0.0
    marks = sum(map(text.count, _CODE))
    return min(1.0, marks / (_DENSE * max(1.0, len(text) / 1000)))


def _tail(request: Request) -> str:
    """The end of what was said, called and brought, without instructions."""
    found: list[str] = []
    missing = _READ
    for message in reversed(request.messages):
        if message.role in _SYSTEM:
            continue
        for part in reversed(message.parts):
            if part.text and missing > 0:
                found.append(part.text[-missing:])
                missing -= len(found[-1])
    return "\n".join(reversed(found))


def build(name: str, _options: NoOptions, _services: SignalServices) -> StepDifficulty:
    """The extractor."""
    return StepDifficulty(name)

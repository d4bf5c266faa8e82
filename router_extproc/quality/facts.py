"""Facts: what the shape of a request tells of it beside the meaning of its last turn: how far an agent has come, and with what.

An embedding of the last user turn is the same in every step of an agent, and blurs how long a text is.
"""

from __future__ import annotations

from math import log1p
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.request import PartKind, Role
from router_extproc.signals.step import calls_of, code_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router_extproc.quality.outcomes import Singles
    from router_extproc.request import Message, Request

FACTS = 6
_CALLS, _CHARACTERS, _TURNS = log1p(50), log1p(200_000), log1p(20)
"""What counts as 1, and more than it, too."""


def facts_of(request: Request) -> tuple[float, ...]:
    """In [0, 1] each: tool calls so far, how much of the end is code, length in all and of the last message, user turns, tool result last.

    Counts are taken by their logarithm.
    """
    messages = request.messages
    last = messages[-1].parts if messages else ()
    return (
        _share(calls_of(request), _CALLS),
        code_share(request),
        _share(sum(map(_length, messages)), _CHARACTERS),
        _share(_length(messages[-1]) if messages else 0, _CHARACTERS),
        _share(sum(message.role is Role.USER and bool(message.text) for message in messages), _TURNS),
        float(any(part.kind is PartKind.TOOL_RESULT for part in last)),
    )


def with_facts(inputs: Singles, requests: Sequence[Request]) -> Singles:
    """(n, d + 1 + FACTS): inputs (n, d + 1) and the facts of the requests that they are of."""
    told = np.array([facts_of(request) for request in requests], np.float32).reshape(len(inputs), FACTS)
    return np.concatenate((inputs, told), 1)


def _share(count: int, full: float) -> float:
    return min(1.0, log1p(count) / full)


def _length(message: Message) -> int:
    return sum(len(part.text) for part in message.parts)

"""What the tests of the response cache are made of."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from router_extproc.cache.rule import CacheMode, CacheRule, CacheScope
from router_extproc.routing import Decision, ModelPool, Outcome, Reason, Selection, Verdict

RULE = CacheRule(CacheMode.EXACT, CacheScope.GLOBAL, ttl_s=60)
CHAT = "/v1/chat/completions"


class Clock:
    """Unix seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Reading:
    """As far as the cache looks at one."""

    embedding: Any


def embed(_text: str, _deadline: float) -> Future[Any]:
    """All texts are near."""
    done: Future[Any] = Future()
    done.set_result(Reading(np.array([1.0, 0.0], np.float32)))
    return done


def outcome(**more: Any) -> Outcome:
    """Where all these requests go."""
    pool = ModelPool("small", "pool-small", "qwen")
    made = Outcome("1", Verdict.ROUTE, Decision("faq", Reason.RULE), Selection(pool, "qwen"), policy="abc")
    return replace(made, **more)

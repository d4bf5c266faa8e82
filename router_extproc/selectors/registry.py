"""Registry: the selectors that a policy can name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from router_extproc.plugin import Plugin, Registry, Stability
from router_extproc.selectors import bandit, cheapest, first, latency, value, weighted

if TYPE_CHECKING:
    from router_extproc.routing import Candidate
    from router_extproc.selectors.selector import Selector
    from router_extproc.selectors.services import SelectorServices

SelectorFactory = Callable[[Any, "tuple[Candidate, ...]", "SelectorServices"], "Selector"]
"""Makes a selector of its validated options and the route's candidates. May raise SpecError, with a path from its options on."""

SELECTORS: Registry[SelectorFactory] = Registry("selector")
SELECTORS.add(Plugin("first", first.FirstOptions, first.build, "The first candidate that can serve the request."))
SELECTORS.add(
    Plugin("weighted", weighted.WeightedOptions, weighted.build, "A split by weight, sticky by session or user on request.")
)
SELECTORS.add(
    Plugin(
        "cheapest-sufficient",
        cheapest.CheapestOptions,
        cheapest.build,
        "The cheapest candidate that can serve the request and is likely to answer it well.",
    )
)
SELECTORS.add(
    Plugin(
        "best-value",
        value.ValueOptions,
        value.build,
        "The candidate whose quality less cost, time and energy is highest.",
        Stability.BETA,
    )
)
SELECTORS.add(
    Plugin(
        "bandit",
        bandit.BanditOptions,
        bandit.build,
        "The candidate that feedback shows to be the best for such requests, less what it costs.",
        Stability.BETA,
    )
)
SELECTORS.add(Plugin("lowest-latency", latency.LatencyOptions, latency.build, "The candidate that answers soonest, as observed."))

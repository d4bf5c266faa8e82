"""Metrics of rate limits and of the shared store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from router_extproc.limits.limit import Limited, RateLimit
from router_extproc.limits.memory import MemoryStore
from router_extproc.limits.shared import Health
from router_extproc.limits.store import Charge
from router_extproc.observability.metrics import Metrics

if TYPE_CHECKING:
    from router_extproc.hooks import RouteDetails

Handled = Callable[..., "RouteDetails"]


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """What a scrape reads, by name and labels."""
    return {
        (sample.name.removeprefix("router_extproc_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


class TestLimits:
    def test_what_the_store_keeps(self) -> None:
        """Its size, and what found no place."""
        store, metrics = MemoryStore(max_keys=1), Metrics()
        metrics.watch_limits(store, None)
        for key in (b"a", b"b", b"c"):
            store.reserve([Charge(RateLimit("it", (), (9, -1, -1), 60), key, (1, 0, 0))])
        told = samples(metrics)

        assert (told["rate_limit_keys",], told["rate_limit_overflow_total",]) == (1.0, 2.0)
        assert ("state_up",) not in told

    def test_how_the_shared_store_fares(self) -> None:
        """And what came of it."""
        metrics, health = Metrics(), Health(up=True)
        metrics.watch_limits(MemoryStore(), health)
        assert samples(metrics)["state_up",] == 1.0
        health.up = False
        health.failures["timeout"] = 3
        health.unknown["it", "local"] = 2
        told = samples(metrics)

        assert told["state_up",] == 0.0
        assert told["state_failures_total", "timeout"] == 3.0
        assert told["rate_limit_unknown_total", "local", "it"] == 2.0

    def test_who_was_refused(self, handled: Handled, chat: Callable[..., bytes]) -> None:
        """By limit and amount."""
        metrics, details = Metrics(), handled(chat())
        metrics.routed(replace(details, outcome=replace(details.outcome, limited=Limited("it", "tokens", 5)), unproven="peers"))
        told = samples(metrics)

        assert (
            sum(value for key, value in told.items() if key[0] == "rate_limited_total" and set(key[1:]) == {"it", "tokens"}) == 1
        )
        assert told["identity_unproven_total", "peers"] == 1

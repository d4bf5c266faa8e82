"""Cache metrics: what the response cache did, and what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from router_extproc.observability.tally import counter, gauge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric

    from router_extproc.cache.store import ResponseCache

_NAME = "router_extproc_cache_"


class CacheCollector(Collector):
    """The figures of one cache."""

    def __init__(self, cache: ResponseCache) -> None:
        self._cache = cache

    def collect(self) -> Iterator[Metric]:
        """Counts that the cache keeps, and its bounds' gauges."""
        cache, figures = self._cache, self._cache.figures
        yield counter(f"{_NAME}stores", "Answers kept.", (), {(): figures.stores})
        yield counter(f"{_NAME}unkept", "Answers not kept.", ("reason",), _labelled(figures.unkept))
        yield counter(f"{_NAME}evictions", "Answers that made place for others.", (), {(): figures.evictions})
        text = "Near questions that the verification told apart."
        yield counter(f"{_NAME}refusals", text, ("difference",), _labelled(figures.refusals))
        yield counter(
            f"{_NAME}store_failures", "Calls of the shared store without an answer.", ("reason",), _labelled(figures.failures)
        )
        for name, text, value in (
            ("bytes", "Taken by answers and by what semantic lookups need.", cache.size),
            ("entries", "Answers in this process.", len(cache.entries)),
            ("questions", "Questions that semantic lookups know.", len(cache.index)),
            ("flights", "Requests that identical ones may wait for.", len(cache.flights)),
            ("waiting", "Requests that wait for an identical one.", cache.flights.waiting),
        ):
            yield gauge(f"{_NAME}{name}", text, (), {(): value})


def _labelled(counts: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    # A scrape may run while the loop counts.
    return {(name,): count for name, count in dict(counts).items()}

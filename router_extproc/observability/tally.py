"""Tally: counts and distributions kept in plain dictionaries, told to Prometheus when it asks.

prometheus_client takes a lock and looks a child up for every increment: 20 microseconds for one request's figures, and 3 this way. Only
the event loop counts, so no lock is needed; a scrape at the same moment reads figures that are at most one request apart.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence


class Distribution:
    """How often a figure fell into which bucket."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        """Upper bounds, rising; a last bucket without a bound is added."""
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus wants them."""
        told: list[tuple[str, float]] = []
        running = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self.counts, strict=True):
            running += count
            told.append((bound, float(running)))
        return told


def counter(name: str, text: str, labels: Sequence[str], counts: Mapping[tuple[str, ...], float]) -> CounterMetricFamily:
    """A counter's samples."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in sorted(counts.items()):
        family.add_metric(values, count)
    return family


def gauge(name: str, text: str, labels: Sequence[str], values: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
    """A gauge's samples."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def summed(counts: Mapping[tuple[str, ...], float], *places: int) -> dict[tuple[str, ...], float]:
    """Counts by some of the parts of their keys."""
    sums: dict[tuple[str, ...], float] = {}
    for key, count in counts.items():
        part = tuple(key[place] for place in places)
        sums[part] = sums.get(part, 0) + count
    return sums


def histogram(name: str, text: str, label: str, found: Mapping[str, Distribution]) -> HistogramMetricFamily:
    """A histogram's samples, by one label (or none, if the label is empty)."""
    family = HistogramMetricFamily(name, text, labels=[label] if label else [])
    for value, distribution in sorted(found.items()):
        family.add_metric([value] if label else [], buckets=distribution.buckets(), sum_value=distribution.total)
    return family


class Distributions(dict[str, Distribution]):
    """Distributions by a label's value, made when first needed. At most `limit` of them; later values share one."""

    def __init__(self, bounds: Sequence[float], *, limit: int = 1000) -> None:
        super().__init__()
        self._bounds = bounds
        self._limit = limit

    def __missing__(self, key: str) -> Distribution:
        if len(self) >= self._limit:
            key = "other"
            if key in self:
                return self[key]
        made = self[key] = Distribution(self._bounds)
        return made


class Counts(dict["Hashable", float]):
    """Counts by key. At most `limit` keys; what comes later is counted under none and told in `lost`."""

    def __init__(self, *, limit: int = 10_000) -> None:
        super().__init__()
        self._limit = limit
        self.lost = 0

    def add(self, key: Hashable, amount: float = 1) -> None:
        """Count."""
        if key in self:
            self[key] += amount
        elif len(self) < self._limit:
            self[key] = amount
        else:
            self.lost += 1

    def __iter__(self) -> Iterator[Hashable]:
        # A scrape may run while the loop counts.
        return iter(list(super().__iter__()))

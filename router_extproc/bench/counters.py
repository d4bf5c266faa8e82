"""Counters: what a router's own metrics say of its neural signals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from router_extproc.demo.processes import fetched

SIGNALS = ("injection", "private", "subject", "hard")
"""The neural signals of the benchmark's policies."""
_COMPUTED, _UNKNOWN = "router_extproc_signals_computed_total", "router_extproc_signals_unknown_total"


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests by what became of their neural signals."""

    total: int = 0
    """That asked the model."""
    unknown: Counter[str] = field(default_factory=Counter)
    """That went on without some signal, by the reason."""

    def since(self, before: Asked) -> Asked:
        """What came after `before`."""
        return Asked(self.total - before.total, self.unknown - before.unknown)

    def plus(self, other: Asked) -> Asked:
        """Both."""
        return Asked(self.total + other.total, self.unknown + other.unknown)


def counted(text: str) -> Asked:
    """The figures in a page of metrics. The signals of a request share one reading, so that the most of any signal is that of all.

    Known and unknown are added for each signal first: of one request the signal that was asked first may have missed the deadline, and
    the last one not.
    """
    totals: Counter[str] = Counter()
    unknown: dict[str, Counter[str]] = {name: Counter() for name in SIGNALS}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            signal = sample.labels.get("signal", "")
            if signal not in unknown or sample.name not in {_COMPUTED, _UNKNOWN}:
                continue
            totals[signal] += int(sample.value)
            if sample.name == _UNKNOWN:
                unknown[signal][sample.labels["reason"]] += int(sample.value)
    most: Counter[str] = Counter()
    for reasons in unknown.values():
        most |= reasons
    return Asked(max(totals.values(), default=0), most)


def asked(admin: int) -> Asked:
    """The figures of the router with that admin port; none without a port."""
    page = fetched(f"http://127.0.0.1:{admin}/metrics") if admin else None
    return counted(page.decode()) if page else Asked()

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
    """Requests by what became of their neural signals. They share one reading, so the most of any signal is that of all."""

    known: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    """By reason."""

    @property
    def total(self) -> int:
        """Requests that asked the model."""
        return self.known + self.unknown.total()

    def since(self, before: Asked) -> Asked:
        """What came after `before`."""
        return Asked(self.known - before.known, self.unknown - before.unknown)

    def plus(self, other: Asked) -> Asked:
        """Both."""
        return Asked(self.known + other.known, self.unknown + other.unknown)


def counted(text: str) -> Asked:
    """The figures in a page of metrics."""
    known: Counter[str] = Counter()
    unknown: dict[str, Counter[str]] = {name: Counter() for name in SIGNALS}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            signal = sample.labels.get("signal", "")
            if signal in unknown and sample.name == _COMPUTED:
                known[signal] += int(sample.value)
            elif signal in unknown and sample.name == _UNKNOWN:
                unknown[signal][sample.labels["reason"]] += int(sample.value)
    most: Counter[str] = Counter()
    for reasons in unknown.values():
        most |= reasons
    return Asked(max(known.values(), default=0), most)


def asked(admin: int) -> Asked:
    """The figures of the router with that admin port; none without a port."""
    page = fetched(f"http://127.0.0.1:{admin}/metrics") if admin else None
    return counted(page.decode()) if page else Asked()

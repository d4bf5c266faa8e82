"""Guard report: the figures of the guards' benchmark for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from router_extproc.bench.guard_setups import BASE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print everything."""
    console.print(_requests(result["requests"]))
    for name, note in result["setups"].items():
        console.print(f"  {name}: {note}", soft_wrap=True)
    streams = result["streams"]
    told = f"{streams['at_once']} streams at once, {streams['events']} events each, one every {streams['interval_ms']:g} ms"
    console.print(f"\n{told}, times in ms:", soft_wrap=True)
    console.print(_streams(streams["runs"]))
    console.print("\nOne event, in one thread and without Envoy:")
    console.print(_events(result["event_costs"]))
    console.print("\nOne kilobyte of a request with private data all over it:")
    console.print(_masking(result["masking_costs"]))
    console.print()
    for line in closing(result):
        console.print(line, soft_wrap=True)


def _requests(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(
        "tokens",
        "connections",
        "set-up",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "added p50",
        "added p99",
        "CPU us",
        "added CPU",
        box=None,
    )
    for row in rows:
        table.add_row(
            str(row["prompt_tokens"]),
            str(row["connections"]),
            row["setup"],
            f"{row['requests_per_second']:.0f}",
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{row['added_p50_ms']:+.2f}",
            f"{row['added_p99_ms']:+.2f}",
            *_cpu(row, "server_cpu_us_per_request"),
        )
    return table


def _cpu(row: Mapping[str, Any], name: str) -> tuple[str, str]:
    """What the router used, and what it used more than without guards; nothing where there is no router."""
    return ("-", "-") if row["setup"] == "none" else (f"{row[name]:.0f}", f"{row[f'added_{name}']:+.0f}")


def _streams(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(
        "set-up", "gap p50", "p99", "max", "late", "event's delay p50", "p99", "added p50", "added p99", "first event p50", "p99",
        "held back", "CPU us/event", "added CPU", box=None,
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row["setup"],
            f"{row['gap_p50_ms']:.1f}",
            f"{row['gap_p99_ms']:.1f}",
            f"{row['gap_max_ms']:.1f}",
            f"{row['late_share']:.2%}",
            f"{row['event_delay_p50_ms']:.2f}",
            f"{row['event_delay_p99_ms']:.2f}",
            f"{row['added_event_delay_p50_ms']:+.2f}",
            f"{row['added_event_delay_p99_ms']:+.2f}",
            f"{row['first_event_p50_ms']:.0f}",
            f"{row['first_event_p99_ms']:.0f}",
            f"{row['held_back_p50_ms']:.0f}",
            *_cpu(row, "server_cpu_us_per_event"),
        )
    return table


def _events(costs: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("event", "p50 us", "p99 us", "max us", "is", box=None)
    for name, row in costs.items():
        table.add_row(name, f"{row['p50_us']:.1f}", f"{row['p99_us']:.1f}", f"{row['max_us']:.1f}", row["note"])
    return table


def _masking(costs: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("KB", "finding by patterns, us/KB", "masking, us/KB", box=None)
    for size, row in costs.items():
        table.add_row(size, f"{row['patterns_us_per_kb']:.0f}", f"{row['masking_us_per_kb']:.0f}")
    return table


def closing(result: Mapping[str, Any]) -> list[str]:
    """How to read it, and what the figures depend on."""
    return [
        (
            f"Medians of {result['rounds']} rounds in which the set-ups take turns; added: to {BASE}, in the same round. CPU is the "
            "router's, its model's threads included."
        ),
        (
            "gap: between two events at the caller; late: gaps of more than two intervals; event's delay: from the model server to the "
            "caller; held back: from an answer's first event to that with its first text, by the model's clock."
        ),
        (
            f"Load, model server, Envoy and routers share {result['cores']} cores of {result['cpu']}; onnxruntime "
            f"{result['onnxruntime']}; {result['failures']} requests or streams failed, {result['wrong']} answers were wrong."
        ),
    ]

"""Neural report: the figures of the neural benchmark for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print everything."""
    console.print(_runs(result["runs"]))
    for name, note in result["setups"].items():
        console.print(f"  {name}: {note}", soft_wrap=True)
    for name, gained in result["gains"].items():
        console.print(f"\n{name.replace('_', ' ').capitalize()}, on against off:")
        console.print(_gains(gained))
    console.print("\nRequests that need no model, over one connection: alone, and while others keep the encoder busy:")
    console.print(_mixed(result["heuristic_requests"]))
    console.print()
    for line in closing(result):
        console.print(line, soft_wrap=True)


def _runs(runs: Sequence[Mapping[str, Any]]) -> Table:
    columns = ("tokens", "connections", "set-up", "requests/s", "complete/s", "p50 ms", "p99 ms", "added mean", "added p50")
    table = Table(*columns, "added p99", "CPU us", "asked", "unknown", box=None)
    base = {(row["prompt_tokens"], row["connections"]): row["mean_ms"] for row in runs if row["setup"] == "none"}
    for row in runs:
        routed = row["setup"] != "none"
        added = row["mean_ms"] - base[row["prompt_tokens"], row["connections"]]
        table.add_row(
            str(row["prompt_tokens"]),
            str(row["connections"]),
            row["setup"],
            f"{row['requests_per_second']:.0f}",
            f"{row['complete_per_second']:.0f}",
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{added:+.2f}",
            f"{row['added_p50_ms']:+.2f}",
            f"{row['added_p99_ms']:+.2f}",
            f"{row['server_cpu_us_per_request']:.0f}" if routed else "-",
            f"{row['asked_share']:.0%}" if routed else "-",
            f"{row['unknown_share']:.1%}" if routed else "-",
        )
    return table


def _gains(gained: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("tokens", "connections", "requests/s", "complete/s", "CPU", "mean ms", "p50 ms", "p99 ms", box=None)
    for row in gained:
        ratios = [row[name] for name in ("requests_per_second", "complete_per_second", "server_cpu")]
        times = [f"{row[name]:+.2f}" for name in ("mean_ms", "p50_ms", "p99_ms")]
        shown = ["-" if ratio is None else f"x {ratio:.2f}" for ratio in ratios]
        table.add_row(str(row["prompt_tokens"]), str(row["connections"]), *shown, *times)
    return table


def _mixed(mixed: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("tokens", "alone p50 ms", "p99", "saturated p50 ms", "p99", "others' requests/s", "their p50 ms", box=None)
    for row in mixed:
        own = [f"{row[load][name]:.2f}" for load in ("alone", "saturated") for name in ("p50_ms", "p99_ms")]
        others = row["others"]
        table.add_row(str(row["prompt_tokens"]), *own, f"{others['requests_per_second']:.0f}", f"{others['p50_ms']:.1f}")
    return table


def closing(result: Mapping[str, Any]) -> list[str]:
    """Cold start, memory, and what the figures depend on."""
    cold = result["cold_start_s"]
    memory = ", ".join(f"{name} {each['rss']:.0f} MB (peak {each['peak']:.0f})" for name, each in result["memory_mb"].items())
    return [
        (
            f"Cold start: ready after {cold['ready']:.2f} s (worst {cold['ready_worst']:.2f}), first request routed after "
            f"{cold['first_request']:.2f} s (worst {cold['first_request_worst']:.2f}), of {cold['starts']} starts."
        ),
        f"Memory after all load: {memory}.",
        (
            "complete/s: requests decided with all their signals known; asked: requests that asked the model; unknown: that went on "
            "without its answer, because the queue was full or the deadline passed."
        ),
        (
            f"Load, Envoy and routers share {result['cores']} cores of {result['cpu']}; onnxruntime {result['onnxruntime']}; "
            f"{result['failures']} requests failed."
        ),
    ]

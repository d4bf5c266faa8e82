"""Plots: accuracy against cost, a picture a set, as PNG. Needs matplotlib, from the plots extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from router_extproc.evaluation.routing.measure import SetResult
    from router_extproc.evaluation.routing.run import RoutingEvaluation


_COLOURS = (
    "#d62728", "#ff7f0e", "#2ca02c", "#8c564b", "#9467bd", "#7f7f7f", "#e377c2", "#17becf", "#bcbd22", "#1f77b4", "#98df8a",
)  # fmt: skip
"""One for each method."""


def draw(evaluation: RoutingEvaluation, folder: Path) -> dict[str, str]:
    """Write a picture of each set into the folder, which is made; returns the file names by set."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for found in evaluation.sets:
        name = f"{found.name}.png"
        # No software version in the file: the same figures give the same bytes.
        _curves(found, evaluation.default).savefig(folder / name, dpi=110, metadata={"Software": None})
        drawn[found.name] = name
    return drawn


def _curves(found: SetResult, default: str) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415 - the plots extra; without pyplot nothing global is touched

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.set_prop_cycle(color=_COLOURS)
    for method in found.methods:
        costs, heights = zip(*((1000 * cost, height) for cost, height in sorted(method.curve)), strict=True)
        main = method.method == default
        axes.plot(costs, heights, label=method.method, linewidth=2.2 if main else 0.9, zorder=3 if main else 2)
    for name, (cost, height) in found.singles.items():
        best = name == found.baselines.best
        axes.scatter(1000 * cost, height, color="black" if best else "grey", s=28 if best else 10, zorder=4)
    place = (found.baselines.best_cost, found.baselines.best_accuracy)
    axes.annotate(found.baselines.best, place, xytext=(0, 5), textcoords="offset points", ha="right", fontsize=7)
    axes.axhline(found.baselines.oracle_accuracy, color="grey", linewidth=0.8, linestyle="--", label="oracle")
    axes.set_xscale("log")
    axes.set(
        xlabel="US dollars a thousand requests",
        ylabel="accuracy",
        title=f"{found.name}: {found.rows:,} rows, {found.models} models",
    )
    axes.grid(visible=True, which="both", linewidth=0.3)
    axes.legend(fontsize=7, loc="lower right")
    return figure

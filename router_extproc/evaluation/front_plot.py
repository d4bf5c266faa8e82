"""Front plot: quality against cost, as PNG. Needs matplotlib, from the plots extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def draw_front(points: Sequence[tuple[float, float]], chosen: tuple[float, float] | None, target: Path) -> None:
    """Draw (cost, quality) points, in order of cost, and mark the chosen one."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - of an extra

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.step([cost for cost, _ in points], [quality for _, quality in points], where="post", marker=".")
    if chosen is not None:
        axes.plot([chosen[0]], [chosen[1]], marker="o", markersize=10, fillstyle="none")
    axes.set_xlabel("US dollars for 1,000 requests")
    axes.set_ylabel("quality")
    axes.grid(alpha=0.3)
    # No software version in the file: the same figures give the same bytes.
    figure.savefig(target, dpi=110, format="png", metadata={"Software": None})

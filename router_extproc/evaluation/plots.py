"""Plots: confusion matrices, reliability diagrams and the ROC of jailbreak, as PNG. Needs matplotlib, from the plots extra."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from router_extproc.evaluation.results import Evaluation, HeadResult

_CELL = 0.45
"""Inches of a confusion matrix's cell."""
_DARK = 0.5
"""Share from which a cell is so dark that its count is written in white."""
_ROC_LEFT = 1e-3
"""Lowest false positive rate on the logarithmic axis."""


def available() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(evaluation: Evaluation, folder: Path) -> dict[str, list[str]]:
    """Write all plots into the folder, which is made; returns the file names by head."""
    folder.mkdir(parents=True, exist_ok=True)
    return {head.head: _draw_head(head, folder) for head in evaluation.heads}


def _draw_head(head: HeadResult, folder: Path) -> list[str]:
    drawn = {}
    if head.diagrams.confusion:
        drawn[f"confusion_{head.head}.png"] = _confusion(head)
    if head.diagrams.reliability:
        drawn[f"reliability_{head.head}.png"] = _reliability(head)
    if head.head == "jailbreak" and head.diagrams.roc:
        drawn[f"roc_{head.head}.png"] = _roc(head)
    for name, figure in drawn.items():
        # No software version in the file: the same figures give the same bytes.
        figure.savefig(folder / name, dpi=110, metadata={"Software": None})
    return list(drawn)


def _canvas(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - the plots extra; without pyplot nothing global is touched

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes


def _confusion(head: HeadResult) -> Figure:
    labels = head.diagrams.labels
    counts = np.array(head.diagrams.confusion)
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    size = 2.5 + _CELL * len(labels)
    figure, axes = _canvas(size, size, f"{head.head}: all rows")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=90)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("said")
    axes.set_ylabel("true")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > _DARK else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=7)
    return figure


def _reliability(head: HeadResult) -> Figure:
    said, seen, _ = zip(*head.diagrams.reliability, strict=True)
    figure, axes = _canvas(4.2, 4.2, f"{head.head}: reliability, bins of equal mass")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.plot(said, seen, marker="o", markersize=4)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean chance", ylabel="share that is true", aspect="equal")
    return figure


def _roc(head: HeadResult) -> Figure:
    figure, axes = _canvas(5.2, 4.2, f"{head.head}: ROC")
    for group, points in head.diagrams.roc.items():
        alarms, hits = zip(*points, strict=True)
        axes.plot(np.maximum(alarms, _ROC_LEFT), hits, label=group, linewidth=1.2)
    axes.set_xscale("log")
    axes.set(xlim=(_ROC_LEFT, 1), ylim=(0, 1.01), xlabel="false positive rate", ylabel="recall")
    axes.grid(visible=True, which="both", linewidth=0.3)
    axes.legend(loc="lower right")
    return figure

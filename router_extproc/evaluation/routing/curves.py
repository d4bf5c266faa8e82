"""Curves: accuracy against cost as the price of quality is swept, and figures of merit on them.

Area is AIQ as RouterBench defines it (Hu et al. 2024, arXiv:2403.12031): the mean height of the non-decreasing convex hull over a range of
costs, here from the cheapest single model to the best one. APGR is RouteLLM's (Ong et al. 2024, arXiv:2406.18665): the mean share of the
gap between a weak and a strong model that is closed, over all shares of requests that go to the strong one; chance gives 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router_extproc.evaluation.routing.table import Priced
    from router_extproc.quality.outcomes import Doubles

    Point = tuple[float, float]
    """Mean cost in US dollars, accuracy."""

STEPS = 100
"""Of a sweep."""
_SLACK = 1 + 1e-9


def exchange(costs: Doubles) -> Doubles:
    """(STEPS + 1,): what a dollar is worth in chances of a good answer: 0, then from next to nothing to nearly all that counts."""
    means = costs.mean(0)
    return np.concatenate(([0.0], np.geomspace(1e-3 / max(means.max(), 1e-12), 1e2 / max(means.min(), 1e-12), STEPS)))


def chosen(chances: Doubles, costs: Doubles, worth: float) -> NDArray[np.int64]:
    """(n,): each row's model of the highest chance minus worth times cost; of equals the cheapest, then the first."""
    utility = chances - worth * costs
    best = utility.max(1, keepdims=True)
    found: NDArray[np.int64] = np.where(utility >= best - 1e-12, costs, np.inf).argmin(1)
    return found


def point(priced: Priced, choice: NDArray[np.int64]) -> Point:
    """Mean cost and accuracy of choices."""
    rows = np.arange(len(choice))
    return float(priced.costs[rows, choice].mean()), float(priced.outcomes.scores[rows, choice].mean())


def sweep(chances: Doubles, priced: Priced) -> list[Point]:
    """A point for each of `exchange`'s values."""
    return [point(priced, chosen(chances, priced.costs, worth)) for worth in exchange(priced.costs)]


def singles(priced: Priced) -> list[Point]:
    """A point for each model that gets all requests."""
    return list(zip(priced.costs.mean(0).tolist(), priced.outcomes.scores.mean(0).tolist(), strict=True))


def hull(points: Sequence[Point]) -> list[Point]:
    """Corners of the non-decreasing convex hull from above: what chance mixtures of points reach."""
    best: list[Point] = []
    for cost, height in sorted(points, key=lambda each: (each[0], -each[1])):
        if best and height <= best[-1][1]:
            continue
        while len(best) > 1 and _above(best[-2], best[-1], (cost, height)):
            best.pop()
        best.append((cost, height))
    return best


def _above(first: Point, middle: Point, last: Point) -> bool:
    return (middle[1] - first[1]) * (last[0] - first[0]) <= (last[1] - first[1]) * (middle[0] - first[0])


def height_at(points: Sequence[Point], cost: float) -> float:
    """Accuracy at a cost, by mixtures of points that cost no more and no less; NaN below the cheapest."""
    corners = hull(points)
    if cost * _SLACK < corners[0][0]:
        return float("nan")
    return float(np.interp(cost, [each[0] for each in corners], [each[1] for each in corners]))


def cost_at(points: Sequence[Point], height: float) -> float:
    """The least cost at which an accuracy is reached, by mixtures of points; NaN if none reaches it."""
    corners = hull(points)
    if height > corners[-1][1] + 1e-12:
        return float("nan")
    if height <= corners[0][1]:
        return corners[0][0]
    return float(np.interp(height, [each[1] for each in corners], [each[0] for each in corners]))


def area(points: Sequence[Point], low: float, high: float) -> float:
    """Mean accuracy over costs from low to high. Where both are the same: the accuracy there."""
    if high <= low * _SLACK:
        return height_at(points, high)
    costs = np.linspace(low, high, 501)
    heights = np.array([height_at(points, float(cost)) for cost in costs])
    known = ~np.isnan(heights)
    return float(heights[known].mean())


def apgr(gain: Doubles, weak: Doubles, strong: Doubles) -> float:
    """`gain`: (n,) the higher, the rather the strong model is asked; the others are scores. NaN if the strong one is no better."""
    gap = strong.mean() - weak.mean()
    if gap <= 0:
        return float("nan")
    order = np.argsort(-gain, kind="stable")
    reached = np.concatenate(([0.0], np.cumsum((strong - weak)[order]))) / len(gain) / gap
    return float(np.trapezoid(reached, dx=1 / len(gain)))

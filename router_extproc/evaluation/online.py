"""Online: the evaluation of learning: regret in a changing world, and off-policy intervals, as figures, plots and a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router_extproc.evaluation.coverage import Covered, measured
from router_extproc.evaluation.plain import finite
from router_extproc.evaluation.regret import CONTENDERS, simulate
from router_extproc.evaluation.world import DRIFTING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from router_extproc.evaluation.regret import Run

ROWS = (300, 1000, 3000)
"""Sizes of logs whose intervals are checked."""
_BREAK = next(model.breaks for model in DRIFTING if model.loss)
_ARRIVAL = max(model.arrives for model in DRIFTING)
PHASES = (("steady", 0.0, _BREAK), ("after the drift", _BREAK, _ARRIVAL), ("after the arrival", _ARRIVAL, 1.0))


@dataclass(frozen=True, slots=True)
class Fared:
    """One policy over all seeds."""

    policy: str
    learns: bool
    regret: float
    """Lost by 1,000 requests, mean over the seeds, in units of reward."""
    lowest: float
    highest: float
    phases: dict[str, float]
    """The same by phase of the run."""
    exploration: float
    """Of it, lost by not taking what was believed to be the best."""
    late: float
    """In the last tenth of the run."""
    newcomer: float
    """Share of the last tenth that the model gets that arrived last."""
    least: float
    """The lowest share of any model in the last tenth."""


@dataclass(frozen=True, slots=True)
class OnlineEvaluation:
    """All of it."""

    questions: int
    seeds: list[int]
    fared: list[Fared]
    covered: list[Covered]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        found: dict[str, Any] = finite(asdict(self))
        return found


def evaluate(
    questions: int, seeds: Sequence[int], logs: int, tell: Callable[[str], None] = lambda _: None
) -> tuple[OnlineEvaluation, dict[str, list[Run]]]:
    """Measure. `logs`: how many are simulated for each size; 0 leaves the intervals out."""
    runs: dict[str, list[Run]] = {}
    for seed in seeds:
        tell(f"world {seed}")
        for name, each in simulate(questions, (seed,)).items():
            runs.setdefault(name, []).extend(each)
    covered: list[Covered] = []
    for rows in ROWS if logs else ():
        tell(f"intervals from logs of {rows}")
        covered += measured(rows, logs, seed=11)
    learning = {contender.name for contender in CONTENDERS}
    fared = [_fared(name, each, learns=name in learning) for name, each in runs.items()]
    return OnlineEvaluation(questions, list(seeds), fared, covered), runs


def _fared(name: str, runs: Sequence[Run], *, learns: bool) -> Fared:
    totals = [1000 * float(run.regrets.mean()) for run in runs]
    phases = {phase: _mean_of(runs, start, end) for phase, start, end in PHASES}
    newcomer = max(range(len(DRIFTING)), key=lambda index: DRIFTING[index].arrives)
    return Fared(
        name,
        learns,
        float(np.mean(totals)),
        min(totals),
        max(totals),
        phases,
        1000 * float(np.mean([run.explored.mean() for run in runs])),
        _mean_of(runs, 0.9, 1.0),
        float(np.mean([run.shares[newcomer] for run in runs])),
        float(np.mean([run.shares.min() for run in runs])),
    )


def _mean_of(runs: Sequence[Run], start: float, end: float) -> float:
    size = len(runs[0].regrets)
    return 1000 * float(np.mean([run.regrets[int(start * size) : int(end * size)].mean() for run in runs]))


def collapsed(found: OnlineEvaluation) -> list[str]:
    """Bandits that ended up worse than chance, which is what a bandit that has stopped to learn would do."""
    by_chance = next(each.late for each in found.fared if each.policy == "random")
    return [each.policy for each in found.fared if each.learns and each.late >= by_chance]


def page(found: OnlineEvaluation) -> str:
    """The report, as Markdown."""
    phases = [name for name, _, _ in PHASES]
    columns = ["policy", "regret", "over the seeds", *phases, "exploration", "last tenth", "newcomer's share"]
    parts = [
        _INTRODUCTION.format(requests=found.questions, seeds=len(found.seeds), drift=_BREAK, arrival=_ARRIVAL),
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
        *(_row(each) for each in sorted(found.fared, key=lambda each: each.regret)),
        "",
        "*exploration* is what was lost by taking something else than what was believed to be the best: its price.",
        "",
        _verdict(found),
        "",
    ]
    return "\n".join(parts + (_intervals(found.covered) if found.covered else []))


_INTRODUCTION = """\
# Online learning, measured

`router-extproc simulate`, {requests} requests a world, {seeds} seeds. By the code that serves (`Learner`, `Ledger`, features); only the
traffic is simulated: six topics, a difficulty, and models whose true chances of a good answer are known. Half of the decisions get
feedback, which is a draw of the true chance.

After {drift:.0%} of the run the model that was the best choice gets worse; after {arrival:.0%} a cheap good one arrives, which nobody
configured anything for. Regret is the value (quality less cost) of the best choice for each request less that of the one taken, in its
expectation, for 1,000 requests. Priors are each model's mean at the start, and are wrong after the drift.

![Regret](online_regret.png)
"""


def _row(each: Fared) -> str:
    phases = " | ".join(f"{each.phases[name]:.0f}" for name, _, _ in PHASES)
    price = f"{each.exploration:.0f}" if each.learns else "-"
    spread = f"{each.lowest:.0f} to {each.highest:.0f}"
    return f"| {each.policy} | {each.regret:.0f} | {spread} | {phases} | {price} | {each.late:.0f} | {each.newcomer:.0%} |"


def _verdict(found: OnlineEvaluation) -> str:
    bad = collapsed(found)
    if bad:
        return f"Worse than chance at the end: {', '.join(bad)}."
    static = min(each.phases[PHASES[0][0]] for each in found.fared if not each.learns)
    learning = [each.phases[PHASES[0][0]] for each in found.fared if each.learns]
    return _NO_COLLAPSE.format(low=min(learning), high=max(learning), static=static)


_NO_COLLAPSE = """\
No bandit collapsed: in the last tenth of the run, each is better than chance on the average of the seeds. While nothing changes,
learning from nothing costs {low:.0f} to {high:.0f}, where the best that was fitted beforehand costs {static:.0f}: the price of noticing."""


def _intervals(covered: Sequence[Covered]) -> list[str]:
    error = 100 * (0.95 * 0.05 / covered[0].runs) ** 0.5
    return [
        _COVERAGE.format(runs=covered[0].runs, error=error),
        "| estimator | target | rows | coverage | bias | width |",
        "|---|---|---|---|---|---|",
        *(
            f"| {each.estimator} | {each.target} | {each.rows} | {each.coverage:.1%} | {each.bias:+.4f} | {each.width:.3f} |"
            for each in covered
        ),
        "",
    ]


_COVERAGE = """\
## Off-policy intervals

How often the 95 % intervals hold the true value, over {runs} logs of a bandit of each size; the standard error of a coverage of 95 % is
{error:.1f} points. One target is near to what was logged, one is far from it and leaves nothing to chance.
"""


def draw(runs: Mapping[str, Sequence[Run]], target: Path) -> None:
    """The regret curves as PNG: means over the seeds, and the range of the learning ones. Needs matplotlib."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - the plots extra; without pyplot nothing global is touched

    figure = Figure(figsize=(8.4, 4.8), layout="constrained")
    axes = figure.subplots()
    learning = {contender.name for contender in CONTENDERS}
    for name, each in runs.items():
        curves = np.stack([np.cumsum(run.regrets) for run in each])
        (line,) = axes.plot(curves.mean(axis=0), label=name, linewidth=1.3, linestyle="-" if name in learning else "--")
        if name in learning:
            axes.fill_between(range(curves.shape[1]), curves.min(axis=0), curves.max(axis=0), alpha=0.12, color=line.get_color())
    size = len(next(iter(runs.values()))[0].regrets)
    for at, text in ((_BREAK, "drift"), (_ARRIVAL, "new model")):
        axes.axvline(at * size, color="grey", linewidth=0.8)
        axes.text(at * size, axes.get_ylim()[1], f" {text}", va="top", fontsize=8)
    axes.set(xlabel="requests", ylabel="regret, cumulative")
    axes.legend(fontsize=7, loc="upper left")
    figure.savefig(target, dpi=110, metadata={"Software": None})

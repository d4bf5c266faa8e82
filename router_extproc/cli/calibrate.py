"""`calibrate`: the threshold of a route that meets a share, a regret or a budget, from recorded requests."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit
from router_extproc.cli.json_lines import LineError, keep_apart, numbered, opened
from router_extproc.cli.policy_file import load_or_exit
from router_extproc.cli.route import Line as Asked
from router_extproc.config.loader import policy_file
from router_extproc.config.offline import parsed
from router_extproc.encoders.reading import Reading
from router_extproc.errors import RequestRefusedError
from router_extproc.evaluation.front_plot import draw_front
from router_extproc.evaluation.operating_points import (
    Ask,
    Case,
    Point,
    best_single,
    case,
    halves,
    key,
    pareto,
    swept,
    values,
)
from router_extproc.evaluation.plots import available
from router_extproc.selectors.cheapest import CheapestOptions
from router_extproc.selectors.selector import Choice
from router_extproc.selectors.value import ValueOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from router_extproc.evaluation.operating_points import Options
    from router_extproc.policy.compiled import Route
    from router_extproc.router import Router

MAX_REQUESTS = 5000
"""That are used, the first ones of the file."""
_ENOUGH = 20
"""Fewer requests tell nothing of a threshold."""
_ROWS = 12
_BUDGET = re.compile(r"([0-9]+(?:\.[0-9]+)?)usd/1000req\Z")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%\Z")


class Line(Asked, forbid_unknown_fields=True):
    """One line of the input: a request as `route` takes it, and how well each pool's model answered it, if that is known."""

    quality: dict[str, Annotated[float, msgspec.Meta(ge=0, le=1)]] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says."""

    decision: str
    target_share: str | None
    max_regret: str | None
    budget: str | None

    def ask(self) -> Ask:
        """The one thing that is asked for. Raises BadParameter."""
        given = [each for each in (self.target_share, self.max_regret, self.budget) if each is not None]
        if len(given) != 1:
            raise typer.BadParameter("give exactly one of --target-share, --max-regret and --budget")
        if self.target_share is not None:
            pool, _, share = self.target_share.partition("=")
            return Ask(share=(pool, _percent(share, "--target-share", "large=30%")))
        if self.max_regret is not None:
            return Ask(max_regret=_percent(self.max_regret, "--max-regret", "1%"))
        found = _BUDGET.match(self.budget or "")
        if not found:
            raise typer.BadParameter("dollars for 1,000 requests, such as 5usd/1000req", param_hint="--budget")
        return Ask(budget=float(found[1]))


def _percent(text: str, option: str, example: str) -> float:
    found = _PERCENT.match(text.strip())
    if not found or float(found[1]) > 100:  # noqa: PLR2004 - per cent
        raise typer.BadParameter(f"a share in per cent, such as {example}", param_hint=option)
    return float(found[1]) / 100


def run(policy: Path, source: Path, wanted: Wanted, *, models: Path | None, as_json: bool, plot: Path | None) -> Exit:
    """Calibrate; see `router-extproc calibrate --help`."""
    ask = wanted.ask()
    if plot is not None:
        if not available():
            fail(Exit.ENVIRONMENT, "--plot needs matplotlib: pip install 'router-extproc[plots]'")
        for read in (source, policy_file(policy)):
            keep_apart(read, plot)
    router = load_or_exit(policy, models).unhurried()
    route = _route(router, wanted.decision)
    options = route.select.options
    if not isinstance(options, CheapestOptions | ValueOptions) or options.quality is None:
        fail(
            Exit.INPUT,
            f"{wanted.decision}: only `cheapest-sufficient` with `quality` and `best-value` have a threshold to calibrate",
        )
    pools = {candidate.pool.name for candidate in route.candidates}
    if ask.share is not None and ask.share[0] not in pools:
        fail(Exit.USAGE, f"{ask.share[0]} is no candidate of {wanted.decision}: {', '.join(sorted(pools))}")
    cases = _cases(router, route, wanted.decision, source)
    if len(cases) < _ENOUGH:
        fail(Exit.INPUT, f"{len(cases)} requests of {source} reach {wanted.decision} and could be read; {_ENOUGH} are the least")
    fitted, kept = halves(cases)
    points = _swept(fitted, options)
    chosen = ask.chosen(points)
    front = pareto(points)
    if plot is not None:
        _drawn(front, chosen, plot)
    if chosen is None:
        err.print("No value meets it. The front below shows what can be had.")
    check = next(point for point in swept(kept, options) if point.value == chosen.value) if chosen is not None else None
    if as_json:
        told = {
            "decision": wanted.decision,
            "requests": len(cases),
            "labelled": sum(each.labels is not None for each in cases),
            "option": key(options),
            "chosen": asdict(chosen) if chosen else None,
            "held_out": asdict(check) if check else None,
            "pareto": [asdict(point) for point in front],
        }
        typer.echo(json.dumps(told, indent=2))
    else:
        _report(cases, options, front, chosen, check)
    return Exit.OK if chosen is not None else Exit.FINDINGS


def _route(router: Router, decision: str) -> Route:
    course = router.plan.courses[router.policy.main.name]
    routes = {step.rule.name: step.target.route for step in course.steps if step.target is not None}
    routes["default"] = course.default.route
    if decision not in routes:
        fail(Exit.USAGE, f"no decision {decision!r} routes; those that do: {', '.join(routes)}")
    return routes[decision]


def _swept(cases: list[Case], options: Options) -> list[Point]:
    columns = (TextColumn("thresholds tried"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("sweep", total=len(values(options)))
        return swept(cases, options, lambda: progress.advance(task))


def _cases(router: Router, route: Route, decision: str, source: Path) -> list[Case]:
    """The requests that reach the route and could be read."""
    columns = (TextColumn("{task.completed} requests read"), BarColumn())
    found: list[Case] = []
    with opened(source, "rb") as lines, Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("read", total=None)
        for number, text in numbered(lines, source):
            if number > MAX_REQUESTS:
                err.print(f"Only the first {MAX_REQUESTS} lines are used.")
                break
            try:
                found.extend(_case(router, route, decision, msgspec.json.decode(text, type=Line)))
            except (LineError, RequestRefusedError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                fail(Exit.INPUT, f"{source}:{number}: {error}")
            progress.advance(task)
    return found


def _case(router: Router, route: Route, decision: str, line: Line) -> Iterator[Case]:
    request = parsed(router, path=line.path, headers=line.headers, body=line.payload())
    outcome = router.route(request)
    selection = outcome.selection
    if selection is None or outcome.decision.name != decision or selection.notes or not selection.quality:
        return
    fitting = [candidate for candidate in route.candidates if candidate.pool.name in selection.scores]
    missing = [candidate.pool.name for candidate in fitting if candidate.pool.name not in (line.quality or {})]
    if line.quality is not None and missing:
        raise LineError(f"quality tells nothing of {', '.join(missing)}")
    choice = Choice(request, outcome.signals, router.prompt_tokens(request), router.statistics(), Reading())
    yield case(fitting, choice, selection.quality, line.quality)


def _report(cases: list[Case], options: Options, front: list[Point], chosen: Point | None, check: Point | None) -> None:
    single, quality = best_single(cases)
    labelled = sum(each.labels is not None for each in cases)
    how = (
        "as labelled"
        if labelled == len(cases)
        else "as predicted"
        if not labelled
        else f"{labelled} labelled, the rest as predicted"
    )
    out.print(f"{len(cases)} requests; quality {how}. Everything to {single}: quality {quality:.3f}.")
    table = Table(key(options), "quality", "regret", "USD/1000", "shares", "", box=None, header_style="bold", pad_edge=False)
    step = max(1, len(front) // _ROWS)
    shown = {point.value: point for point in (*front[::step], *front[-1:], *([chosen] if chosen else []))}
    for row in sorted(shown.values(), key=lambda point: (point.cost or 0.0, point.value)):
        table.add_row(*_row(row), "chosen" if row is chosen else "")
    if check is not None:
        table.add_row(*_row(check), "the same on the held-out half")
    out.print(table)
    if chosen is not None:
        out.print(f"select: {{type: ..., quality: {options.quality}, {key(options)}: {chosen.value:g}}}", highlight=False)


def _row(point: Point) -> tuple[str, ...]:
    shares = ", ".join(f"{name} {share:.1%}" for name, share in sorted(point.shares.items()))
    cost = "-" if point.cost is None else f"{point.cost:.3f}"
    return f"{point.value:g}", f"{point.quality:.3f}", f"{point.regret:+.3f}", cost, shares


def _drawn(front: list[Point], chosen: Point | None, target: Path) -> None:
    here = (chosen.cost or 0.0, chosen.quality) if chosen else None
    try:
        draw_front([(point.cost or 0.0, point.quality) for point in front], here, target)
    except OSError as error:
        fail(Exit.INPUT, f"{target}: {error.strerror or error}")

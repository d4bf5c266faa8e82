"""Commands about selection: which candidate is good enough, and what it costs."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import Annotated

import typer

from router_extproc.cli.options import Bundle, JsonOutput, PolicyFile  # noqa: TC001 - as above

commands = typer.Typer()
"""Joins the command table."""


@commands.command(
    epilog="Example: router-extproc calibrate policy.yaml --decision default --input requests.jsonl --target-share large=30%"
)
def calibrate(
    policy: PolicyFile,
    *,
    source: Annotated[Path, typer.Option("--input", help="Requests as `route` takes them, JSON lines; `-` is stdin.")],
    decision: Annotated[str, typer.Option(help="The decision whose route is calibrated, or `default`.")] = "default",
    target_share: Annotated[str | None, typer.Option(help="A pool and its highest share of the requests: large=30%.")] = None,
    max_regret: Annotated[
        str | None, typer.Option(help="Most quality to give up, in points, against the best single pool: 1%.")
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Most that 1,000 requests may cost: 5usd/1000req.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw quality against cost into this PNG.")] = None,
    models: Bundle = None,
    json: JsonOutput = False,
) -> None:
    """Find the `target` or `costWeight` of a route that meets a share, a regret or a budget on your own requests.

    Each line may tell how well each pool's model answered ("quality": {"small": 0, "large": 1}); without it, what the quality
    model predicts counts. The value is chosen on one half of the requests and shown on the other. Exit code 1 if no value will do.
    """
    from router_extproc.cli.calibrate import Wanted, run  # noqa: PLC0415 - as in app

    wanted = Wanted(decision, target_share, max_regret, budget)
    raise typer.Exit(int(run(policy, source, wanted, models=models, as_json=json, plot=plot)))

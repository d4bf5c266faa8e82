"""Commands about learning: what it brings, and what a policy would change before it is in force."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import Annotated

import typer

from router_extproc.cli.options import Bundle, JsonOutput  # noqa: TC001 - as above

commands = typer.Typer()
"""Joins the command table."""


@commands.command(epilog="Example: router-extproc simulate --requests 2000 --seeds 3 --logs 0")
def simulate(
    *,
    output: Annotated[
        Path | None, typer.Option(help="Folder for ROUTING_EVAL_ONLINE.md, online.json and the plot; none is written without it.")
    ] = None,
    requests: Annotated[int, typer.Option(min=200, max=1_000_000, help="Of each simulated world.")] = 6000,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Worlds.")] = 10,
    logs: Annotated[int, typer.Option(min=0, max=100_000, help="Logs by which off-policy intervals are checked; 0: none.")] = 400,
    plots: Annotated[bool, typer.Option(help="Draw the plot; needs the plots extra.")] = True,
    json: JsonOutput = False,
) -> None:
    """Measure learning in a simulated world with drift and a new model, and off-policy intervals against the truth.

    Everything is seeded: the same figures come out again. Exit code 1 if a bandit ends up worse than chance.
    """
    from router_extproc.cli.simulate import run  # noqa: PLC0415 - as in app

    raise typer.Exit(int(run(output=output, requests=requests, seeds=seeds, logs=logs, as_json=json, plots=plots)))


@commands.command(epilog="Example: router-extproc replay --log decisions.jsonl --policy new.yaml && kubectl apply -k .")
def replay(
    *,
    log: Annotated[Path, typer.Option(help="A decision log, JSON lines; - is standard input.")],
    policy: Annotated[Path, typer.Option(help="The policy that may take the place of the logged one.")],
    feedback: Annotated[
        Path | None,
        typer.Option(help="JSON lines {id, score}, in [0, 1], or {id, label}, beside the feedback that is in the log."),
    ] = None,
    cost_weight: Annotated[
        float, typer.Option(min=0.0, max=1e6, help="Reward that is given up for one US dollar less in 1,000 requests.")
    ] = 0.0,
    expected_output: Annotated[int, typer.Option(min=0, help="Tokens of an answer that was not observed.")] = 500,
    models: Bundle = None,
    json: JsonOutput = False,
) -> None:
    """Say which logged decisions a policy would change, what that costs, and whether feedback says that it is better.

    Exit code 0 only if it should take the place of the logged one: if the lower bound of its gain (95 %, doubly robust) is above 0. Else
    1, also where the log tells too little. See docs/learning.md for what of a decision can be made again from a log.
    """
    from router_extproc.cli.replay import run  # noqa: PLC0415 - as in app
    from router_extproc.evaluation.replay import Weighing  # noqa: PLC0415 - as above

    weighing = Weighing(cost_weight, expected_output)
    raise typer.Exit(int(run(log, policy, feedback=feedback, weighing=weighing, models=models, as_json=json)))

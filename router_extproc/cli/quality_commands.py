"""The commands for quality models: names, help texts and options, as in `app`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from router_extproc.cli.options import Bundle, JsonOutput

_CACHE = "A folder in which readings of texts are kept, by hash."


def _known(text: str, option: str) -> tuple[str, ...]:
    """Names of methods, comma-separated, in the order of the report; all if there is none."""
    from router_extproc.quality.methods import METHODS  # noqa: PLC0415 - start-up: each command imports only what it needs

    names = tuple(plugin.name for plugin in METHODS)
    wanted = {part.strip() for part in text.split(",") if part.strip()} or set(names)
    if not wanted <= set(names):
        raise typer.BadParameter(f"names of {', '.join(names)} with commas between", param_hint=option)
    return tuple(name for name in names if name in wanted)


def train_quality(
    *,
    data: Annotated[list[Path], typer.Option(help="JSON lines {id, prompt or messages, scores, cost?}, or .gz. Repeatable.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file; it is replaced whole, so serving may watch it.")],
    method: Annotated[
        str | None, typer.Option(help="How it is learned: blend, or see docs/quality.md.", show_default=False)
    ] = None,
    onto: Annotated[
        Path | None,
        typer.Option(
            help="A quality model, or `default`, that learns of the models in the data; a few outcomes do.", show_default=False
        ),
    ] = None,
    dev: Annotated[
        list[Path] | None,
        typer.Option(help="Rows to calibrate on; a tenth of the data if not given. Repeatable.", show_default=False),
    ] = None,
    profiles: Annotated[
        Path | None, typer.Option(help="YAML or JSON with models' prices, sizes and scores.", show_default=False)
    ] = None,
    without_source: Annotated[
        list[str] | None, typer.Option(help="Leave out rows of that `source`. Repeatable.", show_default=False)
    ] = None,
    bundle: Bundle = None,
    cache: Annotated[Path | None, typer.Option(help=_CACHE, show_default=False)] = None,
    json: JsonOutput = False,
) -> None:
    """Learn from outcomes which model answers a request well, for selectors that weigh quality.

    `scores` holds each model's score in [0, 1], null where it was not tried. Prints how right the model is on the rows that it was
    calibrated on.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in train-head
    from router_extproc.cli.train_quality import Places, run  # noqa: PLC0415 - as above
    from router_extproc.quality.methods import DEFAULT  # noqa: PLC0415 - as above

    if method is not None and len(_known(method, "--method")) != 1:
        raise typer.BadParameter("one method", param_hint="--method")
    if onto is not None and (method is not None or dev):
        raise typer.BadParameter("goes with neither --method nor --dev: it keeps its own", param_hint="--onto")
    places = Places(tuple(data), tuple(dev or ()), profiles, bundle, cache, output, onto)
    raise typer.Exit(int(run(method or DEFAULT, places, frozenset(without_source or ()), as_json=json)))


def evaluate_routing(
    *,
    data: Annotated[Path, typer.Option(help="A folder with routing/ and agentic/, each with gzipped JSON lines.")],
    selector: Annotated[
        str, typer.Option(help="Methods to measure, comma-separated; all if not given.", show_default=False)
    ] = "",
    profiles: Annotated[
        Path | None, typer.Option(help="YAML with models' prices and sizes; estimates if not given.", show_default=False)
    ] = None,
    split: Annotated[Literal["dev", "eval"], typer.Option(help="Which rows; dev for choosing, eval for telling.")] = "eval",
    source: Annotated[
        list[str] | None, typer.Option(help="A set to measure; all if not given. Repeatable.", show_default=False)
    ] = None,
    without_unlicensed: Annotated[bool, typer.Option(help="Leave out sources that carry no licence file.")] = False,
    further: Annotated[bool, typer.Option(help="Measure models left out, changed texts and agents' steps too.")] = True,
    bundle: Bundle = None,
    cache: Annotated[Path, typer.Option(help=_CACHE)] = Path("out/readings"),
    output: Annotated[Path, typer.Option(help="Where ROUTING_EVAL.md, routing_eval.json and the plots go.")] = Path("docs"),
    plots: Annotated[bool, typer.Option(help="Draw plots; needs the plots extra.")] = True,
    json: JsonOutput = False,
) -> None:
    """Measure routing by learned quality on outcome tables and write a report: every method, curves, baselines.

    A missing file ends the command: nothing is skipped.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in train-head
    from router_extproc.cli.eval_routing import Places, run  # noqa: PLC0415 - as above
    from router_extproc.evaluation.routing.profiles import ESTIMATES  # noqa: PLC0415 - as above
    from router_extproc.evaluation.routing.run import Options  # noqa: PLC0415 - as above

    options = Options(
        methods=_known(selector, "--selector"),
        split=split,
        unlicensed=not without_unlicensed,
        sources=tuple(source or ()),
        further=further,
    )
    places = Places(data, profiles or ESTIMATES, bundle, cache, output, draw=plots)
    raise typer.Exit(int(run(options, places, as_json=json)))

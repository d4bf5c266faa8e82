"""The commands that teach parts of a finished model bundle, which its graph need not be trained anew for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import Annotated

import typer

from router_extproc.cli.options import Bundle, JsonOutput  # noqa: TC001 - as above

commands = typer.Typer()
"""Joins the command table."""


class LearningHead(StrEnum):
    """The outputs that `refit` lets learn on."""

    JAILBREAK = "jailbreak"
    JAILBREAK_CONTENTS = "jailbreak_contents"
    DOMAIN = "domain"
    FACT_CHECK = "fact_check"
    FEEDBACK = "feedback"


class AmendedHead(StrEnum):
    """The outputs that lack something that can be taught alone."""

    JAILBREAK = "jailbreak"
    JAILBREAK_CONTENTS = "jailbreak_contents"
    MODALITY = "modality"
    DIFFICULTY = "difficulty"
    FACT_CHECK = "fact_check"
    FEEDBACK = "feedback"
    DOMAIN = "domain"


class HearingHead(StrEnum):
    """The heads that may hear more than the graph."""

    JAILBREAK = "jailbreak"
    DOMAIN = "domain"


@commands.command(
    name="train-experts", epilog="Example: router-extproc train-experts --data ./data --output out/mine --version 3"
)
def train_experts(
    *,
    data: Annotated[Path, typer.Option(help="The folder of data sets that the bundle was trained on.")],
    output: Annotated[
        Path, typer.Option(help="The folder of the new bundle; it may be the old one's, which is replaced when all is done.")
    ],
    version: Annotated[str, typer.Option(help="Of the new bundle.")],
    models: Bundle = None,
    head: Annotated[list[HearingHead] | None, typer.Option(help="Whose; may be given again. All unless given.")] = None,
    json: JsonOutput = False,
) -> None:
    r"""Learn a bundle's experts anew, what its heads hear beside the graph, and calibrate those heads. The graph stays.

    Needs the train extra: pip install 'router-extproc\[train]'. Takes minutes on a CPU. Measure the bundle afterwards: `eval --record`.
    """
    from router_extproc.cli.train_experts import run  # noqa: PLC0415 - as in app

    heads = tuple(each.value for each in HearingHead if not head or each in head)
    raise typer.Exit(int(run(data=data, source=models, output=output, heads=heads, version=version, as_json=json)))


@commands.command(epilog="Example: router-extproc refit --data ./data --output out/refitted --version 3")
def refit(
    *,
    data: Annotated[Path, typer.Option(help="A folder of data sets, as for train.")],
    output: Annotated[Path, typer.Option(help="The folder of the new bundle.")],
    models: Bundle = None,
    head: Annotated[list[LearningHead] | None, typer.Option(help="Which; may be given again. All unless given.")] = None,
    version: Annotated[str, typer.Option(help="Of the new bundle.")] = "1",
    json: JsonOutput = False,
) -> None:
    """Let heads of a finished bundle learn on: jailbreak (tails of adversarial searches, look-alikes), domain, fact_check, feedback.

    jailbreak_contents is what jailbreak says of tool results and documents. Minutes on a CPU; the encoder, its embedding and all other
    heads stay. Needs the train extra. Then `train-experts`, which learns beside the new heads, and `eval --record`.
    """
    from router_extproc.cli import refit as command  # noqa: PLC0415 - as in app

    heads = tuple(each.value for each in LearningHead if not head or each in head)
    options = command.LearningOptions(data=data, bundle=models, output=output, heads=heads, version=version, as_json=json)
    raise typer.Exit(int(command.refit(options)))


@commands.command(epilog="Example: router-extproc amend --data ./data --output out/amended --version 3")
def amend(
    *,
    data: Annotated[Path, typer.Option(help="A folder of data sets, as for train.")],
    output: Annotated[Path, typer.Option(help="The folder of the new bundle.")],
    models: Bundle = None,
    head: Annotated[list[AmendedHead] | None, typer.Option(help="Which; may be given again. All unless given.")] = None,
    version: Annotated[str, typer.Option(help="Of the new bundle.")] = "1",
    held_to: Annotated[
        Path | None,
        typer.Option(help="The bundle whose answers the heads are held to: after polish, the one before. Itself if not given."),
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="How much of what they learn counts: their weights lie there between those before (0) and those learned (1). "
            "With 0 nothing is learned, and the graph only gets the form that it has in this release.",
        ),
    ] = 1,
    tails_only: Annotated[
        bool,
        typer.Option(
            "--tails-only",
            help="Teach `jailbreak` tails of adversarial searches alone, and hold it to what it says of everything else, texts as "
            "people send them among it.",
        ),
    ] = False,
    json: JsonOutput = False,
) -> None:
    """Teach heads of a finished bundle what they lack, held to what they say of all else.

    jailbreak: tails of adversarial searches in more mixtures; jailbreak_contents, which reads what tools and documents bring in: short
    results and orders, pages and what commands print, with an order and without; modality, difficulty, fact_check: greetings and other
    turns of a few words; modality: bare captions and topics; jailbreak, modality, feedback, domain: texts as people send them.
    Calibration, thresholds, experts, the encoder and all other heads stay. Minutes on a CPU. Needs the train extra. Quality models read
    the difficulty: make them anew after it. Measure the bundle afterwards: `eval --record`.
    """
    from router_extproc.cli import refit as command  # noqa: PLC0415 - as in app

    if tails_only and head not in (None, [], [AmendedHead.JAILBREAK]):
        raise typer.BadParameter("only jailbreak learns tails: leave --head out", param_hint="--tails-only")
    heads = (
        (AmendedHead.JAILBREAK.value,) if tails_only else tuple(each.value for each in AmendedHead if not head or each in head)
    )
    options = command.LearningOptions(
        data=data, bundle=models, output=output, heads=heads, version=version, as_json=json, held_to=held_to, share=share,
        tails_only=tails_only,
    )  # fmt: skip
    raise typer.Exit(int(command.amend(options)))


@commands.command(epilog="Example: router-extproc polish --data ./data --run out/run --output out/polished --version 5")
def polish(
    *,
    data: Annotated[Path, typer.Option(help="A folder of data sets, as for train.")],
    run: Annotated[Path, typer.Option(help="Where the state of the run is kept; one that was interrupted goes on.")],
    output: Annotated[Path, typer.Option(help="The folder of the new bundle.")],
    models: Bundle = None,
    batches: Annotated[int, typer.Option(min=1, help="Of 4,096 tokens.")] = 1500,
    version: Annotated[str, typer.Option(help="Of the new bundle.")] = "1",
    json: JsonOutput = False,
) -> None:
    """Let a finished bundle's network learn more of private data, held to what it said before in all else.

    The weights are those of its graph, so that no older run is needed. Calibration and thresholds of the heads stay. Embeddings move a
    little: train quality models and heads anew. Some 40 minutes on two cores. Needs the train extra.
    """
    from router_extproc.cli.polish import PolishOptions  # noqa: PLC0415 - as in app
    from router_extproc.cli.polish import run as run_polish  # noqa: PLC0415 - as in app

    options = PolishOptions(data=data, run=run, output=output, models=models, batches=batches, version=version, as_json=json)
    raise typer.Exit(int(run_polish(options)))

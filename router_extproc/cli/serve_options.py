"""The options of `serve`: their types and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Policy = Annotated[Path, typer.Option("--policy", "-p", help="The policy file, or the directory that a ConfigMap is mounted at.")]
Listen = Annotated[str, typer.Option(help="Where Envoy connects: HOST:PORT or unix:PATH.")]
Admin = Annotated[str, typer.Option(help="Admin port HOST:PORT; empty: none. Keep it on loopback, it explains requests.")]
Metrics = Annotated[
    str, typer.Option(help="HOST:PORT for /metrics, /healthz and /readyz alone, which other pods may reach; empty: none.")
]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Processes that share the port. One per core is the most that helps.")]
TlsCert = Annotated[Path | None, typer.Option(help="PEM certificate chain; turns TLS on.")]
TlsKey = Annotated[Path | None, typer.Option(help="PEM private key of --tls-cert.")]
TlsClientCa = Annotated[Path | None, typer.Option(help="PEM CA that client certificates must come from; turns mutual TLS on.")]
DecisionLog = Annotated[str, typer.Option(help="Where decisions are logged as JSON lines: stdout, stderr, a file, or off.")]
DecisionSample = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Share of routed requests in the decision log. Rejections are always in it.")
]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]
LogFormat = Annotated[str, typer.Option(help="json or console.")]
Poll = Annotated[float, typer.Option(min=0.0, help="Seconds between looks at the policy's content hash; 0: only the watch.")]
Grace = Annotated[float, typer.Option(min=0.0, help="Seconds that requests in flight get to finish after SIGTERM.")]
Otlp = Annotated[str, typer.Option(help="OTLP/HTTP endpoint for traces, such as http://collector:4318; empty: none.")]
Models = Annotated[
    Path | None, typer.Option(help="A model bundle's folder, for neural signals; the one inside the package if not given.")
]
EncoderThreads = Annotated[
    int, typer.Option(min=0, max=256, help="Threads that read texts, of all workers together; 0: one per CPU.")
]
EncoderQueue = Annotated[
    int, typer.Option(min=1, max=100_000, help="Texts that may wait for the model; one more is overloaded: unknown.")
]
EncoderBatch = Annotated[int, typer.Option(min=1, max=64, help="Texts that the model takes at once; 1: no micro-batching.")]
EncoderWait = Annotated[
    float,
    typer.Option("--encoder-wait-ms", min=0.0, max=100.0, help="How long a busy model waits for more texts to take at once."),
]
State = Annotated[
    str,
    typer.Option(
        help="Redis or Valkey that all workers and replicas count rate limits, and may keep answers, in: "
        "redis://HOST:PORT/DB, rediss:// or unix://. "
        "No credentials here: $ROUTER_EXTPROC_STATE_USERNAME and $ROUTER_EXTPROC_STATE_PASSWORD. Empty: each process by itself."
    ),
]
StateFile = Annotated[Path | None, typer.Option(help="A file that holds that address, which may have credentials in it.")]
StateTimeout = Annotated[
    float,
    typer.Option(
        "--state-timeout-ms", min=1.0, max=5000.0, help="How long a request waits for that store; then its limit is unknown."
    ),
]
EnvoyAdmin = Annotated[
    str,
    typer.Option(
        help="Envoy's admin port, such as http://127.0.0.1:9901: asked for the healthy hosts of the pools' clusters, for routes with "
        "`fallback`. Empty: not asked."
    ),
]
CanaryFile = Annotated[Path | None, typer.Option("--canary", help="Another policy, that decides --canary-share of the sessions.")]
CanaryShare = Annotated[str, typer.Option("--canary-share", help="Share of sessions that --canary decides: 5% or 0.05.")]
LearningState = Annotated[
    Path | None,
    typer.Option(
        help="A file that keeps what routes with `select: bandit` learn over restarts; worker N of several has FILE.N. "
        "With --state, that store has it, and the file keeps feedback while the store is away."
    ),
]
FeedbackPort = Annotated[
    str,
    typer.Option(
        "--feedback", help="HOST:PORT of the gRPC service for feedback (POST /feedback is on the admin port); empty: none."
    ),
]
FeedbackTtl = Annotated[
    float, typer.Option("--feedback-ttl", min=1.0, max=2_592_000.0, help="Seconds for which a decision may get feedback.")
]
FeedbackPending = Annotated[
    int,
    typer.Option(
        "--feedback-pending", min=1, max=10_000_000, help="Decisions of a process that may get feedback at one time; 0.5 KB each."
    ),
]
EncoderCache = Annotated[int, typer.Option(min=0, max=1_000_000, help="Readings kept by hash, 3 KB each; 0: none.")]
CacheSecretFile = Annotated[
    Path | None,
    typer.Option(
        help="A file with the secret that all replicas key the response cache and sessions with. With --state they share sessions, and the "
        "cache with `cache.backend: redis`."
    ),
]


def share(text: str, canary: Path | None) -> float:
    """The share of sessions that a canary decides. Raises BadParameter for what is none, or has no effect."""
    if (canary is None) != (not text):
        raise typer.BadParameter("--canary and --canary-share go together", param_hint="--canary-share")
    if not text:
        return 0.0
    try:
        found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        found = -1.0
    if not 0 < found <= 1:
        raise typer.BadParameter("a share above 0, such as 5% or 0.05", param_hint="--canary-share")
    return found

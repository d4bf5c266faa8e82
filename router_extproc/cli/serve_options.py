"""The options of `serve`: their types and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Policy = Annotated[Path, typer.Option("--policy", "-p", help="The policy file, or the directory that a ConfigMap is mounted at.")]
Listen = Annotated[str, typer.Option(help="Where Envoy connects: HOST:PORT or unix:PATH.")]
Admin = Annotated[str, typer.Option(help="Admin port HOST:PORT; empty: none. Keep it on loopback, it explains requests.")]
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

"""The options of `bench`: their types and help texts."""

from __future__ import annotations

from typing import Annotated

import typer

Connections = Annotated[
    str | None,
    typer.Option(
        help="Concurrent connections, comma-separated. [1,16,64; 1,16 with --guards or --selectors]", show_default=False
    ),
]
Duration = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        help="Seconds of load per measurement. [4; 1 with --neural, --guards, --selectors or --sessions]",
        show_default=False,
    ),
]
Rounds = Annotated[int | None, typer.Option(min=1, help="Times that all set-ups take their turn. [3]", show_default=False)]
Bodies = Annotated[bool, typer.Option("--bodies", help="Measure 1 MB and 10 MB bodies instead.")]
Soak = Annotated[bool, typer.Option("--soak", help="Measure memory over 100,000 requests instead.")]
Encoder = Annotated[bool, typer.Option("--encoder", help="Measure one pass of the model in one thread instead; needs no Envoy.")]
Neural = Annotated[
    bool, typer.Option("--neural", help="Measure four neural signals, micro-batching and lazy evaluation instead.")
]
Guards = Annotated[
    bool, typer.Option("--guards", help="Measure each guard on requests and on 64 streams at once, on against off, instead.")
]
Selectors = Annotated[
    bool, typer.Option("--selectors", help="Measure what each selector costs, alone and through Envoy, instead.")
]
Sessions = Annotated[
    bool, typer.Option("--sessions", help="Measure what sessions and fallback add to a decision instead; needs no Envoy.")
]
